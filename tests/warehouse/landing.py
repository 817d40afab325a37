"""Arrow data as the connectors deliver it: from real records, and written by hand."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from warehouse import Transaction, Warehouse
from warehouse.land import land_bulk, land_tmdb_movies

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANSWERS = pa.schema(
    [
        ("tmdb_id", pa.int64()),
        ("payload", pa.string()),
        ("status", pa.int16()),
        ("content_hash", pa.string()),
        ("reason", pa.string()),
        ("source_time", pa.timestamp("us", tz="UTC")),
    ]
)
TABLES = {
    "movies": pa.schema([("movielens_id", pa.int64()), ("title", pa.string()), ("genres", pa.string())]),
    "links": pa.schema([("movielens_id", pa.int64()), ("imdb_id", pa.string()), ("tmdb_id", pa.int64())]),
    "tags": pa.schema(
        [
            ("user_id", pa.int64()),
            ("movielens_id", pa.int64()),
            ("tag", pa.string()),
            ("tagged_at", pa.timestamp("s", tz="UTC")),
        ]
    ),
    "ratings": pa.schema(
        [
            ("user_id", pa.int64()),
            ("movielens_id", pa.int64()),
            ("rating", pa.float64()),
            ("rated_at", pa.timestamp("s", tz="UTC")),
        ]
    ),
    "title.basics": pa.schema(
        [
            ("tconst", pa.string()),
            ("title_type", pa.string()),
            ("primary_title", pa.string()),
            ("original_title", pa.string()),
            ("is_adult", pa.bool_()),
            ("start_year", pa.int32()),
            ("end_year", pa.int32()),
            ("runtime_minutes", pa.int32()),
            ("genres", pa.string()),
        ]
    ),
    "title.ratings": pa.schema(
        [("tconst", pa.string()), ("average_rating", pa.float64()), ("num_votes", pa.int64())]
    ),
    "title.principals": pa.schema(
        [
            ("tconst", pa.string()),
            ("ordering", pa.int32()),
            ("nconst", pa.string()),
            ("category", pa.string()),
            ("job", pa.string()),
            ("characters", pa.string()),
        ]
    ),
    "title.crew": pa.schema([("tconst", pa.string()), ("directors", pa.string()), ("writers", pa.string())]),
}


def genres(start: int, count: int = 100, genre: str = "Drama") -> pa.Table:
    """Rows for core.movie_genres: so many movies from `start` on, of one genre."""
    return pa.table(
        {"movie_id": range(start, start + count), "source": ["tmdb"] * count, "genre": [genre] * count}
    )


def answer(tmdb_id: int, **fields: Any) -> dict[str, Any]:
    """One good answer about a movie, as a row of a TMDb batch."""
    payload = json.dumps({"id": tmdb_id, **fields})
    return {
        "tmdb_id": tmdb_id,
        "payload": payload,
        "status": 200,
        "content_hash": sha256(payload.encode()).hexdigest(),
        "source_time": NOON,
    }


def gone(tmdb_id: int) -> dict[str, Any]:
    """One 404, as a row of a TMDb batch."""
    return {"tmdb_id": tmdb_id, "status": 404, "source_time": NOON}


def answers(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """A TMDb batch."""
    return pa.Table.from_pylist([{name: row.get(name) for name in ANSWERS.names} for row in rows], ANSWERS)


def land_tmdb(wh: Warehouse, rows: Iterable[Mapping[str, Any]], at: datetime = NOON) -> Any:
    """Land one TMDb batch in a transaction of its own."""

    def land(tx: Transaction) -> Any:
        batch_id = tx.batch(None, "tmdb", "movies")
        return land_tmdb_movies(
            tx, answers(rows), batch_id=batch_id, request="GET /movie/{id}", fetched_at=at
        )

    return wh.commit(land)


def land_rows(
    wh: Warehouse,
    source: str,
    dataset: str,
    table: str,
    rows: Sequence[Sequence[Any]] | pa.Table,
    at: datetime = NOON,
) -> Any:
    """Land one table of a bulk file in a transaction of its own; rows are tuples in the schema's order."""
    schema = TABLES[table]
    if not isinstance(rows, pa.Table):
        rows = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
    batches = rows.to_batches(max_chunksize=50_000)

    def land(tx: Transaction) -> Any:
        batch_id = tx.batch(None, source, dataset)
        return land_bulk(
            tx,
            source,
            dataset,
            table,
            iter(batches),
            batch_id=batch_id,
            request=f"GET {dataset}",
            fetched_at=at,
        )

    return wh.commit(land)


# --- real records


def real_answers(data: Path) -> list[dict[str, Any]]:
    """Every TMDb record and, for other ids, every keyword list, as the mirror would answer."""
    with gzip.open(data / "tmdb/movies.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = {record["id"]: record for record in map(json.loads, lines)}
    with gzip.open(data / "tmdb/keywords.jsonl.gz", "rt", encoding="utf-8") as lines:
        for known in map(json.loads, lines):
            records.setdefault(
                known["id"],
                {
                    "id": known["id"],
                    "imdb_id": known.get("imdb_id"),
                    "title": "",
                    "overview": "",
                    "release_date": "",
                    "runtime": 0,
                    "budget": 0,
                    "genres": [],
                    "poster_path": None,
                    "keywords": {"keywords": known["keywords"]},
                },
            )
    rows = []
    for tmdb_id, record in records.items():
        certification = record.pop("content_rating", None)
        if certification:
            releases = [{"certification": certification, "type": 3}]
            record["release_dates"] = {"results": [{"iso_3166_1": "US", "release_dates": releases}]}
        rows.append(answer(tmdb_id, **{key: value for key, value in record.items() if key != "id"}))
    return rows


def real_movielens(data: Path, dataset: str) -> dict[str, pa.Table]:
    """The tables of a MovieLens zip."""
    columns = {
        "movies": ["movielens_id", "title", "genres"],
        "links": ["movielens_id", "imdb_id", "tmdb_id"],
        "tags": ["user_id", "movielens_id", "tag", "tagged_at"],
        "ratings": ["user_id", "movielens_id", "rating", "rated_at"],
    }
    tables = {}
    with zipfile.ZipFile(data / f"movielens/{dataset}.zip") as archive:
        for name, names in columns.items():
            members = [member for member in archive.namelist() if member.endswith(f"/{name}.csv")]
            if not members:
                continue
            text = io.TextIOWrapper(archive.open(members[0]), encoding="utf-8", newline="")
            rows = list(csv.reader(text))[1:]
            schema = TABLES[name]
            arrays = []
            for position, column in enumerate(names):
                values = pa.array([row[position] or None for row in rows], pa.string())
                kind = schema.field(column).type
                if pa.types.is_timestamp(kind):
                    arrays.append(values.cast(pa.int64()).cast(kind))
                else:
                    arrays.append(values.cast(kind))
            tables[name] = pa.Table.from_arrays(arrays, schema=schema)
    return tables


def real_imdb(data: Path, dataset: str) -> pa.Table:
    """One IMDb file."""
    schema = TABLES[dataset]
    with gzip.open(data / f"imdb/{dataset}.tsv.gz") as file:
        table = pyarrow.csv.read_csv(
            file,
            parse_options=pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={name: pa.string() for name in _header(data, dataset)},
                null_values=["\\N"],
                strings_can_be_null=True,
            ),
        )
    columns = []
    for name, field in zip(table.column_names, schema, strict=True):
        column = table[name]
        columns.append(pa.compute.equal(column, "1") if field.type == pa.bool_() else column.cast(field.type))
    return pa.table(columns, schema=schema)


def _header(data: Path, dataset: str) -> list[str]:
    with gzip.open(data / f"imdb/{dataset}.tsv.gz", "rt", encoding="utf-8") as file:
        return file.readline().rstrip("\n").split("\t")
