"""Document E: box- and U-shaped networks, and its search over settings and features.

Its 39 genres of the CMU corpus cannot be had here: the genres of all sources under common names stand in.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from models.baselines.classic import probabilities
from models.baselines.data import Data
from models.baselines.networks import Fit, parameters, seeded, sigmoids, train
from models.baselines.preprocessing import Scaling, coordinate_search, drop_features
from models.baselines.problem import Rows
from models.baselines.registry import Run, System
from models.baselines.scores import AS_PUBLISHED, HONEST, Progress, Scored, Scores, judge
from models.baselines.thresholding import fixed
from models.labels import Floats
from models.metrics import log_loss, precision_recall_f1

BOX = (64,) * 8
U_SHAPE = (64, 32, 16, 8, 16, 32, 64, 128, 64)
EPOCHS = 30


def shaped(widths: Sequence[int], n_numbers: int, n_genres: int) -> nn.Module:
    """Return fully connected relu layers of those widths, then logits."""
    layers: list[nn.Module] = []
    before = n_numbers
    for width in widths:
        layers += [nn.Linear(before, width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers, nn.Linear(before, n_genres))


def adamw(weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """Return E12's AdamW: rate 3e-4, decay 1e-3."""
    return torch.optim.AdamW(weights, 3e-4, weight_decay=1e-3)


def _network(widths: Sequence[int]) -> Run:
    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem("E")
        rows, validation = problem.rows("train"), problem.rows("validation")
        x = torch.from_numpy(Scaling.fit(problem.numbers[rows]).apply(problem.numbers))
        seeded(rng)
        net = shaped(widths, x.shape[1], problem.y.shape[1])

        def check() -> float:
            return -log_loss(problem.y[validation], sigmoids(net, [x[validation]]))

        curve = train(net, [x[rows]], problem.y[rows], Fit(EPOCHS, 32, adamw), rng, check, progress)
        return judge(
            problem,
            sigmoids(net, [x]),
            fixed(0.5),
            scored_on_chosen="test",
            curves={"training loss": curve.loss, "validation loss": [-v for v in curve.score]},
            parameters=parameters(net),
        )

    return run


_START: dict[str, int] = {"max_depth": 10, "min_samples_leaf": 5}
_CHOICES: dict[str, Sequence[int]] = {"max_depth": (6, 8, 14, 20), "min_samples_leaf": (1, 2, 10, 20)}


def _searched_tree(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
    """Run E11: a tree whose settings and features are searched one by one for the best mean F1 of movies.

    As published, the search looks at the test movies; in the honest protocol, at validation movies.
    """
    problem = data.problem("E")
    rows, test = problem.rows("train"), problem.rows("test")
    x = Scaling.fit(problem.numbers[rows]).apply(problem.numbers)
    number = {name: i for i, name in enumerate(problem.number_names)}
    state = int(rng.integers(2**31))

    def answer(settings: Mapping[str, int], names: Sequence[str], wanted: Floats) -> Floats:
        columns = [number[name] for name in names]
        model = DecisionTreeClassifier(random_state=state, **settings)
        model.fit(x[rows][:, columns], problem.y[rows].astype(int))
        return probabilities(model, wanted[:, columns], problem.y.shape[1])

    protocols, notes = {}, []
    for step, (name, part) in enumerate(((AS_PUBLISHED, "test"), (HONEST, "validation"))):
        chosen_on = problem.rows(part)

        def score(settings: Mapping[str, int], names: Sequence[str], where: Rows = chosen_on) -> float:
            d = (answer(settings, names, x[where]) >= 0.5).astype(np.float32)
            return precision_recall_f1(problem.y[where], d, "samples").f1

        settings = coordinate_search(
            _START,
            _CHOICES,
            lambda tried, score=score: score(tried, problem.number_names),  # type: ignore[misc]
        )
        names = drop_features(
            problem.number_names,
            lambda left, score=score, settings=settings: score(settings, left),  # type: ignore[misc]
        )
        p = answer(settings, names, x[test])
        protocols[name] = Scored(problem.y[test], p, (p >= 0.5).astype(np.float32), problem.genres)
        dropped = [number_name for number_name in problem.number_names if number_name not in names]
        notes.append(f"{name}: {dict(settings)}, without {', '.join(dropped) or 'nothing'}")
        progress(step + 1, 2)
    return Scores(protocols, note="; ".join(notes))


SYSTEMS = (
    System("E07", "box-shaped network, 8 x 64", "E", "epfl", "E", _network(BOX)),
    System("E08", "U-shaped network", "E", "epfl", "E", _network(U_SHAPE)),
    System("E11", "decision tree, searched", "E", "epfl", "E", _searched_tree),
)
