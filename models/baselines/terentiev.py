"""Document A: networks on tags, on posters and on both, with its loss, checkpoints and threshold rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.baselines.backbones import bottleneck, name_of
from models.baselines.data import Data
from models.baselines.networks import (
    Fit,
    Loss,
    binary_cross_entropy,
    categorical_on_sigmoids,
    parameters,
    seeded,
    sigmoids,
    train,
)
from models.baselines.preprocessing import TagRules
from models.baselines.problem import Problem
from models.baselines.registry import Run, System
from models.baselines.scores import Progress, Rule, Scores, judge
from models.baselines.thresholding import accuracy_optimal, fixed, youden
from models.metrics import mean_auc

EPOCHS, BATCH, CHECKS = 10, 20, 3
"""A28 to A31: ten epochs in batches of 20, a check about every third of an epoch (150 batches there)."""


class TwoInputs(nn.Module):
    """A16, A18, A20: a hidden layer per input (posters 256 relu, tags 200 sigmoid), concatenated, one logit
    per genre. A width of 0 leaves an input out."""

    def __init__(self, poster_width: int, tag_width: int, n_genres: int) -> None:
        super().__init__()
        self.poster = nn.Sequential(nn.Linear(poster_width, 256), nn.ReLU()) if poster_width else None
        self.tags = nn.Sequential(nn.Linear(tag_width, 200), nn.Sigmoid()) if tag_width else None
        self.out = nn.Linear(256 * bool(poster_width) + 200 * bool(tag_width), n_genres)

    def forward(self, poster: Tensor, tags: Tensor) -> Tensor:
        """Return logits of `(n, poster_width)` and `(n, tag_width)`."""
        parts = []
        if self.poster is not None:
            parts.append(self.poster(poster))
        if self.tags is not None:
            parts.append(self.tags(tags))
        out: Tensor = self.out(torch.cat(parts, dim=1))
        return out


def rmsprop(weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """Return Keras' default RMSprop."""
    return torch.optim.RMSprop(weights, 1e-3, alpha=0.9, eps=1e-7)


@dataclass(frozen=True)
class TwoInputsRecipe:
    """Which inputs a network has, its loss and its threshold rule.

    `strict_tags` keeps only tags applied twice to a movie (A11), which leaves few movies with any; without
    it, every tag and keyword counts.
    """

    posters: bool = False
    tags: bool = False
    strict_tags: bool = False
    loss: Loss = categorical_on_sigmoids
    rule: Rule = accuracy_optimal
    problem: str = "A"


def tag_bags(problem: Problem, strict: bool) -> tuple[Tensor, float]:
    """Return the bags of document A's tags, and the share of movies with any."""
    rules = TagRules(problem.genres, at_least=2 if strict else 1)
    words = rules.vocabulary([problem.tags[row] for row in problem.rows("train")])
    bags = rules.bag(problem.tags, words or ("",))
    return torch.from_numpy(bags), float(bags.any(axis=1).mean())


def _run(recipe: TwoInputsRecipe) -> Run:
    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem(recipe.problem)
        n = len(problem.y)
        rows, validation = problem.rows("train"), problem.rows("validation")
        poster = torch.from_numpy(bottleneck(data, problem)) if recipe.posters else torch.zeros(n, 0)
        tags, covered = tag_bags(problem, recipe.strict_tags) if recipe.tags else (torch.zeros(n, 0), 0.0)
        seeded(rng)
        net = TwoInputs(poster.shape[1], tags.shape[1], len(problem.genres))

        def check() -> float:
            return mean_auc(problem.y[validation], sigmoids(net, [poster[validation], tags[validation]]))

        plan = Fit(EPOCHS, BATCH, rmsprop, recipe.loss, CHECKS)
        curve = train(net, [poster[rows], tags[rows]], problem.y[rows], plan, rng, check, progress)
        return judge(
            problem,
            sigmoids(net, [poster, tags]),
            recipe.rule,
            curves={"training loss": curve.loss, "validation AUC": curve.score},
            parameters=parameters(net),
            backbone=name_of(data.backbone) if recipe.posters else "",
            note=f"{covered:.1%} of the movies have a tag" if recipe.tags else "",
        )

    return run


_PLACE = ("A", "terentiev", "A")
SYSTEMS = (
    System("A16", "posters only, frozen backbone", *_PLACE, _run(TwoInputsRecipe(posters=True))),
    System("A18", "tags only, applied twice", *_PLACE, _run(TwoInputsRecipe(tags=True, strict_tags=True))),
    System("A18 any", "tags and keywords, applied once", *_PLACE, _run(TwoInputsRecipe(tags=True))),
    System("A18 all", "tags and keywords, posters or not", "A", "terentiev", "A all",
           _run(TwoInputsRecipe(tags=True, problem="A all"))),
    System("A20", "tags + posters", *_PLACE, _run(TwoInputsRecipe(posters=True, tags=True))),
    System("A20 bce", "tags + posters, binary cross-entropy", *_PLACE,
           _run(TwoInputsRecipe(posters=True, tags=True, loss=binary_cross_entropy))),
    System("A26", "tags + posters, Youden's thresholds", *_PLACE,
           _run(TwoInputsRecipe(posters=True, tags=True, rule=youden))),
    System("A27", "tags + posters, thresholds of 0.5", *_PLACE,
           _run(TwoInputsRecipe(posters=True, tags=True, rule=fixed(0.5)))),
)  # fmt: skip
