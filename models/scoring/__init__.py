"""Scoring every movie, and why a model says what it says."""
