"""What a directory of records becomes when it is served."""

import csv
import gzip
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.mirror import Catalogue, DirectoryCatalogue, Mirror, MirrorError, serve
from tests.connectors.mirror.records import (
    CHANGES,
    DAY,
    MOVIES,
    SERVED,
    UP,
    folder_linked_out,
    link_out,
    status,
    write_lines,
)

Write = Callable[..., Path]


def test_it_is_a_catalogue_with_every_id_once(catalogue: DirectoryCatalogue) -> None:
    checked: Catalogue = catalogue
    assert isinstance(checked, Catalogue)
    assert list(catalogue.ids()) == [5, 6, 7, 20, 21, 22, 30, 1_000_000_140, 1_000_000_150]
    assert catalogue.today() == DAY
    assert all(
        record is not None and record["id"] == i for i in catalogue.ids() for record in [catalogue.movie(i)]
    )
    assert catalogue.movie(8) is None


def test_a_full_record_is_completed_to_the_wire_format(catalogue: DirectoryCatalogue) -> None:
    movie = catalogue.movie(5)
    assert movie is not None
    assert movie["title"] == "The Tin Harbour"
    assert movie["revenue"] == 0
    assert movie["production_companies"] == [
        {"name": "Pier Pictures", "id": 14, "logo_path": None, "origin_country": ""}
    ]
    assert movie["keywords"]["keywords"][0] == {"id": 1, "name": "word 1"}  # not those of keywords.jsonl
    assert movie["credits"]["crew"] == [{"name": "Bo Birch", "job": "Director", "department": "Directing"}]
    assert movie["external_ids"]["imdb_id"] == "tt0000105"
    assert "content_rating" not in movie
    (united_states,) = movie["release_dates"]["results"]
    assert united_states["iso_3166_1"] == "US"
    assert united_states["release_dates"][0]["certification"] == "R"
    assert united_states["release_dates"][0]["release_date"] == "1995-12-09T00:00:00.000Z"
    assert united_states["release_dates"][0]["type"] == 3


def test_keywords_without_a_movie_record_are_served_as_a_sparse_one(catalogue: DirectoryCatalogue) -> None:
    movie = catalogue.movie(20)
    assert movie is not None
    assert movie["keywords"] == {"keywords": [{"id": 1, "name": "word 1"}]}
    assert (movie["imdb_id"], movie["poster_path"]) == ("tt0000120", "/tt0000120.jpg")
    assert (movie["title"], movie["overview"], movie["budget"], movie["genres"]) == ("", "", 0, [])
    full = catalogue.movie(5)
    assert full is not None
    assert list(movie) == list(full)


def test_every_poster_belongs_to_the_record_of_its_imdb_id(catalogue: DirectoryCatalogue) -> None:
    records = [record for i in catalogue.ids() if (record := catalogue.movie(i))]
    at_hand = {
        r["id"]: (r["imdb_id"], r["poster_path"]) for r in records if catalogue.poster(str(r["poster_path"]))
    }
    assert at_hand == {
        5: ("tt0000105", "/tt0000105.jpg"),
        20: ("tt0000120", "/tt0000120.jpg"),
        22: ("tt0000122", "/tt0000122.jpg"),
        30: ("tt0000130", "/tt0000130.jpg"),
        1_000_000_140: ("tt0000140", "/tt0000140.jpg"),
        1_000_000_150: ("tt0000150", "/tt0000150.jpg"),
    }
    movie = catalogue.movie(6)
    assert movie is not None
    assert movie["poster_path"] == "/elsewhere.jpg"


def test_a_record_is_the_callers_to_change(catalogue: DirectoryCatalogue) -> None:
    for i in (5, 21):
        movie = catalogue.movie(i)
        assert movie is not None
        for value in movie.values():
            if isinstance(value, list | dict):
                value.clear()
    assert catalogue.movie(5) != {}
    again = catalogue.movie(21)
    assert again is not None
    again["genres"].append("x")
    third = catalogue.movie(22)
    assert third is not None
    assert third["genres"] == []


@pytest.mark.parametrize(
    ("part", "n_ids"), [("movies", 3), ("keywords", 4), ("posters", 6), ("movielens", 0), ("imdb", 0)]
)
def test_any_part_may_be_absent(write_directory: Write, part: str, n_ids: int) -> None:
    catalogue = DirectoryCatalogue(write_directory(part))
    assert len(catalogue.ids()) == n_ids
    assert bool(catalogue.movielens_sets()) == (part == "movielens")
    assert bool(catalogue.imdb_datasets()) == (part == "imdb")


def test_bulk_files_go_by_their_names(catalogue: DirectoryCatalogue) -> None:
    assert catalogue.movielens_sets() == ["ml-tiny"]
    assert catalogue.imdb_datasets() == ["title.ratings"]
    archive, ratings = catalogue.movielens_zip("ml-tiny"), catalogue.imdb_file("title.ratings")
    assert archive is not None
    assert ratings is not None
    assert (archive.name, ratings.name) == ("ml-tiny.zip", "title.ratings.tsv.gz")
    assert catalogue.movielens_zip("../movielens/ml-tiny") is None
    assert catalogue.imdb_file("title.basics") is None


def test_a_directory_with_nothing_to_serve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MirrorError, match=r"nothing to serve: expected tmdb/movies.jsonl.gz"):
        DirectoryCatalogue(tmp_path)
    with pytest.raises(MirrorError, match="not a directory"):
        DirectoryCatalogue(tmp_path / "missing")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "tmdb/movies.jsonl.gz",
            '{"id": 1, "title": "A"}\n{"id": 2, "title"',
            "movies.jsonl.gz, line 2: not valid JSON",
        ),
        (
            "tmdb/movies.jsonl.gz",
            '{"id": "1", "title": "A"}\n',
            "line 1: not a JSON object with a whole number as id",
        ),
        ("tmdb/movies.jsonl.gz", '{"id": 1}\n', "line 1: a movie record without a title"),
        (
            "tmdb/keywords.jsonl.gz",
            '{"id": 1, "keywords": null}\n',
            "keywords.jsonl.gz, line 1: a keyword record",
        ),
        ("posters/manifest.csv", "file,imdb_id\n", "manifest.csv, line 1: no column tmdb_id"),
        (
            "posters/manifest.csv",
            "file,imdb_id,tmdb_id\na.jpg,tt1,1\nb.jpg,nm2,2\n",
            "manifest.csv, line 3: expected",
        ),
        (
            "posters/manifest.csv",
            "file,imdb_id,tmdb_id\n../../a.jpg,tt1,1\n",
            "manifest.csv, line 2: expected",
        ),
    ],
)
def test_a_malformed_line_is_named_in_one_line(tmp_path: Path, file: str, text: str, message: str) -> None:
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_bytes(gzip.compress(text.encode()) if file.endswith(".gz") else text.encode())
    with pytest.raises(MirrorError) as error:
        DirectoryCatalogue(tmp_path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_cut_short_is_an_error_and_not_a_smaller_catalogue(tmp_path: Path) -> None:
    file = tmp_path / "tmdb/movies.jsonl.gz"
    write_lines(file, [{"id": i, "title": str(i)} for i in range(1000)])
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(MirrorError, match="cannot be read as gzip"):
        DirectoryCatalogue(tmp_path)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", SERVED)
def test_what_is_no_file_of_the_directory_is_refused_by_name(
    write_directory: Write, tmp_path: Path, name: str, change: Callable[[Path, Path], None]
) -> None:
    root = write_directory()
    change(root / name, tmp_path / "outside")
    with pytest.raises(MirrorError, match="is not a regular file of this directory") as error:
        DirectoryCatalogue(root)
    assert (name if change is not folder_linked_out else str(Path(name).parent)) in str(error.value)


def test_links_within_the_directory_are_served(write_directory: Write, tmp_path: Path) -> None:
    root = write_directory()
    for name in SERVED:
        link_out(root / name, root / Path(name).name)
    (tmp_path / "link").symlink_to(root)
    catalogue = DirectoryCatalogue(tmp_path / "link")
    assert catalogue.imdb_file("title.ratings") is not None
    assert catalogue.movielens_zip("ml-tiny") is not None
    assert catalogue.poster("/tt0000120.jpg")


def test_a_file_that_becomes_a_link_or_vanishes_is_not_found(write_directory: Write, tmp_path: Path) -> None:
    root = write_directory()
    paths = {
        "/imdb/title.ratings.tsv.gz": root / SERVED[0],
        "/movielens/ml-tiny.zip": root / SERVED[1],
        "/t/p/original/tt0000120.jpg": root / SERVED[5],
    }
    with serve(DirectoryCatalogue(root)) as mirror:
        assert [status(mirror.url, path) for path in paths] == [200, 200, 200]
        for number, file in enumerate(paths.values()):
            link_out(file, tmp_path / str(number))
        assert [status(mirror.url, path) for path in paths] == [404, 404, 404]
        for file in paths.values():
            file.unlink()
        assert [status(mirror.url, path) for path in paths] == [404, 404, 404]


def test_no_path_leads_out_of_the_directory(mirror: Mirror, tmp_path: Path) -> None:
    for name in ("secret.tsv.gz", "secret.zip", "secret.jpg"):
        (tmp_path / name).write_bytes(b"secret")
        (tmp_path / "records" / name).write_bytes(b"secret")
        (tmp_path / "records/posters" / name).write_bytes(b"secret")
    for route, name in (("imdb", "secret.tsv.gz"), ("movielens", "secret.zip"), ("t/p/w92", "secret.jpg")):
        for up in UP:
            assert status(mirror.url, f"/{route}/{up}{name}") == 404


def many(tmp_path: Path, n: int = 1000, *, withhold: bool = False) -> DirectoryCatalogue:
    write_lines(
        tmp_path / "tmdb/movies.jsonl.gz", [{**MOVIES[0], "id": i, "imdb_id": None} for i in range(n)]
    )
    return DirectoryCatalogue(tmp_path, today=DAY, withhold=withhold)


def test_a_day_forward_edits_and_deletes_a_few(tmp_path: Path) -> None:
    catalogue = many(tmp_path)
    before = {i: catalogue.movie(i) for i in catalogue.ids()}
    catalogue.advance(1)
    tomorrow = DAY + timedelta(days=1)
    assert catalogue.today() == tomorrow
    after = {i: catalogue.movie(i) for i in catalogue.ids()}
    edited = [i for i in after if after[i] != before[i]]
    assert len(edited) == 5
    assert catalogue.changed(tomorrow, tomorrow) == edited
    assert catalogue.changed(DAY, DAY) == []
    (deleted,) = before.keys() - after.keys()
    assert catalogue.movie(deleted) is None
    for i in edited:
        old, new = before[i], after[i]
        assert old is not None
        assert new is not None
        assert {key for key in old if old[key] != new[key]} <= {"vote_count", "popularity", "keywords"}
        assert new["vote_count"] > old["vote_count"]


def test_the_same_days_bring_the_same_changes(tmp_path: Path) -> None:
    one, other = many(tmp_path), many(tmp_path)
    one.advance(3)
    for _ in range(3):
        other.advance(1)
    assert list(one.ids()) == list(other.ids())
    assert [one.movie(i) for i in one.ids()] == [other.movie(i) for i in other.ids()]
    with pytest.raises(ValueError, match="only move forward"):
        one.advance(0)


def test_withheld_movies_appear_over_time(tmp_path: Path) -> None:
    catalogue = many(tmp_path, 3000, withhold=True)
    at_first = set(catalogue.ids())
    assert 0 < 3000 - len(at_first) < 20
    held = set(range(3000)) - at_first
    assert all(catalogue.movie(i) is None for i in held)
    catalogue.advance(1)
    new = set(catalogue.ids()) - at_first
    assert new
    assert new <= held
    assert new <= set(catalogue.changed(catalogue.today(), catalogue.today()))
    catalogue.advance(20)
    assert held <= set(catalogue.ids()) | catalogue._deleted


@pytest.mark.real_data
def test_the_real_records_are_all_reachable(shared_data: Path) -> None:
    catalogue = DirectoryCatalogue(shared_data)
    # 5,928 records and 38,643 keyword lists make 38,846 ids; 127 posters name a further TMDb id, and 71 have
    # none, or one whose record is another IMDb title.
    assert len(catalogue.ids()) == 38_846 + 127 + 71
    assert sum(i >= 1_000_000_000 for i in catalogue.ids()) == 71
    records = [record for i in catalogue.ids() if (record := catalogue.movie(i))]
    assert sum(record["title"] != "" for record in records) == 5_928
    with (shared_data / "posters/manifest.csv").open(newline="") as lines:
        owners = {"/" + Path(row["file"]).name: row["imdb_id"] for row in csv.DictReader(lines)}
    reachable = {r["poster_path"]: r["imdb_id"] for r in records if r["poster_path"] in owners}
    assert len(owners) == 4_038
    assert reachable.keys() == owners.keys()
    assert {path: imdb for path, imdb in reachable.items() if imdb} == {
        path: imdb for path, imdb in owners.items() if reachable[path]
    }
    assert catalogue.poster("/tt0113101.jpg") == (shared_data / "posters/w185/tt0113101.jpg").read_bytes()
    assert catalogue.movielens_sets() == ["ml-20m-partial", "ml-latest-small"]
    assert catalogue.imdb_datasets() == ["title.basics", "title.crew", "title.ratings"]
