"""The network learns, is the same for the same seed, and for a movie alone or among others."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse

from models.labels import Targets
from models.metrics import mean_auc
from models.modalities import network
from models.modalities.network import NetworkParameters

RNG = np.random.default_rng(11)
N, WIDTH = 600, 12
X = RNG.normal(size=(N, WIDTH)).astype(np.float32)
Y = (X[:, :3] + 0.5 * RNG.normal(size=(N, 3)) > 0.5).astype(np.float32)
TARGETS = Targets(Y, np.ones_like(Y), 2)
TRAIN, VALIDATION = np.arange(400), np.arange(400, 500)
TEST = np.arange(500, 600)
PARAMETERS = NetworkParameters(hidden=16, epochs=6, batch=64, learning_rate=2e-2, steps=0)


@pytest.mark.parametrize("given", [X, sparse.csr_matrix(X)], ids=["dense", "sparse"])
def test_it_learns(given: object) -> None:
    fitted = network.fit(given, TARGETS, TRAIN, VALIDATION, PARAMETERS, seed=1)
    logits = fitted.network.logits(given)
    assert logits.shape == (N, 2)
    assert mean_auc(Y[TEST, :2], logits[TEST]) > 0.85


def test_the_same_seed_gives_the_same_network_also_in_two_threads() -> None:
    def fit(seed: int) -> np.ndarray:
        return network.fit(X, TARGETS, TRAIN, VALIDATION, PARAMETERS, seed=seed).network.logits(X)

    alone = [fit(1), fit(2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(fit, [1, 2]))
    assert (alone[0] == together[0]).all()
    assert (alone[1] == together[1]).all()
    assert (alone[0] != alone[1]).any()


@pytest.mark.parametrize("given", [X, sparse.csr_matrix(X)], ids=["dense", "sparse"])
def test_a_row_gets_the_same_alone_and_among_others(given: object) -> None:
    fitted = network.fit(given, TARGETS, TRAIN, VALIDATION, PARAMETERS, seed=1).network
    together = fitted.logits(given)
    alone = np.concatenate([fitted.logits(given[i : i + 1]) for i in range(20)])  # type: ignore[index]
    assert np.abs(alone - together[:20]).max() < 1e-12


def test_it_stops_where_validation_is_best_and_keeps_that_epoch() -> None:
    noisy = dataclasses.replace(PARAMETERS, epochs=40, dropout=0, input_dropout=0, patience=3)
    fitted = network.fit(X, TARGETS, TRAIN[:60], VALIDATION, noisy, seed=1)
    losses = [row["validation_loss"] for row in fitted.curve]
    assert fitted.epochs == int(np.argmin(losses)) + 1
    assert len(losses) < 40


def test_a_stand_in_is_trained_as_long_as_asked_and_looks_at_no_validation_movie() -> None:
    fitted = network.fit(X, TARGETS, TRAIN, VALIDATION, PARAMETERS, seed=1, epochs=2)
    other = network.fit(X, TARGETS, TRAIN, TEST, PARAMETERS, seed=1, epochs=2)
    assert fitted.epochs == 2
    assert (fitted.network.logits(X) == other.network.logits(X)).all()


def test_unknown_labels_teach_nothing() -> None:
    weight = np.ones_like(Y)
    weight[:, 2] = 0
    turned = Y.copy()
    turned[:, 2] = 1 - turned[:, 2]
    one = network.fit(X, Targets(Y, weight, 2), TRAIN, VALIDATION, PARAMETERS, seed=1)
    two = network.fit(X, Targets(turned, weight, 2), TRAIN, VALIDATION, PARAMETERS, seed=1)
    assert (one.network.logits(X) == two.network.logits(X)).all()


def test_members_are_averaged() -> None:
    several = dataclasses.replace(PARAMETERS, members=2)
    both = network.fit(X, TARGETS, TRAIN, VALIDATION, several, seed=1).network.logits(X)
    one = network.fit(X, TARGETS, TRAIN, VALIDATION, PARAMETERS, seed=1).network.logits(X)
    other = network.fit(X, TARGETS, TRAIN, VALIDATION, PARAMETERS, seed=1001).network.logits(X)
    assert both == pytest.approx((one + other) / 2)
