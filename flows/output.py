"""Query results for people and scripts: table, csv, json or parquet, streamed."""

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TextIO

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from flows.errors import FlowError

Format = Literal["table", "csv", "json", "parquet"]
TABLE_ROWS = 200


def plain(value: Any) -> Any:
    """A value that JSON can carry."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
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
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _rows(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


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
        writer_csv.writerows([_cell(value) for value in row] for row in _rows(iter(reader)))
    elif form == "json":
        stream.write("[")
        for index, row in enumerate(_rows(iter(reader))):
            stream.write(",\n " if index else "\n ")
            stream.write(json.dumps(dict(zip(names, map(plain, row), strict=True)), ensure_ascii=False))
        stream.write("\n]\n")
    else:
        _table(names, _rows(iter(reader)), stream)


def _table(names: list[str], rows: Iterator[tuple[Any, ...]], stream: TextIO) -> None:
    table = Table(*names, box=None, header_style="bold", pad_edge=False)
    shown = 0
    more = False
    for row in rows:
        if shown == TABLE_ROWS:
            more = True
            break
        table.add_row(*(_short(value) for value in row))
        shown += 1
    console = Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else 200)
    console.print(table)
    if more:
        console.print(f"(first {TABLE_ROWS} rows; --format csv writes them all)")
    else:
        console.print(f"({shown} row{'' if shown == 1 else 's'})")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.6g}"
    text = _cell(value)
    return text if len(text) <= 80 else text[:79] + "…"
