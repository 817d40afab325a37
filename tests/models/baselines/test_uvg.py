"""Document D on its own files: its accuracy, its constants, its networks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.baselines import uvg
from models.baselines.data import Data
from models.baselines.errors import NotRunnable
from models.baselines.preprocessing import balanced_sample
from models.baselines.published import figures
from models.baselines.scores import AS_PUBLISHED

Quiet = Callable[[int, int | None], None]


def test_only_the_first_genre_column_counts() -> None:
    y = np.array([[1, 1, 0], [0, 1, 1], [0, 1, 1]], np.float32)
    scores = np.array([[0.1, 0.9, 0], [0, 0.9, 0.1], [0, 0.1, 0.9]], np.float32)
    assert uvg.first_column_accuracy(y, scores) == pytest.approx(1 / 3)
    assert uvg.constant_accuracy(y) == pytest.approx(2 / 3)


def test_a_network_learns_its_file_under_both_protocols(data: Data, quiet: Quiet, seeds: Path) -> None:
    file = uvg.read(seeds / "uvg" / uvg.BALANCED)
    recipe = replace(uvg.RECIPES["D10"], epochs=6, batch=32, rate=1e-3)
    for honest in (False, True):
        scored, accuracy, loss, _ = uvg.fit_once(file, recipe, np.random.default_rng(0), honest, quiet)
        assert len(scored.y) == 80
        assert scored.extra["first_column_accuracy"] > 0.8
        assert len(accuracy) == len(loss) == 6
        assert scored.p.sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert (scored.d.sum(axis=1) == 1).all()


def test_the_honest_protocol_scores_the_same_movies(seeds: Path) -> None:
    file = uvg.read(seeds / "uvg" / uvg.ALL_GENRES)
    recipe = replace(uvg.RECIPES["D07"], epochs=1)
    both = [uvg.fit_once(file, recipe, np.random.default_rng(0), honest)[0].y for honest in (False, True)]
    assert np.array_equal(*both)


def test_without_the_files_the_reason_names_them(data: Data, quiet: Quiet, tmp_path: Path) -> None:
    system = next(one for one in uvg.SYSTEMS if one.id == "D07")
    for directory in (None, tmp_path):
        with pytest.raises(NotRunnable, match=r"uvg/final_data\.csv\.gz"):
            system.run(replace(data, seeds_dir=directory), np.random.default_rng(0), quiet)


@pytest.mark.real_data
def test_the_constants_are_those_of_the_page(shared_data: Path) -> None:
    files = shared_data / "seeds" / "uvg"
    assert uvg.constant_accuracy(uvg.read(files / uvg.ALL_GENRES).y) == pytest.approx(0.381, abs=5e-4)
    assert uvg.constant_accuracy(uvg.read(files / uvg.BALANCED).y) == pytest.approx(0.235, abs=5e-4)


@pytest.mark.real_data
def test_balanced_sampling_gives_the_documents_own_balanced_file(shared_data: Path) -> None:
    files = shared_data / "seeds" / "uvg"
    whole, balanced = uvg.read(files / uvg.ALL_GENRES), uvg.read(files / uvg.BALANCED)
    columns = [whole.genres.index(genre) for genre in balanced.genres]
    rows, labels = balanced_sample(whole.y[:, columns])
    ours = np.hstack([whole.x[rows], labels])
    theirs = np.hstack([balanced.x, balanced.y])
    assert np.array_equal(np.unique(ours, axis=0), np.unique(theirs, axis=0))
    assert len(ours) == len(theirs) == 2_837


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("row", ["D07", "D08", "D09", "D10"])
def test_a_network_comes_within_two_points_of_its_published_accuracy(shared_data: Path, row: str) -> None:
    recipe = uvg.RECIPES[row]
    file = uvg.read(shared_data / "seeds" / "uvg" / recipe.file)
    scored, *_ = uvg.fit_once(file, recipe, np.random.default_rng(uvg.SEED), honest=False)
    published = figures(row, AS_PUBLISHED)["first_column_accuracy"]
    assert scored.extra["first_column_accuracy"] == pytest.approx(published, abs=0.02)
