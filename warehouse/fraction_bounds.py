"""Keeps the least and greatest fraction of a data file out of the catalogue.

DuckLake 1.5.5 skips files by these bounds, and writes the constant that it compares with them as a decimal
number. Read as a DOUBLE again, that may be another number, by the last digit: 0.9647201946472019 is one. Then
`=`, `IN`, `>=`, `BETWEEN` and joins do not find the row whose value is the file's bound. So a trigger in the
catalogue's own database forgets the bounds of FLOAT and DOUBLE columns as they are written, whichever client
writes them. Where the catalogue has none, DuckLake opens the file.
"""

# ruff: noqa: S608 — the names are DuckLake's own and constants

import duckdb

from warehouse import sqlite_file
from warehouse.backends import SqliteFile
from warehouse.connection import CATALOGUE, attach_catalogue, session
from warehouse.identifiers import literal
from warehouse.location import Location

TYPES = ("float32", "float64")
"""The columns' types, as DuckLake writes them."""
TRIGGER = "reelhouse_forget_fraction_bounds"
_IS_FRACTION = (
    "EXISTS (SELECT 1 FROM ducklake_column c WHERE c.table_id = NEW.table_id "
    f"AND c.column_id = NEW.column_id AND c.column_type IN {TYPES})"
)
_SQLITE = f"""
    CREATE TRIGGER IF NOT EXISTS {TRIGGER} AFTER INSERT ON ducklake_file_column_stats BEGIN
        UPDATE ducklake_file_column_stats SET min_value = NULL, max_value = NULL
        WHERE rowid = NEW.rowid AND {_IS_FRACTION};
    END
"""
FORGET_TRIGGER = f"DROP TRIGGER IF EXISTS {TRIGGER}"
"""For a copy from elsewhere, whose trigger of that name may do anything: the next writer installs ours."""
_POSTGRES = (
    f"""
    CREATE OR REPLACE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {_IS_FRACTION} THEN
            NEW.min_value := NULL;
            NEW.max_value := NULL;
        END IF;
        RETURN NEW;
    END $$
    """,
    f"""
    CREATE OR REPLACE TRIGGER {TRIGGER} BEFORE INSERT ON ducklake_file_column_stats
    FOR EACH ROW EXECUTE FUNCTION {TRIGGER}()
    """,
)


def are_forgotten(connection: duckdb.DuckDBPyConnection, location: Location) -> bool:
    """Return whether the catalogue of the lake that is attached has the trigger."""
    if isinstance(location.catalog, SqliteFile):
        function, names = "sqlite_query", f"SELECT name FROM sqlite_master WHERE name = {literal(TRIGGER)}"
    else:
        function, names = (
            "postgres_query",
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'ducklake_file_column_stats'::regclass "
            f"AND tgname = {literal(TRIGGER)}",
        )
    return bool(connection.execute(f"FROM {function}({literal(CATALOGUE)}, {literal(names)})").fetchall())


def forget(location: Location) -> None:
    """Install the trigger, and forget the bounds that are there."""
    if isinstance(location.catalog, SqliteFile):
        sqlite_file.execute(location.catalog.path, _SQLITE)
    with session(location, threads=1) as connection:
        attach_catalogue(connection, location, "written")
        connection.execute("BEGIN")
        if location.catalog.is_server:
            for statement in _POSTGRES:
                connection.execute("CALL postgres_execute('written', ?)", [statement])
        connection.execute(
            "UPDATE written.ducklake_file_column_stats SET min_value = NULL, max_value = NULL "
            "WHERE coalesce(min_value, max_value) IS NOT NULL AND (table_id, column_id) IN "
            f"(SELECT (table_id, column_id) FROM written.ducklake_column WHERE column_type IN {TYPES})"
        )
        connection.execute("COMMIT")
