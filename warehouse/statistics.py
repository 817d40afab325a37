"""Table-level statistics of DuckLake's catalogue: which there are, and whether they are wrong.

Filters, sorts, joins, min and max trust the least and the greatest value of a column that the catalogue keeps
for a whole table. DuckLake 1.5.5 writes "no value so far" and "unknown" alike: NULL. Its own rewrite of data
files leaves bounds unknown, and so does a file of long texts, a column that gets a wider type, or a commit of
several files of which the first has no value. The next insert takes that for "no value so far" and sets the
bounds from its own rows alone: others are not found.

So the catalogue of a lake of ours keeps no such bounds. What it has no row for, DuckLake neither trusts nor
writes. The bounds of single files, which it skips files by, stay, except those of fractions
(`warehouse.fraction_bounds`).
"""

# ruff: noqa: S608 — the names are DuckLake's own and pass through warehouse.identifiers

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from warehouse.identifiers import quote

Ask = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query on the catalogue and returns its rows."""

_KINDS: Mapping[str, str] = {
    "HUGEINT": "type LIKE 'int%' OR type LIKE 'uint%'",
    "DOUBLE": "type LIKE 'float%' OR type LIKE 'decimal%'",
    "BOOLEAN": "type = 'boolean'",
    "DATE": "type = 'date'",
    "TIMESTAMPTZ": "type LIKE 'timestamp%'",
    "VARCHAR": "type IN ('varchar', 'json')",
}
"""How bounds compare, by the columns' types as DuckLake writes them; the bounds themselves are texts."""
_TYPES = {
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
}


@dataclass(frozen=True)
class WrongStatistics:
    """The statistics of one column of a table, and what its files say; bounds are the catalogue's texts."""

    table: str
    column: str
    table_id: int
    column_id: int
    low: str | None
    high: str | None
    contains_null: bool
    contains_nan: bool | None
    """None for columns that are no fractions."""
    held_low: str | None
    held_high: str | None
    files: tuple[str, ...]
    """Up to five files with values outside the table's bounds."""

    def __str__(self) -> str:
        named = f", such as {self.files[0]}" if self.files else ""
        held = f"says {_shown(self.held_low)} to {_shown(self.held_high)}"
        if self.held_low is None and self.held_high is None:
            held = "has forgotten its bounds"
        return (
            f"{self.column}: the catalogue {held}, "
            f"its files hold {_shown(self.low)} to {_shown(self.high)}{named}"
        )


@dataclass(frozen=True)
class WrongFileStatistics:
    """One column of one data file of which the catalogue says something else than the file's footer."""

    table_id: int
    file_id: int
    column_id: int
    type: str
    """As DuckLake writes it."""
    low: Any
    high: Any
    null_count: int | None
    """What the footer says."""


def unwritten_tables(ask: Ask, catalogue: str) -> list[int]:
    """Return the tables of which the catalogue has no statistics, since nothing was written to them yet.

    The first insert into such a table would add statistics of every column.
    """
    at = quote(catalogue)
    rows = ask(f"""
        SELECT l.table_id FROM {at}.ducklake_table l
        LEFT JOIN {at}.ducklake_table_stats t ON t.table_id = l.table_id
        WHERE l.end_snapshot IS NULL AND t.table_id IS NULL ORDER BY ALL
    """)
    return [int(table_id) for (table_id,) in rows]


def duckdb_type(kind: str) -> str:
    """Return DuckDB's name of a type that DuckLake's catalogue writes as `kind`; VARCHAR for what is text.

    >>> duckdb_type("int32"), duckdb_type("json")
    ('INTEGER', 'VARCHAR')
    """
    return _TYPES.get(kind, "VARCHAR")


def _shown(text: str | None) -> str:
    return "nothing" if text is None else text if len(text) <= 40 else f"{text[:40]}…"


def wrong_statistics(ask: Ask, catalogue: str) -> list[WrongStatistics]:
    """Return the columns whose table-level statistics do not enclose those of all files in the catalogue.

    `catalogue` is the alias under which DuckLake's own tables are attached. A bound that the table lacks is
    wrong where a file has one: the next insert would set it too narrowly.
    """
    return [WrongStatistics(*(*row[:-1], tuple(row[-1] or ()))) for row in ask(_query(catalogue))]


def tables_with_bounds(ask: Ask, catalogue: str) -> list[int]:
    """Return the tables whose columns' bounds the catalogue keeps."""
    sql = f"SELECT DISTINCT table_id FROM {quote(catalogue)}.ducklake_table_column_stats ORDER BY ALL"
    return [int(table_id) for (table_id,) in ask(sql)]


def _query(catalogue: str) -> str:
    """Return SQL that finds them: one part for each way in which bounds compare."""
    at = quote(catalogue)
    parts = " UNION ALL ".join(_compared(kind, condition) for kind, condition in _KINDS.items())
    return f"""
        WITH types AS (
            SELECT table_id, column_id, arg_max(column_type, begin_snapshot) AS type,
                   arg_max(column_name, begin_snapshot) AS name
            FROM {at}.ducklake_column GROUP BY ALL
        ), per_file AS (
            SELECT f.table_id, f.column_id, type, name, f.min_value, f.max_value, d.path,
                   f.null_count > 0 AS has_null, CAST(f.contains_nan AS BOOLEAN) AS has_nan
            FROM {at}.ducklake_file_column_stats f JOIN types USING (table_id, column_id)
            JOIN {at}.ducklake_data_file d USING (data_file_id)
        ), held AS (
            SELECT table_id, column_id, min_value AS held_low, max_value AS held_high,
                   CAST(contains_null AS BOOLEAN) AS held_null, CAST(contains_nan AS BOOLEAN) AS held_nan
            FROM {at}.ducklake_table_column_stats
        ), compared AS ({parts})
        SELECT schema_name || '.' || table_name AS table_name, c.name, c.table_id, c.column_id,
               c.low, c.high, c.has_null, c.has_nan, c.held_low, c.held_high, c.files
        FROM compared c
        JOIN (SELECT table_id, arg_max(table_name, begin_snapshot) AS table_name,
                     arg_max(schema_id, begin_snapshot) AS schema_id
              FROM {at}.ducklake_table WHERE end_snapshot IS NULL GROUP BY table_id) t USING (table_id)
        JOIN (SELECT schema_id, arg_max(schema_name, begin_snapshot) AS schema_name
              FROM {at}.ducklake_schema GROUP BY schema_id) s USING (schema_id)
        ORDER BY 1, c.column_id
    """


def _compared(kind: str, condition: str) -> str:
    def typed(text: str) -> str:
        return text if kind == "VARCHAR" else f"TRY_CAST({text} AS {kind})"

    low, high = typed("f.min_value"), typed("f.max_value")
    held_low, held_high = typed("held.held_low"), typed("held.held_high")
    outside = f"{low} < {held_low} OR {high} > {held_high}"
    return f"""
        SELECT f.table_id, f.column_id, any_value(f.name) AS name,
               arg_min(f.min_value, {low}) AS low, arg_max(f.max_value, {high}) AS high,
               coalesce(bool_or(f.has_null), false) AS has_null, bool_or(f.has_nan) AS has_nan,
               any_value(held.held_low) AS held_low, any_value(held.held_high) AS held_high,
               (list(f.path ORDER BY f.path) FILTER (WHERE {outside}))[:5] AS files
        FROM per_file f JOIN held USING (table_id, column_id)
        WHERE {condition}
        GROUP BY f.table_id, f.column_id
        HAVING coalesce(min({low}) < any_value({held_low}), min({low}) IS NOT NULL)
            OR coalesce(max({high}) > any_value({held_high}), max({high}) IS NOT NULL)
            OR (has_null AND NOT coalesce(bool_or(held.held_null), true))
            OR (has_nan AND NOT coalesce(bool_or(held.held_nan), true))
    """
