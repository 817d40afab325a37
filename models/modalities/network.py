"""The network behind the tag, text and poster models: a perceptron beside a linear map, many labels at once.

It is trained with torch on the labels of every label set (the wanted one counts fully, the others help where
a movie lacks it), and applied in float64 numpy, so that a movie's output does not depend on its batch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from models.labels import Floats, Targets
from models.metrics import log_loss, mean_auc

Rows = npt.NDArray[np.intp]
Inputs: TypeAlias = Any
"""`(n, d) float32`: dense, a scipy CSR matrix (scipy has no types), or `Mixed`."""
Progress: TypeAlias = Callable[[int, int | None], None]
CHUNK_ROWS = 8_192
SPARSE_SCALE = 0.05
"""Deviation of the first weights where inputs are bags, whose rows have unit length."""


@dataclass(frozen=True)
class Mixed:
    """Sparse columns and dense ones after them, `(n, d)` together.

    `group` `(d,)` numbers the modality that each column belongs to: in training whole groups are hidden from
    a movie at random, so that the network learns to do without them.
    """

    bag: Any
    dense: Floats
    group: npt.NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.bag.shape[0], self.bag.shape[1] + self.dense.shape[1]

    def __getitem__(self, rows: Any) -> "Mixed":
        return Mixed(self.bag[rows], self.dense[rows], self.group)

    def product(self, w: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the matrix product with `(d, k) float64`."""
        n = self.bag.shape[1]
        return np.asarray(self.bag.astype(np.float64) @ w[:n] + self.dense.astype(np.float64) @ w[n:])


def _product(x: Inputs, w: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return x.product(w) if isinstance(x, Mixed) else np.asarray(x.astype(np.float64) @ w)


@dataclass(frozen=True)
class _Batch:
    """Some rows in torch: sparse entries as (columns, offsets, values), dense columns, or both."""

    dense: torch.Tensor | None
    index: torch.Tensor | None = None
    offset: torch.Tensor | None = None
    value: torch.Tensor | None = None
    group: torch.Tensor | None = None


@dataclass(frozen=True)
class NetworkParameters:
    """How a network is built and trained; one-cycle learning rate (Smith 2018), AdamW, binary cross-entropy.

    `members` networks of different seeds are averaged. Training stops when the validation loss has not
    improved for `patience` epochs, and goes back to the best epoch. Few movies are gone through more often,
    so that there are at least `steps` steps.
    """

    hidden: int = 128
    dropout: float = 0.5
    input_dropout: float = 0.2
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    epochs: int = 12
    batch: int = 256
    patience: int = 3
    members: int = 1
    steps: int = 240
    hidden_groups: float = 0.0
    """Chance of each group of columns of `Mixed` inputs to be hidden from a movie."""

    def for_movies(self, n: int) -> "NetworkParameters":
        """Return the same with as many epochs, and as much patience, as `n` training movies need."""
        epochs = max(self.epochs, -(-self.steps // max(-(-n // self.batch), 1)))
        return replace(self, epochs=epochs, patience=max(self.patience, epochs // 4))


@dataclass(frozen=True)
class Perceptron:
    """`logits = relu(x A + a) B + b + x C`, averaged over members; only the model's own genres.

    Arrays have a first axis of members: `A (m, d, h)`, `a (m, h)`, `B (m, h, g)`, `b (m, g)`, `C (m, d, g)`.
    """

    weights: Mapping[str, Floats]

    def logits(self, x: Inputs) -> npt.NDArray[np.float64]:
        """Return `(n, g) float64`."""
        w = {name: np.asarray(value, np.float64) for name, value in self.weights.items()}
        out = np.zeros((x.shape[0], w["b"].shape[1]))
        members = len(w["b"])
        for start in range(0, x.shape[0], CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            part = x[rows]
            for m in range(members):
                hidden = np.maximum(_product(part, w["A"][m]) + w["a"][m], 0)
                out[rows] += hidden @ w["B"][m] + w["b"][m] + _product(part, w["C"][m])
        return out / members


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network, the number of epochs it was trained, and its curve, one row per epoch."""

    network: Perceptron
    epochs: int
    curve: list[dict[str, float]] = field(default_factory=list)


class _Weights:
    """The perceptron's weights in torch, and its forward pass with a random generator of its own.

    Nothing touches torch's global random state, so that networks can be trained in several threads and come
    out the same. Sparse inputs go through embedding bags, which are the same products.
    """

    def __init__(self, n_inputs: int, n_outputs: int, parameters: NetworkParameters, scale: float, seed: int):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.random = torch.Generator(self.device).manual_seed(seed)
        self.parameters = parameters
        hidden = parameters.hidden
        self.A = self._drawn(n_inputs, hidden, scale)
        self.a = torch.zeros(hidden, device=self.device, requires_grad=True)
        self.B = self._drawn(hidden, n_outputs, hidden**-0.5)
        self.b = torch.zeros(n_outputs, device=self.device, requires_grad=True)
        self.C = torch.zeros(n_inputs, n_outputs, device=self.device, requires_grad=True)

    def _drawn(self, rows: int, columns: int, scale: float) -> torch.Tensor:
        drawn = torch.randn(rows, columns, generator=self.random, device=self.device) * scale
        return drawn.requires_grad_()

    def all(self) -> list[torch.Tensor]:
        """Return the tensors that the optimiser changes."""
        return [self.A, self.a, self.B, self.b, self.C]

    def _drop(self, x: torch.Tensor, share: float) -> torch.Tensor:
        if not share:
            return x
        kept = torch.rand(x.shape, generator=self.random, device=self.device) >= share
        return x * kept / (1 - share)

    def forward(self, x: _Batch) -> torch.Tensor:
        """Return the training logits of a batch, with dropout, of all outputs."""
        first = linear = torch.zeros((), device=self.device)
        dense, value = x.dense, x.value
        n_bag = len(self.A) - (0 if dense is None else dense.shape[1])
        if x.group is not None and self.parameters.hidden_groups and dense is not None:
            shown = self._shown(x, len(dense))
            dense = dense * shown[:, x.group[n_bag:]]
            if value is not None and x.index is not None and x.offset is not None:
                sizes = torch.diff(x.offset, append=torch.tensor([len(value)], device=self.device))
                row = torch.repeat_interleave(torch.arange(len(sizes), device=self.device), sizes)
                value = value * shown[row, x.group[x.index]]
        if value is not None and x.index is not None:
            value = self._drop(value, self.parameters.input_dropout)
            first, linear = (
                nn.functional.embedding_bag(
                    x.index, w[:n_bag], x.offset, mode="sum", per_sample_weights=value
                )
                for w in (self.A, self.C)
            )
        if dense is not None:
            dense = self._drop(dense, self.parameters.input_dropout)
            first, linear = first + dense @ self.A[n_bag:], linear + dense @ self.C[n_bag:]
        hidden = self._drop(torch.relu(first + self.a), self.parameters.dropout)
        return hidden @ self.B + self.b + linear

    def _shown(self, x: _Batch, n: int) -> torch.Tensor:
        """Draw which groups each movie keeps, `(n, n_groups)`; every movie keeps at least one."""
        assert x.group is not None  # noqa: S101 — for mypy
        size = (n, int(x.group.max()) + 1)
        kept = torch.rand(size, generator=self.random, device=self.device) >= self.parameters.hidden_groups
        return torch.where(kept.any(dim=1, keepdim=True), kept, torch.ones_like(kept)).float()

    def arrays(self, n_genres: int) -> dict[str, Floats]:
        """Return copies of the weights for `Perceptron`, of the first `n_genres` outputs."""
        g = slice(n_genres)
        parts = {"A": self.A, "a": self.a, "B": self.B[:, g], "b": self.b[g], "C": self.C[:, g]}
        return {name: value.detach().cpu().numpy().copy() for name, value in parts.items()}


def fit(
    x: Inputs,
    targets: Targets,
    train: Rows,
    validation: Rows,
    parameters: NetworkParameters,
    *,
    seed: int,
    epochs: int | None = None,
    progress: Progress | None = None,
) -> FittedNetwork:
    """Fit a network on the rows `train`, with early stopping on `validation`.

    With `epochs` it is trained for exactly that part of the schedule, and `validation` is not looked at:
    out-of-fold networks are trained as long as the network that they stand in for.
    """
    runs = [
        _fit_one(x, targets, train, validation, parameters, seed + 1000 * member, epochs, progress)
        for member in range(parameters.members)
    ]
    stacked = {
        name: np.stack([run.network.weights[name] for run in runs]) for name in runs[0].network.weights
    }
    return FittedNetwork(Perceptron(stacked), max(run.epochs for run in runs), runs[0].curve)


def _fit_one(
    x: Inputs,
    targets: Targets,
    train: Rows,
    validation: Rows,
    parameters: NetworkParameters,
    seed: int,
    epochs: int | None,
    progress: Progress | None,
) -> FittedNetwork:
    parameters = parameters.for_movies(len(train))
    rng = np.random.default_rng(seed)
    n_genres = targets.n_genres
    scale = x.shape[1] ** -0.5 if isinstance(x, np.ndarray) else SPARSE_SCALE
    weights = _Weights(x.shape[1], targets.y.shape[1], parameters, scale, seed)
    weights.b.data = torch.tensor(prior_logits(targets.take(train)), device=weights.device)
    optimiser = torch.optim.AdamW(  # fused: one pass over the weights, a third of the time with 20,000 words
        weights.all(), lr=parameters.learning_rate, weight_decay=parameters.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        parameters.learning_rate,
        total_steps=max(parameters.epochs * -(-len(train) // parameters.batch), 2),
        pct_start=0.2,
        cycle_momentum=False,
    )
    y, known = torch.tensor(targets.y), torch.tensor(targets.weight)
    early = epochs is None and len(validation) > 0
    last = parameters.epochs if epochs is None else min(epochs, parameters.epochs)
    best_loss, best_epoch, best, curve = np.inf, last, None, []
    for epoch in range(1, last + 1):
        total = 0.0
        order = rng.permutation(train)
        for start in range(0, len(order), parameters.batch):
            rows = order[start : start + parameters.batch]
            loss = nn.functional.binary_cross_entropy_with_logits(
                weights.forward(batch_of(x, rows, weights.device)),
                y[rows].to(weights.device),
                weight=known[rows].to(weights.device),
                reduction="sum",
            )
            optimiser.zero_grad()
            (loss / len(rows)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        if progress:
            progress(epoch, last)
        row = {"epoch": float(epoch), "training_loss": total / max(float(known[train].sum()), 1.0)}
        if early:
            now = weights.arrays(n_genres)
            p = _probabilities(now, x, validation)
            row["validation_loss"] = log_loss(targets.y[validation, :n_genres], p)
            row["validation_auc"] = mean_auc(targets.y[validation, :n_genres], p)
            if row["validation_loss"] < best_loss:
                best_loss, best_epoch, best = row["validation_loss"], epoch, now
        curve.append(row)
        if early and epoch - best_epoch >= parameters.patience:
            break
    arrays = weights.arrays(n_genres) if best is None else best
    return FittedNetwork(Perceptron(arrays), best_epoch, curve)


def prior_logits(targets: Targets) -> Floats:
    """Return the logit of each output's share among its known labels, kept away from 0 and 1."""
    known = np.maximum(targets.weight.sum(axis=0), 1)
    share = np.clip((targets.y * targets.weight).sum(axis=0) / known, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(share / (1 - share)), np.float32)


def batch_of(x: Inputs, rows: Rows, device: torch.device) -> _Batch:
    """Return some rows of the inputs in torch."""
    if isinstance(x, np.ndarray):
        return _Batch(torch.from_numpy(np.ascontiguousarray(x[rows], np.float32)).to(device))
    part = (x.bag if isinstance(x, Mixed) else x)[rows]
    entries = (
        torch.from_numpy(part.indices.astype(np.int64)).to(device),
        torch.from_numpy(part.indptr[:-1].astype(np.int64)).to(device),
        torch.from_numpy(part.data.astype(np.float32)).to(device),
    )
    if not isinstance(x, Mixed):
        return _Batch(None, *entries)
    dense = torch.from_numpy(np.ascontiguousarray(x.dense[rows], np.float32)).to(device)
    return _Batch(dense, *entries, torch.from_numpy(x.group).to(device))


def _probabilities(weights: Mapping[str, Floats], x: Inputs, rows: Rows) -> Floats:
    network = Perceptron({name: value[None] for name, value in weights.items()})
    return np.asarray(1 / (1 + np.exp(-np.clip(network.logits(x[rows]), -30, 30))), np.float32)
