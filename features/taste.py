"""The `taste` view: where the people who rated a movie place it, from the matrix of ratings.

A singular value decomposition is of the whole matrix: were it part of the view, every new rating would
move every movie. So its directions are learnt once, from one MovieLens set, and kept in a file; the view
projects a movie's own ratings onto them. The file's hash is part of the version, as an encoder's weights are:
learning again makes a new version, and a row depends on nothing but its movie's ratings and that file.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from features.errors import EncoderError, FeatureError
from features.view import FeatureView, vector_column
from features.weights import sha256
from warehouse.schema import Column
from warehouse.warehouse import Warehouse
from warehouse.whole_file import make_directory, written

WIDTH = 64
STEADY = 10
"""Ratings of no opinion that every movie gets, so that a single rating places it near the middle."""

_LARGEST = (
    "SELECT dataset FROM raw.movielens_ratings GROUP BY dataset ORDER BY count(*) DESC, dataset LIMIT 1"
)
_RATINGS = """
    SELECT movielens_id, user_id, rating::FLOAT AS rating FROM raw.movielens_ratings WHERE dataset = $dataset
    ORDER BY movielens_id, user_id, rated_at
"""


def learn_taste(warehouse: Warehouse, path: Path, *, width: int = WIDTH, seed: int = 0) -> tuple[str, int]:
    """Learn the directions from the largest MovieLens set, write them to `path`, and return (set, users).

    Truncated SVD (Halko and others 2011) of the ratings less each user's mean; the same ratings give the same
    file. Raises FeatureError where the warehouse holds no ratings.
    """
    from safetensors.numpy import save
    from sklearn.decomposition import TruncatedSVD

    dataset = warehouse.query(_LARGEST)["dataset"].to_pylist()
    if not dataset:
        raise FeatureError("the warehouse holds no ratings: run `reelhouse ingest movielens` first")
    table = warehouse.query(_RATINGS, {"dataset": dataset[0]})
    users, column = np.unique(table["user_id"].to_numpy(), return_inverse=True)
    _, row = np.unique(table["movielens_id"].to_numpy(), return_inverse=True)
    stars = table["rating"].to_numpy()
    means = (np.bincount(column, stars) / np.bincount(column)).astype(np.float32)
    matrix = sparse.csr_matrix((stars - means[column], (row, column)), dtype=np.float32)
    width = min(width, *(side - 1 for side in matrix.shape))
    if width < 1:
        raise FeatureError(f"{dataset[0]} has ratings of too few movies or users to learn from")
    svd = TruncatedSVD(width, random_state=seed).fit(matrix)
    arrays: dict[str, npt.NDArray[Any]] = {
        "users": users.astype(np.int64),
        "means": means,
        "directions": np.ascontiguousarray(svd.components_.T, np.float32),
    }
    make_directory(path.parent)
    with written(path) as partial:
        partial.write_bytes(save(arrays, {"dataset": dataset[0]}))
    return dataset[0], len(users)


class Taste(FeatureView):
    """One row for every movie that users of the learnt MovieLens set rated: `taste`, as many numbers as
    directions were learnt. Movies that the same people like and dislike point the same way."""

    name: ClassVar[str] = "taste"
    comment: ClassVar[str] = "Item embedding from the matrix of MovieLens' ratings."
    columns: ClassVar[tuple[Column, ...]] = (
        Column("taste", "FLOAT[]", "Ratings less their users' means, along the directions that were learnt."),
        Column("n_known", "INTEGER", "Ratings by users whom the directions know."),
    )
    inputs: ClassVar[str] = """
        SELECT movie_id, dataset, list(user_id ORDER BY user_id, rated_at) AS users,
               list(rating ORDER BY user_id, rated_at) AS stars
        FROM raw.movielens_ratings JOIN core.movies USING (movielens_id) SEMI JOIN wanted USING (movie_id)
        GROUP BY movie_id, dataset
        QUALIFY row_number() OVER (PARTITION BY movie_id ORDER BY count(*) DESC, dataset) = 1
    """
    partition_rows: int = 10_000

    def __init__(self, path: Path) -> None:
        self.path = path

    def parameters(self) -> Mapping[str, object]:
        if not self.path.is_file():
            raise EncoderError(f"no directions at {self.path}: run `reelhouse features learn taste`")
        return {"directions": sha256(self.path), "steady": STEADY}

    @cached_property
    def _learnt(self) -> tuple[str, npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        from safetensors import safe_open

        with safe_open(str(self.path), "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in ("users", "means", "directions")}
            return file.metadata()["dataset"], arrays["users"], arrays["means"], arrays["directions"]

    def compute(self, inputs: pa.Table) -> pa.Table:
        """Return `taste` and `n_known` per movie; one without a rating by a known user is not present."""
        dataset, users, means, directions = self._learnt
        given = inputs["users"].combine_chunks()
        rows = pc.list_parent_indices(given).to_numpy()
        ids = pc.list_flatten(given).to_numpy()
        stars = pc.list_flatten(inputs["stars"].combine_chunks()).to_numpy().astype(np.float32)
        place = np.minimum(np.searchsorted(users, ids), len(users) - 1)
        same = pc.equal(inputs["dataset"], dataset).to_numpy(zero_copy_only=False)
        known = (users[place] == ids) & same[rows]
        rows, place, stars = rows[known], place[known], stars[known]
        shape = (inputs.num_rows, len(users))
        matrix = sparse.csr_matrix((stars - means[place], (rows, place)), shape=shape, dtype=np.float32)
        n = np.bincount(rows, minlength=inputs.num_rows)
        vectors = np.asarray(matrix @ directions) / np.sqrt(n + STEADY)[:, None]
        return pa.table(
            {
                "movie_id": inputs["movie_id"],
                "present": pa.array(n > 0),
                "taste": vector_column(vectors.astype(np.float32)),
                "n_known": pa.array(n, pa.int32()),
            }
        )
