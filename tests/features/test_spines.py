"""Spines from whatever names movies, with split and labels where they are asked for."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features import Released, SpineError, build_view, spine_of, training_set
from features.metadata import Metadata
from tests.features.conftest import TIME, Core
from warehouse import Warehouse


@pytest.fixture
def filled(wh: Warehouse, core: Core) -> Warehouse:
    core.movies(
        {"movie_id": 1, "release_date": date(1999, 3, 31), "year": 1999, "bucket": 0},
        {"movie_id": 2, "release_date": date(2001, 1, 1), "year": 2001, "bucket": 1},
        {"movie_id": 3, "year": 2002, "bucket": 5},
        {"movie_id": 4, "release_date": date(2001, 6, 1), "deleted_at": wh.clock()},
    )
    for source, genre in (("movielens", "Sci-Fi"), ("movielens", "Action"), ("tmdb", "Horror")):
        with wh.transaction() as tx:
            tx.append("core.movie_genres", pa.table({"movie_id": [1], "source": [source], "genre": [genre]}))
    build_view(wh, Metadata())
    return wh


class OtherLibrary:
    """A frame of another library: all it promises is Arrow's C interface."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


TABLE = pa.table({"movie_id": [2, 1]})


@pytest.mark.parametrize(
    ("asked", "movies"),
    [
        ([2, 1, 2], [2, 1, 2]),
        (np.array([3, 9]), [3, 9]),
        ("SELECT movie_id FROM core.movies WHERE year > 2000 ORDER BY movie_id DESC", [3, 2]),
        (Released(date(1999, 3, 31), date(2001, 1, 1)), [1]),
        (Released(first=date(2000, 1, 1)), [2]),
        (Released(), [1, 2, 3]),
        (OtherLibrary(TABLE), [2, 1]),
        (TABLE, [2, 1]),
        ([], []),
    ],
)
def test_movies_are_named_by_ids_sql_days_or_a_frame(
    filled: Warehouse, asked: Any, movies: list[int]
) -> None:
    found = training_set(filled, asked, [Metadata()]).table
    assert found["movie_id"].to_pylist() == movies
    years = {1: 1999, 2: 2001, 3: 2002}
    assert found["metadata__year"].to_pylist() == [years.get(movie) for movie in movies]


def test_sql_may_say_the_time_of_each_row(filled: Warehouse) -> None:
    sql = "SELECT 1 AS movie_id, t AS as_of FROM (VALUES ('2023-12-31'::TIMESTAMPTZ), ('2024-01-02')) AS v(t)"
    found = training_set(filled, sql, [Metadata()]).table
    assert found.schema.field("as_of").type == TIME or found.schema.field("as_of").type.tz
    assert found["metadata__year"].to_pylist() == [None, 1999]


def test_labels_and_the_split_come_with_the_label_set(filled: Warehouse) -> None:
    found = training_set(filled, [3, 1, 2], [Metadata()], label_set="movielens").table
    assert found["genres"].to_pylist() == [None, ["Action", "Sci-Fi"], None]
    assert found["bucket"].to_pylist() == [5, 0, 1]
    assert spine_of(filled, [1], "tmdb")["genres"].to_pylist() == [["Horror"]]


@pytest.mark.parametrize(
    ("asked", "label_set", "message"),
    [
        (["tt0133093"], None, "movie ids are integers"),
        (pa.table({"id": [1]}), "movielens", "needs the column movie_id"),
        (pa.table({"movie_id": [1], "genres": [["x"]]}), "movielens", "has a column genres already"),
        ([1], "imbd", "no movie of the spine has genres at imbd"),
    ],
)
def test_what_names_no_movies_is_refused(
    filled: Warehouse, asked: Any, label_set: str | None, message: str
) -> None:
    with pytest.raises(SpineError, match=message):
        training_set(filled, asked, [Metadata()], label_set=label_set)
