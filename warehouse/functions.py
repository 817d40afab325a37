"""The functions that SQL may call which nobody of this project wrote.

Everything that is not listed is refused, whatever extension brings it: some functions open files and
servers by ways of their own, which no setting of DuckDB closes; some take addresses in memory; some run SQL
that was not looked at; some delete data files before they ask the catalogue. `harmless_functions.txt` lists
the functions of values, aggregates and operators; the tables here are short enough to be read. When a
release of DuckDB brings a function, a test names it: look at what it can reach before it comes on a list.
"""

import functools
import importlib.resources
import re

import duckdb

_DUCKLAKE = "ducklake_"
_COLLATION = re.compile(r"icu_collate_\w+")
_TABLES = """
    generate_series histogram histogram_values icu_calendar_names json_each json_tree pg_timezone_names
    range repeat repeat_row summary test_all_types unnest duckdb_approx_database_count duckdb_columns
    duckdb_connection_count duckdb_constraints duckdb_coordinate_systems duckdb_databases
    duckdb_dependencies duckdb_extensions duckdb_external_file_cache duckdb_functions duckdb_indexes
    duckdb_keywords duckdb_log_contexts duckdb_logs duckdb_logs_parsed duckdb_memory duckdb_optimizers
    duckdb_prepared_statements duckdb_profiling_settings duckdb_schemas duckdb_secret_types duckdb_secrets
    duckdb_sequences duckdb_settings duckdb_table_sample duckdb_tables duckdb_temporary_files duckdb_types
    duckdb_variables duckdb_views pragma_collations pragma_database_size pragma_metadata_info
    pragma_platform pragma_show pragma_storage_info pragma_table_info pragma_user_agent pragma_version
    ducklake_current_snapshot ducklake_last_committed_snapshot ducklake_list_files ducklake_options
    ducklake_settings ducklake_snapshots ducklake_table_info
"""
# DuckDB itself keeps these to the lake's directory where other files may not be read. `query_table` names a
# table by a text that may be a file's.
_FILES = """
    glob query_table sniff_csv parquet_bloom_probe parquet_file_metadata parquet_full_metadata
    parquet_kv_metadata parquet_metadata parquet_scan parquet_schema read_blob read_csv read_csv_auto
    read_json read_json_auto read_json_objects read_json_objects_auto read_ndjson read_ndjson_auto
    read_ndjson_objects read_parquet read_text
"""
_ANY_FILE = frozenset({"read_duckdb", "sqlite_scan"})
"""No setting keeps these to a directory: they may be called where all files may be read."""
_SCANNERS = frozenset(
    {
        *(
            "postgres_attach",
            "postgres_configure_pool",
            "postgres_execute",
            "postgres_query",
            "postgres_scan",
        ),
        *("postgres_scan_pushdown", "read_postgres_binary", "sqlite_attach", "sqlite_query", "sqlite_scan"),
    }
)
"""Refused by their names also where a session does not have their extension, and DuckDB would say so."""
WRONG = {
    **dict.fromkeys(
        ("ducklake_table_changes", "table_changes", "ducklake_table_insertions", "table_insertions",
         "ducklake_table_deletions", "table_deletions"),
        "after a merge it tells some changes twice and leaves others out: use `reelhouse diff`, "
        "or EXCEPT ALL between two AT (VERSION => …)",
    )
}  # fmt: skip
"""Functions that read the lake alone, but whose answers cannot be trusted; and why."""
PRAGMAS = frozenset(
    {
        *("collations", "database_list", "database_size", "functions", "metadata_info", "platform", "show"),
        *("show_databases", "show_tables", "show_tables_expanded", "storage_info", "table_info", "version"),
    }
)


@functools.cache
def stored() -> frozenset[str]:
    """Return the functions that a lake's view or macro may call: none reaches out of the lake."""
    text = importlib.resources.files("warehouse").joinpath("harmless_functions.txt").read_text("utf-8")
    names = {*text.lower().split(), *_TABLES.split()}
    # DuckLake also has its functions under shorter names, which `duckdb_functions()` does not list.
    return frozenset(names | {name.removeprefix(_DUCKLAKE) for name in names})


def known(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return the names of all functions of the engine, the loaded extensions and the scanners."""
    rows = connection.execute(
        "SELECT DISTINCT function_name FROM system.main.duckdb_functions() WHERE database_name = 'system'"
    ).fetchall()
    names = {str(name).lower() for (name,) in rows}
    return frozenset(names | _SCANNERS | {name.removeprefix(_DUCKLAKE) for name in names})


def queried(*, files: bool = False) -> frozenset[str]:
    """Return the functions that a person's query may call; with `files` it may read any file."""
    return stored() | {*_FILES.split(), *PRAGMAS, *(_ANY_FILE if files else ())}


def refused(connection: duckdb.DuckDBPyConnection, *, files: bool = False) -> frozenset[str]:
    """Return the engine's functions that a person's query may not call."""
    return frozenset(
        name for name in known(connection) - queried(files=files) if not _COLLATION.fullmatch(name)
    )


def is_harmless(name: str) -> bool:
    """Return whether a stored view or macro may call the function.

    >>> is_harmless("md5"), is_harmless("sqlite_scan")
    (True, False)
    """
    return name in stored() or bool(_COLLATION.fullmatch(name))
