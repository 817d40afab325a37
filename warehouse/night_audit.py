"""A light audit of what a night wrote, before its upkeep and after it.

A few random movies are read by different ways: by id, by a scan that trusts no statistics, by pyarrow over
the files, from `raw`, and as of an earlier snapshot. Besides, statistics, new files and unique keys are
looked at, as far as the time allows. What is compared is of one snapshot: commits of others do not matter.
"""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

import json
import random
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.audit import hold_rules, lives
from warehouse.checks import CheckResult, unique_rows
from warehouse.connection import LAKE, attach, session
from warehouse.errors import DamagedLake, QueryFailed
from warehouse.failures import reported
from warehouse.file_reader import DataFile, FileReader
from warehouse.identifiers import qualified
from warehouse.warehouse import Warehouse

MOVIES = 6
ABOUT_MOVIES = ("core.movies", "core.movie_genres", "core.id_map", "predictions.scores")
"""Tables whose rows of the sampled movies are compared."""
BYTES_PER_SECOND = 20_000_000
"""What pyarrow reads at least: a table whose files would take longer than is left is not read by it."""
ROWS_PER_SECOND = 1_000_000
"""The same of the rows whose unique keys the engine counts."""
SHARE, SECONDS = 0.03, 1.0
"""An audit takes at most this share of its night, or so long."""
_FROM_TMDB = {
    "popularity": "popularity",
    "tmdb_vote_count": "vote_count",
    "budget_usd": "budget",
    "revenue_usd": "revenue",
    "original_language": "original_language",
}
"""Columns of core.movies that are nearly as TMDb's values came, where TMDb is their source."""

_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")
"""U+0000 and halves of surrogate pairs; see `warehouse/conform/readable.sql`."""

_USES_STATISTICS = (
    "statistics_propagation,filter_pushdown,join_filter_pushdown,top_n,row_group_pruner,"
    "compressed_materialization,late_materialization"
)
"""DuckDB's optimisers that trust what the catalogue says of values."""

Row = dict[str, Any]


@dataclass
class AuditReport:
    """What an audit looked at, and the differences that it found."""

    movies: int = 0
    readings: int = 0
    """Comparisons of two ways to read the same rows."""
    rules: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


class NightAudit:
    """Reads before upkeep, reads again after it, and compares."""

    def __init__(self, warehouse: Warehouse, run_id: str, *, since: int, seconds: float) -> None:
        """Take a run, whose id decides the sample, the snapshot before it, and the time to spend."""
        self.report = AuditReport()
        self._warehouse = warehouse
        self._since = since
        self._seconds = seconds
        self._run_id = run_id
        self._random = random.Random(run_id)  # noqa: S311 - a sample, no secret
        self._movies: list[int] = []
        self._read: dict[str, list[Row]] = {}
        self._snapshot = -1
        self._plain: duckdb.DuckDBPyConnection | None = None

    def before(self) -> None:
        """Choose the movies, and compare the ways to read them."""
        started = time.monotonic()
        self._snapshot = self._warehouse.snapshot_id
        self._movies = self._sample()
        self.report.movies = len(self._movies)
        deadline = started + self._seconds / 2
        with self._reading() as reader:
            sizes = _sizes(reader.data_files(snapshot=self._snapshot))
            for i, table in enumerate(self._shuffled(ABOUT_MOVIES)):
                with self._telling(table):
                    rows = self._read[table] = self._by_id(table, self._snapshot)
                    if self._fits(sizes.get(table, 0), deadline, first=not i):
                        self._compare_ways(reader, table, self._snapshot, rows)
        if time.monotonic() < deadline:
            self._compare_with_raw()
        self.report.seconds += time.monotonic() - started

    def after(self) -> AuditReport:
        """Look at statistics, files and keys; read the same movies again, as they were and as they are."""
        started = time.monotonic()
        seconds = max(self._seconds - self.report.seconds, self._seconds / 4)
        newest = self._warehouse.snapshot_id
        with self._reading() as reader:
            files = reader.data_files()
            live = [file for file in files if lives(file, newest)]
            tables = self._written(live)
            self._note(
                hold_rules(
                    self._warehouse, reader, list(tables), files, newest,
                    since=self._since, until=started + seconds / 2,
                )
            )  # fmt: skip
            self._read_again(reader, newest, _sizes(live), started + seconds * 3 / 4)
        self._session().close()
        self._hold_keys(tables, started + seconds)
        self.report.seconds += time.monotonic() - started
        return self.report

    def _read_again(self, reader: FileReader, newest: int, sizes: dict[str, int], deadline: float) -> None:
        """Compare what was read before upkeep with what is read now, in as many tables as time allows."""
        alone = self._alone()
        for i, table in enumerate(self._shuffled(self._read)):
            with self._telling(table):
                if not i or time.monotonic() < deadline:
                    then = self._by_id(table, self._snapshot)
                    self._differ(table, "after upkeep, as of the snapshot before it", self._read[table], then)
                    now = self._by_id(table, newest)
                    if alone:
                        self._differ(table, "after upkeep", self._read[table], now)
                    if self._fits(sizes.get(table, 0), deadline, first=not i):
                        self._compare_ways(reader, table, newest, now)

    def _fits(self, size: int, deadline: float, *, first: bool) -> bool:
        """Return whether `size` bytes can be read before `deadline`; the first gets a minimum of time."""
        left = max(deadline - time.monotonic(), self._seconds / 8 if first else 0)
        return size < left * BYTES_PER_SECOND

    def _shuffled(self, tables: Iterable[str]) -> list[str]:
        """Return the tables in another order each night: where time is short, the last ones are left out."""
        return self._random.sample(listed := list(tables), len(listed))

    @contextmanager
    def _telling(self, table: str) -> Iterator[None]:
        """Count a file that cannot be read as a difference, and go on."""
        try:
            yield
        except (DamagedLake, QueryFailed) as error:
            self.report.faults.append(f"{table}: {error}")

    @contextmanager
    def _reading(self) -> Iterator[FileReader]:
        """Attach the lake anew, for queries that look at every row, and yield a reader of its files.

        Both share one session, from before upkeep until after it: to open one is a good part of what an
        audit takes. Nothing of the lake is attached meanwhile.
        """
        location, plain = self._warehouse.location, self._session()
        with reported(location):
            attach(plain, location, LAKE, read_only=True)
            reader = FileReader(location, plain)
            try:
                plain.execute(f"USE {LAKE}")
                yield reader
            finally:
                plain.execute("USE memory")
                plain.execute(f"DETACH {LAKE}")
                reader.detach()

    def _session(self) -> duckdb.DuckDBPyConnection:
        if self._plain is None:
            self._plain = session(self._warehouse.location)
            self._plain.execute(f"SET disabled_optimizers = '{_USES_STATISTICS}'")
        return self._plain

    def _sample(self) -> list[int]:
        """Choose movies that the night wrote, and others."""
        fresh = self._ids("WHERE snapshot_id > $since", since=self._since)
        return sorted({*fresh, *self._ids("")})

    def _ids(self, condition: str, **values: object) -> list[int]:
        rows = self._warehouse.query(
            f"SELECT movie_id FROM core.movies AT (VERSION => {self._snapshot:d}) {condition} "
            f"ORDER BY hash(movie_id, $seed) LIMIT {MOVIES // 2}",
            {"seed": self._random.getrandbits(32), **values},
        )
        ids: list[int] = rows["movie_id"].to_pylist()
        return ids

    def _by_id(self, table: str, snapshot: int) -> list[Row]:
        rows: list[Row] = self._warehouse.query(
            f"SELECT * FROM {qualified(table)} AT (VERSION => {snapshot:d}) "
            f"WHERE movie_id IN ({', '.join('?' * len(self._movies)) or 'NULL'})",
            self._movies,
        ).to_pylist()
        return rows

    def _compare_ways(self, reader: FileReader, table: str, snapshot: int, rows: list[Row]) -> None:
        """Compare rows read by id with those of a scan, and with pyarrow's."""
        with reported(self._warehouse.location):
            query = (
                f"SELECT * FROM {qualified(table)} AT (VERSION => {snapshot:d}) "
                "WHERE list_contains($ids, movie_id)"
            )
            scanned = self._session().execute(query, {"ids": self._movies}).to_arrow_table()
        self._differ(table, "by a scan without statistics", rows, scanned.to_pylist())
        read = reader.read_table(table, snapshot)
        mask = pc.is_in(read["movie_id"], value_set=pa.array(self._movies, pa.int64()))
        self._differ(table, "by pyarrow over the files", rows, read.filter(mask).to_pylist())

    def _differ(self, table: str, how: str, expected: list[Row], rows: list[Row]) -> None:
        self.report.readings += 1
        if _canonical(expected) != _canonical(rows):
            movies = ", ".join(map(str, self._movies))
            self.report.faults.append(
                f"{table}: {len(expected)} rows of the movies {movies} were read by id, "
                f"and {len(rows)} {how}, or with other values"
            )

    def _compare_with_raw(self) -> None:
        """Compare numbers of core.movies with TMDb's answers that the last conform has read."""
        movies = self._read.get("core.movies", [])
        cursor = self._warehouse.cursor("reelhouse", "core") or {"snapshot": -1}
        answers = self._warehouse.query(
            "SELECT tmdb_id, arg_max(payload, rowid) AS payload FROM raw.tmdb_movies WHERE "
            "list_contains($ids, tmdb_id) AND status = 200 AND snapshot_id <= $snapshot GROUP BY tmdb_id",
            {
                "ids": [row["tmdb_id"] for row in movies if row["tmdb_id"]],
                "snapshot": cursor["snapshot"],
            },
        ).to_pylist()
        records = {row["tmdb_id"]: json.loads(row["payload"]) for row in answers}
        for row in movies:
            record = records.get(row["tmdb_id"])
            sources = json.loads(row["sources"] or "{}")
            if record is None:
                continue
            self.report.readings += 1
            for column, key in _FROM_TMDB.items():
                if sources.get(column) == "tmdb" and row[column] != _conformed(column, record.get(key)):
                    self.report.faults.append(
                        f"core.movies: {column} of movie {row['movie_id']} is {row[column]!r}, "
                        f"TMDb's answer in raw.tmdb_movies says {record.get(key)!r}"
                    )

    def _alone(self) -> bool:
        """Return whether no other run was active since the readings before upkeep."""
        running = self._warehouse.scalar(
            "SELECT count(*) FROM ops.runs WHERE run_id <> $run AND (ended_at IS NULL OR ended_at > "
            "(SELECT snapshot_time FROM lake.snapshots() WHERE snapshot_id = $snapshot))",
            {"run": self._run_id, "snapshot": self._snapshot},
        )
        return not running

    def _written(self, live: list[DataFile]) -> dict[str, int]:
        """Return the tables that have files of this night, and their live rows: the smallest first."""
        rows: dict[str, int] = {}
        fresh = set()
        for file in live:
            rows[file.table] = rows.get(file.table, 0) + file.record_count
            if max(file.begin_snapshot, file.partial_max or 0) > self._since:
                fresh.add(file.table)
        return {name: rows[name] for name in sorted(fresh, key=lambda name: (rows[name], name))}

    def _hold_keys(self, tables: dict[str, int], deadline: float) -> None:
        """Hold the unique keys of the tables that the night wrote."""
        for name in self._shuffled(tables.keys() & self._warehouse.declared):
            left = deadline - time.monotonic()
            if tables[name] < max(left, 0) * ROWS_PER_SECOND:
                with self._telling(name):
                    self._note(unique_rows(self._warehouse, self._warehouse.table(name)))

    def _note(self, results: list[CheckResult]) -> None:
        for result in results:
            self.report.rules += 1
            if not result.passed:
                detail = f" ({result.detail})" if result.detail else ""
                self.report.faults.append(f"{result.table}: {result.rule} does not hold{detail}")


def _sizes(files: list[DataFile]) -> dict[str, int]:
    """Return the bytes of the tables' data files."""
    sizes: dict[str, int] = {}
    for file in files:
        sizes[file.table] = sizes.get(file.table, 0) + file.bytes
    return sizes


def _canonical(rows: list[Row]) -> list[str]:
    """Return the rows in an order of their own, with NaN equal to itself."""
    return sorted(repr(sorted(row.items())) for row in rows)


def _conformed(column: str, value: Any) -> Any:
    """Return a value of TMDb's as conforming writes it."""
    if isinstance(value, str):
        return _NO_CHARACTER.sub("", value)
    return round(value) if isinstance(value, float) and column != "popularity" else value
