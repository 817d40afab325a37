"""Writes data files anew without their deleted rows.

The engine has a function for this, which is not safe: `warehouse.rewriting` says why, and what is done.

Such rows get new row ids and the number of a new snapshot. So tables whose rows are told apart by when they
arrived (`Table.append_only`) are never rewritten.
"""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from warehouse.connection import CATALOGUE, LAKE
from warehouse.identifiers import literal
from warehouse.rewriting import rewrite as rewrite_files
from warehouse.transaction import Transaction
from warehouse.warehouse import Warehouse

DELETED_SHARE = 0.25
"""A data file is rewritten when a larger share of its rows has been deleted."""
SCATTERED_BYTES = 4_000_000
"""So is each file with deletions of a table that has a file of deletions for each so many bytes: queries open
all of them. A small table is written anew every night that changes it, one of 100 MB every 25 nights."""
ROWS_AT_ONCE = 5_000_000
"""Rows that one transaction rewrites, unless a single file has more."""

_CROWDED = f"""
    WITH files AS (
        SELECT f.table_id, f.path, f.record_count AS records, f.file_size_bytes AS bytes,
               coalesce(d.delete_count, 0) AS deleted
        FROM {CATALOGUE}.ducklake_data_file f
        LEFT JOIN {CATALOGUE}.ducklake_delete_file d
            ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL
        WHERE f.end_snapshot IS NULL
    ), scattered AS (
        SELECT table_id FROM files GROUP BY table_id
        HAVING count(*) FILTER (WHERE deleted > 0) * $each > sum(bytes)
    )
    SELECT schema_name || '.' || table_name AS name, files.path, records - deleted AS rows
    FROM files JOIN {CATALOGUE}.ducklake_table AS tables USING (table_id)
    JOIN {CATALOGUE}.ducklake_schema AS schemas USING (schema_id)
    WHERE tables.end_snapshot IS NULL AND schemas.end_snapshot IS NULL
      AND (deleted > $share * records OR (deleted > 0 AND table_id IN (SELECT table_id FROM scattered)))
    ORDER BY name, files.path
"""


@dataclass(frozen=True)
class Crowded:
    """Files of one table that hold too many deleted rows."""

    table: str
    names: tuple[str, ...]
    """The files' names, which a UUID makes unique."""


def crowded(warehouse: Warehouse) -> Iterator[Crowded]:
    """Yield the files that are worth writing anew, in groups of about `ROWS_AT_ONCE` rows of one table."""
    files = warehouse.query(_CROWDED, {"each": SCATTERED_BYTES, "share": DELETED_SHARE}).to_pylist()
    by_table: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for file in files:
        by_table[file["name"]].append((PurePosixPath(file["path"]).name, file["rows"]))
    for table, listed in by_table.items():
        if table in warehouse.declared and warehouse.table(table).append_only:
            continue
        group: list[str] = []
        held = 0
        for name, rows in listed:
            if group and held + rows > ROWS_AT_ONCE:
                yield Crowded(table, tuple(group))
                group, held = [], 0
            group.append(name)
            held += rows
        yield Crowded(table, tuple(group))


def rewrite(tx: Transaction, files: Crowded) -> int:
    """Insert the rows of the files again and delete the old ones; return how many files that were.

    Raises DamagedLake, and changes nothing, where the engine does not move every row.
    """
    live = _live(tx, files.table)
    paths = [path for path in live if PurePosixPath(path).name in files.names]
    if paths:  # else another process has changed them since
        tx.queries.add(files.table)
        whole = len(paths) == len(live)
        tx.run(lambda connection: rewrite_files(connection, files.table, [paths], whole=whole))
    return len(paths)


def _live(tx: Transaction, name: str) -> list[str]:
    """Return the whole addresses of a table's files."""
    schema, _, table = name.partition(".")
    rows = tx.query(
        f"SELECT data_file FROM ducklake_list_files('{LAKE}', {literal(table)}, schema => {literal(schema)})"
    )
    paths: list[str] = rows["data_file"].to_pylist()
    return paths
