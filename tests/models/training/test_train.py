"""Training on a real lake: what is registered, what is refused, and when it is due."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from features import FeatureView, build_view
from models import (
    ModelError,
    ModelSettings,
    TrainReport,
    champion,
    due,
    entries,
    model_names,
    promote,
    registry,
    rollback,
    train,
)
from models.dataset import rows_of, views_of
from models.errors import DamagedModel, NoModel
from models.files import directory_sha256
from models.predictors.apply import load_model
from models.predictors.single import SingleModel
from tests.models.conftest import Catalogue, Clock, Counted, Trained, build_all
from warehouse import Warehouse

Views = Mapping[str, FeatureView]


def trained(wh: Warehouse, settings: ModelSettings, views: Views) -> dict[str, TrainReport]:
    return {r.model: r for r in train(wh, settings, views, label_set="movielens", run_id="run")}


@pytest.fixture
def filled(wh: Warehouse, catalogue: Catalogue, views: Views) -> Warehouse:
    catalogue.fill(400)
    build_all(wh, views)
    return wh


def test_five_models_are_trained_measured_and_registered_as_first_champions(trained_lake: Trained) -> None:
    reports = trained_lake.reports
    assert tuple(reports) == model_names()
    assert {r.stage for r in reports.values()} == {"champion"}
    assert all(r.metrics["auc"] > 0.55 for r in reports.values())
    best = max(r.metrics["described"]["auc"] for r in reports.values() if r.model != "combined")
    assert reports["combined"].metrics["described"]["auc"] > best
    for entry in entries(trained_lake.warehouse, "movielens"):
        assert entry.run_id == "run"
        assert entry.views == {name: trained_lake.views[name].version for name in entry.views}
        assert entry.split["training"] > 100
        assert set(entry.thresholds) > {"Action", "Comedy", "Drama", "Horror"}
        directory = trained_lake.settings.model_dir / entry.artefact_path
        assert directory_sha256(directory) == entry.artefact_sha256
        kinds = {path.suffix for path in directory.rglob("*") if path.is_file()}
        assert kinds <= {".txt", ".json", ".safetensors"}


def test_genres_that_no_movie_has_are_noted_and_constant(trained_lake: Trained) -> None:
    assert any(note.startswith("Western: 0 of") for note in trained_lake.reports["text"].notes)
    assert "Western" in trained_lake.reports["metadata"].metrics["skipped"]
    western = said(trained_lake, "metadata")[:, 17]
    assert len(np.unique(western)) == 1
    assert western[0] < 0.05


@pytest.mark.parametrize("name", ["metadata", "tags", "text", "poster"])
def test_a_movie_is_judged_alike_alone_and_among_others(trained_lake: Trained, name: str) -> None:
    together = said(trained_lake, name)
    one_by_one = [said(trained_lake, name, slice(i, i + 1))[0] for i in range(25)]
    assert (np.array(one_by_one) == together[:25]).all()


def said(lake: Trained, name: str, rows: slice = slice(None)) -> np.ndarray:
    """What a champion, loaded from its files, says about some rows of its view."""
    entry = champion(lake.warehouse, "movielens", name)
    assert entry is not None
    model = load_model(lake.settings, entry)
    assert isinstance(model, SingleModel)
    table = rows_of(lake.warehouse, lake.views, views_of(name, lake.views))
    return model.probabilities(table.slice(rows.start or 0, None if rows.stop is None else 1))


def test_training_the_same_again_trains_nothing(trained_lake: Trained) -> None:
    first = trained_lake.reports
    again = trained(trained_lake.warehouse, trained_lake.settings, trained_lake.views)
    assert [r.model_version for r in again.values()] == [r.model_version for r in first.values()]
    assert all("gave this version before" in r.reason for r in again.values())
    assert all(r.repeated for r in again.values())
    assert len(entries(trained_lake.warehouse)) == 5


@pytest.mark.parametrize("models", [["metadata"], ["text", "tags"]])
def test_a_version_does_not_depend_on_the_models_that_are_trained_together(
    trained_lake: Trained, models: list[str]
) -> None:
    lake = trained_lake
    again = train(lake.warehouse, lake.settings, lake.views, label_set="movielens", models=models)
    assert [(r.model, r.model_version) for r in again] == [
        (model, lake.reports[model].model_version) for model in models
    ]
    assert all(r.repeated for r in again)
    assert len(entries(lake.warehouse)) == 5


def test_a_model_is_not_trained_again_for_what_only_others_learn_from(
    wh: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views
) -> None:
    catalogue.fill(60)
    build_all(wh, {name: views[name] for name in ("tags", "text")})
    names = ["tags", "text"]
    first = train(wh, settings, views, label_set="movielens", models=names)
    catalogue.change(8, overview="explosion explosion")
    build_view(wh, views["text"])
    second = train(wh, settings, views, label_set="movielens", models=names)
    assert [r.repeated for r in second] == [True, False]
    assert second[0].model_version == first[0].model_version
    assert second[1].model_version != first[1].model_version


def test_models_that_are_there_already_are_not_trained_again_beside_one_that_is_skipped(
    wh: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views
) -> None:
    catalogue.fill(60)
    build_view(wh, views["tags"])
    names = ["tags", "poster"]
    first = train(wh, settings, views, label_set="movielens", models=names)
    assert [(r.stage, r.repeated) for r in first] == [("champion", False), ("skipped", False)]
    before = entries(wh)
    second = train(wh, settings, views, label_set="movielens", models=names)
    assert [(r.stage, r.repeated) for r in second] == [("champion", True), ("skipped", False)]
    assert entries(wh) == before


def test_the_same_data_gives_the_same_files_elsewhere(
    filled: Warehouse, settings: ModelSettings, views: Views
) -> None:
    trained(filled, settings, views)
    before = {e.model: e.artefact_sha256 for e in entries(filled)}
    with filled.transaction() as tx:
        tx.delete_keys("ops.models", pa.table({"label_set": ["movielens"]}))
    trained(filled, settings, views)
    assert {e.model: e.artefact_sha256 for e in entries(filled)} == before


def test_test_movies_teach_nothing(
    filled: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views
) -> None:
    """Turning the labels of all test movies round changes no model: only what is measured."""
    trained(filled, settings, views)
    before = {e.model: e.artefact_sha256 for e in entries(filled)}
    genres = filled.query(
        "SELECT movie_id, source, CASE genre WHEN 'Drama' THEN 'Comedy' ELSE 'Drama' END AS genre "
        "FROM core.movie_genres WHERE movie_id % 10 = 0 GROUP BY ALL"
    )
    with filled.transaction() as tx:
        tx.replace_keys("core.movie_genres", genres, ["movie_id"])
    trained(filled, settings, views)
    after = {e.model: e.artefact_sha256 for e in entries(filled) if e.artefact_sha256 in before.values()}
    assert after == before
    assert len(entries(filled)) == 10


def test_a_modality_with_too_few_movies_is_skipped_and_its_champion_stays(
    wh: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views
) -> None:
    catalogue.fill(12)
    build_all(wh, views)
    reports = trained(wh, settings, views)
    assert {r.stage for r in reports.values()} == {"skipped"}
    assert "at least 20 are needed" in reports["text"].reason
    assert entries(wh) == []


def test_one_training_movie_is_a_clear_skip(
    wh: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views
) -> None:
    catalogue.fill(1, first=12)
    build_all(wh, views)
    assert trained(wh, settings, views)["metadata"].reason.startswith("1 labelled movies to learn from")


def test_genres_without_two_classes_are_a_clear_skip(
    wh: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views
) -> None:
    catalogue.fill(60)
    rows = wh.query("SELECT DISTINCT movie_id, source, 'Drama' AS genre FROM core.movie_genres")
    with wh.transaction() as tx:
        tx.replace_keys("core.movie_genres", rows, ["movie_id", "source"])
    build_all(wh, views)
    reports = trained(wh, settings, views)
    assert {r.stage for r in reports.values()} == {"skipped"}
    assert reports["tags"].reason == "every genre is on all or on none of the labelled movies"
    assert reports["combined"].reason == "no modality has enough labelled movies"


def test_a_champion_stays_when_hardly_anything_is_left_to_learn_from(
    wh: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views
) -> None:
    catalogue.fill(60)
    build_view(wh, views["tags"])
    train(wh, settings, views, label_set="movielens", models=["tags"])
    before = champion(wh, "movielens", "tags")
    for left, why in ((1, "1 labelled movies to learn from"), (0, "0 labelled movies to learn from")):
        kept = wh.query(
            "SELECT movie_id, source, genre FROM core.movie_genres SEMI JOIN (SELECT movie_id "
            "FROM core.movies WHERE bucket = 5 ORDER BY movie_id LIMIT ?) USING (movie_id)",
            [left],
        )
        with wh.transaction() as tx:
            tx.execute("DELETE FROM core.movie_genres")
            tx.append("core.movie_genres", kept)
        report = train(wh, settings, views, label_set="movielens", models=["tags"])[0]
        assert (report.stage, report.reason.startswith(why)) == ("skipped", True)
        assert champion(wh, "movielens", "tags") == before


def test_a_model_of_other_views_is_told_from_one_that_can_be_applied(trained_lake: Trained) -> None:
    entry = champion(trained_lake.warehouse, "movielens", "text")
    assert entry is not None
    present = {name: view.version for name, view in trained_lake.views.items()}
    assert registry.stale_views(entry, present) == ""
    why = registry.stale_views(entry, {**present, "words": "0" * 12})
    assert why.endswith("was trained on another version of the view words: train again")
    gone = {name: version for name, version in present.items() if name != "words"}
    assert registry.stale_views(entry, gone) == why


def test_unknown_names_are_refused(trained_lake: Trained) -> None:
    lake = trained_lake
    with pytest.raises(NoModel, match="no model oracle"):
        train(lake.warehouse, lake.settings, lake.views, label_set="movielens", models=["oracle"])
    with pytest.raises(NoModel, match="no label set"):
        train(lake.warehouse, lake.settings, lake.views, label_set="netflix")


def test_an_empty_warehouse_says_what_to_do(wh: Warehouse, settings: ModelSettings, views: Views) -> None:
    with pytest.raises(ModelError, match="reelhouse ingest"):
        train(wh, settings, views, label_set="movielens")


def test_a_challenger_of_shuffled_labels_is_refused_and_the_champion_stays(
    filled: Warehouse, settings: ModelSettings, views: Views
) -> None:
    first = trained(filled, settings, views)
    rows = filled.query(
        "SELECT g.movie_id, g.source, g.genre FROM core.movie_genres g JOIN core.movies USING (movie_id) "
        "WHERE bucket >= 1"
    )
    order = np.random.default_rng(5).permutation(rows.num_rows)
    shuffled = rows.set_column(2, "genre", rows["genre"].take(pa.array(order)))
    distinct = shuffled.group_by(["movie_id", "source", "genre"]).aggregate([])
    with filled.transaction() as tx:
        tx.replace_keys("core.movie_genres", distinct, ["movie_id", "source"])
    second = trained(filled, settings, views)
    assert second["combined"].stage == "refused"
    assert "worse than the champion" in second["combined"].reason
    now = champion(filled, "movielens", "combined")
    assert now is not None
    assert now.model_version == first["combined"].model_version


def test_a_leaked_feature_is_kept_for_a_person(
    filled: Warehouse, settings: ModelSettings, views: dict[str, FeatureView], clock: Clock
) -> None:
    first = trained(filled, settings, views)
    clock.turn(days=1)
    filled.commit(
        lambda tx: tx.execute(
            "UPDATE core.movies SET overview = (SELECT string_agg(CASE genre WHEN 'Drama' THEN 'grief' "
            "WHEN 'Comedy' THEN 'prank' WHEN 'Horror' THEN 'zombie' ELSE 'gun' END, ' ') "
            "FROM core.movie_genres g WHERE g.movie_id = movies.movie_id AND g.source = 'movielens')"
        )
    )
    build_all(filled, views)
    second = trained(filled, settings, views)
    assert second["text"].stage == "challenger"
    assert "look for a leak" in second["text"].reason
    now = champion(filled, "movielens", "text")
    assert now is not None
    assert now.model_version == first["text"].model_version
    promoted = promote(filled, "movielens", "text", str(second["text"].model_version))
    assert promoted.stage == "champion"
    assert rollback(filled, "movielens", "text").model_version == first["text"].model_version
    stages = sorted(e.stage for e in entries(filled, "movielens", "text"))
    assert stages == ["champion", "retired"]


def test_rolling_back_without_an_earlier_champion_is_refused(trained_lake: Trained) -> None:
    with pytest.raises(ModelError, match="nothing to roll movielens text back to"):
        rollback(trained_lake.warehouse, "movielens", "text")
    with pytest.raises(NoModel, match="no version begins with 'zz'"):
        promote(trained_lake.warehouse, "movielens", "text", "zz")


def test_a_tampered_artefact_is_not_loaded(filled: Warehouse, settings: ModelSettings, views: Views) -> None:
    trained(filled, settings, views)
    entry = champion(filled, "movielens", "tags")
    assert entry is not None
    path = settings.model_dir / entry.artefact_path / "network.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedModel, match="were changed since it was registered") as caught:
        load_model(settings, entry)
    assert "\n" not in str(caught.value)
    again = {r.model: r for r in train(filled, settings, views, label_set="movielens")}
    assert again["tags"].stage == "champion"
    assert load_model(settings, champion(filled, "movielens", "tags"))  # type: ignore[arg-type]


def test_an_unwritable_model_directory_is_one_line(
    filled: Warehouse, settings: ModelSettings, views: Views
) -> None:
    settings.model_dir.write_text("in the way")
    with pytest.raises(ModelError, match="cannot be written"):
        train(filled, settings, views, label_set="movielens", models=["tags"])
    assert entries(filled) == []


def test_training_is_due_once_then_not(trained_lake: Trained) -> None:
    lake = trained_lake
    is_due, reason = due(lake.warehouse, lake.settings, lake.views, "movielens")
    assert not is_due
    assert reason.startswith("not due: 0 of ")
    assert due(lake.warehouse, lake.settings, lake.views, "tmdb") == (True, "due: nothing was trained yet")


def test_training_is_due_when_many_movies_changed_or_few_did_long_ago(
    filled: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views, clock: Clock
) -> None:
    trained(filled, settings, views)
    clock.turn(days=1)
    catalogue.change(11, title="Another title")
    assert not due(filled, settings, views, "movielens")[0]
    clock.turn(days=8)
    is_due, reason = due(filled, settings, views, "movielens")
    assert is_due
    assert "9 days ago" in reason
    eager = dataclasses.replace(settings, retrain_fraction=0.0, retrain_days=30)
    assert not due(filled, eager, views, "movielens")[0], "a title is no input of tags, text and posters"
    catalogue.change(11, overview="comedy comedy comedy")
    build_all(filled, views)
    assert "over 0%" in due(filled, eager, views, "movielens")[1]


def test_training_is_due_when_a_view_has_another_version(
    filled: Warehouse, settings: ModelSettings, views: dict[str, FeatureView]
) -> None:
    trained(filled, settings, views)
    changed = Counted("text", "tagline")
    changed_views = {**views, "text": changed}
    build_all(filled, {"text": changed})
    assert due(filled, settings, changed_views, "movielens") == (
        True,
        "due: the view text has another version",
    )


def test_training_is_not_due_without_labelled_movies(
    wh: Warehouse, settings: ModelSettings, views: Views
) -> None:
    assert due(wh, settings, views, "imdb")[0] is False


def test_entries_survive_the_warehouse(trained_lake: Trained) -> None:
    entry = entries(trained_lake.warehouse, "movielens", "tags")[0]
    registry.register(trained_lake.warehouse, entry)
    assert entries(trained_lake.warehouse, "movielens", "tags") == [entry]
