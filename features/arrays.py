"""A training set as one matrix with a name for every column, ready for torch and LightGBM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from features.matrix import bag, dense, numbers, vocabulary
from features.training import TrainingSet

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float32]

_WEIGHTS = {"tags": "weights", "words": "counts"}
"""Lists of words whose weights are in another column of the same view."""


@dataclass(frozen=True)
class Matrix:
    """The rows of a training set as numbers."""

    values: Floats | sparse.csr_matrix
    """`(n_rows, n_columns) float32`; an unknown number is NaN in a dense matrix and in a sparse one too."""
    names: Sequence[str]
    """Of the columns: `metadata__year`, `metadata__language=en`, `tags__tags=heist`, `text__embedding[0]`."""

    def torch(self) -> "torch.Tensor":
        """Return the values as a dense tensor, on the same memory where they are dense."""
        import torch

        return torch.from_numpy(_dense(self.values))


@dataclass(frozen=True)
class Layout:
    """Which columns of a training set become which columns of a matrix.

    What it knows of the data (the categories, the width of vectors) is learnt from the rows that `learn` is
    given, so that the same layout serves training, validation and test rows and no test movie shapes it.

    Example:
        >>> from features import training_set, view_named
        >>> views = [view_named(settings, "tags")]
        >>> made = training_set(warehouse, [1, 2, 3], views, label_set="movielens")
        >>> training = made.table["bucket"].to_numpy() >= 2
        >>> layout = Layout.learn(made, training, min_rows=1)
        >>> layout.names
        ['tags__present', 'tags__tags=heist', 'tags__tags=los angeles', 'tags__tags=spaceship']
        >>> layout.matrix(made).values.shape
        (3, 4)
    """

    numeric: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    """Column to its categories or words."""
    vectors: Mapping[str, int]
    """Column to its width."""

    @classmethod
    def learn(
        cls,
        made: TrainingSet,
        rows: npt.NDArray[np.bool_] | None = None,
        *,
        min_rows: int = 5,
        size: int = 400,
    ) -> "Layout":
        """Return the layout of a training set, learnt from some of its rows.

        Args:
            made: The training set.
            rows: `(n_rows,) bool`, the rows to learn from; all where None.
            min_rows: In how many of these rows a word occurs at least.
            size: How many words a column of words gets at most: the most frequent ones.

        Returns:
            The layout. It serves any training set of the same views.
        """
        table = made.table if rows is None else made.table.filter(pa.array(rows))
        numeric: list[str] = []
        words: dict[str, tuple[str, ...]] = {}
        vectors: dict[str, int] = {}
        for name in made.feature_names:
            column = table[name]
            if pa.types.is_string(column.type) or _is_words(column.type):
                words[name] = tuple(vocabulary(_lists(column), min_rows=min_rows, size=size))
            elif not pa.types.is_list(column.type):
                numeric.append(name)
            elif not _is_weight(name):
                vectors[name] = dense(column).shape[1]
        return cls(tuple(numeric), words, vectors)

    @property
    def names(self) -> list[str]:
        """The names of the matrix's columns, in order."""
        return [
            *self.numeric,
            *(f"{name}={word}" for name, words in self.words.items() for word in words),
            *(f"{name}[{i}]" for name, width in self.vectors.items() for i in range(width)),
        ]

    def matrix(self, made: TrainingSet, *, sparsely: bool = False) -> Matrix:
        """Return the training set's rows as a matrix, dense or, with `sparsely`, in compressed rows."""
        table = made.table
        parts: list[Floats | sparse.csr_matrix] = [numbers(table, self.numeric)]
        for name, words in self.words.items():
            weights = _weights(name)
            given = table[weights] if weights and weights in table.column_names else None
            parts.append(bag(_lists(table[name]), given, words))
        parts += [dense(table[name], width=width) for name, width in self.vectors.items()]
        if sparsely:
            return Matrix(sparse.hstack([sparse.csr_matrix(part) for part in parts], "csr"), self.names)
        whole = np.empty((table.num_rows, len(self.names)), np.float32)
        start = 0
        for part in parts:
            end = start + part.shape[1]
            whole[:, start:end] = _dense(part)
            start = end
        return Matrix(whole, self.names)


def _dense(part: Floats | sparse.csr_matrix) -> Floats:
    return part if isinstance(part, np.ndarray) else np.asarray(part.toarray(), np.float32)


def _lists(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return words as lists of one word, and lists as they are."""
    if not pa.types.is_string(column.type):
        return column
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], pa.string())
    offsets = np.append(0, np.cumsum(whole.is_valid().to_numpy(zero_copy_only=False))).astype(np.int32)
    return pa.chunked_array([pa.ListArray.from_arrays(pa.array(offsets), pc.drop_null(whole))])


def _is_words(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) and pa.types.is_string(kind.value_type))


def _weights(name: str) -> str | None:
    view, _, column = name.partition("__")
    return f"{view}__{_WEIGHTS[column]}" if column in _WEIGHTS else None


def _is_weight(name: str) -> bool:
    return name.partition("__")[2] in _WEIGHTS.values()
