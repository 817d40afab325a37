"""A read of several statements: all of them see one snapshot."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.connection import first
from warehouse.failures import reported
from warehouse.location import Location


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table]) -> Iterator[None]:
    """Make Arrow tables visible to the connection's SQL under their names, for the block alone."""
    try:
        for name, table in tables.items():
            connection.register(name, table)
        yield
    finally:
        for name in tables:
            connection.unregister(name)


class Reading:
    """The queries of one snapshot; made by `Warehouse.read`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, location: Location) -> None:
        self._connection = connection
        self._location = location
        self.queries: set[str] = set()
        """The SQL texts that read; a transaction adds the names of tables whose files it rewrites."""

    def query(self, sql: str, params: object = (), tables: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """Return the rows of a query as an Arrow table; it may name the Arrow tables in `tables`."""
        self.queries.add(sql)
        with reported(self._location), registered(self._connection, tables or {}):
            return self._connection.execute(sql, params or None).to_arrow_table()

    def scalar(self, sql: str, params: object = ()) -> Any:
        """Return the first value of the first row, or None where there is no row."""
        self.queries.add(sql)
        with reported(self._location):
            row = first(self._connection.execute(sql, params or None))
        return row[0] if row else None
