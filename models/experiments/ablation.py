"""What tags that name genres would be worth: the ablation of the leaks that the `tags` view removes."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

from features.matrix import bag, vocabulary
from features.tags import Tags
from models.errors import Untrainable
from models.labels import label_matrix, label_set
from models.metrics import roc_auc
from models.split import training
from warehouse import Warehouse
from warehouse.live import LIVE_MOVIES

MIN_MOVIES = 5  # a tag of fewer training movies is left out

_MOVIES = f"""
    SELECT movie_id, bucket FROM {LIVE_MOVIES}
    WHERE movie_id IN (SELECT movie_id FROM core.movie_genres WHERE source = ?)
    ORDER BY movie_id
"""
_GENRES = "SELECT movie_id, source, genre FROM core.movie_genres WHERE source = ?"


def leak_ablation(warehouse: Warehouse, name: str = "movielens") -> pa.Table:
    """Measure what the leaks in tags are worth: test ROC-AUC per genre of a logistic regression on tags.

    One learns with the leaks and one without. Both learn from the same training movies, those with a tag that
    is no leak, and are judged on the same test movies (bucket 0). Columns: `genre`, `movies` (test movies
    with it), `with_leaks`, `without_leaks` (NaN where a genre cannot be ranked). Writes nothing. Raises
    Untrainable.
    """
    labels = label_set(name)
    movies = warehouse.query(_MOVIES, [labels.source])
    sql = f"SELECT * FROM ({Tags.inputs}) ORDER BY movie_id"
    inputs = warehouse.query(sql, tables={"wanted": movies.select(["movie_id"])})
    without, with_leaks = (Tags(leaks=leaks).compute(inputs) for leaks in (False, True))
    tagged = without["present"].combine_chunks()
    without, with_leaks = without.filter(tagged), with_leaks.filter(tagged)
    ids = without["movie_id"].to_numpy()
    bucket = movies["bucket"].to_numpy()[np.searchsorted(movies["movie_id"].to_numpy(), ids)].astype(np.int8)
    train, test = training(bucket), bucket == 0
    if not train.any() or not test.any():
        raise Untrainable(f"no tagged movies with genres of {name} to learn from and to ask about")
    y = label_matrix(warehouse.query(_GENRES, [labels.source]), ids, labels).y
    aucs = [_auc(table, y, train, test) for table in (with_leaks, without)]
    return pa.table(
        {
            "genre": list(labels.genres),
            "movies": y[test].sum(axis=0).astype(np.int64),
            "with_leaks": aucs[0],
            "without_leaks": aucs[1],
        }
    )


def _auc(
    tags: pa.Table, y: npt.NDArray[np.float32], train: npt.NDArray[np.bool_], test: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    words = vocabulary(tags["tags"].filter(pa.array(train)), min_rows=MIN_MOVIES)
    x = bag(tags["tags"], tags["weights"], words)
    p = np.zeros((int(test.sum()), y.shape[1]))
    for genre in np.flatnonzero(y[train].any(axis=0) & ~y[train].all(axis=0)):
        fitted = LogisticRegression(solver="liblinear", random_state=0).fit(x[train], y[train, genre])
        p[:, genre] = fitted.decision_function(x[test])
    return np.asarray(roc_auc(y[test], p))
