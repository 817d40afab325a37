"""Landing bulk files: as what changed since the file's last version, or as a whole where that costs less."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.connection import LAKE
from warehouse.errors import SchemaMismatch, WarehouseError
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import qualified, quote
from warehouse.transaction import Transaction, WriteResult

STREAM_ROWS = 250_000


class EmptyFile(WarehouseError):
    """A file without rows would delete everything that its last version held; land the whole file again."""


@dataclass(frozen=True)
class Target:
    """Where a file's rows go, and what tells them apart."""

    table: str
    key: str | None
    by_dataset: bool = False
    """The table holds several data sets, each with keys of its own."""
    whole: bool = False
    """Replace the data set's rows rather than add what changed."""


TARGETS = {
    ("movielens", "movies"): Target("raw.movielens_movies", "movielens_id", by_dataset=True),
    ("movielens", "links"): Target("raw.movielens_links", "movielens_id", by_dataset=True),
    # A user may give a movie the same tag twice: only the whole row tells them apart.
    ("movielens", "tags"): Target("raw.movielens_tags", "row_hash", by_dataset=True),
    ("movielens", "ratings"): Target("raw.movielens_ratings", None, by_dataset=True, whole=True),
    ("movielens", "genome_tags"): Target("raw.movielens_genome_tags", None, by_dataset=True, whole=True),
    ("movielens", "genome_scores"): Target("raw.movielens_genome_scores", None, by_dataset=True, whole=True),
    ("imdb", "title.basics"): Target("raw.imdb_title_basics", "tconst"),
    ("imdb", "title.ratings"): Target("raw.imdb_title_ratings", "tconst"),
    ("imdb", "title.crew"): Target("raw.imdb_title_crew", "tconst"),
}


def land_bulk(
    tx: Transaction,
    source: str,
    dataset: str,
    table: str,
    batches: Iterable[pa.RecordBatch],
    *,
    batch_id: str,
    request: str,
    fetched_at: datetime,
) -> WriteResult:
    """Land one table of a bulk file; return how many rows came, landed and went to quarantine.

    `source` and `table` are a pair of TARGETS, such as ("movielens", "links"); `dataset` names the MovieLens
    set. The batches have the columns of the raw table without those that every raw table has. They are read
    once and staged in DuckDB, which spills to disk: memory does not grow with the file.

    Into an empty table every row is added. After that only rows that are new or have changed, and, with
    deleted = true and their last values, those that the file no longer has. Ratings and the tag genome are
    replaced as a whole. A row that repeats an earlier row's key, or breaks the table's contract, goes to
    quarantine.

    Raises EmptyFile where a file without rows would delete everything, SchemaMismatch for an unknown table.
    """
    if (source, table) not in TARGETS:
        raise SchemaMismatch(f"{source} has no table {table}: known are {', '.join(t for _, t in TARGETS)}")
    target = TARGETS[source, table]
    constants: dict[str, Any] = {
        "source": source,
        "fetched_at": fetched_at,
        "request": request,
        "batch_id": batch_id,
    }
    if target.by_dataset:
        constants["dataset"] = dataset
    stream = iter(batches)
    first = next(stream, None)
    if target.whole:
        tx.execute(f"DELETE FROM {qualified(target.table)} WHERE dataset = $dataset", {"dataset": dataset})
        rest = () if first is None else chain([first], stream)
        return tx.append(target.table, rest, constants=constants)
    with _staged(tx, first, stream, target) as stage:
        return _land_changes(tx, stage, target, constants)


def _land_changes(tx: Transaction, stage: "_Stage", target: Target, constants: dict[str, Any]) -> WriteResult:
    dataset = {"dataset": constants["dataset"]} if target.by_dataset else {}
    only = "WHERE dataset = $dataset" if target.by_dataset else ""
    rows_in = stage.rows
    repeated = stage.take_repeated(target)
    tx.quarantine(constants["source"], target.table, repeated, constants["batch_id"])
    held = stage.scalar(f"SELECT count(*) FROM {qualified(target.table)} {only}", dataset)
    if held and not rows_in:
        raise EmptyFile(
            f"{constants['request']} has no rows, and {target.table} has {held}: "
            "nothing was deleted; fetch the file again, or land it under another name if it is right"
        )
    if not rows_in:
        return WriteResult()
    if not held:
        written = tx.append(target.table, stage.stream(_ALL), constants=constants)
    else:
        stage.compare(target, only, dataset)
        written = tx.append(target.table, stage.stream(_CHANGED), constants=constants)
        gone = stage.stream(
            f"SELECT {column_list(stage.columns, prefix='old')}, old.row_hash, true AS deleted "
            f"FROM {qualified(target.table)} AS old JOIN vanished ON old.rowid = vanished.row_id"
        )
        written += tx.append(target.table, gone, constants=constants)
    return WriteResult(rows_in, written.rows_landed, written.rows_quarantined + repeated.num_rows)


_ALL = "SELECT * EXCLUDE (place), false AS deleted FROM staged"
_CHANGED = f"{_ALL} WHERE place IN (SELECT place FROM changed)"


class _Stage:
    """The file's rows in a temporary table of a connection of its own, to be read while `tx` writes.

    It sees what was committed before; a file's table is landed once per transaction.
    """

    def __init__(self, session: duckdb.DuckDBPyConnection, columns: tuple[str, ...]) -> None:
        self._session = session
        self.columns = columns
        self.rows = int(self.scalar("SELECT count(*) FROM staged")) if columns else 0

    def scalar(self, sql: str, params: dict[str, Any] | None = None) -> Any:
        row = self._session.execute(sql, params or None).fetchone()
        return row[0] if row else None

    def stream(self, sql: str) -> pa.RecordBatchReader:
        return self._session.execute(sql).to_arrow_reader(STREAM_ROWS)

    def take_repeated(self, target: Target) -> pa.Table:
        """Keep the first row of each key; return the others with the columns original and reason."""
        empty = pa.table({"original": pa.array([], pa.string()), "reason": pa.array([], pa.string())})
        if not self.columns:
            return empty
        key = quote(target.key or "row_hash")
        if self.scalar(f"SELECT count(DISTINCT {key}) FROM staged") == self.rows:
            return empty
        self._session.execute(
            "CREATE OR REPLACE TEMP TABLE repeated AS SELECT place FROM staged "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY place) > 1"
        )
        original = ", ".join(f"{quote(name)}: {quote(name)}" for name in self.columns)
        taken = self._session.execute(
            f"SELECT CAST(to_json({{{original}}}) AS VARCHAR) AS original, $reason AS reason "
            "FROM staged WHERE place IN (SELECT place FROM repeated) ORDER BY place",
            {"reason": f"repeats an earlier row's {target.key if target.key != 'row_hash' else 'values'}"},
        ).to_arrow_table()
        self._session.execute("DELETE FROM staged WHERE place IN (SELECT place FROM repeated)")
        return taken

    def compare(self, target: Target, only: str, dataset: dict[str, str]) -> None:
        """Find the places of new or changed rows (`changed`) and the row ids of those gone (`vanished`)."""
        key = quote(target.key or "row_hash")
        same = f"old.key = staged.{key}"
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE held AS SELECT {key} AS key, max(rowid) AS row_id, "
            "arg_max(row_hash, rowid) AS row_hash, arg_max(deleted, rowid) AS deleted "
            f"FROM {qualified(target.table)} {only} GROUP BY {key}",
            dataset or None,
        )
        self._session.execute(
            "CREATE OR REPLACE TEMP TABLE changed AS SELECT place "
            f"FROM staged LEFT JOIN held AS old ON {same} "
            "WHERE old.row_id IS NULL OR old.deleted OR old.row_hash IS DISTINCT FROM staged.row_hash"
        )
        self._session.execute(
            "CREATE OR REPLACE TEMP TABLE vanished AS SELECT old.row_id "
            f"FROM held AS old ANTI JOIN staged ON {same} WHERE NOT old.deleted"
        )


@contextmanager
def _staged(
    tx: Transaction, first: pa.RecordBatch | None, rest: Iterator[pa.RecordBatch], target: Target
) -> Iterator[_Stage]:
    """Yield the rows, staged with their place in the file and a hash of their content."""
    sessions: list[duckdb.DuckDBPyConnection] = []
    tx.run(lambda connection: sessions.append(connection.cursor()))
    session = sessions[0]
    try:
        columns: tuple[str, ...] = ()
        if first is not None:
            columns = tuple(first.schema.names)
            session.execute(f"USE {LAKE}")
            session.register(
                "arriving", pa.RecordBatchReader.from_batches(first.schema, chain([first], rest))
            )
            fields = ", ".join(f"coalesce(CAST({quote(name)} AS VARCHAR), chr(30))" for name in columns)
            session.execute(
                "CREATE OR REPLACE TEMP TABLE staged AS SELECT *, row_number() OVER () AS place, "
                f"left(md5(concat_ws(chr(31), {fields})), 16) AS row_hash FROM arriving"
            )
        yield _Stage(session, columns)
    finally:
        session.close()
