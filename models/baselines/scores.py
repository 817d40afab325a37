"""What running a system gives: probabilities and decisions under two protocols, and how to judge them.

*As published* repeats how the document scored: often on the very movies on which it had chosen thresholds or
the best epoch. *Honest* chooses on validation movies and scores on test movies.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from models.baselines.problem import Problem
from models.labels import Floats
from models.metrics import precision_recall_f1, table

Rule = Callable[[Floats, Floats], Floats]
"""From labels and probabilities of the movies that may be chosen on: one threshold per genre."""
Progress = Callable[[int, int | None], None]

AS_PUBLISHED, HONEST = "as published", "honest"


@dataclass(frozen=True)
class Scored:
    """One protocol's labels, probabilities and decisions, each `(n, n_genres)`, and figures of its own."""

    y: Floats
    p: Floats
    d: Floats
    genres: tuple[str, ...]
    extra: Mapping[str, float] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """Return every metric by name; `extra` last."""
        measured = table(self.y, self.p, self.d, self.genres).values
        samples = precision_recall_f1(self.y, self.d, "samples")
        return {
            **measured,
            "samples_precision": samples.precision,
            "samples_recall": samples.recall,
            **self.extra,
        }


@dataclass(frozen=True)
class Scores:
    """What a system's run gives: `protocols` by name, and what else is worth telling.

    `curves` are figures per epoch; `parameters` counts a network's trainable ones; `backbone` names the image
    network in use.
    """

    protocols: Mapping[str, Scored]
    curves: Mapping[str, list[float]] = field(default_factory=dict)
    parameters: int | None = None
    backbone: str = ""
    note: str = ""


def judge(
    problem: Problem,
    p: Floats,
    rule: Rule,
    *,
    scored_on_chosen: str = "validation",
    decided: Floats | None = None,
    curves: Mapping[str, list[float]] | None = None,
    parameters: int | None = None,
    backbone: str = "",
    note: str = "",
) -> Scores:
    """Judge probabilities `p` for all rows of `problem` under both protocols.

    Thresholds are chosen by `rule`. `scored_on_chosen` is the part on which the document both chose and
    scored; `decided` are decisions of all rows by a method that makes its own, instead of `rule`.
    """

    def scored(part: str, chosen_on: str) -> Scored:
        rows, tuning_rows = problem.rows(part), problem.rows(chosen_on)
        if decided is None:
            d = (p[rows] >= rule(problem.y[tuning_rows], p[tuning_rows])).astype(np.float32)
        else:
            d = decided[rows]
        return Scored(problem.y[rows], p[rows], d, problem.genres)

    return Scores(
        {
            AS_PUBLISHED: scored(scored_on_chosen, scored_on_chosen),
            HONEST: scored("test", "validation"),
        },
        curves=curves or {},
        parameters=parameters,
        backbone=backbone,
        note=note,
    )
