"""The synthetic MovieLens set and IMDb files, read as strictly as the real ones must be."""

import csv
import gzip
import io
import zipfile
from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pytest

from connectors.mirror.synthetic import SyntheticCatalogue

SMALL = "ml-latest-small"


@pytest.fixture(scope="module")
def catalogue() -> SyntheticCatalogue:
    return SyntheticCatalogue(movies=3000, seed=7)


def unzipped(catalogue: SyntheticCatalogue) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(catalogue.movielens_zip(SMALL) or b"")) as archive:
        assert archive.testzip() is None
        return {name.removeprefix(f"{SMALL}/"): archive.read(name) for name in archive.namelist()}


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.fixture(scope="module")
def files(catalogue: SyntheticCatalogue) -> dict[str, bytes]:
    return unzipped(catalogue)


def test_the_movielens_zip_has_the_real_ones_layout(files: dict[str, bytes]) -> None:
    assert list(files) == ["README.txt", "links.csv", "movies.csv", "ratings.csv", "tags.csv"]
    headers = {
        name: content.splitlines()[0].decode() for name, content in files.items() if name.endswith("csv")
    }
    assert headers == {
        "links.csv": "movieId,imdbId,tmdbId",
        "movies.csv": "movieId,title,genres",
        "ratings.csv": "userId,movieId,rating,timestamp",
        "tags.csv": "userId,movieId,tag,timestamp",
    }
    for name in headers:
        assert files[name].count(b"\n") == files[name].count(b"\r\n")


def test_movielens_titles_genres_and_links_have_the_real_ones_quirks(files: dict[str, bytes]) -> None:
    movies, links = rows(files["movies.csv"]), rows(files["links.csv"])
    assert [m["movieId"] for m in movies] == [link["movieId"] for link in links]
    titles = [m["title"] for m in movies]
    assert sum(", The (" in title for title in titles) > 200
    assert not any(title.startswith("The ") for title in titles)
    assert 0 < sum(not title.rstrip().endswith(")") for title in titles) < 30
    assert 0 < sum(title.endswith(" ") for title in titles) < 30
    genres = Counter(genre for m in movies for genre in m["genres"].split("|"))
    assert set(genres) == {
        "Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
        "Film-Noir", "Horror", "IMAX", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War",
        "Western", "(no genres listed)",
    }  # fmt: skip
    assert 0.015 < genres["(no genres listed)"] / len(movies) < 0.05
    assert all(link["imdbId"].isdigit() and len(link["imdbId"]) in (7, 8) for link in links)
    shared = [tmdb_id for tmdb_id, n in Counter(link["tmdbId"] for link in links).items() if n > 1]
    assert "" in shared and len(shared) == 2


def test_movielens_links_lead_to_the_right_records(
    catalogue: SyntheticCatalogue, files: dict[str, bytes]
) -> None:
    mismatched = 0
    for link in rows(files["links.csv"]):
        if link["tmdbId"]:
            record = catalogue.movie(int(link["tmdbId"])) or {}
            mismatched += record["imdb_id"] != f"tt{link['imdbId']}"
    assert mismatched == 1  # the shared id


def test_ratings_follow_quality_a_little(catalogue: SyntheticCatalogue, files: dict[str, bytes]) -> None:
    ratings = rows(files["ratings.csv"])
    assert 30_000 < len(ratings) < 55_000
    assert len({r["userId"] for r in ratings}) == 600
    assert {r["rating"] for r in ratings} <= {str(x / 2) for x in range(1, 11)}
    assert len({(r["userId"], r["movieId"]) for r in ratings}) == len(ratings)
    by_movie: dict[str, list[float]] = {}
    for r in ratings:
        by_movie.setdefault(r["movieId"], []).append(float(r["rating"]))
    tmdb = {link["movieId"]: link["tmdbId"] for link in rows(files["links.csv"]) if link["tmdbId"]}
    pairs = [
        (float(np.mean(stars)), (catalogue.movie(int(tmdb[movie])) or {})["vote_average"])
        for movie, stars in by_movie.items()
        if len(stars) >= 15 and movie in tmdb
    ]
    correlation = np.corrcoef(np.array(pairs).T)[0, 1]
    assert 0.3 < correlation < 0.97


def test_tags_are_of_every_kind(files: dict[str, bytes]) -> None:
    tags = rows(files["tags.csv"])
    assert 2_000 < len(tags) < 4_500
    assert 0.2 < len({t["movieId"] for t in tags}) / len(rows(files["movies.csv"])) < 0.45
    texts = Counter(t["tag"] for t in tags)
    assert len({t["userId"] for t in tags if t["tag"] == "In Netflix queue"}) == 1
    lowered = Counter(text.lower() for text in texts)
    assert {"in netflix queue", "horror", "drama", "atmospheric"} <= set(lowered)
    assert sum(n > 1 for n in lowered.values()) > 50
    assert "common" not in lowered


def test_the_movielens_set_is_new_every_seventh_day_and_only_grows() -> None:
    world = SyntheticCatalogue(movies=300)
    first, before = world.movielens_zip(SMALL), unzipped(world)
    world.advance(6)
    assert world.movielens_zip(SMALL) == first
    world.advance(1)
    after = unzipped(world)
    assert world.movielens_zip(SMALL) != first
    for name in ("movies.csv", "links.csv", "ratings.csv", "tags.csv"):
        assert set(before[name].splitlines()) <= set(after[name].splitlines()), name
    assert len(after["ratings.csv"]) > len(before["ratings.csv"])
    assert len(after["movies.csv"]) > len(before["movies.csv"])


def imdb(catalogue: SyntheticCatalogue, dataset: str, folder: Path) -> duckdb.DuckDBPyRelation:
    """A dataset, read with nothing sniffed: quotes are data, and every line must have its columns."""
    path = folder / f"{dataset}.tsv.gz"
    path.write_bytes(catalogue.imdb_file(dataset) or b"")
    columns = {
        "title.basics": ["tconst", "titleType", "primaryTitle", "originalTitle", "isAdult", "startYear",
                         "endYear", "runtimeMinutes", "genres"],
        "title.crew": ["tconst", "directors", "writers"],
        "title.ratings": ["tconst", "averageRating", "numVotes"],
    }  # fmt: skip
    return duckdb.connect().read_csv(
        str(path), delimiter="\t", quotechar="", escapechar="", na_values="\\N", header=True,
        auto_detect=False, columns=dict.fromkeys(columns[dataset], "VARCHAR"), strict_mode=True,
    )  # fmt: skip


def test_imdb_files_parse_strictly(catalogue: SyntheticCatalogue, tmp_path: Path) -> None:
    basics = imdb(catalogue, "title.basics", tmp_path).fetchall()
    known = {r["imdb_id"] for r in map(catalogue.movie, catalogue.ids()) if r and r["imdb_id"]}
    ids = [row[0] for row in basics]
    assert ids == sorted(set(ids))
    assert known <= set(ids)
    assert len(ids) == len(known) + 2_000
    kinds = Counter(row[1] for row in basics)
    assert set(kinds) == {"movie", "short", "tvSeries", "tvEpisode", "tvMovie", "tvMiniSeries", "video"}
    assert sum('"' in row[2] for row in basics) > 10
    assert sum(row[2].count('"') % 2 for row in basics) > 3
    assert all(row[4] in "01" for row in basics)
    for position in (5, 6, 7, 8):
        assert any(row[position] is None for row in basics)
    genres = [row[8].split(",") for row in basics if row[8]]
    assert all(1 <= len(held) <= 3 and held == sorted(held) for held in genres)
    ratings = imdb(catalogue, "title.ratings", tmp_path).fetchall()
    assert {row[0] for row in ratings} < set(ids)
    assert all(1 <= float(row[1]) <= 10 and int(row[2]) >= 5 for row in ratings)
    crew = imdb(catalogue, "title.crew", tmp_path).fetchall()
    assert [row[0] for row in crew] == ids
    assert all(person.startswith("nm") for row in crew if row[2] for person in row[2].split(","))


def test_imdb_files_change_daily_by_a_little() -> None:
    world = SyntheticCatalogue(movies=500)
    before = {name: lines(world, name) for name in world.imdb_datasets()}
    world.advance(1)
    after = {name: lines(world, name) for name in world.imdb_datasets()}
    assert len(after["title.basics"] - before["title.basics"]) in range(4, 12)
    assert before["title.basics"] <= after["title.basics"]
    moved = len(after["title.ratings"] - before["title.ratings"])
    assert 10 < moved < 120


def lines(world: SyntheticCatalogue, dataset: str) -> set[bytes]:
    return set(gzip.decompress(world.imdb_file(dataset) or b"").splitlines())


def test_bulk_bytes_carry_no_time_of_making() -> None:
    one, other = SyntheticCatalogue(movies=50), SyntheticCatalogue(movies=50)
    content = one.imdb_file("title.crew") or b""
    assert content[4:8] == b"\0\0\0\0"  # gzip's mtime
    assert content == other.imdb_file("title.crew")
    assert one.imdb_file("title.crew") is content
    with zipfile.ZipFile(io.BytesIO(one.movielens_zip(SMALL) or b"")) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 1, 5, 0, 0, 0)}
