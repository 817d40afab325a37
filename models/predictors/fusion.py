"""The fusion: one opinion from those of the modalities that a movie has.

Per genre a weighted sum of the modalities' calibrated logits. The weight of a modality depends on which
others are there, so that what is right for a movie with everything does not weaken one that has only tags; a
small perceptron over all genres' logits adds what one genre says about another. It is trained on out-of-fold
logits, on every labelled movie with what it really has, and with modalities dropped at random.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from models.labels import Bools, Floats
from models.metrics import log_loss
from models.modalities.base import Logits

CLIP = 8.0


@dataclass(frozen=True)
class FusionParameters:
    """How a fusion is trained; `dropped` is the chance of each modality to be hidden from a movie that has
    several, per epoch."""

    hidden: int = 64
    dropout: float = 0.3
    dropped: float = 0.15
    learning_rate: float = 5e-3
    weight_decay: float = 1e-2
    epochs: int = 15
    batch: int = 256
    patience: int = 4
    members: int = 3


@dataclass(frozen=True)
class Opinions:
    """What the modalities say: `z` `(n, modalities, genres)` logits relative to the prior, 0 where missing;
    `present` `(n, modalities)`."""

    z: npt.NDArray[np.float64]
    present: Bools

    def take(self, rows: npt.NDArray[np.intp]) -> "Opinions":
        """Return the opinions on some movies."""
        return Opinions(self.z[rows], self.present[rows])


@dataclass(frozen=True)
class Fusion:
    """The fitted fusion; arrays have a first axis of members, `prior` is `(genres,)`."""

    modalities: tuple[str, ...]
    prior: Floats
    weights: Mapping[str, Floats]

    def opinions(self, logits: Mapping[str, Logits], present: Mapping[str, Bools]) -> Opinions:
        """Return the modalities' calibrated logits as a fusion takes them.

        Rows of missing modalities may hold anything.
        """
        return opinions(self.modalities, self.prior, logits, present)

    def logits(self, evidence: Opinions) -> Logits:
        """Return `(n, genres) float64`, each row independent of the others.

        A movie without any modality gets about the prior.
        """
        w = {name: np.asarray(value, np.float64) for name, value in self.weights.items()}
        members = len(w["weight"])
        total = np.zeros((len(evidence.z), len(self.prior)))
        for m in range(members):
            total += _forward_numpy(evidence, {name: value[m] for name, value in w.items()})
        return np.asarray(total / members + self.prior)


def opinions(
    modalities: tuple[str, ...],
    prior: Floats,
    logits: Mapping[str, Logits],
    present: Mapping[str, Bools],
) -> Opinions:
    """Return the opinions of several modalities; see `Fusion.opinions`."""
    n = len(next(iter(present.values())))
    z = np.zeros((n, len(modalities), len(prior)))
    presence = np.zeros((n, len(modalities)), bool)
    for i, modality in enumerate(modalities):
        if modality in logits:
            presence[:, i] = present[modality]
            rows = presence[:, i]
            z[rows, i] = np.clip(logits[modality][rows] - prior, -CLIP, CLIP)
    return Opinions(z, presence)


def _forward_numpy(evidence: Opinions, w: Mapping[str, npt.NDArray[np.float64]]) -> Logits:
    present = evidence.present.astype(np.float64)
    gate = w["weight"] + np.einsum("nk,mkg->nmg", present, w["others"])
    flat = np.concatenate([evidence.z.reshape(len(present), -1), present], axis=1)
    hidden = np.maximum(flat @ w["U"] + w["u"], 0)
    return np.asarray((evidence.z * gate).sum(axis=1) + present @ w["bias"] + hidden @ w["V"])


def fit(
    modalities: tuple[str, ...],
    prior: Floats,
    train: tuple[Opinions, Floats],
    validation: tuple[Opinions, Floats],
    parameters: FusionParameters | None = None,
    *,
    seed: int,
) -> Fusion:
    """Fit a fusion on (opinions, labels) of training movies.

    It stops early on those of the validation movies.
    """
    parameters = parameters or FusionParameters()
    members = [
        _fit_one(modalities, prior, train, validation, parameters, seed + 1000 * m)
        for m in range(parameters.members)
    ]
    return Fusion(modalities, prior, {name: np.stack([w[name] for w in members]) for name in members[0]})


def _fit_one(
    modalities: tuple[str, ...],
    prior: Floats,
    train: tuple[Opinions, Floats],
    validation: tuple[Opinions, Floats],
    parameters: FusionParameters,
    seed: int,
) -> dict[str, Floats]:
    evidence, y = train
    n_modalities, n_genres = len(modalities), len(prior)
    random = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng(seed)
    n_inputs = n_modalities * (n_genres + 1)
    weights = {
        "weight": torch.full((n_modalities, n_genres), 1 / max(n_modalities - 1, 1)),
        "others": torch.zeros(n_modalities, n_modalities, n_genres),
        "bias": torch.zeros(n_modalities, n_genres),
        "U": torch.randn(n_inputs, parameters.hidden, generator=random) * n_inputs**-0.5,
        "u": torch.zeros(parameters.hidden),
        "V": torch.zeros(parameters.hidden, n_genres),
    }
    for tensor in weights.values():
        tensor.requires_grad_()
    # The diagonal is a modality's own presence: alone, its weight starts at 1.
    with torch.no_grad():
        for m in range(n_modalities):
            weights["others"][m, m] = 1 - weights["weight"][m]
            for k in range(n_modalities):
                if k != m:
                    weights["others"][m, k] = -0.5 / n_modalities
    optimiser = torch.optim.AdamW(
        weights.values(), lr=parameters.learning_rate, weight_decay=parameters.weight_decay
    )
    steps = -(-len(y) // parameters.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        parameters.learning_rate,
        total_steps=max(parameters.epochs * steps, 2),
        pct_start=0.2,
        cycle_momentum=False,
    )
    z, presence = torch.tensor(evidence.z, dtype=torch.float32), torch.tensor(evidence.present)
    wanted, start = torch.tensor(y), torch.tensor(prior)
    best_loss, best_epoch, best = np.inf, 0, _arrays(weights)
    for epoch in range(1, parameters.epochs + 1):
        order = rng.permutation(len(y))
        for first in range(0, len(order), parameters.batch):
            rows = torch.from_numpy(order[first : first + parameters.batch])
            present = _hidden_at_random(presence[rows], parameters.dropped, random)
            out = start + _forward_torch(z[rows], present, weights, parameters.dropout, random)
            loss = nn.functional.binary_cross_entropy_with_logits(out, wanted[rows], reduction="sum")
            optimiser.zero_grad()
            (loss / len(rows)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        now = _arrays(weights)
        if len(validation[1]):
            fused = Fusion(modalities, prior, {name: value[None] for name, value in now.items()})
            p = 1 / (1 + np.exp(-np.clip(fused.logits(validation[0]), -30, 30)))
            held_out = log_loss(validation[1], p)
        else:
            held_out = -float(epoch)  # nothing to stop on: the last epoch is taken
        if held_out < best_loss:
            best_loss, best_epoch, best = held_out, epoch, now
        elif epoch - best_epoch >= parameters.patience:
            break
    return best


def _hidden_at_random(presence: torch.Tensor, share: float, random: torch.Generator) -> torch.Tensor:
    """Hide some modalities at random, but never all of a movie's; return what is left of the presence."""
    kept = presence & (torch.rand(presence.shape, generator=random) >= share)
    return torch.where(kept.any(dim=1, keepdim=True), kept, presence)


def _forward_torch(
    z: torch.Tensor,
    presence: torch.Tensor,
    w: Mapping[str, torch.Tensor],
    dropout: float,
    random: torch.Generator,
) -> torch.Tensor:
    present = presence.float()
    z = z * present[:, :, None]
    gate = w["weight"] + torch.einsum("nk,mkg->nmg", present, w["others"])
    hidden = torch.relu(torch.cat([z.flatten(1), present], dim=1) @ w["U"] + w["u"])
    kept = torch.rand(hidden.shape, generator=random) >= dropout
    out: torch.Tensor = (z * gate).sum(dim=1) + present @ w["bias"] + (hidden * kept / (1 - dropout)) @ w["V"]
    return out


def _arrays(weights: Mapping[str, torch.Tensor]) -> dict[str, Floats]:
    return {name: value.detach().numpy().copy() for name, value in weights.items()}
