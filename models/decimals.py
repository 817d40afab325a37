"""Numbers as people read them: the shortest decimal of a float32."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.labels import Floats

_PLACES = 6
"""The decimal places that calibration leaves."""


def shortest(values: Floats) -> npt.NDArray[np.float64]:
    """Return the shortest decimals that round to these float32 numbers, as doubles of the same shape.

    The float32 of 0.1 gives 0.1, where a bare conversion gives 0.10000000149. Order and equality are kept,
    also beside other numbers that were converted so: at most nine digits tell all float32 numbers apart.
    """
    # Up to 1, six places tell fewer numbers apart than float32 does: if the rounded one is the number, no
    # other of so few digits is.
    decimals = np.round(values.astype(np.float64), _PLACES)
    others = (decimals.astype(np.float32) != values) | (np.abs(decimals) > 1)
    if others.any():
        texts = pa.array(np.asarray(values)[others]).cast(pa.string())
        decimals[others] = texts.cast(pa.float64()).to_numpy()
    return np.asarray(decimals)
