"""Rows that were set aside: how many, which, and back into their tables after a fix.

What was set aside is one of three things. A row, as JSON: it is replayed. A line of a source's file that
could not be read as a row: the file is to be read again, for which `replay` names the streams. An answer of
TMDb: its movie is asked for again by the next ingest anyhow, and once that has worked the answer is settled.
"""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from warehouse.errors import SchemaMismatch
from warehouse.identifiers import literal, qualified, quote
from warehouse.intake import WriteResult
from warehouse.land.bulk import TARGETS
from warehouse.schema import Mode, Table
from warehouse.transaction import Transaction
from warehouse.warehouse import Warehouse

# A row as JSON, and not a line of the source's file.
_IS_ROW = "CASE WHEN json_valid(original) THEN coalesce(json_type(original) = 'OBJECT', false) ELSE false END"
_AMONG = "list_contains(?::BIGINT[], id)"
_ANSWERS = "raw.tmdb_movies"
_BULK = {target.table: target for target in TARGETS.values() if target.keys}
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
        conditions: list[tuple[str, Any]] = []
        if self.source is not None:
            conditions.append(("source = ?", self.source))
        if self.table is not None:
            conditions.append(("table_name = ?", self.table))
        if self.reason is not None:
            conditions.append(("contains(reason, ?)", self.reason))
        if self.batch_id is not None:
            conditions.append(("batch_id = ?", self.batch_id))
        if self.ids is not None:
            conditions.append((_AMONG, list(self.ids)))
        return " AND ".join(part for part, _ in conditions) or "true", [value for _, value in conditions]


@dataclass
class Replayed:
    """What became of replayed rows."""

    landed: int = 0
    set_aside_again: int = 0
    """Rows that still break a contract, or whose key the table has by now."""
    settled: int = 0
    """Answers about movies that have arrived since; they left the quarantine."""
    not_replayable: int = 0
    """What is neither a row of its table nor a line of a file that can be read again."""
    lines: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """(source, stream) → numbers of the lines that came from it: read that file again, then `drop` those that
    were not set aside anew."""
    by_table: dict[str, WriteResult] = field(default_factory=dict)


def summary(warehouse: Warehouse) -> pa.Table:
    """Return source, table_name, reason, rows, first_seen, last_seen: the most frequent first."""
    return warehouse.query(
        "SELECT source, table_name, reason, count(*) AS rows, min(seen_at) AS first_seen, "
        "max(seen_at) AS last_seen FROM ops.quarantine GROUP BY ALL "
        "ORDER BY rows DESC, source, table_name, reason"
    )


def rows(warehouse: Warehouse, which: Which = Which(), limit: int = 100) -> pa.Table:
    """Return id, source, table_name, reason, original, batch_id, seen_at of the newest `limit` rows meant."""
    condition, values = which.condition()
    return warehouse.query(
        "SELECT id, source, table_name, reason, original, batch_id, seen_at FROM ops.quarantine "
        f"WHERE {condition} ORDER BY seen_at DESC, id LIMIT ?",
        [*values, limit],
    )


def replay(
    warehouse: Warehouse,
    which: Which = Which(),
    *,
    run_id: str | None = None,
    landers: Mapping[str, Lander] | None = None,
) -> Replayed:
    """Write the rows meant to their tables again; what still breaks a contract is set aside anew.

    The rows of one table and batch are one transaction, in which they also leave the quarantine. Columns
    that say where a row came from (source, fetched_at, request) are taken from the quarantine and the batch
    that it came in. A row whose key its table has by now stays where it is.
    """
    condition, values = which.condition()
    done = Replayed()
    groups = warehouse.query(
        "SELECT source, table_name, batch_id, b.stream, list(q.id ORDER BY q.id) AS ids, "
        "list(q.id ORDER BY q.id) FILTER (WHERE NOT q.is_row) AS lines FROM ("
        f"SELECT source, table_name, batch_id, id, {_IS_ROW} AS is_row FROM ops.quarantine "
        f"WHERE {condition}) q LEFT JOIN (SELECT batch_id, stream FROM ops.batches) b USING (batch_id) "
        "GROUP BY ALL ORDER BY ALL",
        values,
    ).to_pylist()
    for group in groups:
        lines = group["lines"] or []
        ids = sorted(set(group["ids"]) - set(lines))
        if group["table_name"] == _ANSWERS:
            settled = warehouse.commit(lambda tx: _settle(tx, group["ids"]))  # noqa: B023 - called at once
            done.settled += settled
            done.not_replayable += len(group["ids"]) - settled
            continue
        if lines and group["stream"] and group["table_name"] in {target.table for target in TARGETS.values()}:
            done.lines.setdefault((group["source"], group["stream"]), []).extend(lines)
        else:
            done.not_replayable += len(lines)
        try:
            table = warehouse.table(group["table_name"])
        except SchemaMismatch:
            done.not_replayable += len(ids)
            continue
        if not ids:
            continue
        lander = (landers or {}).get(table.name)

        def work(tx: Transaction) -> WriteResult | None:
            return _replay_group(tx, table, group, ids, run_id, lander)  # noqa: B023 - called at once

        result = warehouse.commit(work)
        if result is None:
            done.not_replayable += len(ids)
            continue
        done.landed += result.rows_landed
        done.set_aside_again += result.rows_quarantined
        done.by_table[table.name] = done.by_table.get(table.name, WriteResult()) + result
    return done


def drop(warehouse: Warehouse, ids: list[int]) -> int:
    """Remove lines that a second reading of their file has landed; return how many were still there."""
    return warehouse.commit(lambda tx: tx.execute(f"DELETE FROM ops.quarantine WHERE {_AMONG}", [ids]))


def _settle(tx: Transaction, ids: list[int]) -> int:
    """Remove the answers about movies that were fetched well since, and return how many."""
    return tx.execute(
        f"DELETE FROM ops.quarantine WHERE {_AMONG} AND {_IS_ROW} AND EXISTS ("
        "FROM ops.source_state s WHERE s.source = 'tmdb' AND s.checked_at > ops.quarantine.seen_at "
        "AND s.source_id = json_extract_string(ops.quarantine.original, '$.id'))",
        [ids],
    )


def _replay_group(
    tx: Transaction,
    table: Table,
    group: Mapping[str, Any],
    ids: list[int],
    run_id: str | None,
    lander: Lander | None,
) -> WriteResult | None:
    """Replay rows of one table that came in one batch; None where they are no rows of that table."""
    all_keys = tx.query(
        f"SELECT DISTINCT unnest(json_keys(original)) AS key FROM ops.quarantine WHERE {_AMONG}", [ids]
    )["key"].to_pylist()
    unknown = set(all_keys) - set(table.column_names)
    if unknown and lander is None and table.contract.columns is Mode.FREEZE:
        return None
    first = tx.query(
        f"SELECT json_keys(arg_min(original, id)) AS keys FROM ops.quarantine WHERE {_AMONG}", [ids]
    )["keys"].to_pylist()[0]
    keys = [*first, *sorted(set(all_keys) - set(first))]
    repeated = _repeated(tx, table, keys, ids, group["stream"]) if lander is None else []
    ids = sorted(set(ids) - set(repeated))
    if not ids:
        return WriteResult(len(repeated), 0, len(repeated))
    # Values come back as text where JSON has text; the contract casts them as it would have the first time.
    picked = [_picked(table, key) for key in keys]
    data = tx.query(f"SELECT {', '.join(picked)} FROM ops.quarantine WHERE {_AMONG} ORDER BY id", [ids])
    origin = tx.query(
        f"SELECT (SELECT min(seen_at) FROM ops.quarantine WHERE {_AMONG}) "
        "AS fetched_at, (SELECT any_value(request) FROM ops.batches WHERE batch_id = ?) AS request",
        [ids, group["batch_id"]],
    ).to_pylist()[0]
    tx.execute(f"DELETE FROM ops.quarantine WHERE {_AMONG}", [ids])
    stream = f"replay of {group['batch_id'] or 'the quarantine'}"
    batch_id = tx.batch(run_id, group["source"] or "quarantine", stream, origin["request"])
    if lander is not None:
        return lander(tx, data, batch_id)
    known = {
        "source": group["source"],
        "batch_id": batch_id,
        "dataset": group["stream"],
        "deleted": False,
        **origin,
    }
    constants = {
        name: value for name, value in known.items() if name in table.column_names and name not in keys
    }
    return tx.append(table.name, data, constants=constants) + WriteResult(len(repeated), 0, len(repeated))


def _repeated(
    tx: Transaction, table: Table, keys: list[str], ids: list[int], stream: str | None
) -> list[int]:
    """Return the numbers of the rows whose key the table has, or an earlier one of them."""
    target = _BULK.get(table.name)
    unique = list(target.keys if target else table.unique or ())
    given = {key: _picked(table, key, named=False) for key in keys}
    if not unique or not all(key in given for key in unique):
        return []
    cast = ", ".join(f"TRY_CAST({given[key]} AS {table.column(key).type}) AS {quote(key)}" for key in unique)
    names = ", ".join(map(quote, unique))
    same = " AND ".join(f"asked.{quote(key)} IS NOT DISTINCT FROM held.{quote(key)}" for key in unique)
    held = f"SELECT DISTINCT {names} FROM {qualified(table.name)}"
    values: list[Any] = [ids]
    if target:
        only = "WHERE dataset = ?" if target.by_dataset else ""
        values += [stream] if target.by_dataset else []
        held = (
            f"SELECT {names} FROM {qualified(table.name)} {only} GROUP BY ALL "
            "HAVING NOT arg_max(coalesce(deleted, false), rowid)"
        )
    rows = tx.query(
        f"WITH asked AS (SELECT id, {cast} FROM ops.quarantine WHERE {_AMONG}), held AS ({held}) "
        f"SELECT id FROM asked SEMI JOIN held ON {same} "
        f"UNION SELECT id FROM asked QUALIFY row_number() OVER (PARTITION BY {names} ORDER BY id) > 1",
        values,
    )
    repeated_ids: list[int] = rows["id"].to_pylist()
    return repeated_ids


def _text(key: str) -> str:
    return f"json_extract_string(original, {literal('$.' + quote(key))})"


def _picked(table: Table, key: str, *, named: bool = True) -> str:
    """Return SQL for one value of the original row: a list or structure as its type, all else as text."""
    value = _text(key)
    if key in table.column_names:
        kind = table.column(key).type
        if kind.endswith("]") or "(" in kind:
            value = f"TRY_CAST(json_extract(original, {literal('$.' + quote(key))}) AS {kind})"
    return f"{value} AS {quote(key)}" if named else value
