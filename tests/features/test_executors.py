"""A build computes the same rows in other processes, whatever the partitions and their order."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from features import FeatureView, build_view, drop_version, latest
from features.poster import Poster
from features.tags import Tags
from features.text import Text
from features.weights import minilm_directory
from tests.features.conftest import Core
from tests.features.test_poster import drawn, kept
from warehouse import Warehouse


def built_both_ways(wh: Warehouse, view: FeatureView) -> None:
    """Build a view here, and again in two processes in other partitions, and compare the rows."""
    assert build_view(wh, view).failed == 0
    here = latest(wh, view)
    drop_version(wh, view, view.version)
    view.partition_rows = 3
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        result = build_view(wh, view, executor=pool)
    assert result.computed == here.num_rows > 6
    there = latest(wh, view)
    for column in view.columns:
        assert there[column.name].equals(here[column.name])


def test_tags_and_posters(wh: Warehouse, core: Core, tmp_path: Path) -> None:
    core.movies(*({"movie_id": i} for i in range(8)))
    for i in range(8):
        core.rows("movie_tags", i, {"tag": f"Zombies {i}", "n_users": i + 1}, {"tag": "heist", "n_users": 1})
        core.rows("posters", i, {"tmdb_id": i, "sha256": kept(tmp_path, drawn(i)), "format": "JPEG"})
    built_both_ways(wh, Tags())
    built_both_ways(wh, Poster("statistics", tmp_path))


@pytest.mark.slow
def test_texts(wh: Warehouse, core: Core) -> None:
    if minilm_directory() is None:
        pytest.skip("reelhouse[offline] is not installed")
    core.movies(*({"movie_id": i, "overview": "A thief falls in love. " * (1 + i)} for i in range(8)))
    built_both_ways(wh, Text())
