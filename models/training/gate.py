"""The gate: whether a challenger takes the champion's place.

Both are compared on the same test movies by a paired bootstrap of the mean ROC-AUC. The challenger wins
unless it is worse beyond chance; one that is better beyond belief is kept for a person to look at, because
that is what a label among the features looks like.
"""

from dataclasses import dataclass

import numpy as np

from models.labels import Floats
from models.metrics import mean_auc, paired_bootstrap, rankable

MARGIN = 0.002
"""A smaller loss of AUC is no reason to keep an older model, however sure it is."""
SUSPICIOUS_AUC = 0.9
"""Below this a leap is a model that has seen more movies, not one that has seen the answers."""


@dataclass(frozen=True)
class Verdict:
    """The stage that a challenger gets, and why."""

    stage: str
    reason: str


def first(y: Floats, p: Floats, genres: tuple[str, ...]) -> Verdict:
    """Return the verdict on a model without a champion to compare with."""
    if not rankable(y).any():
        return Verdict("champion", f"first model; {len(y)} test movies are too few to measure it")
    auc = mean_auc(y, p)
    skipped = [genre for genre, ok in zip(genres, rankable(y), strict=True) if not ok]
    note = f"; not measured: {', '.join(skipped)}" if skipped else ""
    if auc <= 0.5:
        return Verdict("refused", f"AUC {auc:.4f} on {len(y)} test movies is no better than a constant{note}")
    return Verdict("champion", f"first model; AUC {auc:.4f} on {len(y)} test movies{note}")


def compare(
    y: Floats,
    challenger: Floats,
    champion: Floats,
    *,
    resamples: int,
    seed: int,
    suspicious_gain: float,
    recorded: float | None = None,
) -> Verdict:
    """Return the verdict on a challenger.

    All arrays are `(n_test_movies, n_genres)` of the same movies. `recorded` is the champion's AUC when it
    was trained: a leak in the present features lifts a champion that is applied to them, too, but not the
    recorded AUC.
    """
    if not rankable(y).any():
        return Verdict(
            "challenger", f"{len(y)} common test movies are too few to compare it with the champion"
        )
    ours, theirs = mean_auc(y, challenger), mean_auc(y, champion)
    gap = paired_bootstrap(y, challenger, champion, resamples=resamples, seed=seed)
    figures = (
        f"AUC {ours:.4f} against {theirs:.4f} on {len(y)} test movies "
        f"(difference {gap.estimate:+.4f}, 95 % {gap.low:+.4f} to {gap.high:+.4f})"
    )
    if np.isfinite(gap.high) and gap.high < 0 and gap.estimate < -MARGIN:
        return Verdict("refused", f"worse than the champion: {figures}")
    before = theirs if recorded is None else min(recorded, theirs)
    if ours - before > suspicious_gain and ours > SUSPICIOUS_AUC:
        return Verdict(
            "challenger",
            f"better beyond belief: {figures}, the champion's at its training {before:.4f}; look for a leak, "
            "then promote it by hand",
        )
    return Verdict("champion", f"not worse than the champion: {figures}")
