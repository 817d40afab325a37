"""Numbers of DuckLake's catalogue that no lake can have: negative, absent, absurdly large, or no numbers.

The engine fails on some of them with an internal error that names nothing, so they are read as text.
"""

# ruff: noqa: S608 — the names are DuckLake's own and constants

from collections.abc import Iterator

from warehouse.backends import SqliteFile
from warehouse.connection import attach_catalogue, session
from warehouse.failures import reported
from warehouse.location import Location

_CATALOGUE = "catalogue"
_MOST = 2**53
_FILE = ("file_size_bytes", "footer_size", "begin_snapshot")
_NUMBERS = {
    "ducklake_data_file": (*_FILE, "record_count"),
    "ducklake_delete_file": (*_FILE, "delete_count", "data_file_id"),
    "ducklake_table_stats": ("record_count", "next_row_id", "file_size_bytes"),
}
_NUMBERS_OR_NULL = {
    "ducklake_data_file": ("end_snapshot", "partial_max", "row_id_start"),
    "ducklake_delete_file": ("end_snapshot", "partial_max"),
    "ducklake_table_stats": (),
}


def impossible_numbers(location: Location) -> dict[str, list[str]]:
    """Return what is wrong with the numbers of tables and files in the catalogue, by the table's name."""
    faults: dict[str, list[str]] = {}
    with reported(location), session(location, threads=1) as connection:
        if isinstance(location.catalog, SqliteFile):
            # SQLite keeps a text or a fraction in a column of whole numbers, too.
            connection.execute("SET GLOBAL sqlite_all_varchar = true")
        attach_catalogue(connection, location, _CATALOGUE, read_only=True)
        for listing, required in _NUMBERS.items():
            columns = (*required, *_NUMBERS_OR_NULL[listing])
            values = ", ".join(f"CAST(f.{column} AS VARCHAR)" for column in columns)
            holder = "'the table'" if listing == "ducklake_table_stats" else "f.path"
            rows = connection.execute(
                f"SELECT coalesce(t.name, 'an unknown table'), {holder}, {values} "
                f"FROM {_CATALOGUE}.{listing} AS f LEFT JOIN ("
                "SELECT table_id, any_value(s.schema_name || '.' || l.table_name) AS name "
                f"FROM {_CATALOGUE}.ducklake_table AS l JOIN {_CATALOGUE}.ducklake_schema AS s "
                "USING (schema_id) GROUP BY table_id) AS t USING (table_id) ORDER BY ALL"
            ).fetchall()
            for table, name, *numbers in rows:
                for text in _faults(columns, numbers, len(required)):
                    faults.setdefault(table, []).append(f"of {name}, {text}")
    return faults


def _faults(columns: tuple[str, ...], numbers: list[str | None], required: int) -> Iterator[str]:
    for position, (column, text) in enumerate(zip(columns, numbers, strict=True)):
        if text is None:
            if position < required:
                yield f"the catalogue has no {column}"
        elif not (text.isascii() and text.isdigit() and int(text[:20]) <= _MOST):
            yield f"the catalogue says {column} {text[:40]!a}, which cannot be"
