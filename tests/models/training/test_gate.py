"""The gate lets through what is not worse, and refuses planted bad challengers with the reason."""

import numpy as np

from models.training import gate

RNG = np.random.default_rng(17)
N = 400
TRUE = RNG.normal(-1, 1.5, (N, 3))
Y = (RNG.random((N, 3)) < 1 / (1 + np.exp(-TRUE))).astype(np.float32)
CHAMPION = (TRUE + RNG.normal(0, 1, TRUE.shape)).astype(np.float32)
GENRES = ("Action", "Comedy", "Drama")


def judged(challenger: np.ndarray) -> gate.Verdict:
    return gate.compare(Y, challenger, CHAMPION, resamples=200, seed=1, suspicious_gain=0.08)


def test_an_equal_challenger_becomes_champion() -> None:
    verdict = judged((TRUE + RNG.normal(0, 1, TRUE.shape)).astype(np.float32))
    assert verdict.stage == "champion"
    assert "not worse than the champion" in verdict.reason
    assert f"{N} test movies" in verdict.reason


def test_a_challenger_of_shuffled_labels_is_refused() -> None:
    verdict = judged(RNG.permutation(CHAMPION))
    assert verdict.stage == "refused"
    assert "worse than the champion: AUC 0." in verdict.reason


def test_a_challenger_that_saw_the_labels_waits_for_a_person() -> None:
    verdict = judged(CHAMPION + 3 * Y)
    assert verdict.stage == "challenger"
    assert "look for a leak" in verdict.reason


def test_a_champion_lifted_by_the_same_leak_does_not_hide_it() -> None:
    leaky = CHAMPION + 3 * Y
    verdict = gate.compare(Y, leaky, leaky, resamples=100, seed=1, suspicious_gain=0.08, recorded=0.75)
    assert verdict.stage == "challenger"
    assert "at its training 0.7500" in verdict.reason


def test_a_leap_to_a_believable_figure_is_believed() -> None:
    poor = RNG.normal(size=CHAMPION.shape).astype(np.float32)
    verdict = gate.compare(Y, CHAMPION, poor, resamples=100, seed=1, suspicious_gain=0.08)
    assert verdict.stage == "champion"


def test_a_challenger_that_cannot_be_measured_leaves_the_champion_in_place() -> None:
    ones = np.ones((5, 3), np.float32)
    assert gate.compare(ones, ones, ones, resamples=10, seed=1, suspicious_gain=1).stage == "challenger"


def test_the_first_model_must_beat_a_constant() -> None:
    assert gate.first(Y, CHAMPION, GENRES).stage == "champion"
    verdict = gate.first(Y, -CHAMPION, GENRES)
    assert verdict.stage == "refused"
    assert "no better than a constant" in verdict.reason


def test_the_first_model_names_genres_that_could_not_be_measured() -> None:
    y = Y.copy()
    y[:, 1] = 0
    assert "not measured: Comedy" in gate.first(y, CHAMPION, GENRES).reason


def test_a_first_model_without_test_movies_is_taken_and_says_so() -> None:
    verdict = gate.first(Y[:0], CHAMPION[:0], GENRES)
    assert (verdict.stage, "too few" in verdict.reason) == ("champion", True)
