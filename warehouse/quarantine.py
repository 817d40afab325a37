"""Rows that were set aside: how many, which, and back into their tables after a fix."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from warehouse.errors import SchemaMismatch
from warehouse.identifiers import literal, quote
from warehouse.intake import WriteResult
from warehouse.schema import Table
from warehouse.transaction import Transaction
from warehouse.warehouse import Warehouse

# A row as JSON, and not a line of the source's file.
_IS_ROW = "CASE WHEN json_valid(original) THEN coalesce(json_type(original) = 'OBJECT', false) ELSE false END"
Lander = Callable[[Transaction, pa.Table, str], WriteResult]
"""Writes replayed rows of one table in its own way: (transaction, rows, batch_id)."""


@dataclass(frozen=True)
class Which:
    """Which rows of the quarantine are meant; what is None does not matter."""

    source: str | None = None
    table: str | None = None
    reason: str | None = None
    """Part of the reason."""
    batch_id: str | None = None
    ids: tuple[int, ...] | None = None
    """The numbers that `rows` gives."""

    def condition(self) -> tuple[str, list[Any]]:
        """Return SQL and its values."""
        said: list[tuple[str, Any]] = []
        if self.source is not None:
            said.append(("source = ?", self.source))
        if self.table is not None:
            said.append(("table_name = ?", self.table))
        if self.reason is not None:
            said.append(("contains(reason, ?)", self.reason))
        if self.batch_id is not None:
            said.append(("batch_id = ?", self.batch_id))
        if self.ids is not None:
            said.append(("list_contains(?::BIGINT[], rowid)", list(self.ids)))
        return " AND ".join(part for part, _ in said) or "true", [value for _, value in said]


@dataclass
class Replayed:
    """What became of replayed rows."""

    landed: int = 0
    set_aside_again: int = 0
    not_replayable: int = 0
    """Rows whose original is the source's own line, not a row: fetch them again instead."""
    by_table: dict[str, WriteResult] = field(default_factory=dict)


def summary(wh: Warehouse) -> pa.Table:
    """Return source, table_name, reason, rows, first_seen, last_seen: the most frequent first."""
    return wh.query(
        "SELECT source, table_name, reason, count(*) AS rows, min(seen_at) AS first_seen, "
        "max(seen_at) AS last_seen FROM ops.quarantine GROUP BY ALL "
        "ORDER BY rows DESC, source, table_name, reason"
    )


def rows(wh: Warehouse, which: Which = Which(), limit: int = 100) -> pa.Table:
    """Return id, source, table_name, reason, original, batch_id, seen_at of the newest `limit` rows meant."""
    condition, values = which.condition()
    return wh.query(
        "SELECT rowid AS id, source, table_name, reason, original, batch_id, seen_at FROM ops.quarantine "
        f"WHERE {condition} ORDER BY seen_at DESC, id LIMIT ?",
        [*values, limit],
    )


def replay(
    wh: Warehouse,
    which: Which = Which(),
    *,
    run_id: str | None = None,
    landers: Mapping[str, Lander] | None = None,
) -> Replayed:
    """Write the rows meant to their tables again; what still breaks a contract is set aside anew.

    Each table is one batch in one transaction, in which its rows also leave the quarantine. Columns that
    say where a row came from (source, fetched_at, request) are taken from the quarantine and the batch
    that it came in.
    """
    condition, values = which.condition()
    done = Replayed()
    groups = wh.query(
        "SELECT source, table_name, batch_id, list(rowid) AS ids, "
        f"list(rowid) FILTER (WHERE NOT {_IS_ROW}) AS lines "
        f"FROM ops.quarantine WHERE {condition} GROUP BY ALL ORDER BY ALL",
        values,
    ).to_pylist()
    for group in groups:
        lines = group["lines"] or []
        ids = sorted(set(group["ids"]) - set(lines))
        done.not_replayable += len(lines)
        try:
            table = wh.table(group["table_name"])
        except SchemaMismatch:
            done.not_replayable += len(ids)
            continue
        if not ids:
            continue
        lander = (landers or {}).get(table.name)

        def work(tx: Transaction) -> WriteResult:
            return _replay_group(tx, table, group, ids, run_id, lander)  # noqa: B023 - called at once

        result = wh.commit(work)
        done.landed += result.rows_landed
        done.set_aside_again += result.rows_quarantined
        done.by_table[table.name] = done.by_table.get(table.name, WriteResult()) + result
    return done


def _replay_group(
    tx: Transaction,
    table: Table,
    group: Mapping[str, Any],
    ids: list[int],
    run_id: str | None,
    lander: Lander | None,
) -> WriteResult:
    """Replay rows of one table that came in one batch."""
    keys = tx.query(
        "SELECT DISTINCT unnest(json_keys(original)) AS key FROM ops.quarantine "
        "WHERE list_contains(?::BIGINT[], rowid)",
        [ids],
    )["key"].to_pylist()
    # Values come back as text where JSON has text; the contract casts them as it would have the first time.
    picked = ", ".join(_picked(table, key) for key in sorted(keys))
    data = tx.query(
        f"SELECT {picked} FROM ops.quarantine WHERE list_contains(?::BIGINT[], rowid) ORDER BY rowid", [ids]
    )
    origin = tx.query(
        "SELECT (SELECT min(seen_at) FROM ops.quarantine WHERE list_contains(?::BIGINT[], rowid)) "
        "AS fetched_at, (SELECT any_value(request) FROM ops.batches WHERE batch_id = ?) AS request",
        [ids, group["batch_id"]],
    ).to_pylist()[0]
    tx.execute("DELETE FROM ops.quarantine WHERE list_contains(?::BIGINT[], rowid)", [ids])
    stream = f"replay of {group['batch_id'] or 'the quarantine'}"
    batch_id = tx.batch(run_id, group["source"] or "quarantine", stream, origin["request"])
    if lander is not None:
        return lander(tx, data, batch_id)
    known = {"source": group["source"], "batch_id": batch_id, **origin}
    constants = {
        name: value for name, value in known.items() if name in table.column_names and name not in keys
    }
    return tx.append(table.name, data, constants=constants)


def _picked(table: Table, key: str) -> str:
    """Return SQL for one value of the original row: a list or structure as its type, all else as text."""
    path = literal("$." + quote(key))
    text = f"json_extract_string(original, {path})"
    if key in table.column_names:
        kind = table.column(key).type
        if kind.endswith("]") or "(" in kind:
            return f"TRY_CAST(json_extract(original, {path}) AS {kind}) AS {quote(key)}"
    return f"{text} AS {quote(key)}"
