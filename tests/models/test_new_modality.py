"""A modality that is not among ours: one file and one entry of the registry are all that it takes."""

import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from features import FeatureView
from flows.inspect.check import Limits, check_champions
from flows.inspect.models import explain_movie
from flows.inspect.status import print_status
from flows.inspect.summary import read_status
from flows.report import write_report
from flows.settings import Settings, load_settings
from models import ModelError, ScoreReport, TrainReport, champion, due, explain, model_names, score, train
from models.modalities.modality import MODALITIES, Modality
from models.predictors.single import SingleModel
from tests.models import letters
from tests.models.conftest import Catalogue, Clock, build_all, made_views, small_settings
from warehouse import Location, Warehouse

MOVIES = 300
ENTRY = Modality("letters", "tests.models.letters", view="letters", evidence="titles")
"""The one entry. The view has another, in `features/available_views.py`; here it is handed over instead."""


@dataclass(frozen=True)
class Home:
    """A home whose six models are trained and have scored every movie."""

    settings: Settings
    warehouse: Warehouse
    views: dict[str, FeatureView]
    trained: dict[str, TrainReport]
    scored: ScoreReport


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    directory = tmp_path_factory.mktemp("letters") / "home"
    views = {**made_views(), "letters": letters.Letters()}
    with (
        pytest.MonkeyPatch.context() as patch,
        Warehouse.open(Location.under(directory), clock=Clock()) as warehouse,
    ):
        patch.setitem(MODALITIES, ENTRY.name, ENTRY)
        Catalogue(warehouse).fill(MOVIES)
        telling = warehouse.query("SELECT * REPLACE (coalesce(overview, title) AS title) FROM core.movies")
        with warehouse.transaction() as tx:
            tx.replace_keys("core.movies", telling, ["movie_id"])
        build_all(warehouse, views)
        settings = small_settings(directory)
        trained = train(warehouse, settings, views, label_set="movielens")
        scored = score(warehouse, settings, views, label_set="movielens")
        yield Home(
            load_settings(home=directory, label_sets=("movielens",)),
            warehouse,
            views,
            {report.model: report for report in trained},
            scored,
        )


def test_it_takes_one_file_of_sixty_lines() -> None:
    assert len(Path(letters.__file__).read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.slow
def test_it_is_trained_fused_and_scored(home: Home) -> None:
    assert (
        tuple(home.trained) == model_names() == ("metadata", "tags", "text", "poster", "letters", "combined")
    )
    assert {report.stage for report in home.trained.values()} == {"champion"}
    assert home.trained["letters"].metrics["auc"] > 0.6
    combined = champion(home.warehouse, "movielens", "combined")
    assert combined is not None
    assert combined.views["letters"] == home.views["letters"].version
    assert (home.settings.home / "models" / combined.artefact_path / "letters").is_dir()
    assert home.scored.per_model["letters"] == home.scored.per_model["combined"] == MOVIES


@pytest.mark.slow
def test_it_is_explained(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pieces = explain(
        home.warehouse, small_settings(home.settings.home), home.views, 13, label_set="movielens"
    ).to_pylist()
    of = {model: {row["piece"] for row in pieces if row["model"] == model} for model in model_names()}
    assert of["letters"] == {"letters"}
    assert of["combined"] >= {"letters", "metadata", "tags", "text"}
    monkeypatch.setattr("flows.inspect.models.feature_views", lambda settings: home.views)
    explain_movie(home.settings, "tt0000013", "movielens", None, 5, as_json=False)
    assert "letters: 26 numbers" in capsys.readouterr().out


@pytest.mark.slow
def test_it_stands_in_status_check_and_report(home: Home) -> None:
    version = home.trained["letters"].model_version
    assert version is not None
    out = io.StringIO()
    print_status(read_status(home.settings), out)
    lines = out.getvalue().splitlines()
    heads = next(line for line in lines if line.startswith("Champions")).split()
    cells = next(line for line in lines if version in line).split()
    assert heads[cells.index(version)] == "letters"
    assert max(len(line) for line in lines if "letters" in line or version in line) <= 100
    (check,) = check_champions(home.warehouse, Limits(), ("movielens",))
    assert (check.ok, check.found) == (True, "all 6")
    assert version in write_report(home.settings).read_text(encoding="utf-8")


@pytest.mark.slow
def test_without_its_entry_it_is_refused(home: Home) -> None:
    entry = champion(home.warehouse, "movielens", "letters")
    assert entry is not None
    directory = home.settings.home / "models" / entry.artefact_path
    assert SingleModel.load("letters", directory).modality == "letters"
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(MODALITIES, "letters")
        with pytest.raises(ModelError, match="no model 'letters': there are metadata, tags, text, poster"):
            SingleModel.load("letters", directory)


@pytest.mark.slow
def test_without_its_entry_the_combined_model_is_skipped_with_one_line_until_it_is_trained_again(
    home: Home,
) -> None:
    combined = champion(home.warehouse, "movielens", "combined")
    assert combined is not None
    settings = small_settings(home.settings.home)
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(MODALITIES, "letters")
        report = score(home.warehouse, settings, home.views, label_set="movielens")
        assert report.refused == {
            "combined": f"movielens combined {combined.model_version} was trained on the view letters, which "
            "no modality reads now: train again"
        }
        assert report.per_model.keys() == {"metadata", "tags", "text", "poster"}
        assert due(home.warehouse, settings, home.views, "movielens") == (
            True,
            "due: no modality reads the view letters now",
        )
        pieces = explain(home.warehouse, settings, home.views, 13, label_set="movielens")
        assert set(pieces["model"].to_pylist()) == {"metadata", "tags", "text"}, "it has no poster"


def test_names_are_read_without_the_libraries_of_training() -> None:
    heavy = ("torch", "lightgbm", "sklearn", "sentence_transformers")
    modules = "flows.commands.modelling, flows.inspect.check, flows.inspect.status, flows.report"
    code = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
