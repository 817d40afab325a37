"""The item embedding: learnt once, then a function of a movie's own ratings."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features import EncoderError, FeatureError, build_view, latest
from features.genome import Genome
from features.matrix import dense
from features.taste import Taste, learn_taste
from tests.features.conftest import START, TIME, Clock, Core
from warehouse import Warehouse

N = 12


def land(wh: Warehouse, table: str, rows: list[dict[str, object]]) -> None:
    n = len(rows)
    data = pa.Table.from_pylist(rows)
    if table == "movielens_ratings":
        data = data.append_column("rated_at", pa.array([START] * n, TIME))
    with wh.transaction() as tx:
        batch = tx.batch(None, "movielens", "test", "")
        constants = {"source": "movielens", "batch_id": batch, "request": "", "dataset": "ml-test"}
        tx.append(
            f"raw.{table}",
            data.append_column("fetched_at", pa.array([START] * n, TIME)),
            constants=constants,
        )


def rate(wh: Warehouse, user: int, movie: int, stars: float) -> None:
    land(wh, "movielens_ratings", [{"user_id": user, "movielens_id": 100 + movie, "rating": stars}])


@pytest.fixture
def rated(wh: Warehouse, core: Core) -> Warehouse:
    """Even users like even movies, odd users the odd ones; nobody rated movie 0."""
    core.movies(*({"movie_id": i, "movielens_id": 100 + i} for i in range(N + 1)))
    land(
        wh,
        "movielens_ratings",
        [
            {"user_id": user, "movielens_id": 100 + movie, "rating": 5.0 if (user + movie) % 2 == 0 else 1.0}
            for user in range(1, 9)
            for movie in range(1, N + 1)
            if (user * 3 + movie) % 5
        ],
    )
    return wh


def test_movies_liked_by_the_same_people_are_alike_and_only_new_ratings_move_a_movie(
    rated: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "encoders" / "taste.safetensors"
    with pytest.raises(EncoderError, match="reelhouse features learn taste"):
        _ = Taste(path).version
    assert learn_taste(rated, path, width=3) == ("ml-test", 8)
    content = path.read_bytes()
    learn_taste(rated, path, width=3)
    assert path.read_bytes() == content
    view = Taste(path)
    assert build_view(rated, view).computed == N
    rows = latest(rated, view)
    vectors = dense(rows["taste"])
    even = rows["movie_id"].to_numpy() % 2 == 0
    likeness = vectors @ vectors.T
    assert likeness[np.ix_(even, even)].min() > 0 > likeness[np.ix_(even, ~even)].max()

    clock.turn(days=1)
    rate(rated, 2, 0, 5.0)  # a movie nobody had rated
    rate(rated, 99, 1, 1.0)  # a user whom the directions do not know
    result = build_view(rated, Taste(path))
    assert (result.computed, result.unchanged) == (2, N - 1)
    again = {row["movie_id"]: row for row in latest(rated, view).to_pylist()}
    before = {row["movie_id"]: row for row in rows.to_pylist()}
    assert again[1]["taste"] == before[1]["taste"]
    assert np.dot(again[0]["taste"], again[2]["taste"]) > 0
    assert again[0]["n_known"] == 1

    old = view.version
    rate(rated, 3, 4, 5.0)
    learn_taste(rated, path, width=3)
    assert Taste(path).version != old


def test_nothing_is_learnt_without_ratings(wh: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="no ratings"):
        learn_taste(wh, tmp_path / "taste")


def test_the_genome_is_read_where_a_set_has_it(wh: Warehouse, core: Core) -> None:
    core.movies({"movie_id": 1, "movielens_id": 10}, {"movie_id": 2, "movielens_id": 20})
    assert build_view(wh, Genome()).computed == 0
    land(wh, "movielens_genome_tags", [{"tag_id": 1, "tag": "robots"}, {"tag_id": 2, "tag": "heist"}])
    scores = [{"movielens_id": 10, "tag_id": tag, "relevance": tag / 4} for tag in (1, 2)]
    land(wh, "movielens_genome_scores", scores)
    assert build_view(wh, Genome()).computed == 1
    (row,) = latest(wh, Genome()).to_pylist()
    assert (row["movie_id"], row["tags"], row["relevance"]) == (1, ["heist", "robots"], [0.5, 0.25])
