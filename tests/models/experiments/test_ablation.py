"""The ablation shows what a tag that names a genre would have been worth."""

import pytest

from models.errors import Untrainable
from models.experiments.ablation import leak_ablation
from tests.features.conftest import Core, clock, wh  # noqa: F401 - fixtures
from warehouse import Warehouse


def test_a_tag_that_names_the_genre_is_worth_nothing_once_it_is_removed(wh: Warehouse) -> None:  # noqa: F811
    core = Core(wh)
    with pytest.raises(Untrainable, match="movielens"):
        leak_ablation(wh)
    core.movies(*({"movie_id": number, "bucket": 0 if number <= 8 else 5} for number in range(1, 41)))
    for number in range(1, 41):
        leak = "dark comedy" if number % 2 else "psychodrama"
        core.rows("movie_tags", number, {"tag": "island", "n_users": 1}, {"tag": leak, "n_users": 1})
        genre = "Comedy" if number % 2 else "Drama"
        core.rows("movie_genres", number, {"source": "movielens", "genre": genre})
    rows = {row["genre"]: row for row in leak_ablation(wh).to_pylist()}
    assert (rows["Comedy"]["with_leaks"], rows["Comedy"]["without_leaks"]) == (1.0, 0.5)
    assert rows["Comedy"]["movies"] == 4
