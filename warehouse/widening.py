"""Gives columns of numbers a wider type, rows and history kept.

The engine has a statement for this, `ALTER … SET DATA TYPE`. It is not used: DuckLake 1.5.5 goes on with
bounds of the old type, so that filters lose rows, and questions to earlier snapshots fail. Here a new column
takes the old one's place and name, in one transaction, and every row is written again with its value in it.
Earlier snapshots keep the old column.

The column moves to the end of its table, and the rows get new row ids. So tables whose rows are told apart by
when they arrived (`Table.append_only`) are never widened.
"""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from warehouse.connection import LAKE
from warehouse.identifiers import literal, qualified, quote
from warehouse.rewriting import rewrite

FAMILIES = (("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), ("FLOAT", "DOUBLE"))
"""Types of numbers; each holds every value of those before it."""
ROWS_AT_ONCE = 5_000_000
"""Rows that one statement writes, unless a single file has more: it sorts them."""


@dataclass(frozen=True)
class _Held:
    """A column as the lake has it."""

    type: str
    required: bool
    comment: str | None
    default: str | None
    """As SQL."""


def is_wider(kind: str, other: str) -> bool:
    """Return whether a numeric type holds every value of the other one, and more.

    >>> is_wider("BIGINT", "INTEGER"), is_wider("INTEGER", "BIGINT"), is_wider("DOUBLE", "INTEGER")
    (True, False, False)
    """
    return any(
        kind in family and other in family and family.index(kind) > family.index(other) for family in FAMILIES
    )


def widen(connection: duckdb.DuckDBPyConnection, table: str, types: Mapping[str, str]) -> None:
    """Give columns of a table these types, within the transaction that is open.

    It leaves alone the columns that the table does not have or that are as wide already. It keeps comments,
    defaults and NOT NULL, except that DuckLake makes no column NOT NULL in a table without rows: there the
    contract alone requires the values. A FLOAT becomes the DOUBLE of its shortest decimal: 0.1 stays 0.1.
    """
    held = _columns(connection, table)
    wider = {
        column: kind for column, kind in types.items() if column in held and is_wider(kind, held[column].type)
    }
    if not wider:
        return
    name = qualified(table)
    new = {column: _unused(f"{column}_wider", held) for column in wider}
    for column, kind in wider.items():
        if held[column].required:  # so that no row needs a value in it any more
            connection.execute(f"ALTER TABLE {name} ALTER {quote(column)} DROP NOT NULL")
        connection.execute(f"ALTER TABLE {name} ADD COLUMN {quote(new[column])} {kind}")
    values = {column: quote(column) for column in held if column not in wider}
    values |= {new[column]: _cast(column, held[column].type, kind) for column, kind in wider.items()}
    rows = rewrite(connection, table, list(_groups(connection, name)), values, ordered=True)
    for column in wider:
        connection.execute(f"ALTER TABLE {name} DROP COLUMN {quote(column)}")
        connection.execute(f"ALTER TABLE {name} RENAME COLUMN {quote(new[column])} TO {quote(column)}")
        if held[column].required and rows:
            connection.execute(f"ALTER TABLE {name} ALTER {quote(column)} SET NOT NULL")
        if default := held[column].default:
            connection.execute(f"ALTER TABLE {name} ALTER {quote(column)} SET DEFAULT {default}")
        if comment := held[column].comment:
            connection.execute(f"COMMENT ON COLUMN {name}.{quote(column)} IS {literal(comment)}")


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, _Held]:
    """Return the table's columns in their order; none where there is no such table."""
    schema, _, name = table.partition(".")
    rows = connection.execute(
        "SELECT column_name, data_type, is_nullable, comment, nullif(column_default, 'NULL') "
        "FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ? "
        "ORDER BY column_index",
        [LAKE, schema, name],
    ).fetchall()
    return {row[0]: _Held(row[1], not row[2], row[3], row[4]) for row in rows}


def _unused(name: str, held: Mapping[str, object]) -> str:
    while name in held:
        name += "_"
    return name


def _cast(column: str, held: str, kind: str) -> str:
    # The text of a FLOAT is its shortest decimal; a bare cast would show the bits that it lacks.
    value = f"CAST({quote(column)} AS VARCHAR)" if held == "FLOAT" else quote(column)
    return f"CAST({value} AS {kind})"


def _groups(connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[list[str]]:
    """Yield the table's files in groups of about `ROWS_AT_ONCE` rows, those of this transaction too."""
    files = connection.execute(
        f"SELECT filename, count(*) FROM {name} GROUP BY filename ORDER BY min(rowid), filename"
    ).fetchall()
    group: list[str] = []
    rows = 0
    for file, held in files:
        if group and rows + held > ROWS_AT_ONCE:
            yield group
            group, rows = [], 0
        group.append(file)
        rows += held
    if group:
        yield group
