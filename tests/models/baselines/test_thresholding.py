"""Each rule chooses the threshold that it says."""

import numpy as np
import pytest

from models.baselines import thresholding
from models.metrics import accuracy, exact_match


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = (rng.random((300, 3)) < (0.1, 0.4, 0.7)).astype(np.float32)
    p = np.clip(0.3 * y + rng.normal(0.3, 0.15, y.shape), 0, 1).astype(np.float32)
    return y, p


def test_no_threshold_has_more_right_decisions(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = answers
    best = accuracy(y, p >= thresholding.accuracy_optimal(y, p))
    for cut in np.linspace(0, 1, 101):
        assert best >= accuracy(y, p >= cut)


def test_youden_balances_where_accuracy_gives_up_on_a_rare_genre(
    answers: tuple[np.ndarray, np.ndarray],
) -> None:
    y, p = answers
    assert thresholding.youden(y, p)[0] < thresholding.accuracy_optimal(y, p)[0]
    by_youden = p >= thresholding.youden(y, p)
    assert accuracy(y, by_youden) < accuracy(y, p >= thresholding.accuracy_optimal(y, p))


def test_one_threshold_for_exact_matches(answers: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = answers
    cuts = thresholding.single_tuned(y, p)
    assert len(set(cuts.tolist())) == 1
    assert exact_match(y, p >= cuts) >= exact_match(y, p >= 0.5)


def test_matthews_separates_what_can_be_separated() -> None:
    y = np.array([[1], [1], [0], [0], [0]], np.float32)
    p = np.array([[0.4], [0.35], [0.2], [0.1], [0.1]], np.float32)
    cut = thresholding.matthews(y, p)
    assert ((p >= cut) == (y > 0)).all()


def test_a_genre_that_cannot_be_ranked_keeps_a_half() -> None:
    y, p = np.zeros((5, 1), np.float32), np.full((5, 1), 0.2, np.float32)
    for rule in (thresholding.accuracy_optimal, thresholding.youden, thresholding.matthews):
        assert rule(y, p).tolist() == [0.5]


def test_a_constant_probability_predicts_by_majority() -> None:
    y, p = np.array([[1], [0], [0]], np.float32), np.full((3, 1), 1 / 3, np.float32)
    assert not (p >= thresholding.accuracy_optimal(y, p)).any()
    assert (p >= thresholding.accuracy_optimal(1 - y, p)).all()


def test_a_fixed_cut_reads_no_label() -> None:
    assert thresholding.fixed(0.03)(np.zeros((0, 2)), np.zeros((0, 2))).tolist() == pytest.approx(
        [0.03, 0.03]
    )
