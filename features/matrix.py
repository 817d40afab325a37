"""Turns feature columns into the arrays that models take."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

Column: TypeAlias = pa.Array | pa.ChunkedArray


def dense(column: Column, *, width: int | None = None) -> npt.NDArray[np.float32]:
    """Return the vectors of a list column, `(n_rows, width) float32`, with zeros for null rows.

    >>> dense(pa.array([[1.0, 2.0], None])).tolist()
    [[1.0, 2.0], [0.0, 0.0]]
    """
    column = _whole(column)
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    values = pc.list_flatten(column).to_numpy(zero_copy_only=False)
    actual_width = len(values) // valid.sum() if valid.any() else width or 0
    if width is not None and actual_width != width:
        raise ValueError(f"vectors are {actual_width} wide, not {width}")
    matrix = np.zeros((len(column), actual_width), dtype=np.float32)
    matrix[valid] = values.reshape(-1, actual_width)
    return matrix


def numbers(table: pa.Table, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return numeric and boolean columns side by side, `(n_rows, n_names) float32`; NaN for null.

    >>> numbers(pa.table({"year": [1999, None], "adult": [True, False]}), ["year", "adult"]).tolist()
    [[1999.0, 1.0], [nan, 0.0]]
    """
    columns = [pc.cast(table[name], pa.float64()).to_numpy(zero_copy_only=False) for name in names]
    return np.stack(columns, axis=1).astype(np.float32) if columns else np.empty((len(table), 0), np.float32)


def vocabulary(column: Column, *, min_rows: int = 1, size: int | None = None) -> list[str]:
    """Return up to `size` words of a list column that occur `min_rows` times or more, most frequent first.

    Learn it on training rows only. Words of equal frequency are in alphabetical order.

    >>> vocabulary(pa.array([["sea", "boat"], ["sea"], None]))
    ['sea', 'boat']
    """
    counted = pc.value_counts(pc.list_flatten(_whole(column)))
    table = pa.table({"word": counted.field("values"), "n": counted.field("counts")})
    table = table.filter(pc.greater_equal(table["n"], min_rows))
    words: list[str] = table.sort_by([("n", "descending"), ("word", "ascending")])["word"].to_pylist()
    return words[:size]


def bag(
    words: Column, weights: Column | None, vocabulary: Sequence[str] | Mapping[str, int]
) -> sparse.csr_matrix:
    """Return bags of words as a sparse matrix, `(n_rows, n_words) float32`.

    Words outside the vocabulary are left out. Without `weights`, each occurrence counts one.

    >>> bag(pa.array([["sea", "boat"], None]), pa.array([[1, 2.5], None]), ["boat", "sea"]).toarray().tolist()
    [[2.5, 1.0], [0.0, 0.0]]
    """
    words = _whole(words)
    known = pa.array(list(vocabulary), pa.string())
    codes = pc.index_in(pc.list_flatten(words), known)
    rows = pc.list_parent_indices(words).to_numpy()
    inside = codes.is_valid().to_numpy(zero_copy_only=False)
    columns = pc.fill_null(codes, 0).to_numpy(zero_copy_only=False)
    if weights is None:
        values = np.ones(len(columns), dtype=np.float32)
    else:
        values = pc.list_flatten(_whole(weights)).to_numpy(zero_copy_only=False).astype(np.float32)
    shape = (len(words), len(known))
    return sparse.csr_matrix((values[inside], (rows[inside], columns[inside])), shape=shape, dtype=np.float32)


def _whole(column: Column) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
