"""What is asked of a table after each step: filters, sorts, joins and aggregates over every column."""

# ruff: noqa: S608 — the names are this directory's own

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.engine.values import NESTED, Kind

Column = tuple[str, Kind]


@dataclass(frozen=True)
class Question:
    """A query; `{t}` stands for the table, at whichever snapshot."""

    sql: str
    ordered: bool = False
    """Whether the order of the rows is part of the answer."""


def questions(rng: random.Random, columns: Sequence[Column], count: int) -> list[Question]:
    """Return that many questions about the columns, the whole table among them."""
    names = ", ".join(name for name, _ in columns)
    chosen = [Question(f"SELECT {names} FROM {{t}}")]
    while len(chosen) < count:
        chosen.append(rng.choice(_MAKERS)(rng, *rng.choice(columns)))
    return chosen


def _filter(rng: random.Random, name: str, kind: Kind) -> Question:
    value = kind.literal(rng.choice(kind.pool))
    return Question(f"SELECT k, {name} FROM {{t}} WHERE {_condition(rng, name, kind, value)}")


def _condition(rng: random.Random, name: str, kind: Kind, value: str) -> str:
    other = kind.literal(rng.choice(kind.pool))
    choices = [
        f"{name} = {value}",
        f"{name} <> {value}",
        f"{name} IN ({value}, {other})",
        f"{name} IS NULL",
        f"{name} IS NOT NULL",
        f"{name} IS DISTINCT FROM {value}",
        f"{name} IS NOT DISTINCT FROM {value}",
    ]
    if kind.ordered:
        choices += [
            f"{name} < {value}",
            f"{name} >= {value}",
            f"{name} > {value} OR {name} IS NULL",
            f"NOT ({name} <= {value})",
        ]
        if kind.name not in NESTED:  # DuckDB has no BETWEEN for lists
            choices.append(f"{name} BETWEEN {value} AND {other}")
    if kind.sql == "VARCHAR":
        choices += [f"{name} LIKE 'a%'", f"starts_with({name}, 'lengthy')", f"{name} ILIKE 'A%'"]
    if kind.sql == "BOOLEAN":
        choices += [name, f"NOT {name}"]
    if kind.sql.startswith("STRUCT"):
        choices += [
            f"{name}.x > 0",
            f"{name}.x IS NULL",
            f"{name}.x = -5",
            f"{name}.x IS NOT NULL",
            f"{name}.y IS NULL",
        ]
    if kind.sql.endswith("[]"):
        choices += [f"len({name}) = 0", f"len({name}) > 0", f"{name}[1] IS NULL"]
    if kind.sql.startswith("MAP"):
        choices += [f"{name}['a'] = 1", f"cardinality({name}) = 0"]
    return rng.choice(choices)


def _both(rng: random.Random, name: str, kind: Kind) -> Question:
    value = kind.literal(rng.choice(kind.pool))
    low = rng.randrange(0, 40)
    return Question(
        f"SELECT k, {name} FROM {{t}} "
        f"WHERE {_condition(rng, name, kind, value)} AND k >= {low} AND k < {low + 30}"
    )


def _sort(rng: random.Random, name: str, kind: Kind) -> Question:
    if not kind.ordered:
        return Question(f"SELECT k, {name} FROM {{t}} ORDER BY k", ordered=True)
    way = rng.choice(("", " DESC", " NULLS FIRST", " DESC NULLS LAST"))
    return Question(f"SELECT k, {name} FROM {{t}} ORDER BY {name}{way}, k", ordered=True)


def _top(rng: random.Random, name: str, kind: Kind) -> Question:
    if not kind.ordered:
        return _sort(rng, name, kind)
    way = rng.choice(("", " DESC", " NULLS FIRST", " DESC NULLS LAST"))
    return Question(
        f"SELECT k, {name} FROM {{t}} ORDER BY {name}{way}, k LIMIT {rng.randrange(1, 6)}", ordered=True
    )


def _by_key(rng: random.Random, name: str, kind: Kind) -> Question:
    return Question(f"SELECT {name} FROM {{t}} ORDER BY k", ordered=True)


def _aggregate(rng: random.Random, name: str, kind: Kind) -> Question:
    if not kind.ordered or kind.name in NESTED:
        return Question(f"SELECT count(*), count({name}), count(DISTINCT {name}) FROM {{t}}")
    return Question(
        f"SELECT count(*), count({name}), min({name}), max({name}), count(DISTINCT {name}) FROM {{t}}"
    )


def _total(rng: random.Random, name: str, kind: Kind) -> Question:
    if kind.sql in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT") or kind.sql.startswith("DECIMAL"):
        return Question(f"SELECT sum({name}::DECIMAL(38, 0)), count(*) FROM {{t}} WHERE k % 2 = 0")
    return Question("SELECT count(*) FROM {t}")


def _group(rng: random.Random, name: str, kind: Kind) -> Question:
    return Question(f"SELECT {name}, count(*), max(k) FROM {{t}} GROUP BY {name}")


def _self_join(rng: random.Random, name: str, kind: Kind) -> Question:
    return Question(
        f"SELECT a.k, b.k FROM (FROM {{t}}) AS a JOIN (FROM {{t}}) AS b ON a.{name} = b.{name} AND a.k < b.k"
    )


def _values_join(rng: random.Random, name: str, kind: Kind) -> Question:
    values = ", ".join(f"({kind.literal(value)})" for value in rng.sample(kind.pool, min(3, len(kind.pool))))
    way = rng.choice(("JOIN", "SEMI JOIN", "LEFT JOIN"))
    if way == "SEMI JOIN":
        return Question(
            f"SELECT k FROM (FROM {{t}}) AS a SEMI JOIN (VALUES {values}) AS b(x) ON a.{name} = b.x"
        )
    return Question(
        f"SELECT a.k, b.x FROM (FROM {{t}}) AS a {way} (VALUES {values}) AS b(x) ON a.{name} = b.x"
    )


def _key(rng: random.Random, name: str, kind: Kind) -> Question:
    return Question(f"SELECT k, {name} FROM {{t}} WHERE k = {rng.randrange(0, 60)}")


_MAKERS: tuple[Any, ...] = (
    _filter,
    _filter,
    _filter,
    _filter,
    _both,
    _sort,
    _top,
    _by_key,
    _aggregate,
    _total,
    _group,
    _self_join,
    _values_join,
    _key,
)
