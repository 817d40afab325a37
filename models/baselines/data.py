"""The problems of the documents, read from the warehouse, and the files and networks that they need."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pyarrow as pa

from models.baselines import plots
from models.baselines.errors import NotRunnable
from models.baselines.posters import Pixels, cached, read_pixels
from models.baselines.preprocessing import english_since
from models.baselines.problem import Problem, StoredPoster
from models.labels import IMDB, MOVIELENS, SUBSETS, TMDB, Floats, LabelSet, label_matrix, pooled
from warehouse import Warehouse
from warehouse.live import LIVE_MOVIES

T = TypeVar("T")
_MOVIES = f"""
    SELECT movie_id, coalesce(title, '') AS title, bucket, original_language,
           coalesce(year, extract(year FROM release_date))::DOUBLE AS year, coalesce(overview, '') AS
           overview, runtime_minutes::DOUBLE AS runtime, budget_usd::DOUBLE AS budget, revenue_usd::DOUBLE AS
           revenue, popularity, tmdb_vote_average AS vote_average, tmdb_vote_count::DOUBLE AS vote_count,
           coalesce(imdb_rating, 2 * mean_rating) AS rating,
           coalesce(imdb_votes, n_ratings)::DOUBLE AS votes, adult::INTEGER::DOUBLE AS adult,
           people.characters::DOUBLE AS characters, popularity IS NOT NULL AS in_tmdb, sha256, format
    FROM {LIVE_MOVIES}
    LEFT JOIN core.ratings USING (movie_id)
    LEFT JOIN (SELECT movie_id, sha256, format FROM core.posters) AS posters USING (movie_id)
    LEFT JOIN (
        SELECT movie_id, count(*) AS characters FROM core.movie_people WHERE job = 'actor' GROUP BY movie_id
    ) AS people USING (movie_id)
    WHERE movie_id IN (SELECT movie_id FROM core.movie_genres WHERE source <> 'imdb')
    ORDER BY movie_id
"""
_TAGS = """
    SELECT movie_id, tag, n_users FROM core.movie_tags WHERE tag IS NOT NULL
    UNION ALL SELECT movie_id, keyword, 1 FROM core.movie_keywords WHERE keyword IS NOT NULL
    ORDER BY 1, 2, 3
"""
_GENRES = "SELECT movie_id, source, genre FROM core.movie_genres ORDER BY ALL"

NUMBERS = (
    "budget",
    "popularity",
    "rating",
    "revenue",
    "runtime",
    "vote_average",
    "vote_count",
    "votes",
    "year",
)
"""Document B's nine numbers (B06). Where IMDb's rating is not known, MovieLens' mean, doubled, stands in."""
E_NUMBERS = (
    "runtime",
    "revenue",
    "vote_count",
    "vote_average",
    "popularity",
    "budget",
    "adult",
    "year",
    "characters",
)
_LOGARITHMS = ("budget", "revenue", "vote_count", "votes", "popularity")


@dataclass
class Data:
    """What systems read. Problems are built once, and what an image network saw is kept in `cache_dir`.

    `poster_dir` is the content-addressed store; `seeds_dir` holds the published files of documents B and D;
    `backbone` is a poster encoder as in `features.FeatureSettings.poster_encoder`; `threads` bounds torch and
    scikit-learn alike. `movies_at_most` takes that many movies of each problem, for a quick look.
    """

    warehouse: Warehouse
    poster_dir: Path
    seeds_dir: Path | None = None
    backbone: str = "statistics"
    cache_dir: Path | None = None
    threads: int = 2
    movies_at_most: int | None = None

    def __post_init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def problem(self, name: str) -> Problem:
        """Return the problem of that name, built at its first use.

        Raises NotRunnable where movies are lacking.
        """
        return self._once(f"problem {name}", lambda: PROBLEMS[name](self))

    def pixels(self, problem: Problem, width: int, height: int) -> Pixels:
        """Return the posters of `problem`, `(n, 3, height, width) uint8`, a row each."""
        key = f"pixels {problem.name} {width}x{height}"
        return self._once(key, lambda: read_pixels(self.poster_dir, problem.posters, width, height))

    def poster_array(self, problem: Problem, what: str, make: Callable[[], Floats]) -> Floats:
        """Return an array about the posters of `problem`.

        It is kept in `cache_dir` under `what` and the posters' hashes.
        """
        digest = hashlib.sha256(repr((what, problem.posters)).encode()).hexdigest()[:20]
        path = self.cache_dir / "seen" / f"{digest}.npy" if self.cache_dir else None
        return self._once(f"seen {digest}", lambda: cached(path, make))

    def seeds(self, document: str, file: str) -> Path:
        """Return a published file of a document.

        Raises NotRunnable, with what to set, where it is missing.
        """
        if self.seeds_dir is None:
            raise NotRunnable(f"needs {document}/{file}: name the directory of the documents' own files")
        path = self.seeds_dir / document / file
        if not path.is_file():
            raise NotRunnable(f"{path} does not exist: put the document's own file there")
        return path

    def _once(self, key: str, make: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    def movies(self) -> pa.Table:
        """Return every movie that TMDb or MovieLens labels, in order of `movie_id`."""
        return self._once("movies", lambda: self.warehouse.query(_MOVIES))

    def genres(self) -> pa.Table:
        """Return rows of (movie_id, source, genre)."""
        return self._once("genres", lambda: self.warehouse.query(_GENRES))

    def tags(self) -> Mapping[int, Mapping[str, int]]:
        """Return tags with their number of users, and keywords, which count as one user, by movie."""

        def read() -> dict[int, dict[str, int]]:
            by_movie: dict[int, dict[str, int]] = defaultdict(dict)
            rows = self.warehouse.query(_TAGS)
            for movie, tag, users in zip(
                *(rows[name].to_pylist() for name in rows.column_names), strict=True
            ):
                by_movie[movie][tag] = by_movie[movie].get(tag, 0) + int(users)
            return dict(by_movie)

        return self._once("tags", read)


def _problem(
    data: Data,
    name: str,
    labels: LabelSet | None,
    names: tuple[str, ...],
    *,
    genres: tuple[str, ...] | None = None,
    only: Callable[[pa.Table], Any] | None = None,
    posters: bool = False,
    tags: bool = False,
    texts: bool = False,
) -> Problem:
    movies = data.movies()
    if only is not None:
        movies = movies.filter(pa.array(only(movies)))
    if posters:
        movies = movies.filter(movies["sha256"].is_valid())
    if texts:
        movies = movies.filter(
            pa.array(np.array([bool(text) for text in movies["overview"].to_pylist()], bool))
        )
    ids = movies["movie_id"].to_numpy()
    if labels is None:
        by_set = {source.name: label_matrix(data.genres(), ids, source) for source in (MOVIELENS, TMDB, IMDB)}
        all_genres, matrix = pooled(by_set)
    else:
        all_genres, matrix = labels.genres, label_matrix(data.genres(), ids, labels)
    columns = [all_genres.index(genre) for genre in genres or all_genres]
    y = matrix.y[:, columns]
    rows = np.flatnonzero(y.any(axis=1))[: data.movies_at_most]
    movies, y = movies.take(pa.array(rows)), np.ascontiguousarray(y[rows])
    texts_of = tuple(movies["overview"].to_pylist()) if texts or labels is None else ()
    files = zip(movies["sha256"].to_pylist(), movies["format"].to_pylist(), strict=True)
    tags_of = data.tags() if tags else {}
    numbers = _numbers(movies, names)
    if labels is None:
        numbers, names = np.hstack([numbers, plots.measure(texts_of)]), (*names, *plots.NAMES)
    return Problem(
        name,
        tuple(all_genres[column] for column in columns),
        movies["movie_id"].to_numpy(),
        y,
        movies["bucket"].to_numpy().astype(np.int8),
        numbers,
        names,
        tags=tuple(tags_of.get(movie, {}) for movie in movies["movie_id"].to_pylist()) if tags else (),
        overviews=texts_of,
        posters=tuple(StoredPoster(sha256, kind) for sha256, kind in files) if posters else (),
        titles=tuple(movies["title"].to_pylist()),
    )


def _numbers(movies: pa.Table, names: tuple[str, ...]) -> Floats:
    columns = []
    for name in names:
        column = movies[name].to_numpy(zero_copy_only=False).astype(np.float64)
        columns.append(np.log1p(np.maximum(column, 0)) if name in _LOGARITHMS else column)
    return (
        np.stack(columns, axis=1).astype(np.float32)
        if columns
        else np.zeros((movies.num_rows, 0), np.float32)
    )


def _document_a(movies: pa.Table) -> Any:
    """Return A05's movies: English and of 1995 or later.

    A movie whose language no source gives stays (most of these have no TMDb record).
    """
    return english_since(movies["original_language"].to_pylist(), movies["year"].to_pylist(), unknown=True)


def _in_tmdb(movies: pa.Table) -> Any:
    return movies["in_tmdb"].to_numpy(zero_copy_only=False)


_EIGHT = SUBSETS["movielens8"][1]
PROBLEMS: dict[str, Callable[[Data], Problem]] = {
    "A": lambda d: _problem(d, "A", MOVIELENS, (), genres=_EIGHT, only=_document_a, posters=True, tags=True),
    "A all": lambda d: _problem(d, "A all", MOVIELENS, (), genres=_EIGHT, only=_document_a, tags=True),
    "B": lambda d: _problem(d, "B", TMDB, NUMBERS),
    "B posters": lambda d: _problem(d, "B posters", TMDB, NUMBERS, posters=True),
    "B overviews": lambda d: _problem(d, "B overviews", TMDB, (), texts=True),
    "C posters": lambda d: _problem(d, "C posters", MOVIELENS, (), posters=True),
    "C overviews": lambda d: _problem(d, "C overviews", TMDB, (), texts=True),
    "E": lambda d: _problem(d, "E", None, E_NUMBERS, only=_in_tmdb),
}
"""What each document's systems are run on: its own protocol as far as the warehouse's records reach."""
