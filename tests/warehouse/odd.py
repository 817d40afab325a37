"""Values that no field should have, and a record of TMDb's with each of them at each of its places."""

import copy
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from tests.warehouse.landing import NOON

RECORD: dict[str, Any] = {
    "imdb_id": None,
    "external_ids": {"imdb_id": None},
    "title": "Movie",
    "original_title": "Movie",
    "original_language": "en",
    "overview": "A film about a thing.",
    "tagline": "Things.",
    "status": "Released",
    "release_date": "2001-02-03",
    "runtime": 100,
    "budget": 5,
    "revenue": 6,
    "popularity": 1.5,
    "vote_average": 6.1,
    "vote_count": 10,
    "adult": False,
    "video": False,
    "poster_path": "/a.jpg",
    "genres": [{"id": 18, "name": "Drama"}],
    "belongs_to_collection": {"id": 3, "name": "Things"},
    "keywords": {"keywords": [{"id": 4, "name": "thing"}]},
    "production_companies": [{"id": 1, "name": "Thing Films"}],
    "production_countries": [{"iso_3166_1": "US"}],
    "spoken_languages": [{"iso_639_1": "en"}],
    "credits": {
        "cast": [{"id": 1, "name": "A", "order": 0}],
        "crew": [{"id": 2, "name": "B", "job": "Director", "department": "Writing"}],
    },
    "release_dates": {
        "results": [
            {
                "iso_3166_1": "US",
                "release_dates": [{"certification": "R", "type": 3, "release_date": "2001-02-03T00:00:00Z"}],
            }
        ]
    },
}
NUMBERS = (
    "1e30", "1e308", "1e400", "-1e400", "-1", "0", "1e-320", "0.5", "90.5", "99999999999999999999",
    "-99999999999999999999", "999999999999999999", "-999999999999999999", "9223372036854775807",
    "9223372036854775808",
)  # fmt: skip
TEXTS = (
    '"inf"', '"-inf"', '"NaN"', '"1e30"', '""', '" "', '"x"', r'"\u0000"', r'"a\u0007\u001b[31m\n"',
    r'"\ud800"',
    r'"a\udc00b"', r'"\u202e\u2028"', '"' + "x" * 100_000 + '"', '"0000-00-00"', '"0000-01-01"',
    '"99999-01-01"', '"9999-12-31"', '"infinity"', '"epoch"', '"-0001-01-01"', '"294247-01-10"',
)  # fmt: skip
OTHERS = (
    "true", "false", "null", "[]", "{}", "[[]]", "[null]", "[{}]", '[{"id":{}}]', "[1e30]",
    '{"a":{"b":[1]}}', "[" * 200 + "]" * 200,
)  # fmt: skip
JSON = (*NUMBERS, *TEXTS, *OTHERS)
"""Values as they stand in JSON: some of them Python cannot write."""
_HERE = "@@here@@"
Path = tuple[str | int, ...]


def places(value: Any = RECORD, place: Path = ()) -> Iterator[Path]:
    """Yield the path of each value within a value, of the outer ones before those within."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*place, key)
        yield from places(part, (*place, key))


def answer_with(tmdb_id: int, place: Path, odd: str) -> dict[str, Any]:
    """Return an answer about a movie, as a row of a TMDb batch, with that JSON in one place."""
    record = copy.deepcopy(RECORD)
    holder: Any = record
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = _HERE
    payload = json.dumps({"id": tmdb_id, **record}).replace(f'"{_HERE}"', odd)
    return {
        "tmdb_id": tmdb_id,
        "payload": payload,
        "status": 200,
        "content_hash": sha256(payload.encode()).hexdigest(),
        "source_time": NOON,
    }


def answers_with(first_id: int, odd: Sequence[str] = JSON) -> list[dict[str, Any]]:
    """Return an answer for each place and each of the values, each about a movie of its own."""
    pairs = [(place, value) for place in places() for value in odd]
    return [answer_with(first_id + n, place, value) for n, (place, value) in enumerate(pairs)]
