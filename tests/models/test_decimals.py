"""A float32 becomes the double of its shortest decimal."""

import numpy as np

from models.decimals import shortest
from models.decisions.thresholds import decide


def test_every_number_becomes_the_decimal_that_is_printed_for_it() -> None:
    rng = np.random.default_rng(0)
    drawn = np.concatenate(
        [
            np.round(rng.random(5_000), 6).astype(np.float32),
            (rng.random(5_000) ** 9).astype(np.float32),
            np.array([0, 1, 0.1, 7e-5, 1e-7, 1e-30, 16_777_216, -0.25, np.inf], np.float32),
        ]
    )
    assert shortest(drawn).tolist() == [float(str(number)) for number in drawn]
    assert np.isnan(shortest(np.array([np.nan], np.float32))).all()
    assert shortest(drawn[:6].reshape(2, 3)).shape == (2, 3)


def test_decisions_are_those_of_the_float32_numbers() -> None:
    thresholds = np.round(np.random.default_rng(1).random(500), 4)
    single = thresholds.astype(np.float32)
    for p in (single, np.nextafter(single, np.float32(0)), np.nextafter(single, np.float32(1))):
        assert (decide(shortest(p), thresholds) == decide(p, single)).all()
