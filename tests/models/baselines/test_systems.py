"""Every system runs on an invented lake, and learns what is there to be learnt."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.baselines import SYSTEMS, System, backbones, cs109b, keras_course, multilabel
from models.baselines.backbones import bottleneck
from models.baselines.data import Data
from models.baselines.errors import NotRunnable
from models.baselines.problem import StoredPoster
from models.baselines.scores import HONEST
from models.metrics import mean_auc

BLIND = {"A18", "A21", "B07", "B08", "B09", "E09"}
"""Rows that cannot rank: the trivial ones, and tags that hardly any movie has."""
BARELY = {"B17 one", "B17 six", "C06", "C07", "C12", "E07", "E08"}
"""Networks that document or size keep from learning in a few epochs on two hundred movies."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks and forests: what is tested is that they work."""
    monkeypatch.setattr(multilabel, "TREES", 8)
    monkeypatch.setattr(multilabel, "MEMBERS", 3)
    monkeypatch.setattr(keras_course, "OVERVIEW_EPOCHS", 1)
    monkeypatch.setattr(keras_course, "POSTER_EPOCHS", 3)
    monkeypatch.setattr(cs109b, "SCRATCH_EPOCHS", 1)
    torch.manual_seed(0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "system", [one for one in SYSTEMS if one.row not in ("B20", "L4", "R")], ids=lambda one: str(one.id)
)
def test_a_system_runs_under_both_protocols(
    system: System, data: Data, quiet: Callable[[int, int | None], None]
) -> None:
    if system.id == "B21":
        pytest.skip("needs a network whose last block can be trained")
    scores = system.run(data, np.random.default_rng(0), quiet)
    assert len(scores.protocols) == 2
    for part in scores.protocols.values():
        assert part.y.shape == part.p.shape == part.d.shape == (len(part.y), len(part.genres))
        assert np.isfinite(part.p).all()
        assert set(np.unique(part.d)) <= {0, 1}
        assert part.values()["accuracy"] >= 0
    if system.row not in BLIND and system.id not in BARELY and not system.row.startswith("D"):
        assert mean_auc(scores.protocols[HONEST].y, scores.protocols[HONEST].p) > 0.6


def test_problems_hold_what_their_document_asks_for(data: Data) -> None:
    a, whole = data.problem("A"), data.problem("A all")
    assert a.genres == ("Drama", "Comedy", "Thriller", "Documentary", "Action", "Romance", "Horror", "Crime")
    assert set(a.movie_ids) < set(whole.movie_ids)
    assert all(poster is not None for poster in a.posters)
    assert all(int(title.split()[1]) % 30 >= 5 for title in whole.titles), "before 1995"
    assert data.problem("C overviews").overviews.count("") == 0
    assert data.problem("B").numbers.shape[1] == 9
    assert data.problem("E").number_names[-1] == "sentiment"
    assert not np.intersect1d(a.rows("train"), a.rows("test")).size


def test_a_changed_movie_changes_the_fingerprint(data: Data) -> None:
    problem = data.problem("A")
    assert problem.fingerprint() == replace(problem).fingerprint()
    y = problem.y.copy()
    y[0] = 1 - y[0]
    assert replace(problem, y=y).fingerprint() != problem.fingerprint()
    assert replace(problem, tags=({"new": 1}, *problem.tags[1:])).fingerprint() != problem.fingerprint()
    assert replace(problem, posters=(None, *problem.posters[1:])).fingerprint() != problem.fingerprint()


def test_what_a_network_saw_is_kept_on_disk(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = replace(data, cache_dir=tmp_path)
    first = bottleneck(kept, kept.problem("A"))
    monkeypatch.delattr(backbones, "PosterStatistics")
    again = replace(data, cache_dir=tmp_path)
    assert np.array_equal(bottleneck(again, again.problem("A")), first)
    assert first.shape == (len(kept.problem("A").y), 267)


def test_a_poster_that_cannot_be_read_is_nothing_seen(data: Data) -> None:
    problem = data.problem("A")
    damaged = replace(problem, posters=(StoredPoster("0" * 64, "JPEG"), None, *problem.posters[2:]))
    seen = bottleneck(data, damaged)
    assert not seen[:2].any() and seen[2:].any(axis=1).all()
    assert not data.pixels(replace(damaged, name="damaged"), 8, 8)[:2].any()


def test_without_any_poster_the_reason_is_said(data: Data, tmp_path: Path) -> None:
    away = replace(data, poster_dir=tmp_path)
    with pytest.raises(NotRunnable, match="ingest posters"):
        bottleneck(away, away.problem("A"))


def test_pixels_are_whole_posters(data: Data) -> None:
    problem = data.problem("A")
    pixels = data.pixels(problem, 8, 8)
    assert pixels.shape == (len(problem.y), 3, 8, 8) and pixels.dtype == np.uint8
    comedies, horrors = (problem.y[:, problem.genres.index(name)] > 0 for name in ("Comedy", "Horror"))
    assert pixels[comedies].mean() > pixels[horrors].mean() + 50


def test_statistics_have_no_block_to_train(data: Data, quiet: Callable[[int, int | None], None]) -> None:
    system = next(one for one in SYSTEMS if one.id == "B20")
    with pytest.raises(NotRunnable, match="REELHOUSE_POSTER_ENCODER"):
        system.run(data, np.random.default_rng(0), quiet)


def test_a_backbone_that_is_not_there_is_a_reason(data: Data, tmp_path: Path) -> None:
    away = replace(data, backbone=str(tmp_path / "vgg16"))
    with pytest.raises(NotRunnable, match="vgg16"):
        bottleneck(away, away.problem("A"))


def test_our_champion_is_judged_on_the_same_test_movies(
    data: Data, quiet: Callable[[int, int | None], None]
) -> None:
    system = next(one for one in SYSTEMS if one.id == "R tags, A all")
    part = system.run(data, np.random.default_rng(0), quiet).protocols[HONEST]
    problem = data.problem("A all")
    test = problem.rows("test")
    scored = problem.movie_ids[test] % 3 == 0
    assert np.array_equal(part.y, problem.y[test][scored])
    assert part.values()["exact_match"] == 1


def test_a_champion_that_is_not_there_is_a_reason(
    data: Data, quiet: Callable[[int, int | None], None]
) -> None:
    system = next(one for one in SYSTEMS if one.id == "R text, B")
    with pytest.raises(NotRunnable, match="reelhouse train"):
        system.run(data, np.random.default_rng(0), quiet)


@pytest.mark.slow
@pytest.mark.real_data
def test_the_last_block_of_a_pretrained_network_learns(
    data: Data, shared_weights: Path, quiet: Callable[[int, int | None], None]
) -> None:
    few = replace(data, backbone=str(shared_weights), movies_at_most=120)
    system = next(one for one in SYSTEMS if one.id == "B20")
    scores = system.run(few, np.random.default_rng(0), quiet)
    assert scores.backbone == "mobilenet_v2_1.0_224"
    assert scores.parameters is not None and scores.parameters > 300_000
    assert mean_auc(scores.protocols[HONEST].y, scores.protocols[HONEST].p) > 0.7
