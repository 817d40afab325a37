"""Plain baselines: default estimators on the raw inputs, on the same test movies as Reelhouse's own models.

Movies with a TMDb record and a label; bucket 0 is the test, all other buckets train. Nothing is tuned: what
Reelhouse trains must be at least as good.
"""

# ruff: noqa: S608 — statements are put together from constants, values are bound

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from models.labels import LABEL_SETS, SUBSETS, Floats, Ids, label_matrix, positions
from models.metrics import mean_auc
from models.split import TEST
from warehouse import Warehouse
from warehouse.live import LIVE_MOVIES

_MOVIES = f"""
    SELECT movie_id, bucket, coalesce(overview, '') AS overview,
           year::DOUBLE AS year, month(release_date)::DOUBLE AS month, runtime_minutes::DOUBLE AS runtime,
           budget_usd::DOUBLE AS budget, revenue_usd::DOUBLE AS revenue, popularity,
           tmdb_vote_average AS vote_average, tmdb_vote_count::DOUBLE AS vote_count,
           hash(original_language)::DOUBLE % 997 AS language,
           coalesce(keywords, []) AS keywords, coalesce(people, []) AS people,
           coalesce(companies, []) AS companies
    FROM {LIVE_MOVIES}
    LEFT JOIN (SELECT movie_id, list(keyword ORDER BY keyword) AS keywords FROM core.movie_keywords
               GROUP BY movie_id) USING (movie_id)
    LEFT JOIN (SELECT movie_id, list(DISTINCT person_id ORDER BY person_id) AS people FROM core.movie_people
               WHERE source = 'tmdb' GROUP BY movie_id) USING (movie_id)
    LEFT JOIN (SELECT movie_id, list(DISTINCT company ORDER BY company) AS companies FROM core.movie_companies
               GROUP BY movie_id) USING (movie_id)
    WHERE original_language IS NOT NULL
    ORDER BY movie_id
"""
_GENRES = "SELECT movie_id, source, genre FROM core.movie_genres ORDER BY ALL"
_NUMBERS = (
    "year",
    "month",
    "runtime",
    "budget",
    "revenue",
    "popularity",
    "vote_average",
    "vote_count",
    "language",
)


@dataclass(frozen=True)
class PlainScore:
    """Mean ROC-AUC of one plain baseline on `n_test` movies, after learning from `n_train`."""

    model: str
    what: str
    auc: float
    n_train: int
    n_test: int


@dataclass(frozen=True)
class PlainOpinion:
    """What one plain baseline says: `p` and labels `y` `(n_test, n_genres)` of sorted `movie_ids`."""

    model: str
    what: str
    movie_ids: Ids
    y: Floats
    p: Floats
    n_train: int


def plain_baselines(
    warehouse: Warehouse, name: str, *, embeddings: pa.Table | None = None
) -> list[PlainScore]:
    """Measure the plain baselines for a label set or a subset of one, such as ``movielens8``.

    `embeddings` are a text view's rows (`movie_id`, `embedding`); without them that baseline is left out.
    """
    return [
        PlainScore(
            opinion.model, opinion.what, mean_auc(opinion.y, opinion.p), opinion.n_train, len(opinion.y)
        )
        for opinion in plain_opinions(warehouse, name, embeddings=embeddings)
    ]


def plain_opinions(
    warehouse: Warehouse, name: str, *, embeddings: pa.Table | None = None
) -> list[PlainOpinion]:
    """Return what each plain baseline says about the test movies; see `plain_baselines`."""
    label_set, genres = SUBSETS[name] if name in SUBSETS else (name, LABEL_SETS[name].genres)
    movies = warehouse.query(_MOVIES)
    labels = label_matrix(warehouse.query(_GENRES), movies["movie_id"].to_numpy(), LABEL_SETS[label_set])
    columns = [LABEL_SETS[label_set].genres.index(genre) for genre in genres]
    y = labels.y[:, columns]
    kept = np.flatnonzero(labels.known & y.any(axis=1))
    movies, y = movies.take(kept), y[kept]
    test = movies["bucket"].to_numpy() == TEST
    ids, n_train = movies["movie_id"].to_numpy()[test], int((~test).sum())
    out, logits = [], []
    for model, what, x, make in _inputs(movies, genres, embeddings):
        p = _fit_predict(make(), x, y, test)
        out.append(PlainOpinion(model, what, ids, y[test], p, n_train))
        if what != "numbers, LightGBM":
            clipped = np.clip(p, 1e-4, 1 - 1e-4)
            logits.append(np.log(clipped / (1 - clipped)))
    if logits:
        p = np.mean(logits, axis=0)
        out.append(PlainOpinion("combined", "mean of logits", ids, y[test], p, n_train))
    return out


def _inputs(
    movies: pa.Table, genres: Sequence[str], embeddings: pa.Table | None
) -> list[tuple[str, str, Any, Any]]:
    banned = [genre.lower() for genre in genres]
    keywords = [
        [word for word in words if not any(genre in word.lower() for genre in banned)]
        for words in movies["keywords"].to_pylist()
    ]
    numbers = np.column_stack([movies[column].to_numpy(zero_copy_only=False) for column in _NUMBERS])
    crowd = [
        a + b for a, b in zip(movies["people"].to_pylist(), movies["companies"].to_pylist(), strict=True)
    ]
    everything = sparse.hstack([sparse.csr_matrix(np.nan_to_num(numbers, nan=-1.0)), _bag(crowd)]).tocsr()
    words = TfidfVectorizer(stop_words="english", min_df=2, sublinear_tf=True)
    inputs = [
        ("tags", "keywords, logistic regression", _bag(keywords), _logistic),
        ("metadata", "numbers, LightGBM", numbers, _booster),
        ("metadata", "numbers, people, companies, LightGBM", everything, _booster),
        (
            "text",
            "overview TF-IDF, logistic regression",
            words.fit_transform(movies["overview"].to_pylist()),
            _logistic,
        ),
    ]
    if embeddings is not None:
        at, has = positions(movies["movie_id"].to_numpy(), embeddings["movie_id"].to_numpy())
        vectors = np.stack(embeddings["embedding"].to_numpy(zero_copy_only=False))
        matrix = np.where(has[:, None], vectors[np.where(has, at, 0)], 0)
        inputs.append(("text", "overview embedding, logistic regression", matrix, _logistic))
    return inputs


def _bag(lists: Sequence[Sequence[str]]) -> sparse.csr_matrix:
    return CountVectorizer(analyzer=lambda words: words, min_df=2, binary=True).fit_transform(lists)


def _logistic() -> OneVsRestClassifier:
    return OneVsRestClassifier(LogisticRegression(max_iter=1000))


def _booster() -> OneVsRestClassifier:
    return OneVsRestClassifier(lightgbm.LGBMClassifier(verbose=-1, n_jobs=2))


def _fit_predict(model: OneVsRestClassifier, x: Any, y: Floats, test: np.ndarray) -> np.ndarray:
    varied = np.flatnonzero((y[~test].min(axis=0) == 0) & (y[~test].max(axis=0) == 1))
    out = np.tile(y[~test].mean(axis=0), (int(test.sum()), 1))
    out[:, varied] = model.fit(x[~test].astype(np.float64), y[~test][:, varied]).predict_proba(
        x[test].astype(np.float64)
    )
    return out
