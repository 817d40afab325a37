"""A real lake with a clock that tests turn, and the few core rows that a test needs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from warehouse import Location, Warehouse

START = datetime(2024, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wh(tmp_path: Path, clock: Clock) -> Iterator[Warehouse]:
    with Warehouse.open(Location.under(tmp_path / "home"), clock=clock) as warehouse:
        yield warehouse


class Core:
    """Writes `core` rows as conforming would: whole movies, replaced."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def movies(self, *rows: dict[str, Any]) -> None:
        """Put movies, each with its own `event_time`, by default the warehouse's clock."""
        now = self.warehouse.clock()
        full = [
            {"split_key": f"tt{row['movie_id']:07}", "bucket": 2, "event_time": now, "known_time": now} | row
            for row in rows
        ]
        names = list(dict.fromkeys(name for row in full for name in row))
        timestamps = {"event_time": TIME, "known_time": TIME, "deleted_at": TIME}
        table = pa.table(
            {name: pa.array([row.get(name) for row in full], timestamps.get(name)) for name in names}
        )
        with self.warehouse.transaction() as tx:
            tx.replace_keys("core.movies", table, ["movie_id"])

    def rows(self, table: str, movie_id: int, *rows: dict[str, Any]) -> None:
        """Put all of a movie's rows of a table around `core.movies`."""
        with self.warehouse.transaction() as tx:
            tx.delete_keys(f"core.{table}", pa.table({"movie_id": pa.array([movie_id], pa.int64())}))
            if rows:
                data = pa.Table.from_pylist([{"movie_id": movie_id} | row for row in rows])
                tx.append(f"core.{table}", data)


@pytest.fixture
def core(wh: Warehouse) -> Core:
    return Core(wh)
