"""The fusion weighs what a movie has, and does not mind what it lacks."""

import numpy as np
import pytest

from models.decisions import calibration
from models.metrics import mean_auc
from models.predictors import fusion
from models.predictors.fusion import FusionParameters, opinions

RNG = np.random.default_rng(13)
N, GENRES = 1_500, 3
TRUE = RNG.normal(-0.5, 1.5, (N, GENRES))
Y = (RNG.random((N, GENRES)) < 1 / (1 + np.exp(-TRUE))).astype(np.float32)
PRIOR = np.log(Y.mean(axis=0) / (1 - Y.mean(axis=0))).astype(np.float32)
RAW = {"good": TRUE + RNG.normal(0, 1, TRUE.shape), "poor": TRUE + RNG.normal(0, 4, TRUE.shape)}
LOGITS = {name: calibration.fit(raw, Y).logits(raw) for name, raw in RAW.items()}
PRESENT = {"good": RNG.random(N) < 0.7, "poor": RNG.random(N) < 0.8}
SEEN = opinions(("good", "poor"), PRIOR, LOGITS, PRESENT)
TRAIN, VALIDATION, TEST = np.arange(900), np.arange(900, 1_100), np.arange(1_100, N)


@pytest.fixture(scope="module")
def fused() -> fusion.Fusion:
    return fusion.fit(
        ("good", "poor"),
        PRIOR,
        (SEEN.take(TRAIN), Y[TRAIN]),
        (SEEN.take(VALIDATION), Y[VALIDATION]),
        FusionParameters(members=2, epochs=15, batch=64),
        seed=1,
    )


def auc(logits: np.ndarray, rows: np.ndarray) -> float:
    return mean_auc(Y[rows], logits[rows])


def test_it_is_at_least_as_good_as_the_best_that_each_movie_has(fused: fusion.Fusion) -> None:
    out = fused.logits(SEEN)
    both = TEST[PRESENT["good"][TEST] & PRESENT["poor"][TEST]]
    poor = TEST[~PRESENT["good"][TEST] & PRESENT["poor"][TEST]]
    assert auc(out, both) > auc(LOGITS["good"], both) - 0.005
    assert auc(out, poor) > auc(LOGITS["poor"], poor) - 0.02


def test_what_stands_in_a_missing_modality_does_not_matter(fused: fusion.Fusion) -> None:
    rubbish = {name: np.where(PRESENT[name][:, None], value, 99.0) for name, value in LOGITS.items()}
    assert (fused.logits(fused.opinions(rubbish, PRESENT)) == fused.logits(SEEN)).all()


def test_a_movie_without_anything_gets_about_the_prior(fused: fusion.Fusion) -> None:
    nothing = fused.opinions(LOGITS, {name: np.zeros(N, bool) for name in LOGITS})
    assert fused.logits(nothing)[0] == pytest.approx(PRIOR, abs=0.5)


def test_a_movie_gets_the_same_alone_and_among_others(fused: fusion.Fusion) -> None:
    together = fused.logits(SEEN)
    alone = np.concatenate([fused.logits(SEEN.take(np.array([i]))) for i in range(20)])
    assert np.abs(alone - together[:20]).max() < 1e-12


def test_the_same_seed_gives_the_same_fusion() -> None:
    def fit() -> np.ndarray:
        parameters = FusionParameters(members=1, epochs=2)
        data = (SEEN.take(TRAIN), Y[TRAIN])
        return fusion.fit(("good", "poor"), PRIOR, data, data, parameters, seed=4).logits(SEEN)

    assert (fit() == fit()).all()
