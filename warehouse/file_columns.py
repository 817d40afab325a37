"""Columns as DuckLake's catalogue declares them and as Parquet files hold them, matched by their numbers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.errors import DamagedLake, QueryFailed

_NUMBER = b"PARQUET:field_id"
_ARROW = {
    "boolean": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "varchar": pa.string(),
    "json": pa.string(),
    "blob": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


@dataclass(frozen=True)
class FileColumn:
    """A column of one snapshot."""

    column_id: int
    name: str
    type: str
    """As DuckLake writes it: int64, varchar, list, struct."""
    initial_default: str | None
    """The value of rows in files that were written before the column was added."""
    parts: tuple["FileColumn", ...] = ()
    """What a list, a struct or a map is made of."""

    @property
    def arrow(self) -> pa.DataType:
        """The type of its values in Arrow; QueryFailed for one that Reelhouse never declares."""
        if self.type == "list":
            return pa.list_(pa.field("element", self.parts[0].arrow))
        if self.type == "struct":
            return pa.struct([pa.field(part.name, part.arrow) for part in self.parts])
        if self.type == "map":
            return pa.map_(self.parts[0].arrow, self.parts[1].arrow)
        if match := _DECIMAL.fullmatch(self.type):
            return pa.decimal128(int(match[1]), int(match[2]))
        if self.type not in _ARROW:
            raise QueryFailed(f"the column {self.name} has type {self.type}, which this reader does not know")
        return _ARROW[self.type]


def tree(rows: Iterable[tuple[Any, ...]]) -> list[FileColumn]:
    """Return the columns of rows (number, name, type, the parent's number, default), parts below theirs."""
    below: dict[int | None, list[tuple[Any, ...]]] = {}
    for row in rows:
        below.setdefault(row[3], []).append(row)

    def made(parent: int | None) -> list[FileColumn]:
        return [
            FileColumn(number, name, kind, default, tuple(made(number)))
            for number, name, kind, _, default in below.get(parent, ())
        ]

    return made(None)


def numbers(fields: Iterable[pa.Field]) -> dict[int, pa.Field]:
    """Return the fields of a Parquet file or of a struct by the numbers that they carry."""
    return {int(f.metadata[_NUMBER]): f for f in fields if f.metadata and _NUMBER in f.metadata}


def values(column: FileColumn, data: pa.Table, field: pa.Field | None) -> pa.Array:
    """Return a column's values in the rows of a file, where it is `field`; the default where it is None."""
    if field is None:
        return _default(column, data.num_rows)
    array = data[field.name].combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # of no rows, or of more than one array holds
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], field.type)
    try:
        return _converted(column, array, field)
    except pa.ArrowInvalid as error:
        raise DamagedLake(
            f"the column {column.name} is not the {column.type} of the catalogue: {error}"
        ) from None


def _default(column: FileColumn, n_rows: int) -> pa.Array:
    if column.initial_default is None:
        return pa.nulls(n_rows, column.arrow)
    return pa.repeat(pa.scalar(column.initial_default).cast(column.arrow), n_rows)


def _converted(column: FileColumn, array: pa.Array, field: pa.Field) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):  # JSON
        array = array.storage
    kind = array.type
    if column.type == "list":
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        offsets = pa.array([0, *lengths.cumsum().tolist()], pa.int32())
        elements = _converted(column.parts[0], array.flatten(), kind.value_field)
        mask = array.is_null() if array.null_count else None
        return pa.ListArray.from_arrays(offsets, elements, type=column.arrow, mask=mask)
    if column.type == "struct":
        held = {number: position for position, number in enumerate(numbers(list(kind)))}
        flat = array.flatten()
        made = [
            _converted(part, flat[held[part.column_id]], kind[held[part.column_id]])
            if part.column_id in held
            else _default(part, len(array))
            for part in column.parts
        ]
        return pa.StructArray.from_arrays(made, fields=list(column.arrow), mask=array.is_null())
    return array.cast(column.arrow)


def bound(kind: str, text: str | None) -> Any:
    """Return a minimum or maximum of the catalogue as a Python value that compares as the column's do.

    Times beyond Python's own become its first or last one.
    """
    if text is None:
        return None
    if re.fullmatch(r"u?int\d+", kind):
        return int(text)
    if kind.startswith(("float", "decimal")):
        return float(text)
    if kind == "boolean":
        return text.lower() in ("1", "true")
    if kind in ("date", "timestamp", "timestamptz"):
        return _time(kind, text)
    return text


def _time(kind: str, text: str) -> date | datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        early = text.startswith("-") or "BC" in text
        time = datetime(1 if early else 9999, 1 if early else 12, 1 if early else 31, tzinfo=UTC)
    if kind == "date":
        return time.date()
    if kind == "timestamp":
        return time.replace(tzinfo=None)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
