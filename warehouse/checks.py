"""Checks the declared promises over whole tables: columns, unique keys, references, rows, freshness."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from warehouse.contracts import judge
from warehouse.errors import DamagedLake, QueryFailed
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import qualified, quote
from warehouse.schema import Reference, Table
from warehouse.transaction import Transaction
from warehouse.warehouse import Warehouse

DAY = timedelta(hours=20)
"""Less than from one night to the next, of which one may be late."""
DAY_BEFORE = "SELECT max(snapshot_id) FROM lake.snapshots() WHERE snapshot_time <= $time"


@dataclass(frozen=True)
class CheckResult:
    """What one check of one table found."""

    table: str
    rule: str
    passed: bool
    breaches: int
    detail: str | None = None


def check(
    warehouse: Warehouse,
    tables: Iterable[str] | None = None,
    *,
    run_id: str | None = None,
    record: bool = True,
    before: int | None = None,
) -> list[CheckResult]:
    """Return what every check found, and write it to ops.contract_results unless `record` is false.

    All tables that are declared and exist are checked, or those named. `before` is the snapshot whose numbers
    of rows today's are compared with: where it is not given, the newest that is 20 hours old.
    """
    existing = warehouse.table_counts()
    names = list(tables) if tables is not None else [name for name in existing if name in warehouse.declared]
    results: list[CheckResult] = []
    if before is None:
        before = warehouse.scalar(DAY_BEFORE, {"time": warehouse.clock() - DAY})
    for name in names:
        try:
            results.extend(_check_table(warehouse, warehouse.table(name), existing[name], before))
        except (DamagedLake, QueryFailed) as error:
            results.append(CheckResult(name, "can be read", False, 1, str(error)))
    if record:
        record_results(warehouse, results, run_id=run_id)
    return results


def _check_table(warehouse: Warehouse, table: Table, count: int, before: int | None) -> list[CheckResult]:
    return [
        *_values(warehouse, table),
        *unique_rows(warehouse, table),
        *(_unique_live(warehouse, table, column) for column in table.unique_live),
        *(_reference(warehouse, table, reference) for reference in table.references),
        *_rows(table, count),
        *_kept(warehouse, table, count, before),
        *_fresh(warehouse, table),
    ]


def record_results(warehouse: Warehouse, results: list[CheckResult], *, run_id: str | None = None) -> None:
    """Write to ops.contract_results, in one commit, each rule that was broken and a line per table."""
    lines = [result for result in results if not result.passed]
    for table in dict.fromkeys(result.table for result in results):
        own = [result for result in results if result.table == table]
        breaches = sum(result.breaches for result in own)
        broken = sum(not result.passed for result in own)
        lines.append(CheckResult(table, "all rules", not broken, breaches, f"{len(own)} rules"))
    now = warehouse.clock()
    warehouse.commit(lambda tx: _record(tx, lines, now, run_id))


def _values(warehouse: Warehouse, table: Table) -> list[CheckResult]:
    """Check each rule of each column in one scan."""
    rules = [rule for column in table.columns for rule in judge(column, column.type)[1]]
    if not rules:
        return []
    counts = ", ".join(f"count(*) FILTER (WHERE {rule.breach}) AS n{i}" for i, rule in enumerate(rules))
    row = warehouse.query(f"SELECT {counts} FROM {qualified(table.name)}").to_pylist()[0]
    return [
        CheckResult(table.name, f"no row where {rule.reason}", not row[f"n{i}"], row[f"n{i}"])
        for i, rule in enumerate(rules)
    ]


def unique_rows(warehouse: Warehouse, table: Table) -> list[CheckResult]:
    """Return whether the table's unique key occurs once; nothing where it has none."""
    if not table.unique:
        return []
    keys = column_list(table.unique)
    row = warehouse.query(
        f"SELECT coalesce(sum(n - 1), 0)::BIGINT AS extra, any_value(key) AS example FROM ("
        f"SELECT count(*) AS n, ({keys})::VARCHAR AS key FROM {qualified(table.name)} GROUP BY {keys} "
        "HAVING count(*) > 1)"
    ).to_pylist()[0]
    rule = f"one row per {', '.join(table.unique)}"
    return [CheckResult(table.name, rule, not row["extra"], row["extra"], row["example"])]


def _unique_live(warehouse: Warehouse, table: Table, column: str) -> CheckResult:
    row = warehouse.query(
        f"SELECT coalesce(sum(n - 1), 0)::BIGINT AS extra, any_value(value) AS example FROM ("
        f"SELECT count(*) AS n, {quote(column)}::VARCHAR AS value FROM {qualified(table.name)} "
        f"WHERE deleted_at IS NULL AND {quote(column)} IS NOT NULL GROUP BY {quote(column)} "
        "HAVING count(*) > 1)"
    ).to_pylist()[0]
    rule = f"one live row per {column}"
    return CheckResult(table.name, rule, not row["extra"], row["extra"], row["example"])


def _reference(warehouse: Warehouse, table: Table, reference: Reference) -> CheckResult:
    same = " AND ".join(
        f"a.{quote(own)} = b.{quote(other)}"
        for own, other in zip(reference.columns, reference.target, strict=True)
    )
    own = column_list(reference.columns, prefix="a")
    given = " AND ".join(f"a.{quote(own)} IS NOT NULL" for own in reference.columns)
    row = warehouse.query(
        f"SELECT count(*) AS n, any_value(({own})::VARCHAR) AS example FROM {qualified(table.name)} a "
        f"ANTI JOIN {qualified(reference.table)} b ON {same} WHERE {given}"
    ).to_pylist()[0]
    rule = f"{', '.join(reference.columns)} is in {reference.table}"
    return CheckResult(table.name, rule, not row["n"], row["n"], row["example"])


def _rows(table: Table, count: int) -> list[CheckResult]:
    if not table.min_rows:
        return []
    lacking = max(table.min_rows - count, 0)
    return [CheckResult(table.name, f"at least {table.min_rows} rows", not lacking, lacking, f"{count} rows")]


def _kept(warehouse: Warehouse, table: Table, count: int, before: int | None) -> list[CheckResult]:
    """Compare with the table as of the snapshot `before`; a table without rows then has none to lose."""
    if not table.keeps:
        return []
    rule = f"at least {table.keeps:.0%} of the rows of the day before"
    had = 0
    if before is not None:
        with suppress(QueryFailed):  # the table may be younger than that
            had = warehouse.scalar(f"SELECT count(*) FROM {qualified(table.name)} AT (VERSION => {before:d})")
    lacking = max(math.ceil(table.keeps * had) - count, 0)
    return [CheckResult(table.name, rule, not lacking, lacking, f"{count} rows, {had} before")]


def _fresh(warehouse: Warehouse, table: Table) -> list[CheckResult]:
    if table.fresh is None:
        return []
    column, age = table.fresh
    newest: datetime | None = warehouse.scalar(f"SELECT max({quote(column)}) FROM {qualified(table.name)}")
    rule = f"{column} within {age}"
    if newest is None:
        return [CheckResult(table.name, rule, True, 0, "no rows")]
    late = warehouse.clock() - newest > age
    return [CheckResult(table.name, rule, not late, int(late), f"newest {newest:%Y-%m-%d %H:%M} UTC")]


def _record(tx: Transaction, results: list[CheckResult], now: datetime, run_id: str | None) -> None:
    tx.execute(
        "INSERT INTO ops.contract_results (checked_at, table_name, rule, passed, breaches, detail, run_id) "
        "SELECT ?, *, ? FROM (SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::BOOLEAN[]), "
        "unnest(?::BIGINT[]), unnest(?::VARCHAR[]))",
        [
            now,
            run_id,
            [result.table for result in results],
            [result.rule for result in results],
            [result.passed for result in results],
            [result.breaches for result in results],
            [result.detail for result in results],
        ],
    )
