"""Beta calibration per genre."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.decisions import calibration
from models.decisions.calibration import Calibration
from models.metrics import expected_calibration_error

RNG = np.random.default_rng(7)
TRUE = RNG.normal(-1, 2, (4_000, 2))
Y = (RNG.random((4_000, 2)) < 1 / (1 + np.exp(-TRUE))).astype(np.float32)


def test_it_undoes_a_stretch_and_a_shift() -> None:
    wrong = TRUE * 3 + 1
    fitted = calibration.fit(wrong, Y)
    assert fitted.below == pytest.approx([1 / 3, 1 / 3], rel=0.25)
    assert fitted.above == pytest.approx([1 / 3, 1 / 3], rel=0.25)
    raw = expected_calibration_error(Y, calibration.sigmoid(wrong))
    assert (expected_calibration_error(Y, fitted.probabilities(wrong)) < 0.03).all()
    assert (raw > 0.05).all()


def test_without_a_prior_it_is_logistic_regression() -> None:
    fitted = calibration.fit(TRUE, Y, prior=0)
    p = calibration.sigmoid(TRUE[:, 0])
    theirs = LogisticRegression(C=1e9, tol=1e-9, max_iter=1_000).fit(
        np.stack([np.log(p), -np.log(1 - p)], axis=1), Y[:, 0]
    )
    assert [fitted.below[0], fitted.above[0]] == pytest.approx(theirs.coef_[0], rel=1e-3)
    assert fitted.intercept[0] == pytest.approx(theirs.intercept_[0], abs=1e-3)


def test_little_evidence_changes_little() -> None:
    wrong, y = TRUE * 3 + 1, Y
    few, many = calibration.fit(wrong[:8], y[:8]), calibration.fit(wrong, y)
    assert (np.abs(few.intercept) < np.abs(many.intercept)).all()
    assert (few.below > many.below).all()
    assert (calibration.fit(wrong[:8], y[:8], prior=1_000).above > 0.95).all()


def test_a_genre_that_all_or_none_have_keeps_its_logits() -> None:
    y = np.stack([np.ones(50), np.zeros(50)], axis=1).astype(np.float32)
    fitted = calibration.fit(TRUE[:50], y)
    assert fitted.below.tolist() == fitted.above.tolist() == [1, 1]
    assert fitted.intercept.tolist() == [0, 0]


def test_order_is_kept_even_where_the_evidence_speaks_against_it() -> None:
    fitted = calibration.fit(-TRUE, Y)
    assert (fitted.below > 0).all()
    assert (fitted.above > 0).all()
    ordered = np.linspace(-9, 9, 50)[:, None]
    assert (np.diff(fitted.logits(ordered.repeat(2, axis=1)), axis=0) > 0).all()


def test_what_is_too_sure_on_one_side_only_is_put_right_there() -> None:
    wrong = np.where(TRUE > 0, TRUE * 3, TRUE)
    fitted = calibration.fit(wrong, Y)
    assert (fitted.above < fitted.below / 2).all()
    assert (expected_calibration_error(Y, fitted.probabilities(wrong)) < 0.03).all()


def test_files_with_one_slope_mean_what_they_meant() -> None:
    old = Calibration.from_json({"slope": [0.5, 2.0], "intercept": [1.0, -1.0]})
    assert (old.logits(TRUE) == TRUE * [0.5, 2.0] + [1.0, -1.0]).all()


def test_it_survives_json() -> None:
    fitted = calibration.fit(TRUE, Y)
    again = Calibration.from_json(fitted.as_json())
    assert (again.probabilities(TRUE) == fitted.probabilities(TRUE)).all()
    assert fitted.probabilities(TRUE).dtype == np.float32
