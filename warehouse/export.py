"""Writes the lake out for tools that do not read DuckLake: Parquet files, or one plain DuckDB file."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.connection import interruptible
from warehouse.errors import QueryFailed, WarehouseError
from warehouse.failures import reported
from warehouse.identifiers import literal, qualified, quote
from warehouse.location import Location
from warehouse.private_lake import PrivateLake
from warehouse.whole_file import make_directory, regular, written

Progress = Callable[[int, int | None], None]
LeftOut = Callable[[str, str], None]
"""Takes the name of a view that cannot be read, and why."""
_OUT = "exported"
_OF_A_VIEW = (
    duckdb.ProgrammingError,
    duckdb.DataError,
    duckdb.NotSupportedError,
    duckdb.PermissionException,
    ValueError,
)
"""What a stored view can bring about by itself; a lost file or a full disk is something else."""


def export_parquet(
    location: Location,
    directory: Path,
    names: Iterable[str] | None = None,
    *,
    as_of: int | datetime | None = None,
    progress: Progress | None = None,
    vet: Callable[[Path], object] = regular,
    left_out: LeftOut | None = None,
) -> dict[str, int]:
    """Write each table and view to `directory/schema/name.parquet`; return its rows by name.

    All are written, or those named, as of one snapshot. `vet` is called with each file before the first is
    written, and raises for one that may not be replaced. `left_out` is called with each view that cannot be
    read, where all are written; it is left out. Raises QueryFailed for a name that is not there, and for a
    named view that cannot be read.
    """
    with _pinned(location, as_of) as connection, reported(location):
        views = _views(connection) if names is None else {}
        skipping = _Skipping(views, left_out)
        selected_names = []
        for name in _select_names(connection, names):
            with skipping(name):  # before anything is written
                connection.execute(f"DESCRIBE FROM {qualified(name)}")
                selected_names.append(name)
        places = {name: _parquet_file(directory, name) for name in selected_names}
        for place in places.values():
            vet(place)
        rows: dict[str, int] = {}
        for done, (name, place) in enumerate(places.items()):
            make_directory(place.parent)
            with skipping(name), written(place) as partial:
                row = connection.execute(
                    f"COPY (FROM {qualified(name)}) TO {literal(str(partial))} "
                    "(FORMAT parquet, COMPRESSION zstd)"
                ).fetchone()
                rows[name] = int(row[0]) if row else 0
            if progress:
                progress(done + 1, len(selected_names))
    return rows


class _Skipping:
    """Leaves out what fails in a block and is a view, where that is wanted."""

    def __init__(self, views: Collection[str], left_out: LeftOut | None) -> None:
        self._views = views
        self._left_out = left_out

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        try:
            yield
        except _OF_A_VIEW as error:
            if self._left_out is None or name not in self._views:
                raise
            self._left_out(name, _reason(error))


def _reason(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _parquet_file(directory: Path, name: str) -> Path:
    schema, _, short = name.partition(".")
    return directory / schema / f"{short}.parquet"


def export_duckdb(
    location: Location,
    path: Path,
    names: Iterable[str] | None = None,
    *,
    as_of: int | datetime | None = None,
    progress: Progress | None = None,
    left_out: LeftOut | None = None,
) -> dict[str, int]:
    """Write tables, views and comments to one DuckDB file; return the rows of each table by name.

    Views stay views where all tables are written; where only some are named, their rows are written. Raises
    WarehouseError where the file exists. `left_out` is called with each view that cannot be read, where all
    are written; it is left out.
    """
    if path.exists():
        raise WarehouseError(f"{path} exists: name another file, or remove it first")
    make_directory(path.parent)
    with reported(location), written(path) as partial, _pinned(location, as_of) as connection:
        connection.execute(f"ATTACH {literal(str(partial))} AS {_OUT}")
        selected_names = _select_names(connection, names)
        views = _views(connection) if names is None else {}
        rows: dict[str, int] = {}
        for schema in dict.fromkeys(name.partition(".")[0] for name in selected_names):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_OUT}.{quote(schema)}")
        tables = [name for name in selected_names if name not in views]
        for done, name in enumerate(tables):
            target = f"{_OUT}.{qualified(name)}"
            connection.execute(f"CREATE TABLE {target} AS FROM lake.{qualified(name)}")
            row = connection.execute(f"SELECT count(*) FROM {target}").fetchone()
            rows[name] = int(row[0]) if row else 0
            if progress:
                progress(done + 1, len(tables))
        _copy_comments(connection, tables)
        connection.execute(f"USE {_OUT}")
        _copy_views(connection, views, left_out)
        connection.execute("USE lake")
        connection.execute(f"DETACH {_OUT}")
    return rows


_NAME = "schema_name || '.' || {}"


@contextmanager
def _pinned(location: Location, as_of: int | datetime | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to one state of the lake, so that all that is written belongs together."""
    with PrivateLake(location, as_of) as lake, interruptible(lake.connection):
        yield lake.connection


def _select_names(connection: duckdb.DuckDBPyConnection, names: Iterable[str] | None) -> list[str]:
    present = [
        row[0]
        for row in connection.execute(
            f"SELECT {_NAME.format('table_name')} AS name FROM duckdb_tables() WHERE database_name = 'lake' "
            f"UNION ALL SELECT {_NAME.format('view_name')} FROM duckdb_views() "
            "WHERE database_name = 'lake' AND NOT internal ORDER BY name"
        ).fetchall()
    ]
    if names is None:
        return present
    selected_names = list(names)
    if unknown := [name for name in selected_names if name not in present]:
        raise QueryFailed(f"there is no table or view {', '.join(unknown)} to export")
    return selected_names


def _views(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str | None]]:
    """Return the query and the comment of each view, by name."""
    rows = connection.execute(
        f"SELECT {_NAME.format('view_name')}, sql, comment FROM duckdb_views() "
        "WHERE database_name = 'lake' AND NOT internal"
    ).fetchall()
    # DuckLake gives CREATE VIEW name AS query, without the name's schema.
    return {name: (sql.partition(" AS ")[2], comment) for name, sql, comment in rows}


def _copy_views(
    connection: duckdb.DuckDBPyConnection,
    views: dict[str, tuple[str, str | None]],
    left_out: LeftOut | None,
) -> None:
    """Make the views in the database in use, each as soon as those that it reads are there."""
    pending = dict(views)
    while pending:
        reasons: dict[str, str] = {}
        for name, (query, comment) in list(pending.items()):
            try:
                connection.execute(f"CREATE VIEW {qualified(name)} AS {query}")
            except _OF_A_VIEW as error:
                reasons[name] = _reason(error)
                continue
            if comment:
                connection.execute(f"COMMENT ON VIEW {qualified(name)} IS {literal(comment)}")
            del pending[name]
            break
        else:
            if left_out is None:
                raise QueryFailed(f"the views {', '.join(pending)} cannot be read: {min(reasons.values())}")
            for name, reason in reasons.items():
                left_out(name, reason)
            return


def _copy_comments(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> None:
    comments = connection.execute(
        f"SELECT {_NAME.format('table_name')} AS name, NULL AS part, comment FROM duckdb_tables() "
        "WHERE database_name = 'lake' AND comment IS NOT NULL UNION ALL "
        f"SELECT {_NAME.format('table_name')}, column_name, comment FROM duckdb_columns() "
        "WHERE database_name = 'lake' AND comment IS NOT NULL"
    ).fetchall()
    for name, column, comment in comments:
        if name in tables:
            target = f"{_OUT}.{qualified(name)}"
            what = f"TABLE {target}" if column is None else f"COLUMN {target}.{quote(column)}"
            connection.execute(f"COMMENT ON {what} IS {literal(comment)}")
