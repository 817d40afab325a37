"""Query results for people and scripts: table, csv, json or parquet, streamed."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TextIO
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

from flows.engine.console import PlainConsole
from flows.engine.terminal import printable
from flows.errors import FlowError

Format = Literal["table", "csv", "json", "parquet"]
TABLE_ROWS = 200


def plain(value: Any) -> Any:
    """Return a value that JSON can carry."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, timedelta | UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(plain(value), ensure_ascii=False)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _rows(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        yield from zip(*map(_values, batch.columns), strict=True)


def _values(column: pa.Array) -> list[Any]:
    """Return a column's values; maps as dictionaries."""
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        values = list(map(_value, column))
    if pa.types.is_map(column.type):
        return [None if value is None else dict(value) for value in values]
    return values


def _value(scalar: pa.Scalar) -> Any:
    """Return a value; as text where it is a time that Python does not have, such as one of the year -1199."""
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        pass
    try:
        return scalar.cast(pa.string()).as_py()
    except pa.ArrowException:
        return "(a time out of range)"


def _is_plain(kind: pa.DataType) -> bool:
    """Return whether Python's csv and json write this type as we want it."""
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind))


def _converted(
    batches: Iterable[pa.RecordBatch], convert: Callable[[Any], Any]
) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Yield the rows of each batch, with the values converted that need it."""
    for batch in batches:
        columns = [
            values if _is_plain(column.type) else map(convert, values)
            for column in batch.columns
            for values in (_values(column),)
        ]
        yield zip(*columns, strict=True)


def write(reader: pa.RecordBatchReader, form: Format, stream: TextIO, output: Path | None = None) -> None:
    """Write a query's result; memory is bounded by one record batch (`table` shows 200 rows)."""
    names = reader.schema.names
    if form == "parquet":
        if output is None:
            raise FlowError("parquet is not text: name a file with --output FILE")
        with pq.ParquetWriter(output, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
    elif form == "csv":
        writer_csv = csv.writer(stream, lineterminator="\n")
        writer_csv.writerow(names)
        for rows in _converted(reader, _cell):
            writer_csv.writerows(rows)
    elif form == "json":
        encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
        before = "[\n "
        for rows in _converted(reader, plain):
            for row in rows:
                stream.write(before + encode(dict(zip(names, row, strict=True))))
                before = ",\n "
        stream.write("\n]\n" if before.startswith(",") else "[]\n")
    else:
        _table(names, _rows(iter(reader)), stream)


def _table(names: list[str], rows: Iterator[tuple[Any, ...]], stream: TextIO) -> None:
    table = Table(*map(printable, names), box=None, header_style="bold", pad_edge=False)
    shown = 0
    more = False
    for row in rows:
        if shown == TABLE_ROWS:
            more = True
            break
        table.add_row(*(_short(value) for value in row))
        shown += 1
    width = None if stream.isatty() else 200
    console = PlainConsole(stream, width=width)
    console.print(table)
    if more:
        console.print(f"(first {TABLE_ROWS} rows; --format csv writes them all)")
    else:
        console.print(f"({shown} row{'' if shown == 1 else 's'})")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.6g}"
    text = printable(_cell(value))
    return text if len(text) <= 80 else text[:79] + "…"
