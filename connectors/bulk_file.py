"""What a downloaded file of IMDb or MovieLens is to the rest of the project."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.delimited import Reader
from connectors.download import forget_version
from connectors.errors import Malformed

AHEAD = 24
"""Batches of a few megabytes each that are read while the ones before them are being written."""


@dataclass
class BulkFile:
    """A new version of a file, on disk and verified, whose tables can be read as Arrow batches.

    `cursor` is what to pass to the next `fetch`, once the rows have landed. `tables` names what is inside;
    `source_hash` is the SHA-256 of the file; `request` is what was asked; `notes` says what was left aside.
    """

    source: str
    dataset: str
    path: Path
    cursor: dict[str, Any]
    request: str
    fetched_at: datetime
    source_hash: str
    readers: dict[str, Callable[[], Reader]]
    notes: list[str] = field(default_factory=list)
    _rejects: dict[str, list[tuple[str, str]]] = field(default_factory=dict, init=False)

    @property
    def tables(self) -> list[str]:
        """The names that `read` takes."""
        return list(self.readers)

    def read(self, table: str) -> Iterator[pa.RecordBatch]:
        """Yield the table's rows, a few megabytes at a time; a thread unpacks and parses ahead.

        Raises Malformed where the file is not what it claims.
        """
        reader = self.readers[table]()
        self._rejects[table] = reader.rejects
        try:
            yield from _ahead(iter(reader))
        except Malformed:
            forget_version(self.path)  # so that the next run fetches it again
            raise

    def rejects(self, table: str) -> list[tuple[str, str]]:
        """Return the lines that the last `read(table)` left out, as (line, reason)."""
        return self._rejects.get(table, [])


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the same batches in order; a thread reads the next ones ahead."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="reading")
    coming = deque[Future[pa.RecordBatch | None]]()
    try:
        coming.extend(pool.submit(next, batches, None) for _ in range(AHEAD))
        while (batch := coming.popleft().result()) is not None:
            coming.append(pool.submit(next, batches, None))
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)
