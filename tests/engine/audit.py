"""Compares a lake's statistics with each other: what the catalogue says of a table, and of its files."""

import duckdb

from tests.engine.lakes import Lake
from warehouse.connection import CATALOGUE

_NARROW = """
    SELECT tables.table_name || '.' || columns.column_name, files.data_file_id,
           stats.min_value, stats.max_value, stats.contains_null,
           files.min_value, files.max_value, files.null_count
    FROM {c}.ducklake_table_column_stats AS stats
    JOIN {c}.ducklake_file_column_stats AS files USING (table_id, column_id)
    JOIN {c}.ducklake_table AS tables USING (table_id)
    JOIN {c}.ducklake_column AS columns USING (table_id, column_id)
    WHERE tables.end_snapshot IS NULL AND columns.end_snapshot IS NULL
    AND NOT coalesce(stats.contains_nan, false) AND (
        CASE columns.column_type {smaller} ELSE false END
        OR CASE columns.column_type {larger} ELSE false END
        OR (stats.min_value IS NOT NULL AND files.min_value IS NULL AND files.value_count > 0)
        OR (files.null_count > 0 AND stats.contains_null = false))
"""
_TYPES = {
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "int128": "HUGEINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "timestamptz": "TIMESTAMPTZ",
    **{
        name: name.upper()
        for name in (
            "boolean",
            "varchar",
            "date",
            "timestamp",
            "time",
            "uuid",
            "decimal(9,2)",
            "decimal(38,10)",
        )
    },
}


def narrow(lake: Lake) -> list[str]:
    """Return the columns whose statistics exclude what a file of theirs holds."""
    cases = {
        name: " ".join(
            f"WHEN '{kind}' THEN "
            f"try_cast(files.{side}_value AS {type_}) {sign} try_cast(stats.{side}_value AS {type_})"
            for kind, type_ in _TYPES.items()
        )
        for name, side, sign in (("smaller", "min", "<"), ("larger", "max", ">"))
    }
    try:
        return [repr(row) for row in lake.ask("a", _NARROW.format(c=CATALOGUE, **cases))]
    except duckdb.Error as error:
        return [f"{type(error).__name__}: {error}"]
