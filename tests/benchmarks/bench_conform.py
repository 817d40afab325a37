"""What a night that changes few movies takes to conform, beside a conform of everything.

    python -m tests.benchmarks.bench_conform [--movies 1000000] [--changed 0.01] [--nights 2]

A lake is filled with generated answers of TMDb, IMDb's basics, ratings and crew (as many episodes as films
beside them) and MovieLens' movies and links of a tenth, and conformed: that is the full conform. Then each
night TMDb's answers and IMDb's ratings change for a share of the movies, TMDb's export of ids comes anew, and
`conform` runs again. Printed:
seconds of both and what the nights take of the whole; exit 1 where that is over 5 %.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse import Location, Transaction, Warehouse
from warehouse.conform import ConformResult, conform
from warehouse.land import land_bulk, land_tmdb_export, land_tmdb_movies

LIMIT = 0.05
AT = datetime(2026, 3, 1, 4, tzinfo=UTC)
WORDS = "['night','river','house','winter','glass','silent','burning','little','golden','last']"
# What is put in here is the list of words above.
TMDB = f"""
    SELECT n AS tmdb_id, CAST(to_json({{
        'id': n, 'imdb_id': 'tt' || lpad(CAST(n AS VARCHAR), 7, '0'), 'title': 'Movie ' || n,
        'original_title': 'Movie ' || n, 'original_language': 'en', 'status': 'Released', 'adult': false,
        'overview': array_to_string(list_transform(range(40), i -> {WORDS}[1 + (h + i * n) % 10]), ' '),
        'release_date': CAST(DATE '1950-01-01' + CAST(n % 27000 AS INTEGER) AS VARCHAR),
        'runtime': 60 + n % 90, 'budget': n % 7 * 1000000, 'revenue': n % 11 * 1000000,
        'popularity': h % 1000 / 10, 'tagline': 'What?',
        'vote_average': n % 100 / 10, 'vote_count': 100 + $night, 'poster_path': '/p' || n || '.jpg',
        'genres': [{{'id': 18, 'name': 'Drama'}}, {{'id': 100 + n % 9, 'name': 'Genre ' || n % 9}}],
        'keywords': {{'keywords': list_transform(range(6), i -> {{'id': 1 + (h + i * 77) % 5000,
                     'name': 'keyword ' || (h + i * 77) % 5000}})}},
        'production_companies': [{{'id': 1 + n % 900, 'name': 'Company ' || n % 900}}],
        'production_countries': [{{'iso_3166_1': 'US'}}], 'spoken_languages': [{{'iso_639_1': 'en'}}],
        'credits': {{
            'cast': list_transform(range(8), i -> {{'id': 1 + (h + i * 997) % 100000,
                    'name': 'Actor ' || (h + i * 997) % 100000, 'order': i}}),
            'crew': [{{'id': 200000 + n % 9000, 'name': 'Person ' || n % 9000, 'job': 'Director',
                     'department': 'Directing'}}]}},
        'release_dates': {{'results': [{{'iso_3166_1': 'US', 'release_dates': [
            {{'certification': 'PG', 'release_date': '2000-01-01', 'type': 3}}]}}]}}
    }}) AS VARCHAR) AS payload, CAST(200 AS SMALLINT) AS status, sha256(payload) AS content_hash,
    CAST(NULL AS VARCHAR) AS reason, CAST($at AS TIMESTAMPTZ) AS source_time
    FROM (SELECT n, CAST(hash(n) >> 2 AS BIGINT) AS h FROM range($first, $last) AS numbers(n)
          WHERE hash(n, $night) % 1000000 < $share)
"""  # noqa: S608
IMDB = {
    "title.basics": """
        SELECT 'tt' || lpad(CAST(n AS VARCHAR), 7, '0') AS tconst,
               CASE WHEN n <= $movies THEN 'movie' ELSE 'tvEpisode' END AS title_type,
               'Movie ' || n AS primary_title, 'Movie ' || n AS original_title, false AS is_adult,
               CAST(1950 + n % 70 AS INTEGER) AS start_year, CAST(NULL AS INTEGER) AS end_year,
               CAST(60 + n % 90 AS INTEGER) AS runtime_minutes, 'Drama,Comedy' AS genres
        FROM range(1, 2 * $movies + 1) AS numbers(n)""",
    "title.ratings": """
        SELECT 'tt' || lpad(CAST(n AS VARCHAR), 7, '0') AS tconst, n % 90 / 10 AS average_rating,
               100 + len(list_filter(range(1, $night + 1), i -> hash(n, i) % 1000000 < $share)) AS num_votes
        FROM range(1, 2 * $movies + 1) AS numbers(n)""",
    "title.crew": """
        SELECT 'tt' || lpad(CAST(n AS VARCHAR), 7, '0') AS tconst,
               'nm' || lpad(CAST(1 + n % 90000 AS VARCHAR), 7, '0') AS directors,
               'nm' || lpad(CAST(1 + n % 70000 AS VARCHAR), 7, '0') AS writers
        FROM range(1, 2 * $movies + 1) AS numbers(n)""",
}
MOVIELENS = {
    "movies": "SELECT n AS movielens_id, 'Movie ' || n || ' (1999)' AS title, 'Drama|Comedy' AS genres "
    "FROM range(1, $movies // 10 + 1) AS numbers(n)",
    "links": "SELECT n AS movielens_id, lpad(CAST(n AS VARCHAR), 7, '0') AS imdb_id, n AS tmdb_id "
    "FROM range(1, $movies // 10 + 1) AS numbers(n)",
}
EXPORT = """
    SELECT n AS tmdb_id, false AS adult, 1.0 AS popularity, false AS video
    FROM range(1, $movies + 1) AS numbers(n)"""
ANSWERS = 50_000
"""Of TMDb, landed at once."""


def generated(query: str, **values: object) -> Iterator[pa.RecordBatch]:
    """The rows of a query about numbers."""
    with duckdb.connect() as connection:
        named = {name: value for name, value in values.items() if f"${name}" in query}
        yield from connection.execute(query, named).to_arrow_reader(100_000)


def land_night(wh: Warehouse, movies: int, night: int, share: float) -> None:
    """Land what TMDb and IMDb say in a night; night 0 is the first, when everything is new."""
    values = {"movies": movies, "night": night, "at": AT, "share": round(share * 1e6)}

    def land(tx: Transaction) -> None:
        batch_id = tx.batch(None, "imdb", f"night {night}")
        origin = {"batch_id": batch_id, "request": f"night {night}", "fetched_at": AT}
        for name, query in IMDB.items():
            if night == 0 or name == "title.ratings":
                land_bulk(tx, "imdb", name, name, generated(query, **values), **origin)
        land_tmdb_export(tx, pa.Table.from_batches(list(generated(EXPORT, **values))), AT.date())
        for name, query in MOVIELENS.items() if night == 0 else ():
            land_bulk(tx, "movielens", "ml-25m", name, generated(query, **values), **origin)

    wh.commit(land)
    step = movies if night else ANSWERS
    for first in range(1, movies + 1, step):
        span = {"first": first, "last": min(first + step, movies + 1)}
        answers = pa.Table.from_batches(list(generated(TMDB, **values, **span)))
        wh.commit(
            lambda tx, answers=answers: land_tmdb_movies(
                tx, answers, batch_id=tx.batch(None, "tmdb", "movies"), request="GET", fetched_at=AT
            )
        )


def timed(wh: Warehouse) -> tuple[float, float, ConformResult]:
    """Seconds of a conform, the processor's seconds, and what it did."""
    started, spent = time.perf_counter(), time.process_time()
    result = conform(wh, None)
    return time.perf_counter() - started, time.process_time() - spent, result


def main() -> None:
    """Fill, conform, change, conform; print what the nights take of the whole."""
    parser = argparse.ArgumentParser(description="A night's conform beside a full one.")
    parser.add_argument("--movies", type=int, default=1_000_000)
    parser.add_argument("--changed", type=float, default=0.01, help="share of movies that a night changes")
    parser.add_argument("--nights", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, Warehouse.open(Location.under(Path(home))) as wh:
        started = time.perf_counter()
        land_night(wh, args.movies, 0, 1.0)
        print(f"(landed in {time.perf_counter() - started:.0f} s)", flush=True)
        full, full_spent, result = timed(wh)
        assert result.added == args.movies, result
        print(f"{args.movies:,} movies: full conform {full:.1f} s", flush=True)
        nights, spent = [], []
        for night in range(1, args.nights + 1):
            land_night(wh, args.movies, night, args.changed)
            seconds, processor, result = timed(wh)
            nights.append(seconds)
            spent.append(processor)
            print(f"night {night}: {result.changed:,} movies changed in {seconds:.2f} s", flush=True)
    share = max(nights) / full
    print(
        f"a night takes {share:.1%} of a full conform, {max(spent) / full_spent:.1%} of its processor time "
        f"({max(spent):.1f} of {full_spent:.1f} s) {'' if share <= LIMIT else f'OVER {LIMIT:.0%}'}"
    )
    if share > LIMIT:
        sys.exit(1)


if __name__ == "__main__":
    main()
