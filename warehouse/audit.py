"""Holds the lake's catalogue, its files and the engine's answers against each other.

The engine is not trusted. What it counts is compared with what the catalogue's files hold, what the catalogue
says of a file with the file's own footer, and what it says of a table with what it says of the table's files.
Everything that is not the engine's own answer is read without it, by `warehouse.file_reader`.
"""

import math
import random
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from warehouse import file_columns, file_reader
from warehouse.catalogue_numbers import impossible_numbers
from warehouse.checks import CheckResult
from warehouse.errors import WarehouseError
from warehouse.file_catalogue import DataFile, DeleteFile
from warehouse.file_reader import FileReader
from warehouse.identifiers import literal, qualified
from warehouse.location import Location
from warehouse.statistics import WrongFileStatistics
from warehouse.warehouse import Warehouse

BOUNDS = "what the catalogue says of it encloses what it says of its files"
FOOTERS = "what the catalogue says of its files is what they hold"
COUNTS = "as many rows as its files hold without the deleted ones"
NUMBERS = "the numbers in the catalogue are possible"
EXAMPLES = 5


def audit(
    warehouse: Warehouse,
    tables: Collection[str] | None = None,
    *,
    since: int | None = None,
    until: float = math.inf,
) -> list[CheckResult]:
    """Return what each rule of each table came to, of all tables or of those named.

    With `since`, a snapshot, only files that came after it are opened; the catalogue is compared as a whole.
    After `until`, in seconds of `time.monotonic`, no further file is opened and no further table counted.
    """
    with file_reader.opened(warehouse.location) as reader:
        newest = reader.snapshots()[-1].number
        names = [name for name in reader.tables(newest) if tables is None or name in tables]
        results = hold_rules(warehouse, reader, names, reader.data_files(), newest, since=since, until=until)
    wrong = impossible_numbers(warehouse.location)
    return [*results, *(_result(table, NUMBERS, wrong[table]) for table in names if table in wrong)]


def faults_without_engine(location: Location) -> list[CheckResult]:
    """Return what is wrong with the catalogue and its files, for a lake on which the engine fails."""
    results = [_result(table, NUMBERS, faults) for table, faults in impossible_numbers(location).items()]
    differences: dict[str, list[str]] = {}
    # The reader cannot read a catalogue with texts in the place of numbers: those are among the results.
    with suppress(WarehouseError), file_reader.opened(location) as reader:
        for file in reader.data_files():
            if texts := [each.text for each in _differences(reader, file)]:
                differences.setdefault(file.table, []).extend(texts)
    return [*results, *(_result(table, FOOTERS, texts) for table, texts in differences.items())]


def hold_rules(
    warehouse: Warehouse,
    reader: FileReader,
    names: Collection[str],
    data_files: Iterable[DataFile],
    newest: int,
    *,
    since: int | None = None,
    until: float = math.inf,
) -> list[CheckResult]:
    """Do what `audit` does with a reader, tables of the newest snapshot, and all the lake's files."""
    wrong = reader.wrong_statistics()
    files: dict[str, list[DataFile]] = {name: [] for name in names}
    for file in data_files:
        if file.table in files:
            files[file.table].append(file)
    results = []
    for name in names:
        outside = [str(column) for column in wrong if column.table == name]
        results.append(_result(name, BOUNDS, outside))
        fresh = [file for file in files[name] if since is None or _newest(file) > since]
        random.shuffle(fresh)
        differences = [
            each.text for file in fresh if time.monotonic() < until for each in _differences(reader, file)
        ]
        results.append(_result(name, FOOTERS, differences))
    if names and time.monotonic() < until:
        counted = _counted(warehouse, names, newest)
        results += [
            _result(name, COUNTS, list(_miscounted(counted[name], files[name], newest))) for name in names
        ]
    return results


def _result(table: str, rule: str, faults: list[str]) -> CheckResult:
    more = [f"and {len(faults) - EXAMPLES} more"] if len(faults) > EXAMPLES else []
    return CheckResult(table, rule, not faults, len(faults), "; ".join([*faults[:EXAMPLES], *more]) or None)


def _newest(file: DataFile) -> int:
    """Return the snapshot that wrote the file, or the newest of its files of deletions."""
    return max(file.begin_snapshot, file.partial_max or 0, *(each.begin_snapshot for each in file.deletes))


def _counted(warehouse: Warehouse, names: Iterable[str], snapshot: int) -> dict[str, int]:
    """Return the engine's count of each table's rows, asked at once."""
    counts = " UNION ALL ".join(
        f"SELECT {literal(name)} AS name, count(*) AS n "  # noqa: S608 - quoted names
        f"FROM {qualified(name)} AT (VERSION => {snapshot:d})"
        for name in names
    )
    return {row["name"]: row["n"] for row in warehouse.query(counts).to_pylist()}


def _miscounted(counted: int, files: list[DataFile], snapshot: int) -> Iterator[str]:
    """Compare the engine's count with the files'; by the newest snapshot all rows of a live file count."""
    for file in files:
        deletes = sum(lives(each, snapshot) for each in file.deletes)
        if deletes > 1 and lives(file, snapshot):  # see `warehouse.deletions`
            yield f"{file.path} has {deletes} files of deletions at once: its rows are read {deletes} times"
    expected = sum(
        file.record_count - sum(d.delete_count for d in file.deletes if lives(d, snapshot))
        for file in files
        if lives(file, snapshot)
    )
    if counted != expected:
        yield f"a query counts {counted} rows, the files hold {expected}"


def lives(file: DataFile | DeleteFile, snapshot: int) -> bool:
    """Return whether a snapshot has the file."""
    return file.begin_snapshot <= snapshot and (file.end_snapshot is None or snapshot < file.end_snapshot)


@dataclass(frozen=True)
class _Difference:
    text: str
    mend: WrongFileStatistics | None = None
    """What to write instead; None where only a backup helps."""


def wrong_files(location: Location) -> list[WrongFileStatistics]:
    """Return the statistics of single files that differ from the files' footers."""
    with file_reader.opened(location) as reader:
        differences = [each for file in reader.data_files() for each in _differences(reader, file)]
    return [each.mend for each in differences if each.mend]


def _differences(reader: FileReader, file: DataFile) -> Iterator[_Difference]:
    """Yield how a data file and its files of deletions differ from what the catalogue says of them."""
    try:
        footer, size = reader.footer(file), reader.size(file)
        if (footer.num_rows, size) != (file.record_count, file.bytes):
            yield _Difference(
                f"{file.path} has {footer.num_rows} rows in {size} bytes, "
                f"the catalogue says {file.record_count} in {file.bytes}: restore a backup"
            )
        else:
            yield from _bounds_differ(footer, file)
        for deletes in file.deletes:
            rows = reader.footer(deletes).num_rows
            if rows != deletes.delete_count:
                yield _Difference(
                    f"{deletes.path} has {rows} deletions, the catalogue says {deletes.delete_count}: "
                    "restore a backup"
                )
    except WarehouseError as error:
        yield _Difference(str(error))


def _bounds_differ(footer: Any, file: DataFile) -> Iterator[_Difference]:
    """Compare each column's bounds and NULLs with the footer's, where the footer has them."""
    fields = file_columns.numbers(footer.schema.to_arrow_schema())
    places = {footer.schema.column(i).path: i for i in range(footer.num_columns)}
    for known in file.statistics:
        field = fields.get(known.column_id)
        if field is None or field.name not in places:
            continue
        place = places[field.name]
        chunks = [footer.row_group(i).column(place).statistics for i in range(footer.num_row_groups)]
        if not chunks or not all(chunk is not None and chunk.has_min_max for chunk in chunks):
            continue
        try:
            low = min(_plain(chunk.min) for chunk in chunks)
            high = max(_plain(chunk.max) for chunk in chunks)
        except (OverflowError, ValueError):
            continue  # a time that Python does not have, such as one of the year -1199
        nulls = sum(chunk.null_count for chunk in chunks) if all(c.has_null_count for c in chunks) else None
        if not (_same(known.low, low) and _same(known.high, high)):
            text = f"lies from {low} to {high}, the catalogue says {known.minimum} to {known.maximum}"
        elif nulls is not None and known.null_count is not None and nulls != known.null_count:
            text = f"is NULL {nulls} times, the catalogue says {known.null_count}"
        else:
            continue
        mend = WrongFileStatistics(
            file.table_id, file.file_id, known.column_id, known.type, low, high,
            known.null_count if nulls is None else nulls,
        )  # fmt: skip
        yield _Difference(f"{known.column} of {file.path} {text}", mend)


def _plain(value: Any) -> Any:
    """Return a footer's bound as the catalogue's bounds are read."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return float(value) if isinstance(value, Decimal) else value


def _same(bound: Any, value: Any) -> bool:
    """Return whether a bound of the catalogue is the footer's; True for values that cannot be compared."""
    if bound is None or type(bound) is not type(value):
        return bound is None or isinstance(bound, str) != isinstance(value, str) or bound == value
    # The catalogue has fractions as text, those of 32 bits with seven digits.
    return math.isclose(bound, value, rel_tol=1e-6) if isinstance(bound, float) else bool(bound == value)


__all__ = [
    "BOUNDS",
    "COUNTS",
    "FOOTERS",
    "NUMBERS",
    "audit",
    "faults_without_engine",
    "hold_rules",
    "lives",
    "wrong_files",
]
