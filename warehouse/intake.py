"""Takes one Arrow table into one table of the lake: good rows land, bad ones are judged by the contract."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from warehouse import migrations
from warehouse.connection import first
from warehouse.contracts import Plan, Rule, added_columns, any_breach, plan, reasons, widened_columns
from warehouse.errors import ContractBreach
from warehouse.schema import Table
from warehouse.widening import widen

INCOMING = "incoming"
_NUMBERED = "incoming_numbered"
_ORDER = "incoming_order"


@dataclass(frozen=True)
class WriteResult:
    """How many rows came, how many landed, and how many went to quarantine."""

    rows_in: int = 0
    rows_landed: int = 0
    rows_quarantined: int = 0

    def __add__(self, other: "WriteResult") -> "WriteResult":
        return WriteResult(
            self.rows_in + other.rows_in,
            self.rows_landed + other.rows_landed,
            self.rows_quarantined + other.rows_quarantined,
        )


@dataclass(frozen=True)
class Breaches:
    """How many rows of a batch broke one rule, and one of them."""

    rule: str
    rows: int
    example: str


@dataclass(frozen=True)
class Intake:
    """What became of one table of data."""

    result: WriteResult
    set_aside: pa.Table | None
    """original, reason: the rows that did not land; None where all did."""
    breaches: tuple[Breaches, ...]
    table: Table
    """The table's declaration, with what it gained on the way."""


def take_in(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    data: pa.Table,
    constants: Mapping[str, Any],
    before: Callable[[Plan], None] | None = None,
) -> Intake:
    """Insert the rows of `data` that keep the contract; return the others.

    `before` is called with the plan when `incoming` holds the good rows only, just before they are inserted.
    Raises SchemaMismatch for columns that do not fit, ContractBreach where the contract freezes values.
    """
    connection.register(INCOMING, data)
    try:
        shape = [(row[0], row[1]) for row in connection.execute(f"DESCRIBE {INCOMING}").fetchall()]
        table = _follow(connection, table, shape)
        how = plan(table, shape, constants)
        rejects, drops = _first_look(connection, how, data) if data.num_rows else (False, False)
        set_aside = None
        breaches = _count(connection, how) if rejects or drops else ()
        if rejects:
            set_aside, good = _judge_rows(connection, how, data)
            data, landed = data.filter(pa.array(good)), int(good.sum())
            connection.register(INCOMING, data)
        else:
            landed = data.num_rows
        if before:
            before(how)
        connection.execute(
            f"{how.insert} SELECT {', '.join(how.values)} FROM {INCOMING}", dict(constants) or None
        )
    finally:
        connection.unregister(INCOMING)
    aside = set_aside.num_rows if set_aside is not None else 0
    return Intake(WriteResult(landed + aside, landed, aside), set_aside, breaches, table)


def _follow(connection: duckdb.DuckDBPyConnection, table: Table, shape: list[tuple[str, str]]) -> Table:
    """Let the lake gain the columns and wider types that the contract allows; return the table then."""
    added = added_columns(table, shape)
    wider = dict(widened_columns(table, shape))
    if wider:
        widen(connection, table.name, wider)
    if added or wider:
        kept = tuple(replace(column, type=wider.get(column.name, column.type)) for column in table.columns)
        table = replace(table, columns=(*kept, *added))
        migrations.declare(connection, [table])
    return table


def _first_look(connection: duckdb.DuckDBPyConnection, how: Plan, data: pa.Table) -> tuple[bool, bool]:
    """Return whether any row is to be set aside, and whether any value is to be dropped."""
    groups = [_open(rules, data) for rules in (how.rejecting, how.dropping, how.refusing)]
    rejects = drops = False
    if any(groups):
        breaches = ", ".join(f"bool_or({any_breach(rules)})" for rules in groups)
        row = first(connection.execute(f"SELECT {breaches} FROM {INCOMING}"))
        rejects, drops, refuses = row or (False, False, False)
        if refuses:
            raise ContractBreach(_refusal(connection, how))
    if not rejects and how.unique:
        keys = ", ".join(how.unique)
        row = first(
            connection.execute(f"SELECT 1 FROM {INCOMING} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1")
        )
        rejects = row is not None
    return bool(rejects), bool(drops)


def _open(rules: Iterable[Rule], data: pa.Table) -> list[Rule]:
    """Return the rules of which the data alone does not prove that every row keeps them."""
    return [rule for rule in rules if rule.proof is None or not rule.proof(data[rule.column])]


def _refusal(connection: duckdb.DuckDBPyConnection, how: Plan) -> str:
    row = first(
        connection.execute(
            f"SELECT {reasons(how.refusing)}, {how.original} FROM {INCOMING} "
            f"WHERE {any_breach(how.refusing)} LIMIT 1"
        )
    )
    reason, original = row or ("", "")
    return f"{how.table.name} takes no such row, and its contract is frozen: {reason}: {original[:200]}"


def _count(connection: duckdb.DuckDBPyConnection, how: Plan) -> tuple[Breaches, ...]:
    """Return the rules of rows and values that were broken, with how often."""
    rules: list[Rule] = [*how.rejecting, *how.dropping]
    if not rules:
        return ()
    counts = ", ".join(
        f"count(*) FILTER (WHERE {rule.breach}), any_value({how.original}) FILTER (WHERE {rule.breach})"
        for rule in rules
    )
    row = first(connection.execute(f"SELECT {counts} FROM {INCOMING}")) or ()
    return tuple(
        Breaches(rule.reason, int(row[2 * i]), str(row[2 * i + 1])[:1000])
        for i, rule in enumerate(rules)
        if row[2 * i]
    )


def _judge_rows(
    connection: duckdb.DuckDBPyConnection, how: Plan, data: pa.Table
) -> tuple[pa.Table, "np.ndarray[tuple[int], np.dtype[np.bool_]]"]:
    """Return the rows to set aside (original, reason), and a mask of the rows that land."""
    numbered = data.append_column(_ORDER, pa.array(np.arange(data.num_rows, dtype=np.int64)))
    repeated = "SELECT NULL::BIGINT WHERE false"
    if how.unique:
        repeated = (
            f"SELECT {_ORDER} FROM {_NUMBERED} WHERE NOT ({how.breach}) "
            f"QUALIFY row_number() OVER (PARTITION BY {', '.join(how.unique)} ORDER BY {_ORDER}) > 1"
        )
    again = f"repeats an earlier row's {', '.join(how.table.unique or ())}"
    connection.register(_NUMBERED, numbered)
    try:
        bad = connection.execute(
            f"SELECT {_ORDER} AS n, {how.original} AS original, {reasons(how.rejecting)} AS reason "
            f"FROM {_NUMBERED} WHERE {how.breach} UNION ALL "
            f"SELECT {_ORDER}, {how.original}, $again FROM {_NUMBERED} WHERE {_ORDER} IN ({repeated})",
            {"again": again},
        ).to_arrow_table()
    finally:
        connection.unregister(_NUMBERED)
    good = np.ones(data.num_rows, dtype=bool)
    good[bad["n"].to_numpy()] = False
    return bad.select(["original", "reason"]), good
