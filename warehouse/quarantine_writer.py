"""How rows come into `ops.quarantine`: numbered, and in the place of an earlier entry for the same row."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

from collections.abc import Callable
from datetime import datetime

import pyarrow as pa

from warehouse.writing import Writing

_REFUSED = "set_aside"


class QuarantineWriter:
    """Writes entries of the quarantine in a caller's transaction."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def add(
        self, writing: Writing, source: str, table_name: str, rows: pa.Table, batch_id: str | None
    ) -> int:
        """Set rows aside and return how many; `rows` has the columns original and reason.

        A row replaces one that an earlier batch set aside for the same reason.
        """
        n = int(rows.num_rows)
        if not n:
            return 0
        writing.register(_REFUSED, rows)
        try:
            self._forget_earlier(writing, source, table_name, batch_id)
            now = self._clock()
            writing.execute(
                "INSERT INTO ops.quarantine (source, table_name, reason, original, batch_id, seen_at, id) "
                f"SELECT ?, ?, reason, original, ?, ?, ? + row_number() OVER () FROM {_REFUSED}",
                [source, table_name, batch_id, now, self._last_entry(writing, now)],
            )
        finally:
            writing.unregister(_REFUSED)
        return n

    def _forget_earlier(self, writing: Writing, source: str, table_name: str, batch_id: str | None) -> None:
        same = (
            "FROM ops.quarantine AS old WHERE old.source = ? AND old.table_name = ? "
            "AND old.batch_id IS DISTINCT FROM ? AND (old.original, old.reason) IN "
            f"(SELECT (original, reason) FROM {_REFUSED})"
        )
        if writing.scalar(f"SELECT count(*) {same}", [source, table_name, batch_id]):
            writing.execute(f"DELETE {same}", [source, table_name, batch_id])

    def _last_entry(self, writing: Writing, now: datetime) -> int:
        """Return the number after which new entries are numbered.

        Numbers are microseconds since 1970, so that two transactions at once hardly choose the same ones; a
        clock that was set back does not repeat them.
        """
        newest = writing.scalar("SELECT max(id) FROM ops.quarantine")
        return max(int(now.timestamp() * 1_000_000), newest or 0)
