"""A lake as plain Python: what each table holds, and what each change makes of it."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from tests.oracle.values import Kind, row_key
from warehouse import Column, Contract, Mode, Table

Row = tuple[Any, ...]
MEANING = "A column of the oracle's."


@dataclass(frozen=True)
class Field:
    """One column."""

    name: str
    kind: Kind
    required: bool = False
    default: Any = None
    """What rows get that are written without it."""

    @property
    def pool(self) -> tuple[Any, ...]:
        """The values that are drawn for it."""
        return self.kind.pool if self.required else (None, *self.kind.pool)


def lands(row: Mapping[Any, Any]) -> bool:
    """Whether a row's contract lets it in: one with no number in the place of a number is set aside."""
    return not any(isinstance(value, float) and math.isnan(value) for value in row.values())


@dataclass(frozen=True)
class State:
    """What one table holds; never changed, only followed by another."""

    name: str
    fields: tuple[Field, ...]
    rows: tuple[Row, ...] = ()
    partitioned_by: tuple[str, ...] = ()
    sorted_by: tuple[str, ...] = ()
    appended_only: bool = False
    """Its rows are never changed, so that their order is known."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field:
        """Return a column by its name."""
        return self.fields[self.names.index(name)]

    def column(self, name: str) -> list[Any]:
        """Return a column's values."""
        position = self.names.index(name)
        return [row[position] for row in self.rows]

    @property
    def declared(self) -> Table:
        """How Reelhouse declares it."""
        return Table(
            self.name,
            "A table of the oracle's.",
            tuple(Column(f.name, f.kind.sql, MEANING, required=f.required) for f in self.fields),
            contract=Contract(columns=Mode.EVOLVE, types=Mode.EVOLVE),
            partitioned_by=self.partitioned_by,
            sorted_by=self.sorted_by,
            append_only=self.appended_only,
        )

    def arrow(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> pa.Table:
        """Return rows as a connector would deliver them; `names` are their columns."""
        wanted = [self.field(name) for name in names or self.names]
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(wanted)
        return pa.table(
            [pa.array(list(c), f.kind.arrow) for c, f in zip(columns, wanted, strict=True)],
            schema=pa.schema([(f.name, f.kind.arrow) for f in wanted]),
        )

    # --- changes

    def appended(self, rows: Iterable[Row], names: Sequence[str] | None = None) -> "State":
        """Return the state with rows added; columns that are not among `names` get their defaults."""
        given = list(names or self.names)
        full = (dict(zip(given, row, strict=True)) for row in rows)
        added = tuple(tuple(row.get(f.name, f.default) for f in self.fields) for row in full if lands(row))
        return replace(self, rows=self.rows + added)

    def without(self, condition: Callable[[Mapping[str, Any]], bool]) -> "State":
        """Return the state without the rows for which the condition is true."""
        return replace(self, rows=tuple(r for r in self.rows if not condition(self.named(r))))

    def updated(self, condition: Callable[[Mapping[str, Any]], bool], name: str, value: Any) -> "State":
        """Return the state with a column's value set in the rows for which the condition is true."""
        at = self.names.index(name)
        rows = tuple((*r[:at], value, *r[at + 1 :]) if condition(self.named(r)) else r for r in self.rows)
        return replace(self, rows=rows)

    def gained(self, field: Field) -> "State":
        """Return the state with a column more; its rows have the default there."""
        return replace(
            self, fields=(*self.fields, field), rows=tuple((*row, field.default) for row in self.rows)
        )

    def changed(self, name: str, /, **changes: Any) -> "State":
        """Return the state with a column renamed."""
        fields = tuple(replace(f, **changes) if f.name == name else f for f in self.fields)
        return replace(self, fields=fields)

    def widened(self, name: str, kind: Kind) -> "State":
        """Return the state with a column of a wider type, which stands last."""
        at = self.names.index(name)
        fields = (*self.fields[:at], *self.fields[at + 1 :], replace(self.fields[at], kind=kind))
        rows = tuple((*row[:at], *row[at + 1 :], row[at]) for row in self.rows)
        return replace(self, fields=fields, rows=rows)

    def named(self, row: Row) -> dict[str, Any]:
        """Return a row by the names of its columns."""
        return dict(zip(self.names, row, strict=True))

    @property
    def counted(self) -> "Counter[tuple[Any, ...]]":
        """How often each row is there."""
        return Counter(map(row_key, self.rows))
