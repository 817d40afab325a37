"""Label sets and label matrices."""

import numpy as np
import pyarrow as pa
import pytest

from models.errors import NoModel
from models.labels import (
    LABEL_SETS,
    MOVIELENS,
    SUBSETS,
    TMDB,
    label_matrix,
    label_set,
    pooled,
    positions,
    subset,
    targets,
)


def rows(*triples: tuple[int, str, str]) -> pa.Table:
    return pa.table(
        {
            "movie_id": pa.array([t[0] for t in triples], pa.int64()),
            "source": [t[1] for t in triples],
            "genre": [t[2] for t in triples],
        }
    )


IDS = np.array([3, 5, 9])


def test_the_sources_have_their_numbers_of_genres() -> None:
    assert {name: len(one.genres) for name, one in LABEL_SETS.items()} == {
        "movielens": 18,
        "tmdb": 19,
        "imdb": 23,
    }
    assert "IMAX" not in MOVIELENS.genres
    assert "Foreign" not in TMDB.genres


@pytest.mark.parametrize("one", LABEL_SETS.values(), ids=lambda one: one.name)
def test_genres_are_in_order_and_distinct(one: object) -> None:
    genres = one.genres  # type: ignore[attr-defined]
    assert len(set(genres)) == len(genres)


def test_a_movie_without_genres_of_the_source_is_unlabelled_and_not_negative() -> None:
    labels = label_matrix(rows((3, "movielens", "Drama"), (5, "tmdb", "Drama")), IDS, MOVIELENS)
    assert labels.known.tolist() == [True, False, False]
    assert labels.y.sum() == 1


def test_formats_and_withdrawn_genres_label_nothing() -> None:
    labels = label_matrix(
        rows((3, "movielens", "IMAX"), (5, "movielens", "(no genres listed)")), IDS, MOVIELENS
    )
    assert not labels.known.any()
    assert not label_matrix(rows((3, "tmdb", "Foreign")), IDS, TMDB).known.any()


def test_movies_that_are_not_asked_for_are_left_out() -> None:
    labels = label_matrix(rows((4, "movielens", "Drama"), (9, "movielens", "War")), IDS, MOVIELENS)
    assert labels.known.tolist() == [False, False, True]


def test_the_subset_is_terentievs_eight() -> None:
    of, columns = subset("movielens8")
    assert of is MOVIELENS
    assert tuple(of.genres[i] for i in columns) == SUBSETS["movielens8"][1]
    assert len(columns) == 8


def test_an_unknown_label_set_is_refused_with_those_there_are() -> None:
    with pytest.raises(NoModel, match=r"no label set 'netflix'.*movielens"):
        label_set("netflix")


def test_targets_put_the_own_genres_first_and_weigh_the_others_less() -> None:
    given = rows((3, "movielens", "Drama"), (3, "tmdb", "Drama"), (5, "tmdb", "War"))
    by_set = {name: label_matrix(given, IDS, one) for name, one in LABEL_SETS.items()}
    made = targets(by_set, "tmdb", others_weight=0.5)
    assert made.n_genres == 19
    assert made.y[0, TMDB.genres.index("Drama")] == 1
    assert made.weight[0, 0] == 1
    assert made.weight[0, 19] == 0.5
    assert made.weight[1, 19] == 0
    assert made.known.tolist() == [True, True, False]


def test_pooled_labels_take_a_genre_from_any_source_under_one_name() -> None:
    given = rows((3, "movielens", "Sci-Fi"), (5, "tmdb", "Science Fiction"), (9, "imdb", "Sci-Fi"))
    names, labels = pooled({name: label_matrix(given, IDS, one) for name, one in LABEL_SETS.items()})
    assert "Sci-Fi" not in names
    assert labels.y[:, names.index("Science Fiction")].tolist() == [1, 1, 1]


def test_positions_tell_what_is_there() -> None:
    at, found = positions(np.array([9, 4, 3]), IDS)
    assert found.tolist() == [True, False, True]
    assert at[found].tolist() == [2, 0]
    assert not positions(np.array([1]), np.empty(0, np.int64))[1].any()
