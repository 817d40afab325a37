"""MovieLens' sets of every generation, over real HTTP."""

import gzip
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import BadRequest, BulkFile, Damaged, Malformed, MovieLens, NotFound
from connectors.mirror import DirectoryCatalogue, FaultRule, Mirror, serve
from tests.connectors.sources import Clock, SmallCatalogue, archive

MODERN = {
    "README.txt": "terms",
    "movies.csv": (
        'movieId,title,genres\r\n1,"Way, The (1973)",Drama|IMAX\r\n2,"""A"" (2001)",(no genres listed)\r\n'
    ),
    "links.csv": "movieId,imdbId,tmdbId\r\n1,0114709,862\r\n2,10114709,\r\n",
    "tags.csv": "userId,movieId,tag,timestamp\r\n7,1,Na na NA,1445714994\r\n7,2,null,1445714996\r\n",
    "ratings.csv": "userId,movieId,rating,timestamp\r\n1,1,4.0,964982703\r\n",
    "genome-tags.csv": "tagId,tag\r\n1,007\r\n",
    "genome-scores.csv": "movieId,tagId,relevance\r\n1,1,0.02875\r\n",
}


def movielens(mirror: Mirror, directory: Path, **options: Any) -> MovieLens:
    return MovieLens(f"{mirror.url}/movielens", directory, sleep=Clock().advance, **options)


def rows(file: BulkFile, table: str) -> list[dict[str, Any]]:
    return [row for batch in file.read(table) for row in batch.to_pylist()]


def fetched(
    catalogue: SmallCatalogue, mirror: Mirror, directory: Path, name: str, members: Mapping[str, str | bytes]
) -> BulkFile:
    catalogue.movielens[name] = archive(members)
    file = movielens(mirror, directory).fetch(name)
    assert file is not None
    return file


def test_a_modern_set_is_read_in_place(tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue) -> None:
    members: dict[str, str | bytes] = {f"ml-25m/{name}": text for name, text in MODERN.items()}
    file = fetched(catalogue, mirror, tmp_path, "ml-25m", members)
    assert file.tables == ["movies", "links", "tags", "ratings", "genome_tags", "genome_scores"]
    same = {"dataset": "ml-25m"}
    assert rows(file, "movies") == [
        {**same, "movielens_id": 1, "title": "Way, The (1973)", "genres": "Drama|IMAX"},
        {**same, "movielens_id": 2, "title": '"A" (2001)', "genres": "(no genres listed)"},
    ]
    assert rows(file, "links") == [
        {**same, "movielens_id": 1, "imdb_id": "0114709", "tmdb_id": 862},
        {**same, "movielens_id": 2, "imdb_id": "10114709", "tmdb_id": None},
    ]
    then = datetime(2015, 10, 24, 19, 29, 54, tzinfo=UTC)
    assert rows(file, "tags")[0] == {
        **same,
        "user_id": 7,
        "movielens_id": 1,
        "tag": "Na na NA",
        "tagged_at": then,
    }
    assert rows(file, "tags")[1]["tag"] == "null"
    assert rows(file, "ratings") == [
        {
            **same,
            "user_id": 1,
            "movielens_id": 1,
            "rating": 4.0,
            "rated_at": datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC),
        }
    ]
    assert rows(file, "genome_tags") == [{**same, "tag_id": 1, "tag": "007"}]
    assert rows(file, "genome_scores") == [{**same, "movielens_id": 1, "tag_id": 1, "relevance": 0.02875}]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_the_sets_with_two_colons(tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue) -> None:
    one: dict[str, str | bytes] = {
        "ml-1m/movies.dat": "1::Misérables, Les (1995)::Children's|Musical\n".encode("latin-1"),
        "ml-1m/ratings.dat": "1::1::5::978300760\n",
        "ml-1m/users.dat": "1::F::1::10::48067\n",
    }
    file = fetched(catalogue, mirror, tmp_path, "ml-1m", one)
    assert file.tables == ["movies", "ratings"]
    assert rows(file, "movies")[0]["title"] == "Misérables, Les (1995)"
    assert rows(file, "ratings")[0]["rating"] == 5.0
    ten = {
        "ml-10M100K/movies.dat": "1::Misérables, Les (1995)::Drama\n",
        "ml-10M100K/tags.dat": "15::1::excellent!::1215184630\n",
        "ml-10M100K/ratings.dat": "1::1::4.5::838985046\n",
    }
    file = fetched(catalogue, mirror, tmp_path, "ml-10m", ten)
    assert file.tables == ["movies", "tags", "ratings"]
    assert rows(file, "movies")[0]["title"] == "Misérables, Les (1995)"
    assert rows(file, "tags")[0]["tag"] == "excellent!"


def test_the_oldest_set(tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue) -> None:
    flags = ["0"] * 19
    flags[4] = flags[5] = "1"
    items = f"1|Café (1995)|01-Jan-1995||http://us.imdb.com/x|{'|'.join(flags)}\n2|unknown||||1{'|0' * 18}\n"
    members: dict[str, str | bytes] = {
        "ml-100k/u.item": items.encode("latin-1"),
        "ml-100k/u.data": "196\t1\t3\t881250949\n",
        "ml-100k/u.genre": "unknown|0\n",
    }
    file = fetched(catalogue, mirror, tmp_path, "ml-100k", members)
    assert rows(file, "movies") == [
        {"dataset": "ml-100k", "movielens_id": 1, "title": "Café (1995)", "genres": "Children's|Comedy"},
        {"dataset": "ml-100k", "movielens_id": 2, "title": "unknown", "genres": "(no genres listed)"},
    ]
    assert rows(file, "ratings")[0]["rated_at"] == datetime(1997, 12, 4, 15, 55, 49, tzinfo=UTC)


def test_a_set_is_fetched_again_only_when_its_md5_changes(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    file = fetched(catalogue, mirror, tmp_path, "ml-latest-small", {"x/movies.csv": MODERN["movies.csv"]})
    client = movielens(mirror, tmp_path)
    mirror.clear_log()
    assert client.fetch("ml-latest-small", file.cursor) is None
    assert [path for path, _ in mirror.log()["requests"]] == ["/movielens/ml-latest-small.zip.md5"]
    catalogue.movielens["ml-latest-small"] = archive({"x/movies.csv": "movieId,title,genres\n5,New,Drama\n"})
    new = client.fetch("ml-latest-small", file.cursor)
    assert new is not None
    assert [row["movielens_id"] for row in rows(new, "movies")] == [5]


def test_without_an_md5_the_validators_tell(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    mirror.set_faults(FaultRule("status", match="md5", status=404))
    file = fetched(catalogue, mirror, tmp_path, "ml-latest", {"x/movies.csv": MODERN["movies.csv"]})
    assert file.cursor["md5"] is None
    assert movielens(mirror, tmp_path).fetch("ml-latest", file.cursor) is None


def test_a_file_that_does_not_match_its_md5_is_refused(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    catalogue.movielens["ml-25m"] = archive({"x/movies.csv": MODERN["movies.csv"]})
    mirror.set_faults(FaultRule("corrupt", match=r"zip$"))
    with pytest.raises(
        Damaged, match=r"ml-25m\.zip: its MD5 is [0-9a-f]{32}, but [0-9a-f]{32} was announced"
    ):
        movielens(mirror, tmp_path).fetch("ml-25m")
    mirror.set_faults(FaultRule("corrupt", match=r"zip$", first=1))
    assert movielens(mirror, tmp_path).fetch("ml-25m") is not None


def test_an_md5_that_is_newer_than_the_file_is_not_remembered_with_the_old_one(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched(catalogue, mirror, tmp_path, "ml-25m", {"x/movies.csv": MODERN["movies.csv"]})
    new = archive({"x/movies.csv": "movieId,title,genres\n5,New,Drama\n"})
    client = movielens(mirror, tmp_path)
    announced = hashlib.md5(new, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(client._download, "text", lambda url: announced)
    with pytest.raises(Damaged, match="announced"):
        client.fetch("ml-25m")
    catalogue.movielens["ml-25m"] = new
    file = client.fetch("ml-25m")
    assert file is not None
    assert [row["movielens_id"] for row in rows(file, "movies")] == [5]


def test_names_that_lead_out_of_the_archive_are_left_aside(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    members = {
        "../links.csv": MODERN["links.csv"],
        "/etc/tags.csv": MODERN["tags.csv"],
        "ml-25m/movies.csv": MODERN["movies.csv"],
        "copy/movies.csv": "movieId,title,genres\n9,Second,Drama\n",
    }
    file = fetched(catalogue, mirror, tmp_path, "ml-25m", dict(members))
    assert file.tables == ["movies"]
    assert len(rows(file, "movies")) == 2
    assert len(file.notes) == 3


def test_a_bomb_is_refused_unopened(tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue) -> None:
    catalogue.movielens["ml-25m"] = archive({"x/ratings.csv": b"0" * 80_000_000})
    with pytest.raises(
        Malformed, match=r"x/ratings\.csv would unpack from [0-9,]+ to 80,000,000 bytes; refused"
    ):
        movielens(mirror, tmp_path).fetch("ml-25m")
    catalogue.movielens["ml-32m"] = archive({"x/movies.csv": MODERN["movies.csv"]})
    with pytest.raises(Malformed, match="refused"):
        movielens(mirror, tmp_path, most_bytes=50).fetch("ml-32m")


@pytest.mark.parametrize(
    "content", [b"", b"<html></html>", b"PK\x05\x06" + bytes(18), archive({"readme.txt": "x"})]
)
def test_what_is_no_set_is_refused(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue, content: bytes
) -> None:
    catalogue.movielens["ml-25m"] = content
    with pytest.raises((Malformed, Damaged), match=r"ml-25m\.zip"):
        movielens(mirror, tmp_path).fetch("ml-25m")


def test_a_member_whose_checksum_fails_is_refused_while_reading(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    content = bytearray(archive({"x/movies.csv": MODERN["movies.csv"]}))
    content[content.index(b"x/movies.csv") + len(b"x/movies.csv") + 20] ^= 0xFF
    catalogue.movielens["ml-25m"] = bytes(content)
    file = movielens(mirror, tmp_path).fetch("ml-25m")
    assert file is not None
    with pytest.raises(Malformed, match=r"ml-25m\.zip/x/movies\.csv"):
        rows(file, "movies")


def test_a_set_that_does_not_exist(tmp_path: Path, mirror: Mirror) -> None:
    with pytest.raises(NotFound, match=r"ml-99m\.zip"):
        movielens(mirror, tmp_path).fetch("ml-99m")
    with pytest.raises(BadRequest, match="not the name"):
        movielens(mirror, tmp_path).fetch("../secrets")


def test_malformed_lines_are_set_aside(tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue) -> None:
    text = "movieId,title,genres\n1,a,b\n2,one, two,b\nthree,c,d\n4,e,f\n"
    file = fetched(catalogue, mirror, tmp_path, "ml-25m", {"x/movies.csv": text})
    assert [row["movielens_id"] for row in rows(file, "movies")] == [1, 4]
    assert file.rejects("movies") == [
        ("2,one, two,b", "4 fields instead of 3"),
        ("three,c,d", "movieId is not a int64"),
    ]


@pytest.mark.real_data
def test_the_real_sets_are_read_whole(tmp_path: Path, shared_data: Path) -> None:
    with serve(DirectoryCatalogue(shared_data)) as mirror:
        small = movielens(mirror, tmp_path).fetch("ml-latest-small")
        large = movielens(mirror, tmp_path).fetch("ml-20m-partial")
        assert small is not None and large is not None
        counted = {
            f.dataset: {t: sum(b.num_rows for b in f.read(t)) for t in f.tables} for f in (small, large)
        }
    assert counted == {
        "ml-latest-small": {"movies": 8_292, "links": 8_292, "tags": 2_972, "ratings": 86_191},
        "ml-20m-partial": {"movies": 23_198, "links": 23_198, "genome_tags": 1_128},
    }


@pytest.mark.real_data
def test_the_dirty_files_lose_only_their_broken_lines(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue, shared_data: Path
) -> None:
    dirty = shared_data / "dirty" / "movielens"
    movies = gzip.decompress((dirty / "ml-25m-movies.csv.gz").read_bytes())
    links = gzip.decompress((dirty / "ml-25m-links.csv.gz").read_bytes())
    file = fetched(catalogue, mirror, tmp_path, "ml-25m", {"m/movies.csv": movies, "m/links.csv": links})
    assert len(rows(file, "movies")) + 9 == len(movies.splitlines()) - 1
    assert len(file.rejects("movies")) == 9
    assert len(rows(file, "links")) == len(links.splitlines()) - 1
    old = (dirty / "ml-1m-movies.dat").read_bytes()
    file = fetched(catalogue, mirror, tmp_path, "ml-1m", {"ml-1m/movies.dat": old})
    assert len(rows(file, "movies")) == 3_883
    assert file.rejects("movies") == []
    assert any("é" in row["title"] for row in rows(file, "movies"))
