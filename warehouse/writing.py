"""The statements of a transaction: what it registers, runs and queries."""

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

import duckdb
import pyarrow as pa

from warehouse.failures import reported
from warehouse.identifiers import quote
from warehouse.reading import Reading

Arrow: TypeAlias = pa.Table | pa.RecordBatch | pa.RecordBatchReader | Iterable[pa.RecordBatch]

_READS = re.compile(r"\b(from|using)\b", re.I)


class Writing(Reading):
    """The statements between BEGIN and COMMIT; what it queries includes what it has written."""

    def register(self, name: str, data: Arrow) -> str:
        """Make Arrow data visible to this transaction's SQL as `name`, and return the name quoted.

        A reader or an iterator can be scanned once; a table any number of times.
        """
        if not isinstance(data, pa.Table | pa.RecordBatchReader):
            data = pa.Table.from_batches([data] if isinstance(data, pa.RecordBatch) else list(data))
        self._connection.register(name, data)
        return quote(name)

    def unregister(self, name: str) -> None:
        """Forget registered data, and with it the memory that it takes."""
        self._connection.unregister(name)

    def execute(self, sql: str, params: object = ()) -> int:
        """Run a statement; return the number of rows that it changed, 0 where that has no meaning."""
        if _READS.search(sql):
            self.queries.add(sql)
        with reported(self._location):
            self._connection.execute(sql, params or None)
            if self._connection.description and self._connection.description[0][0] == "Count":
                row = self._connection.fetchone()
                return int(row[0]) if row else 0
        return 0

    def run(self, work: Callable[[duckdb.DuckDBPyConnection], object]) -> None:
        """Call work with this transaction's connection."""
        with reported(self._location):
            work(self._connection)
