"""The batches of one transaction: their ids, how many rows each brought, and their rows in `ops.batches`."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from warehouse.writing import Writing


@dataclass
class Batch:
    """Rows that arrive together, and how many of them landed or were set aside so far."""

    batch_id: str
    run_id: str | None
    source: str
    stream: str
    request: str | None
    source_hash: str | None
    rows_landed: int = 0
    rows_quarantined: int = 0


class BatchLedger:
    """The batches that one transaction has begun; rows count to the last of them."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._batches: list[Batch] = []

    @property
    def present(self) -> Batch | None:
        """The batch to which rows count, or None where none was begun."""
        return self._batches[-1] if self._batches else None

    def begin(
        self, run_id: str | None, source: str, stream: str, request: str | None, source_hash: str | None
    ) -> str:
        """Begin a batch and return its id."""
        batch_id = f"{self._clock():%Y%m%dT%H%M%S}-{secrets.token_hex(5)}"
        self._batches.append(Batch(batch_id, run_id, source, stream, request, source_hash))
        return batch_id

    def count(self, *, landed: int = 0, quarantined: int = 0) -> None:
        """Add to the counts of the present batch, if there is one; a negative number takes away."""
        if self._batches:
            self._batches[-1].rows_landed += landed
            self._batches[-1].rows_quarantined += quarantined

    def write(self, writing: Writing) -> None:
        """Write a row of `ops.batches` for each batch."""
        for batch in self._batches:
            writing.execute(
                "INSERT INTO ops.batches (batch_id, run_id, source, stream, request, source_hash, "
                "rows_landed, rows_quarantined, committed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    batch.batch_id,
                    batch.run_id,
                    batch.source,
                    batch.stream,
                    batch.request,
                    batch.source_hash,
                    batch.rows_landed,
                    batch.rows_quarantined,
                    self._clock(),
                ],
            )
