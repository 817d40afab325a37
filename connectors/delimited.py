"""Delimited text of any size as Arrow batches, in bounded memory, with nothing guessed and no good line lost.

The text is cut into blocks at line ends, and Arrow parses block by block with explicit columns. Lines that
cannot be rows (wrong number of fields, no UTF-8, an open quote, a year that is no number) are set aside with
a reason. Arrow's own streaming reader is not used: it stops at the first value that does not convert, and
lets one open quote swallow the lines after it.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from connectors.errors import Malformed

BLOCK = 8 * 2**20
LONGEST_LINE = 16 * 2**20
MOST_REJECTS = 100_000

_UNREADABLE = (EOFError, OSError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile)
"""What gzip and zipfile raise for damaged, encrypted and strangely compressed data."""

Kind = Literal["text", "int32", "int64", "double", "flag", "seconds"]
_TYPES = {
    "text": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "flag": pa.bool_(),
    "seconds": pa.timestamp("us", "UTC"),
}
_STRICT = ("int32", "int64", "flag")
"""Kinds that Arrow reads as the patterns say, once what it lets pass besides is excluded: see `_lenient`."""
_LARGEST = {"int32": 10**9, "int64": 10**18}
_PATTERNS = {
    "int32": r"^-?[0-9]{1,9}$",
    "int64": r"^-?[0-9]{1,18}$",
    "double": r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?$",
    "flag": "^[01]$",
    "seconds": "^-?[0-9]{1,11}$",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column to read: its `name` in the batches, what the file's header calls it, its kind, and whether a
    line without it is no row. `flag` is 0 or 1, `seconds` counts from 1970 in UTC."""

    name: str
    header: str
    kind: Kind = "text"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written. `header` is None where the first line names the columns, else their names."""

    columns: tuple[Column, ...]
    delimiter: bytes = b","
    quoted: bool = True
    null: str = ""
    encoding: str = "utf-8"
    header: tuple[str, ...] | None = None


class Reader:
    """Iterating yields record batches with the layout's columns, then `rejects` holds what was left out.

    `open_stream` opens the decompressed bytes; `name` is for messages; `constants` are added in front of
    every row; `reshape` may turn a batch of strings into another one before types are applied.
    """

    def __init__(
        self,
        name: str,
        open_stream: Callable[[], BinaryIO],
        layout: Layout,
        *,
        constants: dict[str, str] | None = None,
        reshape: Callable[[pa.Table], pa.Table] | None = None,
        block: int = BLOCK,
    ) -> None:
        self.name = name
        self.rejects: list[tuple[str, str]] = []
        self._open = open_stream
        self._layout = layout
        self._constants = constants or {}
        self._reshape = reshape
        self._block = block

    @property
    def schema(self) -> pa.Schema:
        """The schema of the batches."""
        return pa.schema(
            [(name, pa.string()) for name in self._constants]
            + [(column.name, _TYPES[column.kind]) for column in self._layout.columns]
        )

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        header = self._layout.header
        for block in self._blocks():
            if header is None:
                line, _, block = block.partition(b"\n")
                header = self._header(line)
            if block.strip():
                yield from self._batches(block, header)
        if header is None:
            raise Malformed(f"{self.name}: the file is empty")

    def _blocks(self) -> Iterator[bytes]:
        """The bytes, cut at line ends."""
        rest = b""
        for read in self._read():
            end = read.rfind(b"\n") + 1
            if end:
                yield rest + read[:end]
                rest = read[end:]
            else:
                rest += read
            if len(rest) > LONGEST_LINE:
                raise Malformed(f"{self.name}: a line is longer than {LONGEST_LINE:,} bytes")
        if rest:
            yield rest + b"\n"

    def _read(self) -> Iterator[bytes]:
        """The bytes as they come."""
        try:
            stream = self._open()
        except _UNREADABLE as error:
            what = f"{error}"
        else:
            with stream:
                while True:
                    try:
                        read = stream.read(self._block)
                    except _UNREADABLE as error:
                        what = f"{error}"
                        break
                    if not read:
                        return
                    yield read
        raise Malformed(f"{self.name}: cannot be read to its end ({what})")

    def _header(self, line: bytes) -> tuple[str, ...]:
        delimiter = self._layout.delimiter.decode()
        text = line.decode(errors="backslashreplace").removeprefix("\ufeff").rstrip("\r\n")
        header = tuple(name.strip().strip('"') for name in text.split(delimiter))
        missing = [c.header for c in self._layout.columns if c.required and c.header not in header]
        if missing or len(set(header)) < len(header):
            what = ", ".join(missing) or "each column once"
            raise Malformed(f"{self.name}: the header does not name {what}: {text[:200]!r}")
        return header

    def _batches(self, block: bytes, header: Sequence[str]) -> Iterator[pa.RecordBatch]:
        layout = self._layout
        delimiter = layout.delimiter
        if layout.encoding != "utf-8":
            block = block.decode(layout.encoding).encode()
        block = self._readable(block)
        if not block.strip():
            return
        if len(delimiter) > 1:  # Arrow takes one character; the unit separator occurs in no title
            block = block.replace(delimiter, b"\x1f")
            delimiter = b"\x1f"

        def odd(row: pyarrow.csv.InvalidRow) -> str:
            text = row.text.replace("\x1f", layout.delimiter.decode())
            self._reject(text, f"{row.actual_columns} fields instead of {row.expected_columns}")
            return "skip"

        wanted = [c.header for c in layout.columns] if self._reshape is None else list(header)
        as_text = {name: pa.string() for name in wanted}

        def parsed(
            types: dict[str, pa.DataType], on_odd: Callable[[pyarrow.csv.InvalidRow], str]
        ) -> pa.Table:
            return pyarrow.csv.read_csv(
                pa.BufferReader(block),
                read_options=pyarrow.csv.ReadOptions(column_names=list(header), block_size=len(block) + 1),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=delimiter.decode(),
                    quote_char='"' if layout.quoted else False,
                    double_quote=layout.quoted,
                    escape_char=False,
                    invalid_row_handler=on_odd,
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    check_utf8=False,
                    column_types=types,
                    null_values=[layout.null],
                    true_values=["1"],
                    false_values=["0"],
                    strings_can_be_null=True,
                    include_columns=wanted,
                    include_missing_columns=True,
                ),
            )

        strict = {c.header: _TYPES[c.kind] for c in layout.columns if c.kind in _STRICT}
        table = None
        if strict and self._reshape is None and not _lenient(block, delimiter, layout.quoted):
            # Anything odd, and the block is read again as text, to say what is wrong with which line.
            with suppress(pa.ArrowInvalid):
                table = parsed(as_text | strict, lambda row: "error")
        if table is None or not self._within(table):
            table = self._as_text(lambda: parsed(as_text, odd))
            if self._reshape is not None:
                table = self._reshape(table)
        yield from self._typed(table).to_batches()

    def _as_text(self, parse: Callable[[], pa.Table]) -> pa.Table:
        try:
            return parse()
        except pa.ArrowInvalid as error:
            what = f"{error}"
        raise Malformed(f"{self.name}: {what}")

    def _within(self, table: pa.Table) -> bool:
        """Whether every row has what is required, and numbers of a length that the patterns allow."""
        for column in self._layout.columns:
            if column.required and table.column(column.header).null_count:
                return False
            if column.kind in _LARGEST:
                ends = pc.min_max(table.column(column.header)).as_py()
                limit = _LARGEST[column.kind]
                if ends["max"] is not None and (ends["max"] >= limit or ends["min"] <= -limit):
                    return False
        return True

    def _readable(self, block: bytes) -> bytes:
        """The block without the lines that are no UTF-8 or would swallow others by an open quote."""
        try:
            block.decode()
        except UnicodeDecodeError:
            good = []
            for line in block.splitlines(keepends=True):
                try:
                    line.decode()
                    good.append(line)
                except UnicodeDecodeError as error:
                    self._reject(
                        line.rstrip(b"\r\n").decode(errors="backslashreplace"), f"not UTF-8: {error.reason}"
                    )
            block = b"".join(good)
        if self._layout.quoted and b'"' in block:
            lines = pc.split_pattern(pa.scalar(block, pa.large_string()), "\n").values
            closed = pc.match_substring_regex(lines, _closed_quotes(self._layout.delimiter.decode()))
            if not pc.all(closed).as_py():
                for line in lines.filter(pc.invert(closed)).to_pylist():
                    self._reject(line.rstrip("\r"), "a quote that is not closed")
                block = "\n".join(lines.filter(closed).to_pylist()).encode()
        return block

    def _typed(self, table: pa.Table) -> pa.Table:
        keep: pa.ChunkedArray | None = None
        for column in self._layout.columns:
            values = table.column(column.header)
            if column.required:
                bad = pc.is_null(values)
                keep = self._mark(table, bad, f"no {column.header}", keep)
            if not pa.types.is_string(values.type) or column.kind == "text":
                continue
            good = pc.match_substring_regex(values, _PATTERNS[column.kind])
            bad = pc.fill_null(pc.invert(good), False)
            keep = self._mark(table, bad, f"{column.header} is not a {column.kind}", keep)
        if keep is not None:
            table = table.filter(keep)
        arrays = [pa.repeat(pa.scalar(value), table.num_rows) for value in self._constants.values()]
        arrays += [_convert(table.column(column.header), column.kind) for column in self._layout.columns]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _mark(
        self, table: pa.Table, bad: pa.ChunkedArray, reason: str, keep: pa.ChunkedArray | None
    ) -> pa.ChunkedArray | None:
        """Reject the rows where `bad`, unless they were rejected before, and return what to keep."""
        if keep is not None:
            bad = pc.and_(bad, keep)
        if not pc.any(bad).as_py():
            return keep
        delimiter = self._layout.delimiter.decode()
        for row in table.filter(bad).to_pylist():
            fields = (self._layout.null if value is None else str(value) for value in row.values())
            self._reject(delimiter.join(fields), reason)
        good = pc.invert(bad)
        return good if keep is None else pc.and_(keep, good)

    def _reject(self, line: str, reason: str) -> None:
        if len(self.rejects) >= MOST_REJECTS:
            raise Malformed(
                f"{self.name}: over {MOST_REJECTS:,} lines are no rows, the last because: {reason}"
            )
        self.rejects.append((line, reason))


def _closed_quotes(delimiter: str) -> str:
    """A pattern of the lines at whose end no quote is open: one opens at the start of a field only, and a
    carriage return within a line would be an end of it to Arrow."""
    cut = re.escape(delimiter)
    one = rf'(?:"(?:[^"\r]|"")*"[^"{cut}\r]*|[^"{cut}\r][^{cut}\r]*|)'
    return rf"^{one}(?:{cut}{one})*\r?$"


def _lenient(block: bytes, delimiter: bytes, quoted: bool) -> bool:
    """Whether the block may hold numbers that Arrow takes and the patterns do not: it trims blanks, and reads
    hexadecimal digits."""
    if quoted and b'"' in block:
        return True
    blanks = (b" ",) if delimiter == b"\t" else (b" ", b"\t")
    starts = (b"0x", b"0X", b"-0x", b"-0X", *blanks)
    return (
        block.startswith(starts)
        or any(edge + start in block for edge in (delimiter, b"\n") for start in starts)
        or any(blank + edge in block for blank in blanks for edge in (delimiter, b"\n", b"\r"))
    )


def _convert(values: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    if values.type == _TYPES[kind]:
        return values
    if kind == "flag":
        return pc.equal(values, "1")
    if kind == "seconds":
        return pc.multiply(values.cast(pa.int64()), 1_000_000).cast(_TYPES[kind])
    return values.cast(_TYPES[kind])
