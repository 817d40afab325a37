"""Every metric against scikit-learn, and against worked examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sk

from models import metrics

RNG = np.random.default_rng(3)
Y = (RNG.random((200, 5)) < [0.1, 0.3, 0.5, 0.7, 0.2]).astype(np.float32)
P = np.clip(Y * 0.3 + RNG.random((200, 5)) * 0.7, 0, 1).round(2).astype(np.float32)
D = P >= 0.5


def test_auc_is_scikit_learns_with_ties() -> None:
    assert metrics.roc_auc(Y, P) == pytest.approx(sk.roc_auc_score(Y, P, average=None))
    assert metrics.mean_auc(Y, P) == pytest.approx(sk.roc_auc_score(Y, P))


def test_average_precision_is_scikit_learns_with_ties() -> None:
    assert metrics.average_precision(Y, P) == pytest.approx(sk.average_precision_score(Y, P, average=None))


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "samples"])
def test_precision_recall_f1_are_scikit_learns(average: str) -> None:
    ours = metrics.precision_recall_f1(Y, D, average)
    theirs = sk.precision_recall_fscore_support(Y, D, average=average, zero_division=0)
    assert (ours.precision, ours.recall, ours.f1) == pytest.approx(theirs[:3])


def test_the_decision_metrics_are_scikit_learns() -> None:
    assert metrics.jaccard(Y, D) == pytest.approx(sk.jaccard_score(Y, D, average="samples", zero_division=0))
    assert metrics.exact_match(Y, D) == pytest.approx(sk.accuracy_score(Y, D))
    assert metrics.hamming_loss(Y, D) == pytest.approx(sk.hamming_loss(Y, D))


def test_the_probability_metrics_are_scikit_learns() -> None:
    assert metrics.log_loss(Y, P) == pytest.approx(
        np.mean([sk.log_loss(Y[:, j], np.clip(P[:, j], 1e-7, 1 - 1e-7)) for j in range(5)]), rel=1e-4
    )
    assert metrics.brier(Y, P) == pytest.approx(
        np.mean([sk.brier_score_loss(Y[:, j], P[:, j]) for j in range(5)])
    )


def test_a_worked_example() -> None:
    # Two movies, three genres: {1, 2} predicted as {1}; {3} predicted as {3}.
    y = np.array([[1, 1, 0], [0, 0, 1]])
    d = np.array([[1, 0, 0], [0, 0, 1]])
    assert metrics.hamming_loss(y, d) == pytest.approx(1 / 6)
    assert metrics.jaccard(y, d) == pytest.approx((1 / 2 + 1) / 2)
    assert metrics.exact_match(y, d) == 0.5


def test_a_genre_that_all_or_none_have_is_skipped_and_named() -> None:
    y = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 1]], np.float32)
    p = np.array([[0.2, 0.1, 0.9], [0.4, 0.2, 0.3], [0.6, 0.3, 0.8]], np.float32)
    assert metrics.mean_auc(y, p) == 1
    result = metrics.table(y, p, p > 0.5, ("always", "never", "sometimes"))
    assert result.skipped == ("always", "never")
    assert result.as_json()["per_genre"]["always"]["auc"] is None  # type: ignore[index]


def test_nothing_to_rank_is_not_a_number_and_no_warning() -> None:
    assert np.isnan(metrics.mean_auc(np.ones((3, 2)), np.ones((3, 2))))
    assert np.isnan(metrics.mean_auc(np.ones((0, 2)), np.ones((0, 2))))


def test_calibrated_probabilities_have_a_small_error_and_shifted_ones_a_large_one() -> None:
    p = RNG.random((4_000, 1))
    y = (RNG.random((4_000, 1)) < p).astype(float)
    assert metrics.expected_calibration_error(y, p)[0] < 0.03
    assert metrics.expected_calibration_error(y, np.clip(p + 0.2, 0, 1))[0] > 0.1


@settings(max_examples=50, deadline=None)
@given(arrays(np.float32, (12, 3), elements=st.floats(0, 1, width=32)), st.floats(0.1, 5))
def test_auc_looks_at_the_order_alone(p: np.ndarray, power: float) -> None:
    y = (np.arange(36).reshape(12, 3) % 3 == 0).astype(np.float32)
    doubled = p.astype(np.float64) * power
    assert metrics.roc_auc(y, doubled) == pytest.approx(metrics.roc_auc(y, p), nan_ok=True)


def test_the_paired_bootstrap_tells_better_from_equal() -> None:
    noise = RNG.random(P.shape)
    better = metrics.paired_bootstrap(Y, P, noise, resamples=100)
    assert better.low > 0
    assert better.worse == 0
    same = metrics.paired_bootstrap(Y, P, P, resamples=100)
    assert (same.estimate, same.low, same.high) == (0, 0, 0)


def test_intervals_hold_the_estimate() -> None:
    low, high = metrics.interval(Y, P, resamples=100)
    assert low < metrics.mean_auc(Y, P) < high
