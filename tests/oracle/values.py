"""The column types of the schemas, with the values that are most likely to be treated wrongly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

LONG = "x" * 300
_WHOLE = [0, 1, 5, 7, 50, -1]
_TEXT = [
    "",
    "a",
    "A",
    "b",
    "é",
    "\U0001f3ac",
    LONG,
    LONG[:-1] + "y",
    "z" * 5000,
    "null",
    "it's",
    "\U0010ffff",
    " ",
]


@dataclass(frozen=True, eq=False)
class Kind:
    """A column type: its names, and values of it; NULL is added where a column may hold it."""

    sql: str
    arrow: pa.DataType
    pool: tuple[Any, ...]
    ordered: bool = True
    """Whether it is sorted and bounded by."""
    summed: bool = False

    def __repr__(self) -> str:
        return self.sql

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.sql)

    @property
    def full(self) -> Any:
        """A value of which no part is NULL or absent."""
        return next(
            v
            for v in self.pool
            if not isinstance(v, list | dict)
            or (v and None not in (v.values() if isinstance(v, dict) else v))
        )

    def literal(self, value: Any) -> str:
        """Return SQL for a value."""
        if value is None:
            return f"NULL::{self.sql}"
        if isinstance(value, list):
            return f"[{', '.join(_element(v) for v in value)}]::{self.sql}"
        if isinstance(value, dict):
            return "{" + ", ".join(f"'{k}': {_element(v)}" for k, v in value.items()) + f"}}::{self.sql}"
        return f"{_element(value)}::{self.sql}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return f"({value})"
    if isinstance(value, float):
        return f"'{value!r}'"
    if isinstance(value, datetime):
        return f"'{value.isoformat(sep=' ')}'"
    return "'" + str(value).replace("'", "''") + "'"


def key(value: Any) -> Any:
    """Return what a value but NULL is compared by: NaN equals itself and is the greatest, as in DuckDB."""
    if isinstance(value, float):
        return (1, 0.0) if math.isnan(value) else (0, value + 0.0)
    if isinstance(value, list):
        return tuple((1,) if v is None else (0, key(v)) for v in value)
    if isinstance(value, dict):
        return tuple((1,) if v is None else (0, key(v)) for v in value.values())
    return value


def row_key(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return what rows are compared and counted by."""
    return tuple((1,) if value is None else (0, key(value)) for value in row)


def _times(*texts: str) -> tuple[datetime, ...]:
    return tuple(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts)


TINYINT = Kind("TINYINT", pa.int8(), (*_WHOLE, -128, 127), summed=True)
SMALLINT = Kind("SMALLINT", pa.int16(), (*_WHOLE, -(2**15), 2**15 - 1), summed=True)
INTEGER = Kind("INTEGER", pa.int32(), (*_WHOLE, -(2**31), 2**31 - 1), summed=True)
BIGINT = Kind("BIGINT", pa.int64(), (*_WHOLE, 65536, 2**53 + 1, -(2**63), 2**63 - 1), summed=True)
FLOAT = Kind("FLOAT", pa.float32(), (0.0, -0.0, 1.5, 7.0, -2.5, math.inf, -math.inf, math.nan))
_LONG_DOUBLES = (0.9647201946472019, 1 / 3, 0.1 + 0.2, -12345.678901234567)
"""Numbers of so many digits that a decimal number of these is another one."""
DOUBLE = Kind(
    "DOUBLE",
    pa.float64(),
    (0.0, -0.0, 1.5, 7.0, 0.1, -1e300, *_LONG_DOUBLES, math.inf, -math.inf, math.nan),
)
VARCHAR = Kind("VARCHAR", pa.string(), tuple(_TEXT))
BOOLEAN = Kind("BOOLEAN", pa.bool_(), (False, True))
DATE = Kind("DATE", pa.date32(), (date(1, 1, 1), date(1895, 12, 28), date(2000, 2, 29), date(9999, 12, 31)))
TIMESTAMPTZ = Kind(
    "TIMESTAMPTZ",
    pa.timestamp("us", tz="UTC"),
    _times(
        "0001-01-01", "1895-12-28 12:00", "1999-12-31T23:59:59.999999", "2026-11-30", "9999-12-31 23:59:59.5"
    ),
)
JSON = Kind(
    "JSON", pa.string(), ("{}", '{"a": 1}', "[]", "null", '"x"', "50", '{"b": "' + LONG + '"}'), False
)
FLOATS = Kind(
    "FLOAT[]", pa.list_(pa.float32()), ([], [1.5], [1.5, -2.5], [None], [math.nan], [math.inf]), False
)
TEXTS = Kind("VARCHAR[]", pa.list_(pa.string()), ([], ["a"], ["a", None], [""], [LONG, "b"]), False)
DECIMAL = Kind(
    "DECIMAL(9,2)", pa.decimal128(9, 2), tuple(map(Decimal, ("0.00", "1.25", "-1.25", "9999999.99", "50.00")))
)
STRUCT = Kind(
    "STRUCT(x INTEGER, y VARCHAR)",
    pa.struct([("x", pa.int32()), ("y", pa.string())]),
    ({"x": 1, "y": "a"}, {"x": None, "y": None}, {"x": 50, "y": ""}),
    False,
)

KINDS = (
    BIGINT, INTEGER, SMALLINT, TINYINT, DOUBLE, FLOAT, VARCHAR, BOOLEAN, DATE, TIMESTAMPTZ, JSON, FLOATS,
    TEXTS, DECIMAL, STRUCT,
)  # fmt: skip
WIDER = {
    TINYINT: (SMALLINT, INTEGER, BIGINT),
    SMALLINT: (INTEGER, BIGINT),
    INTEGER: (BIGINT,),
    FLOAT: (DOUBLE,),
}
KEYS = Kind("BIGINT", pa.int64(), tuple(range(30)), summed=True)
"""What a table's `k` is drawn from; the same number may come again."""
GROUPS = Kind("VARCHAR", pa.string(), ("p", "q", "r"))
"""What a table's `g` is drawn from, by which some are partitioned."""
