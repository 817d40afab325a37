"""Bags of words: lists of strings as sparse rows over a vocabulary learnt from training movies.

Everything that runs over movies is vectorised; Python loops run over distinct strings only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from models.labels import Bools, Floats


@dataclass(frozen=True)
class Occurrences:
    """Which distinct string stands in which row: three arrays of one length, and the strings."""

    row: npt.NDArray[np.int64]
    code: npt.NDArray[np.int64]
    weight: Floats
    strings: list[str]
    n_rows: int


def occurrences(column: pa.ChunkedArray | pa.Array, weights: pa.ChunkedArray | None = None) -> Occurrences:
    """Return the occurrences in a column of strings or of lists of strings; nulls are left out."""
    array = _whole(column)
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        row = pc.list_parent_indices(array).to_numpy()
        flat = pc.list_flatten(array)
        given = None if weights is None else pc.list_flatten(_whole(weights)).to_numpy(zero_copy_only=False)
    else:
        row, flat, given = np.arange(len(array)), array, None
    known = flat.is_valid().to_numpy(zero_copy_only=False)
    encoded = flat.cast(pa.string()).drop_null().dictionary_encode()
    weight = np.ones(int(known.sum()), np.float32) if given is None else given[known].astype(np.float32)
    code = encoded.indices.to_numpy().astype(np.int64)
    return Occurrences(row[known].astype(np.int64), code, weight, encoded.dictionary.to_pylist(), len(array))


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def counts(entries: Occurrences, number: dict[str, int]) -> sparse.csr_matrix:
    """Return `(n_rows, len(number))` weights of the known strings; the others are left out."""
    column = np.array([number.get(string, -1) for string in entries.strings], np.int64)
    column = column[entries.code] if len(entries.strings) else np.empty(0, np.int64)
    kept = column >= 0
    return sparse.csr_matrix(
        (entries.weight[kept], (entries.row[kept], column[kept])), shape=(entries.n_rows, len(number))
    )


def vocabulary(entries: Occurrences, rows: Bools, *, at_least: int, at_most: int | None = None) -> list[str]:
    """Return the strings that occur in at least `at_least` of the marked rows, in alphabetical order.

    Where more than `at_most` do, the most frequent are taken.
    """
    mask = rows[entries.row] if len(entries.row) else np.zeros(0, bool)
    frequency = np.bincount(entries.code[mask], minlength=len(entries.strings))
    kept = np.flatnonzero(frequency >= at_least)
    if at_most is not None and len(kept) > at_most:
        kept = kept[np.argsort(-frequency[kept], kind="stable")[:at_most]]
    return sorted(entries.strings[i] for i in kept)


@dataclass(frozen=True)
class BagEncoder:
    """TF-IDF rows of unit length over pieces of strings: each string as a whole, and its words.

    `pieces` is the vocabulary; `idf` `(len(pieces),) float32`.
    """

    pieces: list[str]
    idf: Floats
    whole: bool = False
    """Whether strings are taken as they are, not as pieces."""

    @classmethod
    def fit(
        cls,
        column: pa.ChunkedArray,
        rows: Bools,
        *,
        at_least: int = 2,
        at_most: int = 30_000,
        whole: bool = False,
    ) -> "BagEncoder":
        """Return an encoder with the vocabulary and document frequencies of the marked rows."""
        entries = occurrences(column)
        entries = entries if whole else spread(entries, pieces_of)
        pieces = vocabulary(entries, rows, at_least=at_least, at_most=at_most)
        number = {piece: i for i, piece in enumerate(pieces)}
        present = counts(entries, number)[np.flatnonzero(rows)]
        frequency = np.asarray((present > 0).sum(axis=0)).ravel()
        idf = np.log((1 + int(rows.sum())) / (1 + frequency)) + 1
        return cls(pieces, idf.astype(np.float32), whole)

    def encode(self, column: pa.ChunkedArray, weights: pa.ChunkedArray | None = None) -> sparse.csr_matrix:
        """Return `(n, len(pieces)) float32` rows of unit length; a row without any known piece is empty."""
        number = {piece: i for i, piece in enumerate(self.pieces)}
        entries = occurrences(column, weights)
        bag = counts(entries if self.whole else spread(entries, pieces_of), number)
        bag.sum_duplicates()
        bag.data = np.minimum(bag.data, 3.0) * self.idf[bag.indices]
        length = np.sqrt(np.asarray(bag.multiply(bag).sum(axis=1)).ravel())
        scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
        bag.data *= np.repeat(scale, np.diff(bag.indptr))
        return bag.astype(np.float32)


def pieces_of(tag: str) -> list[str]:
    """Return a tag as a whole, marked with "=", and its words of more than two letters.

    >>> pieces_of("serial killer"), pieces_of("zombie")
    (['=serial killer', 'serial', 'killer'], ['=zombie', 'zombie'])
    """
    return [f"={tag}", *dict.fromkeys(word for word in tag.split() if len(word) > 2)]


def spread(entries: Occurrences, parts: Callable[[str], Iterable[str]]) -> Occurrences:
    """Return each occurrence of a string as occurrences of its parts."""
    number: dict[str, int] = {}
    lists = [[number.setdefault(part, len(number)) for part in parts(string)] for string in entries.strings]
    sizes = np.array([len(codes) for codes in lists], np.int64)
    flat = np.array([code for codes in lists for code in codes], np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1] if len(sizes) else sizes
    times = sizes[entries.code] if len(sizes) else np.empty(0, np.int64)
    first = np.repeat(starts[entries.code], times) if len(sizes) else times
    offset = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return Occurrences(
        np.repeat(entries.row, times),
        flat[first + offset] if len(flat) else flat,
        np.repeat(entries.weight, times),
        list(number),
        entries.n_rows,
    )
