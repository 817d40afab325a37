"""Brings a lake's layout to the one that this release declares.

A new lake is laid out from the declarations, and every migration is noted as applied. An older lake gets
the migrations it lacks, in order, each in one transaction; then missing tables, columns and comments are
added and views renewed.
"""

import hashlib
import importlib.metadata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import duckdb

from warehouse.errors import NewerVersion
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import literal, qualified, quote
from warehouse.location import Location
from warehouse.masked import forget_masked_answers
from warehouse.schema import SCHEMAS, TABLES, VIEWS, Table, View
from warehouse.widening import widen


@dataclass(frozen=True)
class Migration:
    """One change of the layout that cannot be derived by adding what is missing."""

    version: int
    name: str
    apply: Callable[[duckdb.DuckDBPyConnection], None]


def _nothing(connection: duckdb.DuckDBPyConnection) -> None:
    """Do nothing: the layout itself is made from the declarations."""


def _number_quarantine(connection: duckdb.DuckDBPyConnection) -> None:
    """Give each entry of the quarantine the number under which it was shown: until now, its row id."""
    connection.execute("ALTER TABLE ops.quarantine ADD COLUMN IF NOT EXISTS id BIGINT")
    connection.execute("UPDATE ops.quarantine SET id = rowid WHERE id IS NULL")


def _widen_scores(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep probabilities and thresholds as DOUBLE: DuckLake 1.5.5 does not find all FLOATs below 0.0001."""
    for table in ("scores", "superseded"):
        widen(connection, f"predictions.{table}", {"probability": "DOUBLE", "threshold": "DOUBLE"})
    widen(connection, "predictions.doubted", {"probability": "DOUBLE"})


def _type_steps(connection: duckdb.DuckDBPyConnection) -> None:
    """Give each step its kind, source and subject, which were words of its name, and its note, a count."""
    for column in ("kind", "source", "subject", "note"):
        connection.execute(f"ALTER TABLE ops.steps ADD COLUMN IF NOT EXISTS {column} VARCHAR")
    connection.execute("""
        UPDATE ops.steps SET
            kind = split_part(step, ' ', 1),
            source = CASE WHEN split_part(step, ' ', 1) IN ('ingest', 'backfill', 'select')
                     THEN nullif(split_part(step, ' ', 2), '') END,
            subject = nullif(split_part(
                regexp_replace(step, ' [0-9]+ of [0-9]+$', ''), ' ',
                CASE WHEN split_part(step, ' ', 1) IN ('ingest', 'backfill', 'select') THEN 3 ELSE 2 END
            ), ''),
            note = json_extract_string(counts, '$.note'),
            counts = CASE WHEN json_exists(counts, '$.note')
                     THEN json_merge_patch(counts, '{"note": null}') ELSE counts END
        WHERE kind IS NULL
    """)


MIGRATIONS = (
    Migration(1, "the first layout", _nothing),
    Migration(2, "quarantine entries have numbers of their own", _number_quarantine),
    Migration(3, "answers that may hold a masked word are asked for again", forget_masked_answers),
    Migration(4, "probabilities and thresholds are DOUBLE", _widen_scores),
    Migration(5, "steps say what they do, to what", _type_steps),
)


def code_version() -> str:
    """Return Reelhouse's installed version."""
    try:
        return importlib.metadata.version("reelhouse")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def layout(tables: Iterable[Table] = TABLES, views: Iterable[View] = VIEWS) -> str:
    """Return the hash of the declarations, contracts aside: it changes when the lake has to."""
    text = repr(
        [
            (
                t.name,
                t.comment,
                [(c.name, c.type, c.comment) for c in t.columns],
                t.partitioned_by,
                t.sorted_by,
            )
            for t in tables
        ]
    ) + repr(list(views))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def applied(connection: duckdb.DuckDBPyConnection) -> tuple[int, str, str]:
    """Return (version, layout hash, release) of the newest migration; (0, "", "") in an empty lake."""
    try:
        row = connection.execute(
            "SELECT version, layout, release FROM ops.migrations ORDER BY version DESC LIMIT 1"
        ).fetchone()
    except duckdb.CatalogException:
        return 0, "", ""
    return (int(row[0]), str(row[1]), str(row[2])) if row else (0, "", "")


def refuse_newer(connection: duckdb.DuckDBPyConnection, location: Location) -> int:
    """Return the layout's version, 0 in an empty lake; NewerVersion where a later release has changed it."""
    version, _, release = applied(connection)
    newest = MIGRATIONS[-1].version
    if version > newest:
        remedy = "the Reelhouse that wrote it" if release == code_version() else f"Reelhouse {release}"
        raise NewerVersion(
            f"{location} was written by Reelhouse {release} (layout {version}), and this is {code_version()} "
            f"(layout {newest}): install {remedy} or later"
        )
    return version


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether no migration is due."""
    version, hashed, _ = applied(connection)
    return version == MIGRATIONS[-1].version and hashed == layout()


def is_behind(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the lake has the layout of an earlier release."""
    version, _, _ = applied(connection)
    return 0 < version <= MIGRATIONS[-1].version and not is_current(connection)


def is_empty(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the lake has no tables yet."""
    sql = "SELECT 1 FROM duckdb_tables() WHERE database_name = 'lake' LIMIT 1"
    return connection.execute(sql).fetchone() is None


def migrate(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Bring the lake to the declared layout; the caller holds the lock."""
    version, _, _ = applied(connection)
    pending = [migration for migration in MIGRATIONS if migration.version > version] if version else []
    for migration in pending[:-1]:
        _in_transaction(connection, partial(_apply, connection, migration, now))
    last = pending[-1] if pending else None

    def finish() -> None:
        if last:
            last.apply(connection)
        lay_out(connection)
        noted = MIGRATIONS if not version else [last or MIGRATIONS[-1]]
        for migration in noted:
            _note(connection, migration, layout(), now)

    _in_transaction(connection, finish)


def _apply(connection: duckdb.DuckDBPyConnection, migration: Migration, now: datetime) -> None:
    migration.apply(connection)
    _note(connection, migration, "", now)


def _in_transaction(connection: duckdb.DuckDBPyConnection, work: Callable[[], object]) -> None:
    connection.execute("BEGIN")
    try:
        work()
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _note(connection: duckdb.DuckDBPyConnection, migration: Migration, hashed: str, now: datetime) -> None:
    connection.execute("DELETE FROM ops.migrations WHERE version = ?", [migration.version])
    connection.execute(
        "INSERT INTO ops.migrations (version, name, layout, release, applied_at) VALUES (?, ?, ?, ?, ?)",
        [migration.version, migration.name, hashed, code_version(), now],
    )


def lay_out(connection: duckdb.DuckDBPyConnection) -> None:
    """Create or complete every declared schema, table and view, with comments."""
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
    create_tables(connection, TABLES)
    for view in VIEWS:
        connection.execute(f"CREATE OR REPLACE VIEW {qualified(view.name)} AS {view.sql}")
        connection.execute(f"COMMENT ON VIEW {qualified(view.name)} IS {literal(view.comment)}")
    describe(connection, TABLES, VIEWS)


def create_tables(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Create the tables that are missing, add columns that are missing, and set the comments that differ."""
    present = {
        (row[0], row[1]): row[2]
        for row in connection.execute(
            "SELECT schema_name || '.' || table_name, column_name, comment FROM duckdb_columns() "
            "WHERE database_name = 'lake' AND NOT internal"
        ).fetchall()
    }
    comments = dict(
        connection.execute(
            "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables() "
            "WHERE database_name = 'lake'"
        ).fetchall()
    )
    for table in tables:
        name = qualified(table.name)
        if table.name not in comments:
            body = ", ".join(
                f"{quote(c.name)} {c.type}{' NOT NULL' if c.required else ''}" for c in table.columns
            )
            connection.execute(f"CREATE TABLE {name} ({body})")
            if table.partitioned_by:
                connection.execute(
                    f"ALTER TABLE {name} SET PARTITIONED BY ({column_list(table.partitioned_by)})"
                )
            if table.sorted_by:
                connection.execute(f"ALTER TABLE {name} SET SORTED BY ({column_list(table.sorted_by)})")
        for column in table.columns:
            if table.name in comments and (table.name, column.name) not in present:
                connection.execute(f"ALTER TABLE {name} ADD COLUMN {quote(column.name)} {column.type}")
            if present.get((table.name, column.name)) != column.comment:
                connection.execute(
                    f"COMMENT ON COLUMN {name}.{quote(column.name)} IS {literal(column.comment)}"
                )
        if comments.get(table.name) != table.comment:
            connection.execute(f"COMMENT ON TABLE {name} IS {literal(table.comment)}")


def describe(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[Table], views: Iterable[View] = ()
) -> None:
    """Write what the tables and views mean to ops.columns, instead of what it says of them now."""
    rows: list[tuple[str, str | None, str | None, str]] = []
    for table in tables:
        rows.append((table.name, None, None, table.comment))
        rows.extend((table.name, c.name, c.type, c.comment) for c in table.columns)
    for view in views:
        rows.append((view.name, None, None, view.comment))
        rows.extend((view.name, name, None, comment) for name, comment in view.columns)
    names = sorted({row[0] for row in rows})
    connection.execute("DELETE FROM ops.columns WHERE list_contains(?, table_name)", [names])
    connection.execute(
        "INSERT INTO ops.columns SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), "
        "unnest(?::VARCHAR[])",
        [list(part) for part in zip(*rows, strict=True)],
    )


def declare(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Create or complete tables that are declared elsewhere, such as feature views, where they differ."""
    wanted = list(tables)
    known = {
        (row[0], row[1], row[2], row[3])
        for row in connection.execute(
            "SELECT table_name, column_name, data_type, comment FROM ops.columns"
        ).fetchall()
    }
    changed = [
        t
        for t in wanted
        if {(t.name, None, None, t.comment), *((t.name, c.name, c.type, c.comment) for c in t.columns)}
        - known
    ]
    if changed:
        create_tables(connection, changed)
        describe(connection, changed)
