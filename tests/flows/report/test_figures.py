"""What is drawn is what was measured."""

import numpy as np

from flows.report.figures import POINTS, _thinned


def test_a_thinned_curve_keeps_its_steep_start_and_both_ends() -> None:
    """All that happens to a rare genre happens among the first of thousands of points."""
    recall = np.concatenate([np.linspace(0, 1, 21), np.full(5_000, 1.0)])
    precision = np.concatenate([np.linspace(1, 0.5, 21), np.linspace(0.5, 0.01, 5_000)])
    x, y = _thinned(recall, precision)
    assert len(x) <= POINTS + 2
    assert (x[0], y[0], x[-1], y[-1]) == (0, 1, 1, 0.01)
    assert set(recall[:21].tolist()) <= set(x.tolist())


def test_a_short_curve_stays_as_it_is() -> None:
    x = np.linspace(0, 1, POINTS)
    assert _thinned(x, x)[0] is x
