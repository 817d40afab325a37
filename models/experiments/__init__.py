"""Measurements beside the nightly training: leaderboard, splits, comparisons, ablation."""
