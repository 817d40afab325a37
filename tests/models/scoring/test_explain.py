"""Explanations name the pieces that spoke for a genre, and suspects the labels that look wrong."""

from typing import Any

import pytest

from models import explain, suspects
from models.errors import NoModel
from models.scoring.explain import record
from tests.models.conftest import WORDS, Trained

OF_A_KIND = {word for words in WORDS.values() for word in words}


def told(lake: Trained, movie_id: int, **wanted: str) -> list[dict[str, Any]]:
    table = explain(lake.warehouse, lake.settings, lake.views, movie_id, label_set="movielens", top=3)
    return [row for row in table.to_pylist() if all(row[k] == v for k, v in wanted.items())]


def test_tags_of_a_genre_speak_for_it_and_against_others(trained_lake: Trained) -> None:
    weights: dict[bool, list[float]] = {True: [], False: []}
    for movie_id in (13, 17, 19, 21, 23):
        for row in told(trained_lake, movie_id, model="tags"):
            if row["genre"] in WORDS:
                assert row["piece"] == "tags"
                weights[row["value"] in WORDS[row["genre"]]].append(row["weight"])
    assert sum(weights[True]) / len(weights[True]) > 0.1
    assert sum(weights[False]) / len(weights[False]) < 0


def test_the_combined_model_is_explained_by_modality(trained_lake: Trained) -> None:
    pieces = {row["piece"] for row in told(trained_lake, 13, model="combined")}
    assert {"tags", "metadata"} <= pieces <= {"tags", "metadata", "text", "poster"}


def test_each_model_that_the_movie_has_features_for_is_explained(trained_lake: Trained) -> None:
    models = {row["model"] for row in told(trained_lake, 12)}
    assert "poster" in models  # 12 has a tagline, which stands in for posters
    assert "tags" not in models  # every fourth movie lacks keywords


def test_words_are_named_beside_the_embedding(trained_lake: Trained) -> None:
    rows = told(trained_lake, 13, model="text")
    assert {row["piece"] for row in rows} <= {"words", "embedding"}
    assert any(row["value"] in OF_A_KIND for row in rows if row["piece"] == "words")


def test_a_movie_without_features_is_a_clear_refusal(trained_lake: Trained) -> None:
    with pytest.raises(NoModel, match=r"nothing|no features"):
        explain(trained_lake.warehouse, trained_lake.settings, trained_lake.views, 10**9, label_set="imdb")


def test_suspects_are_doubtful_labels_in_order(trained_lake: Trained) -> None:
    rows = suspects(
        trained_lake.warehouse, trained_lake.settings, label_set="movielens", limit=40
    ).to_pylist()
    doubt = [row["probability"] if row["kind"] == "missing" else 1 - row["probability"] for row in rows]
    assert len(rows) == 40
    assert doubt == sorted(doubt, reverse=True)
    assert all(row["title"] == f"Movie {row['movie_id']}" for row in rows)
    buckets = {row["movie_id"] % 10 for row in rows}
    assert 0 not in buckets, "test movies stay untouched"


@pytest.mark.parametrize("kind", ["wrong", "missing"])
def test_suspects_of_one_kind_are_those_of_both_without_the_other(trained_lake: Trained, kind: str) -> None:
    def asked(limit: int, only: str | None) -> list[dict[str, object]]:
        wh, settings = trained_lake.warehouse, trained_lake.settings
        return suspects(wh, settings, label_set="movielens", limit=limit, kind=only).to_pylist()

    both = [row for row in asked(400, None) if row["kind"] == kind]
    assert 5 <= len(both) < 400
    assert asked(len(both), kind) == both


def test_suspects_need_a_champion(trained_lake: Trained) -> None:
    with pytest.raises(NoModel, match="imdb combined has no champion"):
        suspects(trained_lake.warehouse, trained_lake.settings, label_set="imdb")


def test_suspects_are_in_sql_until_the_source_mends_them(trained_lake: Trained) -> None:
    asked = suspects(trained_lake.warehouse, trained_lake.settings, label_set="movielens", limit=20)
    rows = trained_lake.warehouse.query(
        "SELECT movie_id, genre, kind FROM predictions.suspects WHERE label_set = 'movielens' "
        "ORDER BY doubt DESC, movie_id LIMIT 20"
    )
    said = {(row["movie_id"], row["genre"], row["kind"]) for row in rows.to_pylist()}
    wanted = {(row["movie_id"], row["genre"], row["kind"]) for row in asked.to_pylist()}
    assert len(said & wanted) >= 18  # equal doubts may come in another order


def test_explanations_are_in_sql_and_asked_again_replace_themselves(trained_lake: Trained) -> None:
    lake = trained_lake
    found = explain(lake.warehouse, lake.settings, lake.views, 13, label_set="movielens", top=3)
    for _ in range(2):
        record(lake.warehouse, 13, "movielens", found)
    rows = lake.warehouse.query("SELECT * FROM predictions.explanations WHERE movie_id = 13")
    assert rows.num_rows == found.num_rows
    assert set(rows["title"].to_pylist()) == {"Movie 13"}
