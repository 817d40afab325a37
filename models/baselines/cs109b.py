"""Document B's networks: from scratch, on a bottleneck, with the last block unfrozen, and their
thresholds."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from models.baselines.backbones import bottleneck, last_block, name_of
from models.baselines.classic import forest, probabilities
from models.baselines.data import Data
from models.baselines.networks import Fit, parameters, seeded, sigmoids, train
from models.baselines.problem import Problem
from models.baselines.registry import Run, System
from models.baselines.scores import Progress, Rule, Scores, judge
from models.baselines.thresholding import fixed, matthews, single_tuned
from models.labels import Floats

SIDE = 48
ONE_LAYER = (32,)
SIX_LAYERS = (32, 32, 32, 32, 64, 64)
SCRATCH_EPOCHS = 4
PROBLEM = "B posters"
HALF = fixed(0.5)

Optimise = Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]


def convolutions(widths: Sequence[int]) -> nn.Sequential:
    """Return 3 x 3 convolutions with relu, with a pooling after every second (B17).

    They have 896 parameters for ONE_LAYER and 84,064 for SIX_LAYERS. A single layer is pooled, too.
    """
    layers: list[nn.Module] = []
    before = 3
    for number, width in enumerate(widths, 1):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
        if number % 2 == 0 or len(widths) == 1:
            layers.append(nn.MaxPool2d(2))
        before = width
    return nn.Sequential(*layers)


def from_scratch(widths: Sequence[int], n_genres: int) -> nn.Sequential:
    """Return the convolutions, their mean over the picture, and one logit per genre."""
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(convolutions(widths), pooled, nn.Linear(widths[-1], n_genres))


def head(width: int, n_genres: int) -> nn.Module:
    """Return B18's head: Dense 256 relu, dropout .5, one logit per genre."""
    return nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, n_genres))


def adam(weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """Return Keras' default Adam."""
    return torch.optim.Adam(weights, 1e-3)


def sgd(weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """Return plain gradient descent at Keras' default rate of .01."""
    return torch.optim.SGD(weights, 1e-2)


def gentle_sgd(weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """Return gradient descent with the low rate and momentum that change a pretrained block (B20)."""
    return torch.optim.SGD(weights, 2e-3, momentum=0.9)


def _fitted(
    problem: Problem, net: nn.Module, x: Tensor, plan: Fit, rule: Rule, rng: np.random.Generator,
    progress: Progress, backbone: str = "", parameters_of: nn.Module | None = None,
) -> Scores:  # fmt: skip
    rows = problem.rows("train")
    curve = train(net, [x[rows]], problem.y[rows], plan, rng, None, progress)
    p = sigmoids(net, [x])
    curves = {"training loss": curve.loss}
    count = parameters(parameters_of or net)
    return judge(problem, p, rule, curves=curves, parameters=count, backbone=backbone)


def _scratch(widths: Sequence[int]) -> Run:
    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem(PROBLEM)
        x = torch.from_numpy(data.pixels(problem, SIDE, SIDE)).float() / 255
        seeded(rng)
        net = from_scratch(widths, len(problem.genres))
        convolved = net[0]
        plan = Fit(SCRATCH_EPOCHS, 32, adam)
        return _fitted(problem, net, x, plan, HALF, rng, progress, "from scratch", convolved)

    return run


def _bottleneck(epochs: int, optimise: Optimise, rule: Rule = HALF) -> Run:
    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem(PROBLEM)
        x = torch.from_numpy(bottleneck(data, problem))
        seeded(rng)
        net = head(x.shape[1], len(problem.genres))
        return _fitted(
            problem, net, x, Fit(epochs, 16, optimise), rule, rng, progress, name_of(data.backbone)
        )

    return run


def _forest(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
    """Run B16: a forest on the bottleneck."""
    problem = data.problem(PROBLEM)
    x, rows = bottleneck(data, problem), problem.rows("train")
    model = forest(int(rng.integers(2**31)), data.threads).fit(x[rows], problem.y[rows].astype(int))
    p = probabilities(model, x, len(problem.genres))
    return judge(problem, p, HALF, backbone=name_of(data.backbone))


def _unfrozen(rule: Callable[[Floats, Floats], Floats]) -> Run:
    """Return B20's run: the head is trained first, then head and last block together at a low rate."""

    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem(PROBLEM)
        rows = problem.rows("train")
        cut = last_block(data, problem)
        entering = torch.from_numpy(cut.entering)
        seeded(rng)
        blocks = Frozen(cut.blocks)
        width = int(blocks(entering[:1]).shape[1])
        top = head(width, len(problem.genres))
        with torch.no_grad():
            features = torch.cat([blocks(part) for part in torch.split(entering, 256)])
        train(top, [features[rows]], problem.y[rows], Fit(15, 16, adam), rng, None, None)
        net = nn.Sequential(blocks, top)
        plan = Fit(3, 32, gentle_sgd)
        return _fitted(problem, net, entering, plan, rule, rng, progress, name_of(data.backbone))

    return run


class Frozen(nn.Module):
    """Blocks whose batch normalisation stays as it is, over inputs kept at half precision."""

    def __init__(self, blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = blocks

    def train(self, mode: bool = True) -> "Frozen":
        """Stay in evaluation mode, whatever `mode` says.

        The statistics of a pretrained network are folded into it, or a few movies would spoil them.
        """
        super().train(False)
        return self

    def forward(self, entering: Tensor) -> Tensor:
        """Return `(n, width)` of what enters the blocks."""
        out: Tensor = self.blocks(entering.float())
        return out


_PLACE = ("B", "cs109b", PROBLEM)
SYSTEMS = (
    System("B16", "forest on a bottleneck", *_PLACE, _forest),
    System("B17 one", "CNN from scratch, one layer", *_PLACE, _scratch(ONE_LAYER)),
    System("B17 six", "CNN from scratch, six layers", *_PLACE, _scratch(SIX_LAYERS)),
    System("B18 50", "bottleneck + MLP, Adam, 50 epochs", *_PLACE, _bottleneck(50, adam)),
    System("B18 100", "bottleneck + MLP, Adam, 100 epochs", *_PLACE, _bottleneck(100, adam)),
    System("B19 50", "bottleneck + MLP, SGD, 50 epochs", *_PLACE, _bottleneck(50, sgd)),
    System("B19 100", "bottleneck + MLP, SGD, 100 epochs", *_PLACE, _bottleneck(100, sgd)),
    System("B20", "last block unfrozen", *_PLACE, _unfrozen(HALF)),
    System("B21", "last block unfrozen, one threshold", *_PLACE, _unfrozen(single_tuned)),
    System("B22", "bottleneck + MLP, Matthews thresholds", *_PLACE, _bottleneck(50, sgd, matthews)),
)
