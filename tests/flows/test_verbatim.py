"""From the sources' files to `core`, through a real mirror, no value becomes another one."""

import gzip
import hashlib
import http.client
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from connectors.mirror import DirectoryCatalogue, Mirror, serve
from tests.verbatim.comparison import compare
from tests.verbatim.home import exported
from warehouse import Location, Warehouse

MOVIES: list[dict[str, Any]] = [
    {
        "id": 1,
        "imdb_id": "tt0000101",
        "title": " Snow White\u00a0",
        "original_title": "Schneewittchen &amp; Co",
        "original_language": "de",
        "overview": 'a talking mirror, a poisoned "apple" &quot;&amp;lt;&quot; &apos; ... \U0001f34e e\u0301',
        "tagline": "",
        "status": "Released",
        "release_date": "1916-12-25",
        "runtime": 63,
        "budget": 9007199254740991,
        "revenue": 0,
        "popularity": 0.1,
        "vote_average": 7.30,
        "vote_count": 12,
        "adult": False,
        "genres": [{"id": 14, "name": "Fantasy"}, {"id": 18, "name": "Drama"}],
        "production_companies": [{"name": "Mirror &amp; Sons", "id": 7}],
        "production_countries": [{"iso_3166_1": "US", "name": "United States of America"}],
        "spoken_languages": [{"iso_639_1": "en", "name": "English"}],
        "belongs_to_collection": {"id": 3, "name": "Tales"},
        "poster_path": None,
        "keywords": {"keywords": [{"id": 1, "name": "mirror"}, {"id": 2, "name": "queen"}]},
        "credits": {
            "cast": [{"id": 8, "name": "Ada Amber", "order": 0}],
            "crew": [{"id": 9, "name": "Bo Birch", "job": "Director", "department": "Directing"}],
        },
        "content_rating": "PG",
    },
    {"id": 2, "imdb_id": None, "title": "mirror", "budget": None, "keywords": {"keywords": []}},
]
KEYWORDS = [{"id": 3, "imdb_id": "tt0000103", "keywords": [{"id": 1, "name": "mirror"}]}]
LENS = {
    "movies": (
        'movieId,title,genres\r\n1,"Mirror, The (Zerkalo (1974)) (1975)",Drama|Children\'s\r\n'
        '2,"Quoted ""One"" (2001)",(no genres listed)\r\n3,L\u00e9on: The Professional (1994),Crime|IMAX\r\n'
    ),
    "links": "movieId,imdbId,tmdbId\r\n1,0000104,\r\n2,0000105,2\r\n3,0000106,\r\n",
    "tags": 'userId,movieId,tag,timestamp\r\n1,1,"slow, mirror ",1445714994\r\n2,1,Slow\u2026,1445714996\r\n',
    "ratings": "userId,movieId,rating,timestamp\r\n1,1,4.5,1445714994\r\n2,1,0.5,1445714996\r\n3,2,5.0,7\r\n",
}
IMDB = {
    "title.basics": (
        "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n"
        'tt0000104\tmovie\t"Mirror" \tZerkalo\t0\t1975\t\\N\t107\tBiography,Drama\n'
        "tt0000107\tmovie\tNULL\t\\N\t1\t2115\t\\N\t51420\t\\N\n"
    ),
    "title.ratings": "tconst\taverageRating\tnumVotes\ntt0000104\t8.1\t40000\n",
    "title.crew": "tconst\tdirectors\twriters\ntt0000104\tnm0000001,nm0000002\t\\N\n",
}


def write_directory(root: Path) -> Path:
    """Write a directory of records in the mirror's layout, each with something that could get lost."""
    for part in ("tmdb", "movielens", "imdb"):
        (root / part).mkdir(parents=True)
    for name, records in (("movies", MOVIES), ("keywords", KEYWORDS)):
        with gzip.open(root / f"tmdb/{name}.jsonl.gz", "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(record) + "\n" for record in records)
    with zipfile.ZipFile(root / "movielens/ml-latest-small.zip", "w") as archive:
        for name, text in LENS.items():
            archive.writestr(f"ml-latest-small/{name}.csv", text)
    for name, text in IMDB.items():
        (root / f"imdb/{name}.tsv.gz").write_bytes(gzip.compress(text.encode()))
    return root


def ingest(home: Path, mirror: Mirror, **changes: str) -> None:
    """Run `reelhouse ingest` against a mirror."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELHOUSE_")}
    extra = {"REELHOUSE_HOME": str(home), "REELHOUSE_CONFIG": os.devnull, **changes}
    result = subprocess.run(
        [sys.executable, "-m", "flows.cli", "ingest", "movielens", "imdb", "tmdb"],
        env={**kept, **mirror.env(), **extra},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_a_home_holds_what_its_files_hold_though_its_key_is_a_word_of_them(tmp_path: Path) -> None:
    directory, home = write_directory(tmp_path / "records"), tmp_path / "home"
    with serve(DirectoryCatalogue(directory)) as mirror:
        ingest(home, mirror, REELHOUSE_TMDB_TOKEN="mirror")
    comparison = compare(home, directory)
    assert comparison.differences == [], comparison.told()
    assert {table for table, n in comparison.compared.items() if n} >= {
        "raw.tmdb_movies", "raw.imdb_title_basics", "raw.imdb_title_ratings", "raw.imdb_title_crew",
        "raw.movielens_movies", "raw.movielens_links", "raw.movielens_tags", "raw.movielens_ratings",
        "core.movies", "core.movie_genres", "core.movie_keywords", "core.movie_people", "core.movie_tags",
        "core.movie_companies", "core.movie_countries", "core.movie_languages", "core.ratings",
    }  # fmt: skip
    with exported(home) as tables:
        titles = {row["title"] for row in tables.rows("core.movies")}
    assert titles == {"Snow White", "mirror", "The Mirror", "L\u00e9on: The Professional", "NULL", None}

    with Warehouse.open(Location.under(home)) as warehouse, warehouse.transaction() as tx:
        for change in (
            "UPDATE core.movies SET overview = replace(overview, 'mirror', '...') WHERE overview IS NOT NULL",
            "UPDATE raw.tmdb_movies SET payload = replace(payload, '0.1,', '0.11,') WHERE tmdb_id = 1",
            "UPDATE raw.imdb_title_basics SET primary_title = trim(primary_title) WHERE tconst = 'tt0000104'",
            "UPDATE raw.movielens_ratings SET rating = 4 WHERE rating = 4.5",
            "DELETE FROM core.movie_keywords WHERE keyword = 'queen'",
        ):
            assert tx.execute(change) == 1, change
    told = {(each.table, each.column) for each in compare(home, directory).differences}
    assert told == {
        ("core.movies", "overview"),
        ("core.movies", "popularity"),
        ("raw.tmdb_movies", "popularity"),
        ("raw.imdb_title_basics", "primary_title"),
        ("raw.movielens_ratings", "row"),
        ("core.movie_keywords", "row"),
    }


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Mirror]]:
    """A home of all real records, and the mirror that it was made from."""
    home = tmp_path_factory.mktemp("verbatim") / "home"
    with serve(DirectoryCatalogue(shared_data)) as mirror:
        ingest(home, mirror)
        yield home, mirror


@pytest.mark.slow
@pytest.mark.real_data
def test_no_value_of_the_real_records_becomes_another_one(
    real: tuple[Path, Mirror], shared_data: Path
) -> None:
    comparison = compare(real[0], shared_data)
    assert comparison.differences == [], comparison.told()
    assert comparison.compared["core.movies"] > 3_000_000, "values"


@pytest.mark.slow
@pytest.mark.real_data
def test_answers_are_stored_byte_for_byte(real: tuple[Path, Mirror]) -> None:
    home, mirror = real
    with exported(home) as tables:
        answers = tables.answers()
    stored = [row for key, row in answers.items() if key % 20 == 0 or "mirror" in row["payload"]]
    assert len(stored) > 1_500
    with closing(http.client.HTTPConnection(urlsplit(mirror.url).netloc, timeout=60)) as connection:
        for row in stored:
            assert row["content_hash"] == hashlib.sha256(row["payload"].encode()).hexdigest()
            # Not compared by pytest's own comparison, which takes minutes to print what differs.
            assert bool(fetched(connection, row) == row["payload"].encode()), row["tmdb_id"]


def fetched(connection: http.client.HTTPConnection, row: Mapping[str, Any]) -> bytes:
    """What the mirror sends where the request of a row is made again, by the standard library."""
    url = urlsplit(row["request"].removeprefix("GET ").replace("{id}", str(row["tmdb_id"])))
    connection.request("GET", f"{url.path}?{url.query}", headers={"Authorization": "Bearer another"})
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read()
