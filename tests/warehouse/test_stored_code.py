"""Views and macros that somebody else left in the lake: no reader runs one that reaches out of it."""

# ruff: noqa: S608 — the statements are those of this test

import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from features import spine_of
from tests.warehouse.stored_code import ANY, DROPPED, SECRET, WAYS, keep, plant, reading
from warehouse import Warehouse, extensions, functions, storage
from warehouse.backends import Postgres
from warehouse.connection import attach_catalogue, session
from warehouse.errors import DamagedLake, QueryFailed, Refused, WarehouseError
from warehouse.export import export_duckdb, export_parquet
from warehouse.snapshots import diff
from warehouse.sql import ReadOnlyConnection, open_read_only


@pytest.fixture
def reach(wh: Warehouse, tmp_path: Path) -> str:
    """A call that reads what lies outside of the lake, which no setting of DuckDB refuses."""
    if isinstance(wh.location.catalog, Postgres):
        return f"postgres_query('__ducklake_metadata_lake', 'SELECT ''{SECRET}'' AS a')"
    return reading(keep(tmp_path / "outside.sqlite", SECRET))


def test_no_query_reads_outside_through_what_the_lake_holds(wh: Warehouse, reach: str) -> None:
    location = wh.location
    wh.close()
    dropped = {}
    for statement in WAYS:
        parts = statement.format(reach=reach).split("; ")
        dropped[statement] = plant(location, *parts) - 1
    read = {}
    with open_read_only(location) as sql:
        for statement, query in WAYS.items():
            with pytest.raises(QueryFailed) as refused:
                read[query] = sql.execute(query.format(dropped=dropped[statement])).fetchall()
            assert "is refused: it calls " in str(refused.value), query
            assert SECRET not in str(refused.value)
        sql.execute("FROM duckdb_columns()").fetchall()  # which binds all views
        sql.execute("SHOW ALL TABLES").fetchall()
        listed = sql.execute("SELECT view_name FROM duckdb_views()").fetchall()
        assert sql.execute("SELECT count(*) FROM core.movies").fetchall() == [(0,)]
        assert sql.execute("FROM predictions.current").fetchall() == []
    assert read == {}
    assert ("plain",) in listed
    with (
        open_read_only(location, dropped[DROPPED]) as sql,
        pytest.raises(QueryFailed, match=r"the view core.dropped is refused: it calls (sqlite|postgres)"),
    ):
        sql.execute("FROM core.dropped").fetchall()


def test_other_files_are_read_by_the_query_alone_where_that_is_asked_for(
    wh: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "outside.csv").write_text(f"a\n{SECRET}\n")
    path = tmp_path / "outside.csv"
    plant(
        wh.location,
        f"CREATE VIEW core.by_path AS FROM '{path}'",
        f"CREATE VIEW core.by_call AS FROM read_text('{path}')",
        f"CREATE MACRO core.content() AS (SELECT content FROM read_text('{path}'))",
    )
    with open_read_only(wh.location, files=True) as sql:
        assert sql.execute(f"FROM '{path}'").fetchall() == [(SECRET,)]
        for query in ("FROM core.by_path", "FROM core.by_call", "SELECT core.content()"):
            with pytest.raises(QueryFailed, match="is refused"):
                sql.execute(query).fetchall()


def test_a_macro_of_the_lake_that_is_harmless_works(wh: Warehouse) -> None:
    plant(
        wh.location,
        "CREATE MACRO core.doubled(x, factor := 2) AS x * factor",
        "CREATE MACRO core.numbers(n) AS TABLE SELECT i + core.doubled(1) AS i FROM range(n) t(i)",
        "CREATE VIEW core.shown AS FROM core.numbers(2)",
    )
    with open_read_only(wh.location) as sql:
        assert sql.execute("SELECT core.doubled(4), core.doubled(4, factor := 3)").fetchall() == [(8, 12)]
        assert sql.execute("FROM core.shown ORDER BY i").fetchall() == [(2,), (3,)]


def test_a_macro_does_not_make_a_function_of_its_name_harmless(wh: Warehouse, reach: str) -> None:
    function = reach.partition("(")[0]
    plant(
        wh.location,
        f"CREATE MACRO core.{function}(x, y) AS x",
        "CREATE MACRO core.merge_adjacent_files() AS 1",
        f"CREATE VIEW core.plain AS FROM {reach}",
        f"CREATE VIEW core.qualified AS FROM system.main.{reach}",
        "CREATE VIEW core.merging AS FROM merge_adjacent_files()",
    )
    with open_read_only(wh.location) as sql:
        for view in ("plain", "qualified", "merging"):
            with pytest.raises(QueryFailed, match=f"the view core.{view} is refused"):
                sql.execute(f"FROM core.{view}").fetchall()


def test_macros_of_a_session_do_not_hide_what_the_lake_holds_by_then(wh: Warehouse, reach: str) -> None:
    with open_read_only(wh.location) as sql:
        for name in ("||(a, b)", "json_serialize_sql(a)", "duckdb_functions()", "error(a)", "range(a)"):
            function, _, rest = name.partition("(")
            body = "'SELECT 1'" if function != "duckdb_functions" else "TABLE SELECT 1"
            sql.execute(f'CREATE TEMP MACRO "{function}"({rest} AS {body}')
        plant(wh.location, f"CREATE MACRO core.scalar_way() AS ({ANY.format(reach=reach)})")
        with pytest.raises(QueryFailed, match=r"the macro core.scalar_way is refused"):
            sql.execute("SELECT core.scalar_way()").fetchall()


def test_views_that_delete_data_files_are_refused(wh: Warehouse) -> None:
    location = wh.location
    plant(
        location,
        "CREATE VIEW core.sweeping AS FROM ducklake_delete_orphaned_files('lake', cleanup_all => true)",
    )
    before = storage.sizes(location)
    with (
        open_read_only(location) as sql,
        pytest.raises(QueryFailed, match=r"the view core.sweeping is refused"),
    ):
        sql.execute("FROM core.sweeping").fetchall()
    assert storage.sizes(location) == before


@pytest.mark.parametrize("make", [export_parquet, export_duckdb])
def test_an_export_names_the_view_that_it_refuses(
    wh: Warehouse, reach: str, tmp_path: Path, make: Callable[..., object]
) -> None:
    plant(wh.location, f"CREATE VIEW core.plain AS FROM {reach}")
    with pytest.raises(WarehouseError, match=r"the view core.plain is refused"):
        make(wh.location, tmp_path / "out.duckdb", ["core.plain"])
    make(wh.location, tmp_path / "other.duckdb", ["core.movies", "predictions.current"])


def test_a_spine_given_as_sql_is_read_like_any_query(wh: Warehouse, reach: str) -> None:
    plant(wh.location, f"CREATE VIEW core.plain AS FROM {reach}")
    for query in ("FROM core.plain", f"FROM {reach}"):
        with pytest.raises(QueryFailed, match="is refused"):
            spine_of(wh, query)
    assert spine_of(wh, "SELECT 7 AS movie_id").to_pylist() == [{"movie_id": 7}]


def test_reelhouse_itself_refuses_a_view_of_its_own_that_reaches_out(wh: Warehouse, reach: str) -> None:
    location = wh.location
    wh.close()
    first = plant(location) - 1
    plant(location, f"CREATE OR REPLACE VIEW predictions.current AS FROM {reach}")
    for read_only in (True, False):
        with pytest.raises(Refused, match=r"view predictions.current is not as Reelhouse made it.*it calls "):
            Warehouse.open(location, read_only=read_only)
    with pytest.raises(WarehouseError, match=r"the view predictions.current is refused"):
        diff(location, max(first, 1))


@pytest.mark.parametrize("macro", ["md5(x) AS 'a'", "max(x) AS 1", "range(n) AS TABLE SELECT 1"])
def test_reelhouse_itself_refuses_macros_in_the_place_of_functions(wh: Warehouse, macro: str) -> None:
    location = wh.location
    wh.close()
    plant(location, f"CREATE MACRO main.{macro}")
    with pytest.raises(Refused, match="would be called in the place of DuckDB's own function"):
        Warehouse.open(location)
    plant(
        location,
        f"CREATE MACRO main.mine_{macro}",
        f"DROP MACRO{' TABLE' * ('TABLE' in macro)} {macro[:3]}" + macro[3 : macro.index("(")],
    )
    Warehouse.open(location).close()


@pytest.mark.local_files
def test_a_name_that_ducklake_would_run_as_sql_is_refused(wh: Warehouse) -> None:
    location = wh.location
    wh.close()
    with sqlite3.connect(location.catalog) as catalogue:
        catalogue.execute("INSERT INTO ducklake_inlined_data_tables VALUES (1, 'x UNION SELECT 1', 1)")
    catalogue.close()
    with pytest.raises(WarehouseError, match="names a table 'x UNION SELECT 1'"):
        open_read_only(location)


@pytest.mark.local_files
def test_a_catalogue_that_computes_what_it_answers_is_refused(wh: Warehouse) -> None:
    location = wh.location
    wh.close()
    with sqlite3.connect(location.catalog) as catalogue:
        catalogue.execute("ALTER TABLE ducklake_view RENAME TO kept")
        catalogue.execute("CREATE VIEW ducklake_view AS SELECT * FROM kept WHERE random() > 0")
    catalogue.close()
    with pytest.raises(DamagedLake, match="the catalogue lacks a table"):
        open_read_only(location)


# --- the functions of the engine

# Looked at, and refused: what they reach, write or run.
REFUSED = """
    add_parquet_key all_profiling_output arrow_scan arrow_scan_dumb checkpoint copy_database
    disable_checkpoint_on_shutdown disable_logging disable_object_cache disable_optimizer
    disable_print_progress_bar disable_profile disable_profiling disable_progress_bar
    disable_verification disable_verify_external disable_verify_fetch_row disable_verify_parallelism
    disable_verify_serializer enable_checkpoint_on_shutdown enable_logging enable_object_cache
    enable_optimizer enable_print_progress_bar enable_profile enable_profiling enable_progress_bar
    enable_verification extension_versions force_checkpoint import_database json_execute_serialized_sql
    json_serialize_plan pandas_scan pg_clear_cache pg_sleep postgres_attach postgres_configure_pool
    postgres_execute postgres_query postgres_scan postgres_scan_pushdown python_map_function query
    read_duckdb read_postgres_binary seq_scan sleep_ms sqlite_attach sqlite_query sqlite_scan
    test_vector_types truncate_duckdb_logs txid_current user_agent variant_bytes_to_variant
    variant_to_parquet_variant verify_external verify_fetch_row verify_parallelism verify_serializer
    which_secret write_log ducklake_add_data_files ducklake_cleanup_old_files ducklake_commit
    ducklake_delete_orphaned_files ducklake_expire_snapshots ducklake_flush_inlined_data
    ducklake_merge_adjacent_files ducklake_rewrite_data_files ducklake_scan ducklake_set_commit_message
    ducklake_set_option ducklake_table_changes ducklake_table_deletions ducklake_table_insertions
"""


@pytest.fixture
def whole_engine(wh: Warehouse) -> duckdb.DuckDBPyConnection:
    """A session with all extensions that Reelhouse uses."""
    connection = session(wh.location)
    extensions.load(connection, wh.location, extensions.NAMES)
    return connection


@pytest.mark.local_files
def test_every_function_of_the_engine_was_looked_at(whole_engine: duckdb.DuckDBPyConnection) -> None:
    looked_at = set(REFUSED.split())
    looked_at |= {name.removeprefix("ducklake_") for name in looked_at}
    refused = {name for name in functions.refused(whole_engine) if not name.startswith("__internal_")}
    assert refused == looked_at & functions.known(whole_engine), "new functions: see warehouse/functions.py"


@pytest.mark.local_files
def test_a_stored_view_calls_harmless_functions_alone(
    wh: Warehouse, whole_engine: duckdb.DuckDBPyConnection
) -> None:
    location = wh.location
    wh.close()
    names = sorted(name for name in functions.known(whole_engine) if name.isidentifier())
    with session(location) as client:
        attach_catalogue(client, location, "catalogue")
        template = client.execute("FROM catalogue.ducklake_view LIMIT 1").to_arrow_table().to_pylist()[0]
        forms = {
            "scalar": 'SELECT system.main."{}"(1) AS a',
            "table": 'FROM "{}"(1)',
            "window": 'SELECT "{}"(a) OVER () FROM (SELECT 1 AS a)',
        }
        rows = [
            {
                **template,
                "view_id": 100_000 + number,
                "view_name": f"{form}_{name}",
                "sql": text.format(name),
                "column_aliases": "",
            }
            for number, (form, name, text) in enumerate((f, n, t) for f, t in forms.items() for n in names)
        ]
        client.register("planted", pa.Table.from_pylist(rows))
        client.execute("INSERT INTO catalogue.ducklake_view BY NAME FROM planted")
    with open_read_only(location) as sql:
        kept = sql.execute(
            "SELECT view_name FROM duckdb_views() WHERE database_name = 'lake' "
            "AND view_name SIMILAR TO '(scalar|table|window)_.*' "
            "AND NOT contains(sql, 'is refused')"
        ).fetchall()
        known = functions.known(sql._lake.connection)
        queries = {name for name in known if _is_let_through(sql, f'FROM "{name}"(NULL)')}
    harmless = {name for name in names if functions.is_harmless(name)}
    assert {name.partition("_")[2] for (name,) in kept} == harmless
    assert not harmless & set(REFUSED.split())
    assert queries
    assert not queries & set(REFUSED.split())


def _is_let_through(sql: ReadOnlyConnection, query: str) -> bool:
    try:
        sql._refuse(query)
    except Refused:
        return False
    return True


# --- the copy


def test_a_session_sees_each_commit_and_keeps_what_it_made(wh: Warehouse) -> None:
    rows = pa.table({"movie_id": [1], "source": ["tmdb"], "genre": ["Drama"]})
    count = "SELECT count(*) FROM core.movie_genres"
    with open_read_only(wh.location) as sql, open_read_only(wh.location, wh.snapshot_id) as pinned:
        sql.execute("CREATE TEMP TABLE mine AS SELECT 7 AS a; USE core")
        assert sql.execute(count).fetchone() == (0,)
        wh.commit(lambda tx: tx.append("core.movie_genres", rows))
        assert sql.execute(
            f"SELECT a, ({count}), (SELECT count(*) FROM movie_genres) FROM mine"
        ).fetchone() == (7, 1, 1)
        assert pinned.execute(count).fetchone() == (0,)
        sql.execute("BEGIN")
        assert sql.execute(count).fetchone() == (1,)
        wh.commit(lambda tx: tx.append("core.movie_genres", rows.set_column(0, "movie_id", [[2]])))
        assert sql.execute(count).fetchone() == (1,)
        sql.execute("COMMIT")
        assert sql.execute(count).fetchone() == (2,)


def test_the_copy_is_the_reader_s_alone_and_goes_with_the_session(wh: Warehouse) -> None:
    with open_read_only(wh.location) as sql:
        (copy,) = (path for path in wh.location.home.glob(".spill-*") if any(path.iterdir()))
        assert copy.stat().st_mode & 0o777 == 0o700
        sql.execute("SELECT 1")
    assert not list(wh.location.home.glob(".spill-*"))
