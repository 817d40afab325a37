"""What every catalogue promises, whatever its movies come from."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from connectors.mirror import Catalogue, DirectoryCatalogue, SyntheticCatalogue
from connectors.mirror.source_catalogue import APPENDABLE
from tests.connectors.mirror.records import DAY, MOVIES, write_lines

BASE = {
    "adult": bool,
    "backdrop_path": str | None,
    "belongs_to_collection": dict | None,
    "budget": int,
    "genres": list,
    "homepage": str,
    "id": int,
    "imdb_id": str | None,
    "origin_country": list,
    "original_language": str,
    "original_title": str,
    "overview": str,
    "popularity": float,
    "poster_path": str | None,
    "production_companies": list,
    "production_countries": list,
    "release_date": str,
    "revenue": int,
    "runtime": int,
    "spoken_languages": list,
    "status": str,
    "tagline": str,
    "title": str,
    "video": bool,
    "vote_average": int | float,
    "vote_count": int,
}

Make = Callable[[], Catalogue]


@pytest.fixture(params=["directory", "synthetic"])
def make(request: pytest.FixtureRequest, write_directory: Callable[..., Path]) -> Make:
    """Return a function that makes the same catalogue each time, of some hundred movies."""
    if request.param == "synthetic":
        return lambda: SyntheticCatalogue(seed=3, movies=400, start=DAY)
    root = write_directory()
    more = [{**MOVIES[0], "id": i, "imdb_id": f"tt{i:07}", "poster_path": None} for i in range(1000, 1400)]
    write_lines(root / "tmdb/movies.jsonl.gz", [*MOVIES, *more])
    return lambda: DirectoryCatalogue(root, today=DAY, withhold=True)


def everything(catalogue: Catalogue) -> dict[int, str]:
    return {i: json.dumps(catalogue.movie(i), sort_keys=True) for i in catalogue.ids()}


def test_records_have_the_fields_and_types_of_the_wire_format(make: Make) -> None:
    catalogue = make()
    assert isinstance(catalogue, Catalogue)
    ids = list(catalogue.ids())
    assert ids == sorted(set(ids))
    for i in ids:
        movie = catalogue.movie(i)
        assert movie is not None
        assert movie["id"] == i
        assert set(movie) - {"softcore"} == {*BASE, *APPENDABLE}
        for key, kind in BASE.items():
            assert isinstance(movie[key], kind), (i, key, movie[key])
        if movie["release_date"]:
            date.fromisoformat(movie["release_date"])
        assert movie["external_ids"]["imdb_id"] == movie["imdb_id"]
        assert all(set(keyword) == {"id", "name"} for keyword in movie["keywords"]["keywords"])
        assert all(person["name"] for role in ("cast", "crew") for person in movie["credits"][role])


def test_a_record_is_the_callers_to_change(make: Make) -> None:
    catalogue = make()
    before = everything(catalogue)
    for i in catalogue.ids():
        movie = catalogue.movie(i)
        assert movie is not None
        for value in movie.values():
            if isinstance(value, list | dict):
                value.clear()
    assert everything(catalogue) == before


def test_days_are_deterministic_and_tell_what_changed(make: Make) -> None:
    one, other = make(), make()
    before = everything(one)
    assert before == everything(other)
    one.advance(2)
    other.advance(1)
    other.advance(1)
    assert one.today() == DAY + timedelta(days=2)
    after = everything(one)
    assert after == everything(other)
    changed = {i for i, record in after.items() if before.get(i) != record}
    assert changed
    assert changed <= set(one.changed(DAY + timedelta(days=1), one.today()))
    assert one.changed(one.today() + timedelta(days=1), one.today() + timedelta(days=9)) == []
    for gone in before.keys() - after.keys():
        assert one.movie(gone) is None
    with pytest.raises(ValueError, match=r"."):
        one.advance(0)


def test_unknown_names_are_none(make: Make) -> None:
    catalogue = make()
    assert catalogue.movie(999_999_999) is None
    assert catalogue.poster("/nothing.jpg") is None
    assert catalogue.imdb_file("title.nothing") is None
    assert catalogue.movielens_zip("ml-nothing") is None
    for name in catalogue.imdb_datasets():
        assert catalogue.imdb_file(name) is not None
    for name in catalogue.movielens_sets():
        assert catalogue.movielens_zip(name) is not None
