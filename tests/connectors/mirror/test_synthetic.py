"""The synthetic catalogue: the same world every time, shaped like TMDb's, with genres that leave traces."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from connectors.mirror.source_catalogue import APPENDABLE, Catalogue
from connectors.mirror.synthetic import SyntheticCatalogue
from connectors.mirror.synthetic.genres import TMDB_GENRES
from connectors.mirror.synthetic.movies import keyword_id
from connectors.mirror.synthetic.vocabulary import words
from tests.connectors.mirror.fingerprint import fingerprint

START = date(2026, 1, 5)


@pytest.fixture(scope="module")
def catalogue() -> SyntheticCatalogue:
    return SyntheticCatalogue(movies=3000, seed=7)


@pytest.fixture(scope="module")
def records(catalogue: SyntheticCatalogue) -> list[dict[str, Any]]:
    return [catalogue.movie(tmdb_id) or {} for tmdb_id in catalogue.ids()]


def test_it_is_a_catalogue(catalogue: SyntheticCatalogue) -> None:
    assert isinstance(catalogue, Catalogue)
    assert catalogue.today() == START


def test_equal_seeds_make_equal_worlds_in_every_process() -> None:
    here = fingerprint(SyntheticCatalogue(movies=150, seed=7, day=8))
    script = (
        "from tests.connectors.mirror.fingerprint import fingerprint\n"
        "from connectors.mirror.synthetic import SyntheticCatalogue\n"
        "print(fingerprint(SyntheticCatalogue(movies=150, seed=7, day=8)))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    there = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert there.stdout.strip() == here, there.stderr
    assert fingerprint(SyntheticCatalogue(movies=150, seed=8, day=8)) != here


def test_a_day_is_the_same_whichever_way_it_is_reached() -> None:
    walked = SyntheticCatalogue(movies=400, seed=3)
    for _ in range(9):
        walked.advance(1)
    leapt = SyntheticCatalogue(movies=400, seed=3)
    leapt.imdb_file("title.ratings")  # what was served before leaves nothing behind
    leapt.movielens_zip("ml-latest-small")
    leapt.advance(9)
    born = SyntheticCatalogue(movies=400, seed=3, day=9)
    assert fingerprint(walked) == fingerprint(leapt) == fingerprint(born)
    assert born.today() == START + timedelta(days=9)


def test_a_movie_does_not_depend_on_how_many_there_are(catalogue: SyntheticCatalogue) -> None:
    few = SyntheticCatalogue(movies=60, seed=7)
    assert list(few.ids()) == list(catalogue.ids())[:60]
    for tmdb_id in few.ids():
        assert few.movie(tmdb_id) == catalogue.movie(tmdb_id)


@pytest.mark.parametrize("arguments", [{"movies": 0}, {"movies": 20_000}, {"day": -1}])
def test_impossible_worlds_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="synthetic catalogue"):
        SyntheticCatalogue(**arguments)


def test_time_does_not_go_back(catalogue: SyntheticCatalogue) -> None:
    with pytest.raises(ValueError, match="forward"):
        catalogue.advance(0)


def test_movies_miss_modalities_about_as_often_as_said(catalogue: SyntheticCatalogue) -> None:
    counts = catalogue.describe()
    assert counts["movies"] == 3000
    share = {key: count / 3000 for key, count in counts.items()}
    assert 0.79 < share["posters"] < 0.85
    assert 0.01 < share["lost_posters"] < 0.03
    assert 0.945 < share["overviews"] < 0.975
    assert 0.82 < share["keywords"] < 0.88
    assert 0.95 < share["imdb_ids"] < 0.985
    assert 0.55 < share["movielens"] < 0.66
    assert 0.40 < share["budgets"] < 0.60
    assert 0.18 < share["foreign"] < 0.34
    assert 0.005 < share["unlabelled"] < 0.02


def test_every_genre_occurs_about_as_often_as_in_life(catalogue: SyntheticCatalogue) -> None:
    counts = catalogue.describe()
    assert {key[6:] for key in counts if key.startswith("genre:")} == set(TMDB_GENRES)
    assert 0.38 < counts["genre:Drama"] / 3000 < 0.50
    assert 0.28 < counts["genre:Comedy"] / 3000 < 0.38
    assert 15 < counts["genre:TV Movie"] < 60
    assert 45 < counts["genre:Western"] < 130


def test_records_have_the_wire_format(records: list[dict[str, Any]]) -> None:
    kinds: dict[str, type | tuple[type, ...]] = {
        "adult": bool, "video": bool, "id": int, "imdb_id": (str, type(None)), "status": str, "title": str,
        "original_title": str, "tagline": str, "homepage": str, "overview": str, "original_language": str,
        "origin_country": list, "release_date": str, "runtime": int, "budget": int, "revenue": int,
        "popularity": float, "vote_average": float, "vote_count": int, "poster_path": (str, type(None)),
        "backdrop_path": type(None), "genres": list, "belongs_to_collection": (dict, type(None)),
        "production_companies": list, "production_countries": list, "spoken_languages": list,
    }  # fmt: skip
    for record in records:
        assert set(record) == {*kinds, *APPENDABLE}
        for key, kind in kinds.items():
            assert isinstance(record[key], kind), (record["id"], key)
        assert record["title"] == record["title"].strip() != ""
        assert record["imdb_id"] is None or re.fullmatch(r"tt\d{7,8}", record["imdb_id"])
        assert record["imdb_id"] == record["external_ids"]["imdb_id"]
        assert record["poster_path"] is None or re.fullmatch(r"/\w{27}\.jpg", record["poster_path"])
        assert all(TMDB_GENRES[genre["name"]] == genre["id"] for genre in record["genres"])
        if record["release_date"]:
            assert date(1930, 1, 1) <= date.fromisoformat(record["release_date"]) <= date(2026, 12, 31)
            released = date.fromisoformat(record["release_date"]) <= START
            assert (record["status"] == "Released") == released
        assert 0 <= record["vote_average"] <= 10
        assert (record["vote_count"] == 0) == (record["vote_average"] == 0)
        assert record["credits"]["crew"][0]["job"] == "Director"
        assert [actor["order"] for actor in record["credits"]["cast"]] == list(
            range(len(record["credits"]["cast"]))
        )


def test_ids_are_unique(catalogue: SyntheticCatalogue, records: list[dict[str, Any]]) -> None:
    ids = list(catalogue.ids())
    assert ids == sorted(set(ids))
    known = [record["imdb_id"] for record in records if record["imdb_id"]]
    assert len(set(known)) == len(known)
    paths = [record["poster_path"] for record in records if record["poster_path"]]
    assert len(set(paths)) == len(paths)
    keywords = {keyword for section in words().values() for keyword in section["keywords"]}
    assert len({keyword_id(keyword) for keyword in keywords}) == len(keywords)


def test_overviews_are_finished_sentences(records: list[dict[str, Any]]) -> None:
    for overview in (record["overview"] for record in records if record["overview"]):
        assert 28 <= len(overview.split()) <= 110, overview
        assert overview[0].isupper() or overview[0].isdigit(), overview
        assert overview[-1] in ".?!", overview
        assert not re.search(r"[{}~|]|\s\s|\.\.| [,.]", overview), overview
        assert not re.search(r"(?i)\ba (?!one-|ouija)[aeio]\w", overview), overview
        assert overview == overview.strip()


def test_titles_vary_and_some_repeat_over_the_years(records: list[dict[str, Any]]) -> None:
    titles = [record["title"] for record in records]
    assert 0.6 < len(set(titles)) / len(titles) < 0.99
    assert 0.15 < np.mean([title.startswith("The ") for title in titles]) < 0.5
    assert sum(not title.isascii() for title in titles) > 10
    assert not any(re.search(r"[{}_~|]|\s\s", title) for title in titles)
    years: dict[str, set[str]] = {}
    for record in records:
        years.setdefault(record["title"], set()).add(record["release_date"][:4])
    assert sum(len(each) > 1 for each in years.values()) > 20


def test_people_and_companies_come_back(records: list[dict[str, Any]]) -> None:
    films: dict[int, int] = {}
    names: dict[int, set[str]] = {}
    for record in records:
        for person in {p["id"]: p for p in record["credits"]["cast"] + record["credits"]["crew"]}.values():
            films[person["id"]] = films.get(person["id"], 0) + 1
            names.setdefault(person["id"], set()).add(person["name"])
    assert max(map(len, names.values())) == 1
    assert np.median(list(films.values())) >= 4


def test_genres_leave_a_noisy_trace_in_the_words(records: list[dict[str, Any]]) -> None:
    texts = [r for r in records if r["overview"] and r["genres"]]
    matrix = TfidfVectorizer(min_df=3, sublinear_tf=True).fit_transform([r["overview"] for r in texts])
    cut = len(texts) * 3 // 4
    for genre in ("Drama", "Comedy", "Thriller", "Horror", "Romance"):
        truth = np.array([genre in (g["name"] for g in r["genres"]) for r in texts])
        model = LogisticRegression(max_iter=200).fit(matrix[:cut], truth[:cut])
        auc = roc_auc_score(truth[cut:], model.predict_proba(matrix[cut:])[:, 1])
        assert 0.75 < auc < 0.97, (genre, auc)


def test_genres_leave_a_noisy_trace_in_the_numbers(records: list[dict[str, Any]]) -> None:
    def mean(genre: str, key: str) -> float:
        held = [r[key] for r in records if r[key] and genre in (g["name"] for g in r["genres"])]
        return float(np.mean(held))

    assert mean("Animation", "runtime") < mean("Comedy", "runtime") < mean("History", "runtime")
    assert mean("Horror", "budget") < mean("Drama", "budget") * 1.5 < mean("Adventure", "budget") * 1.5
    assert mean("Horror", "vote_average") < mean("Documentary", "vote_average")


def changes(before: SyntheticCatalogue, after: SyntheticCatalogue) -> tuple[set[int], set[int], set[int]]:
    """The ids that are new, gone and edited from one catalogue to another."""
    old, new = set(before.ids()), set(after.ids())
    edited = {tmdb_id for tmdb_id in old & new if before.movie(tmdb_id) != after.movie(tmdb_id)}
    return new - old, old - new, edited


def test_a_day_brings_new_edited_and_gone_movies() -> None:
    before, after = SyntheticCatalogue(movies=1000), SyntheticCatalogue(movies=1000, day=1)
    new, gone, edited = changes(before, after)
    assert len(new) == 3 and min(new) > max(before.ids())
    assert len(gone) == 1
    assert 5 <= len(edited) <= 9
    assert all(after.movie(tmdb_id) is None for tmdb_id in gone)
    listed = set(after.changed(START + timedelta(days=1), START + timedelta(days=1)))
    assert listed == new | edited | gone
    assert after.changed(START, START) == []


def test_every_third_that_goes_is_missing_from_the_list_of_changes() -> None:
    before, after = SyntheticCatalogue(movies=1000), SyntheticCatalogue(movies=1000, day=9)
    new, gone, edited = changes(before, after)
    listed = set(after.changed(START, after.today()))
    assert len(gone) == 9
    assert len(gone - listed) == 3
    assert new | edited <= listed


def test_doubles_are_merged_into_their_originals() -> None:
    before, after = SyntheticCatalogue(movies=700), SyntheticCatalogue(movies=700, day=1)
    _, gone, edited = changes(before, after)
    (double,) = gone
    record = before.movie(double) or {}
    assert record["imdb_id"] is None
    twins = [i for i in edited if (before.movie(i) or {})["title"] == record["title"]]
    assert len(twins) == 1


def test_over_a_month_every_kind_of_edit_is_seen() -> None:
    before, after = SyntheticCatalogue(movies=1000), SyntheticCatalogue(movies=1000, day=30)
    touched: set[str] = set()
    repainted: list[tuple[str, str]] = []
    for tmdb_id in changes(before, after)[2]:
        old, new = before.movie(tmdb_id) or {}, after.movie(tmdb_id) or {}
        touched |= {key for key in old if old[key] != new[key]}
        if old["poster_path"] and new["poster_path"] and old["poster_path"] != new["poster_path"]:
            repainted.append((old["poster_path"], new["poster_path"]))
    assert touched >= {"overview", "vote_count", "poster_path", "keywords", "genres"}
    assert touched <= {
        "overview",
        "vote_count",
        "vote_average",
        "popularity",
        "poster_path",
        "keywords",
        "genres",
    }
    for old_path, new_path in repainted:
        assert after.poster(new_path) is not None
        assert after.poster(old_path) != after.poster(new_path)


def test_a_record_is_the_callers_to_change() -> None:
    world = SyntheticCatalogue(movies=5)
    first = world.ids()[0]
    record = world.movie(first) or {}
    record["genres"].clear()
    record["title"] = "Mine"
    assert (world.movie(first) or {})["title"] != "Mine"


def test_unknown_things_are_none(catalogue: SyntheticCatalogue) -> None:
    assert catalogue.movie(1) is None
    assert catalogue.poster("/nothing.jpg") is None
    assert catalogue.imdb_file("name.basics") is None
    assert catalogue.movielens_zip("ml-25m") is None


def test_lost_posters_have_a_path_and_no_image(
    catalogue: SyntheticCatalogue, records: Iterable[dict[str, Any]]
) -> None:
    paths = [record["poster_path"] for record in records if record["poster_path"]][:150]
    images = [catalogue.poster(path) for path in paths]
    assert 0 < images.count(None) < 12
