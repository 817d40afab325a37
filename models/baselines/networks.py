"""Trains the documents' small networks: mini-batches, a checkpoint by a score on validation movies,
curves."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.baselines.scores import Progress
from models.labels import Floats

Loss = Callable[[Tensor, Tensor], Tensor]
"""From logits and labels, both `(batch, n_genres)`, to one number."""


def binary_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Return the loss of independent labels, mean over all of them."""
    return functional.binary_cross_entropy_with_logits(logits, y)


def categorical_on_sigmoids(logits: Tensor, y: Tensor) -> Tensor:
    """Return Keras' categorical cross-entropy on sigmoid outputs (document A).

    Keras first divides the outputs by their sum. It is not a proper loss for several labels: scaling all
    outputs of a movie changes nothing.
    """
    p = torch.sigmoid(logits)
    share = (p / p.sum(dim=1, keepdim=True)).clamp(1e-7, 1 - 1e-7)
    return -(y * share.log()).sum(dim=1).mean()


def categorical_on_softmax(logits: Tensor, y: Tensor) -> Tensor:
    """Return the cross-entropy of the softmax with several labels (document D).

    It is minus the sum of the labels' log shares, mean over movies.
    """
    return -(y * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


@dataclass(frozen=True)
class Fit:
    """How a network is trained; learning rates per second are no concern here, epochs are whole passes."""

    epochs: int
    batch: int
    optimiser: Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]
    loss: Loss = binary_cross_entropy
    checks_per_epoch: int = 1
    augment: Callable[[Tensor], Tensor] | None = None
    """Applied to the first input of every training batch."""
    schedule: Callable[[int], float] | None = None
    """From the epoch (from 0) to the factor on the optimiser's learning rate."""


@dataclass(frozen=True)
class TrainingCurves:
    """The curves of a training: one value per check."""

    loss: list[float]
    score: list[float]
    best: int
    """The check whose weights were kept."""


def seeded(rng: np.random.Generator) -> None:
    """Seed torch's own generator with a draw from `rng`."""
    torch.manual_seed(int(rng.integers(2**31)))


def parameters(net: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def train(
    net: nn.Module,
    inputs: Sequence[Tensor],
    y: Floats,
    fit: Fit,
    rng: np.random.Generator,
    check: Callable[[], float] | None = None,
    progress: Progress | None = None,
) -> TrainingCurves:
    """Train `net` in place; with `check`, keep the weights of the check with the highest value.

    `check` is called with the network in evaluation mode, `checks_per_epoch` times per epoch.
    """
    with _suited_threads(net):
        return _train(net, inputs, y, fit, rng, check, progress)


def _train(
    net: nn.Module,
    inputs: Sequence[Tensor],
    y: Floats,
    fit: Fit,
    rng: np.random.Generator,
    check: Callable[[], float] | None,
    progress: Progress | None,
) -> TrainingCurves:
    target = torch.from_numpy(np.ascontiguousarray(y, np.float32))
    optimiser = fit.optimiser([p for p in net.parameters() if p.requires_grad])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, fit.schedule or (lambda _: 1.0))
    batches = max(1, -(-len(y) // fit.batch))
    every = max(1, batches // fit.checks_per_epoch)
    losses: list[float] = []
    scores: list[float] = []
    kept, best = copy.deepcopy(net.state_dict()), -1
    total, since = 0.0, 0
    for epoch in range(fit.epochs):
        order = torch.from_numpy(rng.permutation(len(y)))
        for number in range(batches):
            rows = order[number * fit.batch : (number + 1) * fit.batch]
            if len(rows) < 2 and batches > 1:
                continue  # batch normalisation cannot learn from one movie
            net.train()
            given = [x[rows] for x in inputs]
            if fit.augment:
                given[0] = fit.augment(given[0])
            optimiser.zero_grad()
            value = fit.loss(net(*given), target[rows])
            value.backward()  # type: ignore[no-untyped-call,unused-ignore]
            optimiser.step()
            total, since = total + float(value.detach()), since + 1
            at_end = number == batches - 1
            if at_end or ((number + 1) % every == 0 and batches - number > every):
                losses.append(total / max(since, 1))
                total, since = 0.0, 0
                if check:
                    net.eval()
                    scores.append(float(check()))
                    if scores[-1] >= max(scores):
                        kept, best = copy.deepcopy(net.state_dict()), len(scores) - 1
        schedule.step()
        if progress:
            progress(epoch + 1, fit.epochs)
    if best >= 0:
        net.load_state_dict(kept)
    net.eval()
    return TrainingCurves(losses, scores, best)


@contextmanager
def _suited_threads(net: nn.Module) -> Iterator[None]:
    """Use one thread for small layers, in which several threads only wait for each other."""
    before = torch.get_num_threads()
    large = any(isinstance(part, nn.Conv2d | nn.LSTM) for part in net.modules())
    torch.set_num_threads(before if large else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
def logits(net: nn.Module, inputs: Sequence[Tensor], batch: int = 512) -> Floats:
    """Return `(n, n_genres) float32`, in evaluation mode."""
    net.eval()
    out = [net(*(x[i : i + batch] for x in inputs)).numpy() for i in range(0, len(inputs[0]), batch)]
    return np.concatenate(out).astype(np.float32)


def sigmoids(net: nn.Module, inputs: Sequence[Tensor], batch: int = 512) -> Floats:
    """Return `(n, n_genres) float32` probabilities of a network of logits."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits(net, inputs, batch))), np.float32)
