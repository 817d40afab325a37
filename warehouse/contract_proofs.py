"""Proofs over Arrow data that none of its rows breaks a rule, which cost far less than asking DuckDB.

Each returns True only where it is sure; False means that the rule's own SQL is to decide.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pyarrow as pa

Proof: TypeAlias = Callable[[pa.ChunkedArray], bool]

_NUMBERED = re.compile(r"([A-Za-z]+)\\d\{(\d+),(\d+)\}")


def nothing_missing(values: pa.ChunkedArray) -> bool:
    """Return True if no value is NULL; False for types whose NULLs may hide behind an index."""
    plain = pa.types.is_primitive(values.type) or pa.types.is_string(values.type)
    return plain and bool(values.null_count == 0)


def numbered(pattern: str) -> Proof | None:
    r"""Return a proof that values match a pattern such as `tt\d{7,10}`; None for patterns of another kind."""
    shape = _NUMBERED.fullmatch(pattern)
    if shape is None:
        return None
    prefix, least, most = shape[1].encode(), int(shape[2]), int(shape[3])

    def proof(values: pa.ChunkedArray) -> bool:
        return pa.types.is_string(values.type) and all(
            _numbered(chunk, prefix, least, most) for chunk in values.chunks if len(chunk)
        )

    return proof


def _numbered(values: pa.StringArray, prefix: bytes, least: int, most: int) -> bool:
    """Count digits in all the characters at once: a value has no others than its prefix and digits."""
    if values.null_count:
        return False
    _, offsets, characters = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    lengths = np.diff(ends) - len(prefix)
    if lengths.min() < least or lengths.max() > most:
        return False
    text = np.frombuffer(characters, np.uint8)[ends[0] : ends[-1]]
    starts = ends[:-1] - ends[0]
    if any((text[starts + place] != letter).any() for place, letter in enumerate(prefix)):
        return False
    digits = np.count_nonzero(text - np.uint8(ord("0")) < 10)
    return bool(digits == len(text) - len(values) * len(prefix))
