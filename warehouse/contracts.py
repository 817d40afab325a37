"""What a batch must satisfy before it lands, as SQL over the registered Arrow data.

Each rule is one expression that is TRUE for a row that breaks it; one aggregation recognises a clean batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.errors import SchemaMismatch
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import literal, qualified, quote
from warehouse.schema import Column, Table

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_FRACTIONAL = ("FLOAT", "DOUBLE")
_SAME = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}


@dataclass(frozen=True)
class Rule:
    """One condition on a row: `breach` is an SQL expression, TRUE where the row breaks it."""

    reason: str
    breach: str


@dataclass(frozen=True)
class Plan:
    """How one shape of data goes into one table."""

    table: Table
    names: tuple[str, ...]
    """The table's columns that the data or the constants fill."""
    values: tuple[str, ...]
    """An SQL expression for each of them."""
    rules: tuple[Rule, ...]
    incoming: tuple[str, ...]
    """The data's own columns."""

    @property
    def breach(self) -> str:
        """TRUE for a row that breaks any rule."""
        return " OR ".join(f"coalesce({rule.breach}, false)" for rule in self.rules) or "false"

    @property
    def reason(self) -> str:
        """The reasons that apply to a row, joined by semicolons."""
        return (
            "concat_ws('; ', "
            + ", ".join(f"CASE WHEN {rule.breach} THEN {literal(rule.reason)} END" for rule in self.rules)
            + ")"
            if self.rules
            else "''"
        )

    @property
    def original(self) -> str:
        """The row as it came, as JSON."""
        return "to_json({" + ", ".join(f"{literal(name)}: {quote(name)}" for name in self.incoming) + "})"

    @property
    def insert(self) -> str:
        """The beginning of an INSERT for these columns."""
        return f"INSERT INTO {qualified(self.table.name)} ({column_list(self.names)})"


def plan(table: Table, incoming: Sequence[tuple[str, str]], constants: Mapping[str, Any]) -> Plan:
    """Return how data with columns `incoming` (name, DuckDB type) goes into `table`.

    Raises SchemaMismatch where the data has a column that the table lacks, or lacks a required one.
    """
    given = {name: kind for name, kind in incoming}
    unknown = sorted({*given, *constants} - set(table.column_names))
    if unknown:
        raise SchemaMismatch(f"{table.name} has no column {', '.join(unknown)}: declare it or leave it out")
    missing = [
        c.name for c in table.columns if c.required and c.name not in given and constants.get(c.name) is None
    ]
    if missing:
        raise SchemaMismatch(f"{table.name} requires {', '.join(missing)}, which the data does not have")
    names: list[str] = []
    values: list[str] = []
    rules: list[Rule] = []
    for column in table.columns:
        if column.name in constants:
            names.append(column.name)
            values.append(f"CAST(${column.name} AS {column.type})")
        elif column.name in given:
            value, own = _judge(column, given[column.name])
            names.append(column.name)
            values.append(value)
            rules.extend(own)
    return Plan(table, tuple(names), tuple(values), tuple(rules), tuple(given))


def _judge(column: Column, kind: str) -> tuple[str, list[Rule]]:
    """Return the SQL value of an incoming column and the rules for it."""
    name = quote(column.name)
    rules = []
    value = name
    if _SAME.get(kind, kind) != column.type:
        value = f"TRY_CAST({name} AS {column.type})"
        breach = f"{name} IS NOT NULL AND {value} IS NULL"
        if column.type in _WHOLE and kind in _FRACTIONAL:
            breach = f"{name} IS NOT NULL AND ({value} IS NULL OR {name} <> trunc({name}))"
        elif column.type in _WHOLE and kind == "VARCHAR":
            whole = f"regexp_full_match({name}, '\\s*[-+]?\\d+\\s*')"
            breach = f"{name} IS NOT NULL AND ({value} IS NULL OR NOT {whole})"
        rules.append(Rule(f"{column.name} is not a {column.type}", breach))
    if column.required:
        rules.append(Rule(f"{column.name} is missing", f"{name} IS NULL"))
    if column.minimum is not None:
        rules.append(Rule(f"{column.name} is below {column.minimum:g}", f"{value} < {column.minimum!r}"))
    if column.maximum is not None:
        rules.append(Rule(f"{column.name} is above {column.maximum:g}", f"{value} > {column.maximum!r}"))
    elif column.minimum is not None and column.type in _FRACTIONAL:
        rules.append(Rule(f"{column.name} is not a number", f"isnan({value})"))
    if column.allowed is not None:
        listed = ", ".join(literal(word) for word in column.allowed)
        rules.append(
            Rule(f"{column.name} is none of {', '.join(column.allowed)}", f"{value} NOT IN ({listed})")
        )
    if column.pattern is not None:
        rules.append(
            Rule(
                f"{column.name} does not look like {column.pattern}",
                f"NOT regexp_full_match({value}, {literal(column.pattern)})",
            )
        )
    return value, rules
