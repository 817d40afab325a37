"""Genre profiles: what the other movies of the same people, companies and countries are.

For each value of a category (a director, a studio, a certificate) the share of each genre among the training
movies that carry it, smoothed towards the share among all and taken as a log-odds difference; a movie's
profile is their sum. It is a naive Bayes model over categories, learnt from the genres of all sources.

A training movie must not see its own labels in its profile, or the booster that reads it would learn to copy
them: its profile is computed from the movies of the other buckets only.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from models.labels import Bools, Floats, Labels
from models.modalities.bags import counts, occurrences, vocabulary
from models.split import FIRST_TRAINING, Buckets

SMOOTHING = 3.0
"""Movies of average genres that every value is given in addition to its own."""


def groups(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return the category columns of a metadata table, `people` split by job ("director:<id>")."""
    columns: dict[str, pa.ChunkedArray] = {}
    for name in table.column_names:
        kind = table.schema.field(name).type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            columns[name] = table[name]
        elif pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
            if name == "people":
                columns.update(_by_job(table[name]))
            else:
                columns[name] = table[name]
    return columns


def _by_job(people: pa.ChunkedArray) -> dict[str, pa.Array]:
    array = people.combine_chunks()
    flat, row = pc.list_flatten(array), pc.list_parent_indices(array).to_numpy()
    out = {}
    for job in ("director", "writer", "actor"):
        mine = pc.fill_null(pc.starts_with(flat, f"{job}:"), False)
        sizes = np.bincount(row[mine.to_numpy(zero_copy_only=False)], minlength=len(array))
        offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
        out[job] = pa.ListArray.from_arrays(offsets, flat.filter(mine))
    return out


@dataclass(frozen=True)
class Profiles:
    """Per group a vocabulary and `(n_values, n_genres) float32` log-odds differences from the prior."""

    values: dict[str, list[str]]
    odds: dict[str, Floats]
    n_genres: int

    def features(self, table: pa.Table) -> Floats:
        """Return `(n, n_genres) float32` profiles of the rows of a metadata table."""
        total = np.zeros((table.num_rows, self.n_genres))
        columns = groups(table)
        for group, values in self.values.items():
            if group in columns:
                number = {value: i for i, value in enumerate(values)}
                total += _profile(counts(occurrences(columns[group]), number), self.odds[group])
        return total.astype(np.float32)


def _profile(bag: sparse.csr_matrix, odds: Floats) -> npt.NDArray[np.float64]:
    bag = bag.astype(np.float64)
    bag.data[:] = 1
    size = np.maximum(np.asarray(bag.sum(axis=1)).ravel(), 1)
    return np.asarray((bag @ odds.astype(np.float64)) / np.sqrt(size)[:, None])


def fit(
    table: pa.Table, labels: Labels, buckets: Buckets, rows: Bools, *, at_least: int = 2
) -> tuple[Profiles, Floats]:
    """Fit profiles on the movies marked in `rows`; return them and the features of all movies of the table.

    A marked and labelled movie's features come from those of other buckets; every other movie's come from all
    of them. `at_least` is how many movies of the table must carry a value, labelled or not.
    """
    used = rows & labels.known
    y = labels.y.astype(np.float64)
    share = np.clip(y[used].mean(axis=0) if used.any() else np.full(y.shape[1], 0.5), 1e-4, 1 - 1e-4)
    own_buckets = [b for b in np.unique(buckets[used]) if b >= FIRST_TRAINING]
    values: dict[str, list[str]] = {}
    odds: dict[str, Floats] = {}
    features = np.zeros((table.num_rows, y.shape[1]))
    everyone = np.ones(table.num_rows, bool)
    for group, column in groups(table).items():
        entries = occurrences(column)
        words = vocabulary(entries, everyone, at_least=at_least)
        bag = counts(entries, {word: i for i, word in enumerate(words)})
        bag.data[:] = 1
        with_genre = np.asarray(bag[used].T @ y[used])
        carried = np.asarray(bag[used].sum(axis=0)).ravel()
        table_of = _odds(with_genre, carried, share)
        features += np.where(used[:, None], 0, _profile(bag, table_of))
        for bucket in own_buckets:
            mine = np.flatnonzero(used & (buckets == bucket))
            part = bag[mine]
            without = _odds(
                with_genre - np.asarray(part.T @ y[mine]),
                carried - np.asarray(part.sum(axis=0)).ravel(),
                share,
            )
            features[mine] += _profile(part, without)
        learnt = carried > 0
        values[group] = [word for word, keep in zip(words, learnt, strict=True) if keep]
        odds[group] = table_of[learnt]
    return Profiles(values, odds, y.shape[1]), features.astype(np.float32)


def _odds(with_genre: npt.NDArray[np.float64], carried: npt.NDArray[np.float64], share: Floats) -> Floats:
    p = (with_genre + SMOOTHING * share) / (carried + SMOOTHING)[:, None]
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)) - np.log(share / (1 - share)), np.float32)
