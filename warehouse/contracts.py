"""What a batch must satisfy before it lands, as SQL over the registered Arrow data.

Each rule is one expression that is TRUE for a row that breaks it; one aggregation recognises a clean batch.
What happens to a breach is the table's `Contract`: its row is set aside, its value dropped, the batch
refused, or the lake follows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.contract_proofs import Proof, nothing_missing, numbered
from warehouse.errors import SchemaMismatch
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import literal, qualified, quote
from warehouse.schema import Column, Mode, Table
from warehouse.widening import FAMILIES, is_wider

_WHOLE, _FRACTIONAL = FAMILIES
_SAME = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}


@dataclass(frozen=True)
class Rule:
    """One condition on a row: `breach` is an SQL expression, TRUE where the row breaks it.

    `proof`, where there is one, may show from a column's Arrow data that no row does.
    """

    column: str
    reason: str
    breach: str
    proof: Proof | None = None


def any_breach(rules: Iterable[Rule]) -> str:
    """Return SQL that is TRUE for a row that breaks any of the rules, FALSE for the others."""
    return " OR ".join(f"coalesce({rule.breach}, false)" for rule in rules) or "false"


def reasons(rules: Iterable[Rule]) -> str:
    """Return SQL for the reasons that apply to a row, joined by semicolons."""
    cases = [f"CASE WHEN {rule.breach} THEN {literal(rule.reason)} END" for rule in rules]
    return f"concat_ws('; ', {', '.join(cases)})" if cases else "''"


@dataclass(frozen=True)
class Plan:
    """How one shape of data goes into one table."""

    table: Table
    names: tuple[str, ...]
    """The table's columns that the data or the constants fill."""
    values: tuple[str, ...]
    """An SQL expression for each of them."""
    rejecting: tuple[Rule, ...]
    """A breach sends the row to quarantine."""
    dropping: tuple[Rule, ...]
    """A breach loses the value, and the row lands."""
    refusing: tuple[Rule, ...]
    """A breach refuses the batch."""
    incoming: tuple[str, ...]
    """The data's own columns."""

    @property
    def breach(self) -> str:
        """TRUE for a row that is to be set aside."""
        return any_breach(self.rejecting)

    @property
    def original(self) -> str:
        """The row as it came, as JSON."""
        return "to_json({" + ", ".join(f"{literal(name)}: {quote(name)}" for name in self.incoming) + "})"

    @property
    def insert(self) -> str:
        """The beginning of an INSERT for these columns."""
        return f"INSERT INTO {qualified(self.table.name)} ({column_list(self.names)})"

    @property
    def unique(self) -> list[str]:
        """SQL for the values of the unique key, where the data and the constants have all of it."""
        value = dict(zip(self.names, self.values, strict=True))
        keys = self.table.unique or ()
        if not all(key in value for key in keys):
            return []
        return [value[key] for key in keys if key in self.incoming]


def added_columns(table: Table, incoming: Sequence[tuple[str, str]]) -> list[Column]:
    """Return the columns of the data that the table lacks and, by its contract, is to gain."""
    if table.contract.columns is not Mode.EVOLVE:
        return []
    return [
        Column(name, _SAME.get(kind, kind), "Came with the data; nobody has declared it yet.")
        for name, kind in incoming
        if name not in table.column_names
    ]


def widened_columns(table: Table, incoming: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return (column, wider type) for the numbers that need one and, by the contract, are to get it.

    None where `warehouse.widening` cannot: in tables whose rows stay where they are, and in the columns that
    order a table's files.
    """
    if table.contract.types is not Mode.EVOLVE or table.append_only:
        return []
    kinds = dict(incoming)
    return [
        (column.name, kinds[column.name])
        for column in table.columns
        if column.name not in (*table.partitioned_by, *table.sorted_by)
        and is_wider(kinds.get(column.name, ""), column.type)
    ]


def plan(table: Table, incoming: Sequence[tuple[str, str]], constants: Mapping[str, Any]) -> Plan:
    """Return how data with columns `incoming` (name, DuckDB type) goes into `table`.

    Raises SchemaMismatch where the data has a column that the table lacks and the contract freezes columns,
    or where it lacks a required one.
    """
    given = dict(incoming)
    unknown = [name for name in (*given, *constants) if name not in table.column_names]
    stray = set(unknown) & set(constants)
    if unknown and (stray or table.contract.columns in (Mode.FREEZE, Mode.EVOLVE)):
        raise SchemaMismatch(
            f"{table.name} has no column {', '.join(unknown)}: declare it or leave it out of the data"
        )
    missing = [
        c.name for c in table.columns if c.required and c.name not in given and constants.get(c.name) is None
    ]
    if missing:
        raise SchemaMismatch(f"{table.name} requires {', '.join(missing)}, which the data does not have")
    names: list[str] = []
    values: list[str] = []
    by_mode: dict[Mode, list[Rule]] = {mode: [] for mode in Mode}
    for name in unknown:
        rule = Rule(name, f"{table.name} has no column {name}", f"{quote(name)} IS NOT NULL")
        by_mode[table.contract.columns].append(rule)
    for column in table.columns:
        if column.name in constants:
            names.append(column.name)
            values.append(f"CAST(${column.name} AS {column.type})")
        elif column.name in given:
            value, own = judge(column, given[column.name])
            mode = Mode.DISCARD_ROW if table.contract.types is Mode.EVOLVE else table.contract.types
            if mode is Mode.DISCARD_VALUE and (column.required or column.name in (table.unique or ())):
                mode = Mode.DISCARD_ROW  # without that value there is no row
            if mode is Mode.DISCARD_VALUE and own:
                value = f"CASE WHEN NOT ({any_breach(own)}) THEN {value} END"
            names.append(column.name)
            values.append(value)
            by_mode[mode].extend(own)
    return Plan(
        table,
        tuple(names),
        tuple(values),
        tuple(by_mode[Mode.DISCARD_ROW]),
        tuple(by_mode[Mode.DISCARD_VALUE]),
        tuple(by_mode[Mode.FREEZE]),
        tuple(given),
    )


def judge(column: Column, kind: str) -> tuple[str, list[Rule]]:
    """Return the SQL value of a column that arrives as type `kind`, and the rules for it."""
    name = quote(column.name)
    breaches: list[tuple[str, str]] = []
    proofs: dict[str, Proof | None] = {}
    value = name
    if _SAME.get(kind, kind) != column.type:
        value = f"TRY_CAST({name} AS {column.type})"
        lost = f"{value} IS NULL"
        if column.type in _WHOLE and kind in _FRACTIONAL:
            lost += f" OR {name} <> trunc({name})"
        elif column.type in _WHOLE and kind == "VARCHAR":
            lost += f" OR NOT regexp_full_match({name}, '\\s*[-+]?\\d+\\s*')"
        breaches.append((f"is not a {column.type}", f"{name} IS NOT NULL AND ({lost})"))
    if column.required:
        breaches.append(("is missing", f"{name} IS NULL"))
        proofs["is missing"] = nothing_missing
    if column.minimum is not None:
        breaches.append((f"is below {column.minimum:g}", f"{value} < {column.minimum!r}"))
    if column.maximum is not None:
        breaches.append((f"is above {column.maximum:g}", f"{value} > {column.maximum!r}"))
    elif column.type in _FRACTIONAL:  # DuckLake loses the bounds of a column that has one
        breaches.append(("is not a number", f"isnan({value})"))
    if column.allowed is not None:
        listed = ", ".join(literal(word) for word in column.allowed)
        breaches.append((f"is none of {', '.join(column.allowed)}", f"{value} NOT IN ({listed})"))
    if column.pattern is not None:
        matches = f"regexp_full_match({value}, {literal(column.pattern)})"
        unlike = f"does not look like {column.pattern}"
        breaches.append((unlike, f"NOT {matches}"))
        proofs[unlike] = numbered(column.pattern)
    return value, [
        Rule(column.name, f"{column.name} {reason}", breach, proofs.get(reason))
        for reason, breach in breaches
    ]
