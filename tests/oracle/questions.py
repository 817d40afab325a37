"""Questions in SQL whose answers are lists of numbers, and what the model answers to them.

All questions to one table go into one statement, each with a filter of its own: so what the engine skips by
its statistics is skipped for each of them, and a statement costs little.
"""

# ruff: noqa: S608 — the oracle writes its own SQL

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.oracle.model import Field, State
from tests.oracle.values import key
from warehouse.identifiers import quote

Known = dict[str, Any]
Condition = tuple[str, Callable[[Known], bool]]


@dataclass(frozen=True)
class Question:
    """SQL with `{t}` and `{u}` for two tables, which selects one list, and the right answer."""

    sql: str
    answer: list[int]


def statement(questions: list[Question], t: str, u: str) -> str:
    """Return one SQL statement that answers all questions, each in a row (number, list)."""
    return " UNION ALL ".join(
        f"SELECT {number} AS n, ({q.sql.format(t=t, u=u)})::HUGEINT[] AS answer"
        for number, q in enumerate(questions)
    )


def condition(rng: Random, state: State) -> Condition:
    """Draw a condition on a row, as SQL and as Python."""
    field = rng.choice(state.fields)
    column, kind, name = quote(field.name), field.kind, field.name
    forms = ["eq", "eq", "in", "null", "not null", "ne"]
    if kind.ordered:
        forms += ["lt", "le", "gt", "ge", "between"]
    form = rng.choice(forms)
    values = [_value(rng, field) for _ in range(3)]
    a, b, c = (key(value) for value in values)
    x, y, z = (kind.literal(value) for value in values)

    def test(judge: Callable[[Any], bool]) -> Callable[[Known], bool]:
        return lambda row: row[name] is not None and judge(key(row[name]))

    drawn: Condition = {
        "eq": (f"{column} = {x}", test(lambda v: v == a)),
        "ne": (f"{column} <> {x}", test(lambda v: v != a)),
        "in": (f"{column} IN ({x}, {y}, {z})", test(lambda v: v in (a, b, c))),
        "null": (f"{column} IS NULL", lambda row: row[name] is None),
        "not null": (f"{column} IS NOT NULL", lambda row: row[name] is not None),
        "lt": (f"{column} < {x}", test(lambda v: v < a)),
        "le": (f"{column} <= {x}", test(lambda v: v <= a)),
        "gt": (f"{column} > {x}", test(lambda v: v > a)),
        "ge": (f"{column} >= {x}", test(lambda v: v >= a)),
        "between": (f"{column} BETWEEN {x} AND {y}", test(lambda v: a <= v <= b)),
    }[form]
    if rng.random() < 0.15:
        (left, this), (right, that) = drawn, condition(rng, state)
        if rng.random() < 0.5:
            return f"({left} OR {right})", lambda row: this(row) or that(row)
        return f"({left} AND {right})", lambda row: this(row) and that(row)
    return drawn


def _value(rng: Random, field: Field) -> Any:
    return rng.choice(field.kind.pool)


def draw(rng: Random, state: State, other: State, count: int) -> list[Question]:
    """Draw questions about a table, some of which join another."""
    makers = (_filter, _filter, _filter, _count, _extreme, _extreme, _groups, _top, _sort, _join, _semi, _sum)
    return [rng.choice(makers)(rng, state, other) for _ in range(count)]


def _ks(rows: list[Known]) -> list[int]:
    return sorted(row["k"] for row in rows)


def _rows(state: State) -> list[Known]:
    return [state.named(row) for row in state.rows]


def _filter(rng: Random, state: State, other: State) -> Question:
    sql, holds = condition(rng, state)
    return Question(
        f"SELECT list(k ORDER BY k) FROM {{t}} WHERE {_safe(sql)}", _ks([r for r in _rows(state) if holds(r)])
    )


def _count(rng: Random, state: State, other: State) -> Question:
    name = rng.choice(state.names)
    held = [key(v) for v in state.column(name) if v is not None]
    sql, holds = condition(rng, state)
    column = quote(name)
    if rng.random() < 0.5:
        sql, n = "true", len(state.rows)
    else:
        kept = [r for r in _rows(state) if holds(r)]
        n, held = len(kept), [key(r[name]) for r in kept if r[name] is not None]
    return Question(
        f"SELECT [count(*), count({column}), count(DISTINCT {column})] FROM {{t}} WHERE {_safe(sql)}",
        [n, len(held), len(set(held))],
    )


def _extreme(rng: Random, state: State, other: State) -> Question:
    field = rng.choice([f for f in state.fields if f.kind.ordered])
    column = quote(field.name)
    which, choose = rng.choice((("min", min), ("max", max)))
    held = [key(v) for v in state.column(field.name) if v is not None]
    best = choose(held) if held else None
    answer = _ks([r for r in _rows(state) if r[field.name] is not None and key(r[field.name]) == best])
    return Question(
        f"SELECT list(k ORDER BY k) FROM {{t}} WHERE {column} = (SELECT {which}({column}) FROM {{t}})", answer
    )


def _groups(rng: Random, state: State, other: State) -> Question:
    names = rng.sample(state.names, rng.choice((1, 1, 2)) if len(state.names) > 1 else 1)
    groups: dict[Any, list[int]] = {}
    for row in _rows(state):
        groups.setdefault(tuple((1,) if row[n] is None else (0, key(row[n])) for n in names), []).append(
            row["k"]
        )
    answer = sorted(1000 * len(ks) + min(ks) for ks in groups.values())
    by = ", ".join(map(quote, names))
    return Question(
        f"SELECT list(x ORDER BY x) FROM (SELECT 1000 * count(*) + min(k) AS x FROM {{t}} GROUP BY {by})",
        answer,
    )


def _ordering(rng: Random, state: State) -> tuple[str, list[int]]:
    field = rng.choice([f for f in state.fields if f.kind.ordered])
    down, first = rng.random() < 0.5, rng.random() < 0.5
    rows = sorted(_rows(state), key=lambda r: r["k"])
    some = [r for r in rows if r[field.name] is not None]
    none = [r for r in rows if r[field.name] is None]
    some.sort(key=lambda r: key(r[field.name]), reverse=down)  # which keeps the order of equals
    ordered = none + some if first else some + none
    sql = f"{quote(field.name)} {'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}, k"
    return sql, [r["k"] for r in ordered]


def _top(rng: Random, state: State, other: State) -> Question:
    order, ks = _ordering(rng, state)
    n = rng.choice((1, 2, 5))
    return Question(
        f"SELECT list(k ORDER BY k) FROM (SELECT k FROM {{t}} ORDER BY {order} LIMIT {n})", sorted(ks[:n])
    )


def _sort(rng: Random, state: State, other: State) -> Question:
    order, ks = _ordering(rng, state)
    return Question(
        f"SELECT list(k ORDER BY n) FROM (SELECT k, row_number() OVER (ORDER BY {order}) AS n FROM {{t}})", ks
    )


def _pair(rng: Random, state: State, other: State) -> tuple[Field, Field]:
    pairs = [
        (f, g)
        for f in state.fields
        for g in other.fields
        if f.kind.sql == g.kind.sql or (f.kind.summed and g.kind.summed)
    ]
    return rng.choice(pairs)


def _join(rng: Random, state: State, other: State) -> Question:
    f, g = _pair(rng, state, other)
    sql, holds = condition(rng, state)
    matches: dict[Any, list[int]] = {}
    for row in _rows(other):
        if row[g.name] is not None:
            matches.setdefault(key(row[g.name]), []).append(row["k"])
    answer = sorted(
        row["k"] * 1000 + k
        for row in _rows(state)
        if row[f.name] is not None and holds(row)
        for k in matches.get(key(row[f.name]), ())
    )
    return Question(
        "SELECT list(x ORDER BY x) FROM (SELECT a.k * 1000 + b.k AS x "
        f"FROM (FROM {{t}} WHERE {_safe(sql)}) AS a JOIN {{u}} AS b "
        f"ON a.{quote(f.name)} = b.{quote(g.name)})",
        answer,
    )


def _semi(rng: Random, state: State, other: State) -> Question:
    f, g = _pair(rng, state, other)
    sql, holds = condition(rng, other)
    held = {key(row[g.name]) for row in _rows(other) if row[g.name] is not None and holds(row)}
    rows = [r for r in _rows(state) if r[f.name] is not None and key(r[f.name]) in held]
    return Question(
        f"SELECT list(k ORDER BY k) FROM {{t}} "
        f"WHERE {quote(f.name)} IN (SELECT {quote(g.name)} FROM {{u}} WHERE {_safe(sql)})",
        _ks(rows),
    )


def _sum(rng: Random, state: State, other: State) -> Question:
    field = rng.choice([f for f in state.fields if f.kind.summed])
    held = [v for v in state.column(field.name) if v is not None]
    column = quote(field.name)
    return Question(f"SELECT [coalesce(sum({column}), 0)] FROM {{t}}", [sum(held)])


def _safe(sql: str) -> str:
    """Return SQL that `format` leaves as it is."""
    return sql.replace("{", "{{").replace("}", "}}")
