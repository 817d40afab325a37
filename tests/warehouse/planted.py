"""Faults planted in a lake, as an engine or a disk might leave them."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa

from warehouse import Location, Warehouse
from warehouse.connection import attach_catalogue, session
from warehouse.file_reader import DataFile, opened


def write_catalogue(location: Location, sql: str, *values: object) -> None:
    """Run a statement on the catalogue's own tables, which are those of `c`."""
    with session(location) as connection:
        attach_catalogue(connection, location, "c")
        connection.execute(sql, values or None)


def append_steps(warehouse: Warehouse, **rows_in: int | None) -> None:
    """Append one row to ops.steps for each name, all in one file."""
    row = {"run_id": "r", "attempt": 1, "state": "completed", "started_at": warehouse.clock()}
    rows: list[dict[str, Any]] = [{**row, "step": name} for name in rows_in]
    table = pa.Table.from_pylist(rows).append_column("rows_in", pa.array(rows_in.values(), pa.int64()))
    warehouse.commit(lambda tx: tx.append("ops.steps", table))


def plant_bounds(location: Location, low: str, high: str) -> None:
    """Write table-level bounds of `rows_in` of ops.steps, as the engine keeps them."""
    steps = data_files(location, "ops.steps")[0]
    column = next(each for each in steps.statistics if each.column == "rows_in")
    place = (steps.table_id, column.column_id)
    write_catalogue(
        location, "DELETE FROM c.ducklake_table_column_stats WHERE table_id = ? AND column_id = ?", *place
    )
    write_catalogue(
        location,
        "INSERT INTO c.ducklake_table_column_stats "
        "(table_id, column_id, contains_null, min_value, max_value) VALUES (?, ?, true, ?, ?)",
        *place,
        low,
        high,
    )


def forget_bounds(warehouse: Warehouse) -> None:
    """Leave ops.steps as an earlier release's upkeep did: `rows_in` has 5 to 65536, its bounds say 7 to 7."""
    append_steps(warehouse, a=5, b=50, c=65536)
    append_steps(warehouse, d=None)
    warehouse.commit(lambda tx: tx.execute("DELETE FROM ops.steps WHERE step = 'c'"))
    plant_bounds(warehouse.location, "7", "7")
    append_steps(warehouse, e=7)


def data_files(location: Location, table: str) -> list[DataFile]:
    """Return the live data files of a table."""
    with opened(location) as reader:
        return [file for file in reader.data_files(table) if file.end_snapshot is None]


def lose_file(location: Location, table: str) -> str:
    """Delete a table's first data file, and return its name."""
    path = Path(data_files(location, table)[0].path)
    path.unlink()
    return path.name


def swap_files(location: Location, table: str) -> str:
    """Put a table's first data file in the place of its last, and return the last one's name."""
    files = data_files(location, table)
    shutil.copyfile(files[0].path, files[-1].path)
    return Path(files[-1].path).name
