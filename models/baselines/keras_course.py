"""Document C: a convolutional network on posters and an LSTM on overviews."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from models.baselines.data import Data
from models.baselines.networks import Fit, parameters, seeded, sigmoids, train
from models.baselines.preprocessing import augment
from models.baselines.problem import Problem
from models.baselines.registry import Run, System
from models.baselines.scores import Progress, Scores, judge
from models.baselines.thresholding import fixed
from models.metrics import log_loss

SIDE = 64
WORDS = 10_000
LENGTH = 48
"""Words read of each overview; the median has about fifty."""
OVERVIEW_EPOCHS, OVERVIEW_RATE = 20, 1e-4
POSTER_EPOCHS, POSTER_RATE = 10, 1e-3
"""The document ran 40 at 1e-4: fewer at a higher rate keep the comparison well within its hour."""
_WORD = re.compile(r"[\w']+")


class Vocabulary:
    """Keras' TextVectorization: the commonest words in lower case as numbers, 0 for none, 1 for unknown."""

    def __init__(self, texts: Sequence[str], size: int = WORDS) -> None:
        counts = Counter(word for text in texts for word in _WORD.findall(text.lower()))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))[: size - 2]
        self.number = {word: i for i, word in enumerate(ranked, 2)}

    def encode(self, texts: Sequence[str], length: int = LENGTH) -> Tensor:
        """Return `(n, length) int64`, cut or filled up with zeros."""
        out = np.zeros((len(texts), length), np.int64)
        for row, text in enumerate(texts):
            numbers = [self.number.get(word, 1) for word in _WORD.findall(text.lower())[:length]]
            out[row, : len(numbers)] = numbers
        return torch.from_numpy(out)


class KerasLSTM(nn.Module):
    """A bidirectional LSTM over masked steps, with one bias per gate, as Keras counts them.

    Torch's second bias stays zero. Each direction is an LSTM of its own over whole rows, the second with each
    row's own steps turned round: the same numbers as over packed sequences, in half the time on a processor.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.ahead, self.back = (nn.LSTM(n_in, n_out, batch_first=True) for _ in range(2))
        for direction in (self.ahead, self.back):
            second: nn.Parameter = direction.bias_hh_l0  # type: ignore[assignment]
            nn.init.zeros_(second).requires_grad_(False)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Return the states of both directions, `(n, length, 2 n_out)`, of `x`'s first `lengths` steps."""
        back = turned(self.back(turned(x, lengths))[0], lengths)
        return torch.cat([self.ahead(x)[0], back], dim=2)


def turned(x: Tensor, lengths: Tensor) -> Tensor:
    """Return `(n, length, width)` with the first `lengths` steps of each row in reverse order."""
    step = torch.arange(x.shape[1])[None]
    source = torch.where(step < lengths[:, None], lengths[:, None] - 1 - step, step)
    return x.gather(1, source[:, :, None].expand(-1, -1, x.shape[2]))


class OverviewNetwork(nn.Module):
    """C02: embedding 256 with masking, bidirectional LSTMs of 256 and 128, Dense 128, dropouts .5 and .8.

    4,303,129 parameters for 25 genres. Keras' dropout between time steps is applied between the layers.
    """

    def __init__(self, n_genres: int, words: int = WORDS) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 256, padding_idx=0)
        self.first, self.second = KerasLSTM(256, 256), KerasLSTM(512, 128)
        self.between = nn.Dropout(0.5)
        self.head = nn.Sequential(nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.8), nn.Linear(128, n_genres))

    def forward(self, numbers: Tensor) -> Tensor:
        """Return logits of `(n, length)` word numbers."""
        lengths = (numbers != 0).sum(dim=1).clamp(min=1)
        states = self.between(self.first(self.embedding(numbers), lengths))
        ahead, back = self.second(states, lengths).chunk(2, dim=2)
        # Where each direction has read everything: at a row's last word, and at its first.
        last = ahead[torch.arange(len(ahead)), lengths - 1]
        out: Tensor = self.head(self.between(torch.cat([last, back[:, 0]], dim=1)))
        return out


def poster_network(n_genres: int) -> nn.Module:
    """Return C01's network, on 64 x 64 pixels.

    It has three blocks of convolution, dropout .2 and pooling, then Dense with dropout .5. The document gives
    layers by kind and 3,464,601 parameters, not the widths; these widths come near.
    """
    layers: list[nn.Module] = []
    before = 3
    for width in (32, 64, 128):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2)]
        before = width
    flat = 128 * (SIDE // 8) ** 2
    head = (nn.Flatten(), nn.Linear(flat, 384), nn.ReLU(), nn.Dropout(0.5))
    return nn.Sequential(
        *layers, *head, nn.Linear(384, 384), nn.ReLU(), nn.Dropout(0.5), nn.Linear(384, n_genres)
    )


def rate_factor(epoch: int) -> float:
    """Return C05's factor on the rate: after the tenth epoch it falls by exp(-0.01) an epoch."""
    return 1.0 if epoch < 10 else math.exp(-0.01 * (epoch - 9))


def adam(rate: float) -> Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]:
    """Return Adam with a rate."""
    return lambda weights: torch.optim.Adam(weights, rate)


def _trained(
    problem: Problem, net: nn.Module, x: Tensor, plan: Fit, rng: np.random.Generator, progress: Progress
) -> Scores:
    """Train with the checkpoint of the lowest validation loss (C05), and judge at a cut of 0.5 (C04)."""
    rows, validation = problem.rows("train"), problem.rows("validation")

    def check() -> float:
        return -log_loss(problem.y[validation], sigmoids(net, [x[validation]], 256))

    curve = train(net, [x[rows]], problem.y[rows], plan, rng, check, progress)
    curves = {"training loss": curve.loss, "validation loss": [-value for value in curve.score]}
    p = sigmoids(net, [x], 256)
    return judge(problem, p, fixed(0.5), curves=curves, parameters=parameters(net))


def _overviews(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
    problem = data.problem("C overviews")
    seeded(rng)
    words = Vocabulary([problem.overviews[row] for row in problem.rows("train")])
    net = OverviewNetwork(len(problem.genres))
    plan = Fit(OVERVIEW_EPOCHS, 64, adam(OVERVIEW_RATE), schedule=rate_factor)
    return _trained(problem, net, words.encode(problem.overviews), plan, rng, progress)


def _posters(augmented: bool) -> Run:
    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem("C posters")
        x = torch.from_numpy(data.pixels(problem, SIDE, SIDE)).float() / 255
        seeded(rng)
        net = poster_network(len(problem.genres))
        twist = augment if augmented else None
        plan = Fit(POSTER_EPOCHS, 64, adam(POSTER_RATE), schedule=rate_factor, augment=twist)
        return _trained(problem, net, x, plan, rng, progress)

    return run


SYSTEMS = (
    System("C06", "CNN on posters", "C", "keras_course", "C posters", _posters(False)),
    System("C12", "CNN on posters, augmented", "C", "keras_course", "C posters", _posters(True)),
    System("C07", "LSTM on overviews", "C", "keras_course", "C overviews", _overviews),
)
