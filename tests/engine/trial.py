"""A lake in the middle of a random life, and the statements that every such life is made of."""

# ruff: noqa: S608 — the names are this directory's own

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.engine.lakes import Lake, Statement
from tests.engine.questions import Column
from tests.engine.values import Kind


@dataclass
class Trial:
    """A lake in the middle of a random life."""

    rng: random.Random
    lake: Lake
    columns: list[Column]
    next_key: int = 0
    made: int = 0
    """Columns so far, for their names."""
    deletes: bool = True

    @property
    def names(self) -> str:
        return ", ".join(name for name, _ in self.columns)

    def writer(self) -> str:
        return "a" if self.rng.random() < 0.7 else "b"

    def do(self, *sqls: str, who: str = "") -> None:
        """Tell both tables, in one transaction where there are several statements."""
        who = who or self.writer()
        if len(sqls) > 1:
            sqls = ("BEGIN", *sqls, "COMMIT")
        for sql in sqls:
            self.lake.tell(Statement(who, sql))

    def only(self, *sqls: str, who: str = "") -> list[object]:
        """Tell the lake alone, several statements in one transaction; return the last answer."""
        who = who or self.writer()
        if len(sqls) > 1:
            sqls = ("BEGIN", *sqls, "COMMIT")
        answers = [self.lake.tell(Statement(who, sql, both=False)) for sql in sqls]
        return answers[-1]

    def value(self, kind: Kind, nulls: float) -> str:
        return kind.literal("NULL" if self.rng.random() < nulls else self.rng.choice(kind.pool))

    def literal(self, kind: Kind) -> str:
        """Return a value that DuckLake takes for a literal: negative numbers and `true` are expressions."""
        if kind.sql == "BOOLEAN":
            return "NULL"
        return self.rng.choice([value for value in kind.pool if not value.startswith("-")])

    def rows(self, count: int, nulls: float | None = None, keys: list[int] | None = None) -> str:
        """Return an INSERT of new rows; with which share of NULLs is drawn by chance."""
        rng = self.rng
        shares = {name: rng.choice((0.0, 0.3, 1.0)) if nulls is None else nulls for name, _ in self.columns}
        if keys is None:
            keys = list(range(self.next_key, self.next_key + count))
            self.next_key += count
        rows = []
        for key in keys:
            values = (self.value(kind, shares[name]) for name, kind in self.columns if name != "k")
            rows.append(f"({', '.join((str(key), *values))})")
        return f"INSERT INTO {{t}} ({self.names}) VALUES {', '.join(rows)}"

    def some_column(self) -> Column:
        others = self.columns[1:]
        return self.rng.choice(others or self.columns)

    def where(self) -> str:
        """Return a condition that a few rows, or many, meet."""
        rng = self.rng
        low = rng.randrange(0, max(1, self.next_key))
        name, kind = self.some_column()
        value = kind.literal(rng.choice(kind.pool))
        return rng.choice(
            (
                f"k = {low}",
                f"k >= {low}",
                f"k BETWEEN {low} AND {low + 4}",
                f"k % 3 = {low % 3}",
                "true",
                f"{name} = {value}",
                f"{name} IS NULL",
                f"{name} IS NOT NULL",
                "false",
            )
        )


def insert(trial: Trial) -> None:
    trial.do(trial.rows(trial.rng.randrange(1, 7)))


def delete(trial: Trial) -> None:
    trial.do(f"DELETE FROM {{t}} WHERE {trial.where()}")


def update(trial: Trial) -> None:
    name, kind = trial.some_column()
    if name == "k":
        return insert(trial)
    trial.do(f"UPDATE {{t}} SET {name} = {trial.value(kind, 0.2)} WHERE {trial.where()}")


def replace(trial: Trial) -> None:
    """Delete some keys and insert them anew in one transaction."""
    keys = trial.rng.sample(range(max(6, trial.next_key)), 4)
    trial.next_key = max(trial.next_key, 6)
    listed = ", ".join(map(str, keys))
    trial.do(f"DELETE FROM {{t}} WHERE k IN ({listed})", trial.rows(0, keys=keys))


BASE: tuple[Callable[[Trial], None], ...] = (insert, insert, insert, delete, update, replace)
