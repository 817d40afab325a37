"""Delimited text of any size as Arrow batches, in bounded memory, with nothing guessed and no good line lost.

The text is cut into blocks at line ends, and Arrow parses block by block with explicit columns. Lines that
cannot be rows (wrong number of fields, no UTF-8, an open quote, a year that is no number) are set aside with
a reason. Arrow's own streaming reader is not used: it stops at the first value that does not convert, and
lets one open quote swallow the lines after it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from connectors.errors import Malformed
from connectors.unpacking import UNREADABLE

BLOCK = 8 * 2**20
LONGEST_LINE = 16 * 2**20
SHOWN = 1000
"""Bytes that are kept of a line that is too long."""
MOST_REJECTS = 100_000
MOST_REJECTED = 256 * 2**20
"""Characters of all lines that are left out."""

Kind = Literal["text", "int32", "int64", "double", "flag", "seconds"]
_TYPES = {
    "text": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "flag": pa.bool_(),
    "seconds": pa.timestamp("us", "UTC"),
}
_FEW = ("int32", "flag")
"""Kinds of which a file has few values, again and again: each is parsed once per block."""
_REPEATING = pa.dictionary(pa.int32(), pa.string())
_PATTERNS = {
    "int32": r"^-?[0-9]{1,9}$",
    "int64": r"^-?[0-9]{1,18}$",
    "double": r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?$",
    "flag": "^[01]$",
    "seconds": "^-?[0-9]{1,11}$",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column to read: its `name` in the batches, what the file's header calls it, its kind, and whether a
    line without it is no row. `flag` is 0 or 1, `seconds` counts from 1970 in UTC."""

    name: str
    header: str
    kind: Kind = "text"
    required: bool = False


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How a file is written. `header` is None where the first line names the columns, else their names."""

    columns: tuple[Field, ...]
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
        layout: FileLayout,
        *,
        constants: dict[str, str] | None = None,
        reshape: Callable[[pa.Table], pa.Table] | None = None,
        block: int = BLOCK,
    ) -> None:
        self.name = name
        self.rejects: list[tuple[str, str]] = []
        self._rejected = 0
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
            if block and not block.isspace():
                yield from self._batches(block, header)
        if header is None:
            raise Malformed(f"{self.name}: the file is empty")

    def _blocks(self) -> Iterator[bytes]:
        """Yield the bytes in blocks that end at a line end."""
        rest = b""
        passing = False  # the rest of a line that is too long
        for read in self._read():
            if passing:
                end = read.find(b"\n") + 1
                passing = not end
                read = read[end:] if end else b""
            end = read.rfind(b"\n") + 1
            if end:
                yield rest + read[:end]
                rest = read[end:]
            else:
                rest += read
            if len(rest) > LONGEST_LINE:
                beginning = rest[:SHOWN].decode(errors="backslashreplace")
                self._reject(f"{beginning}…", f"a line longer than {LONGEST_LINE:,} bytes")
                rest, passing = b"", True
        if rest:
            yield rest + b"\n"

    def _read(self) -> Iterator[bytes]:
        """Yield the bytes as the stream returns them."""
        try:
            stream = self._open()
        except UNREADABLE as error:
            what = f"{error}"
        else:
            with stream:
                while True:
                    try:
                        read = stream.read(self._block)
                    except UNREADABLE as error:
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
        if block.isspace() or not block:
            return
        if len(delimiter) > 1:  # Arrow takes one character; the unit separator occurs in no title
            block = block.replace(delimiter, b"\x1f")
            delimiter = b"\x1f"

        def odd(row: pyarrow.csv.InvalidRow) -> str:
            text = row.text.replace("\x1f", layout.delimiter.decode())
            self._reject(text, f"{row.actual_columns} fields instead of {row.expected_columns}")
            return "skip"

        wanted = [c.header for c in layout.columns] if self._reshape is None else list(header)
        few = {column.header for column in layout.columns if column.kind in _FEW and self._reshape is None}
        try:
            table = pyarrow.csv.read_csv(
                pa.BufferReader(block),
                read_options=pyarrow.csv.ReadOptions(column_names=list(header), block_size=len(block) + 1),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=delimiter.decode(),
                    quote_char='"' if layout.quoted else False,
                    double_quote=layout.quoted,
                    escape_char=False,
                    invalid_row_handler=odd,
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    check_utf8=False,
                    column_types={name: _REPEATING if name in few else pa.string() for name in wanted},
                    null_values=[layout.null],
                    strings_can_be_null=True,
                    include_columns=wanted,
                    include_missing_columns=True,
                ),
            )
        except pa.ArrowInvalid as error:
            what = f"{error}"
        else:
            if self._reshape is not None:
                table = self._reshape(table)
            yield from self._typed(table).to_batches()
            return
        raise Malformed(f"{self.name}: {what}")

    def _readable(self, block: bytes) -> bytes:
        """Return the block without lines that are not UTF-8 or leave a quote open; those are rejected."""
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
            if column.kind == "text":
                continue
            bad = _unlike(values, _PATTERNS[column.kind])
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
            self._reject(delimiter.join(map(self._field, fields)), reason)
        good = pc.invert(bad)
        return good if keep is None else pc.and_(keep, good)

    def _field(self, text: str) -> str:
        """Return the text as a field of a line, in quotes where it needs them."""
        if self._layout.quoted and (self._layout.delimiter.decode() in text or '"' in text):
            return '"' + text.replace('"', '""') + '"'
        return text

    def _reject(self, line: str, reason: str) -> None:
        self._rejected += len(line)
        if len(self.rejects) >= MOST_REJECTS or self._rejected > MOST_REJECTED:
            raise Malformed(
                f"{self.name}: over {len(self.rejects):,} lines are no rows, the last because: {reason}"
            )
        self.rejects.append((line, reason))


def _closed_quotes(delimiter: str) -> str:
    """Return the pattern of a line that ends outside quotes.

    A quote opens at the start of a field only. Arrow would take a carriage return within a line as its end.
    """
    cut = re.escape(delimiter)
    field = rf'(?:"(?:[^"\r]|"")*"[^"{cut}\r]*|[^"{cut}\r][^{cut}\r]*|)'
    return rf"^{field}(?:{cut}{field})*\r?$"


def _unlike(values: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    """Return True where a value is not null and does not have the pattern."""
    if not pa.types.is_dictionary(values.type):
        return pc.fill_null(pc.invert(pc.match_substring_regex(values, pattern)), False)
    chunks = []
    for chunk in values.chunks:
        bad = pc.invert(pc.match_substring_regex(chunk.dictionary, pattern))
        some = pc.any(bad).as_py()
        chunks.append(pc.fill_null(bad.take(chunk.indices), False) if some else pa.repeat(False, len(chunk)))
    return pa.chunked_array(chunks, pa.bool_())


def _convert(values: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(values.type):
        return _number(values, kind)
    chunks = []
    for chunk in values.chunks:
        good = pc.match_substring_regex(chunk.dictionary, _PATTERNS[kind])
        few = _number(pc.if_else(good, chunk.dictionary, None), kind)
        chunks.append(few.take(chunk.indices))
    return pa.chunked_array(chunks, _TYPES[kind])


def _number(values: pa.Array | pa.ChunkedArray, kind: Kind) -> pa.Array | pa.ChunkedArray:
    if kind == "flag":
        return pc.equal(values, "1")
    if kind == "seconds":
        return pc.multiply(values.cast(pa.int64()), 1_000_000).cast(_TYPES[kind])
    return values.cast(_TYPES[kind])
