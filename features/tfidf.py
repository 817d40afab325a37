"""TF-IDF and SVD over bags of words, learnt from training rows and stored as plain arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from features.matrix import Column, bag, vocabulary

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TfidfSvd:
    """What was learnt: `words`, `idf` `(n_words,)` and `directions` `(width, n_words)`, both float32.

    `arrays` and `words` are all there is to store; `TfidfSvd(words, **arrays)` brings it back.
    """

    words: Sequence[str]
    idf: Floats
    directions: Floats

    @classmethod
    def fit(
        cls,
        words: Column,
        counts: Column,
        *,
        width: int = 256,
        size: int = 20_000,
        min_rows: int = 3,
        seed: int = 0,
    ) -> "TfidfSvd":
        """Learn from the rows of a `words` view: only training rows, so that no other shapes the features.

        At most `size` words that occur in at least `min_rows` rows; fewer than `width` numbers come out where
        there are fewer words or rows. Smooth inverse document frequency, as scikit-learn's.
        """
        known = vocabulary(words, min_rows=min_rows, size=size)
        matrix = bag(words, counts, known)
        n = matrix.shape[0]
        occurs = np.asarray((matrix > 0).sum(axis=0)).ravel()
        idf = (np.log((1 + n) / (1 + occurs)) + 1).astype(np.float32)
        width = max(1, min(width, n - 1, len(known) - 1))
        svd = TruncatedSVD(width, random_state=seed).fit(_weighed(matrix, idf))
        return cls(known, idf, np.asarray(svd.components_, np.float32))

    @property
    def arrays(self) -> Mapping[str, Floats]:
        """The arrays to store, by name."""
        return {"idf": self.idf, "directions": self.directions}

    def transform(self, words: Column, counts: Column) -> Floats:
        """Return unit vectors, `(n_rows, width) float32`; zeros for a row without a known word."""
        projected = np.asarray(_weighed(bag(words, counts, self.words), self.idf) @ self.directions.T)
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        vectors: Floats = (projected / np.maximum(length, 1e-12)).astype(np.float32)
        return vectors


def _weighed(matrix: sparse.csr_matrix, idf: Floats) -> sparse.csr_matrix:
    """Return sublinear counts times rarity, each row of length one."""
    weighed = matrix.copy()
    weighed.data = (1 + np.log(weighed.data)) * idf[weighed.indices]
    length = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(length, 1e-12)) @ weighed)
