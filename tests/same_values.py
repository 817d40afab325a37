"""Compare the values of two homes row by row: `core`, `features` and `predictions`, read by pyarrow alone.

    python -m tests.same_values HOME OTHER_HOME

The homes are those of `tests.earlier_home`, or any two that had the same sources. What a home numbers or
dates itself is left aside (`ASIDE`). Of each table are printed the rows and a hash of the rest on either
side, and, where they differ, the columns. Exit code 1 where any table differs.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from warehouse import Location
from warehouse.file_reader import FileReader, opened

SCHEMAS = ("core", "features", "predictions")
ASIDE = {
    "versions": ("view_version", "model_version"),
    "runs, batches and snapshots": ("run_id", "batch_id", "won_batch_id", "snapshot_id"),
    "times by the clock of the run": (
        *("known_time", "event_time", "deleted_at", "decided_at"),
        *("scored_at", "superseded_at", "explained_at"),
    ),
}
"""The columns that are left aside, by what they hold."""
_LEFT_OUT = frozenset(name for names in ASIDE.values() for name in names)


@dataclass(frozen=True)
class Comparison:
    """What two homes hold in one table."""

    table: str
    rows: tuple[int, int]
    hashes: tuple[str, str]
    columns: tuple[str, ...]
    """Those whose values differ, whatever their rows; those that only one home has among them."""

    @property
    def equal(self) -> bool:
        """Whether both have the same rows, in whatever order."""
        return self.hashes[0] == self.hashes[1]


def compare(home: Path, other: Path) -> Iterator[Comparison]:
    """Yield the comparison of each table that one of the homes has."""
    with opened(Location.under(home)) as first, opened(Location.under(other)) as second:
        names = [name for name in {*first.tables(), *second.tables()} if name.partition(".")[0] in SCHEMAS]
        for name in sorted(names):
            contents = (_content(first, name), _content(second, name))
            rows = (contents[0].num_rows, contents[1].num_rows)
            hashes = (_hash(contents[0]), _hash(contents[1]))
            yield Comparison(name, rows, hashes, () if hashes[0] == hashes[1] else _differing(*contents))


def _differing(ours: pa.Table, theirs: pa.Table) -> tuple[str, ...]:
    """Return the columns whose values differ, and those that one table alone has."""
    columns = [{name: _hash(table.select([name])) for name in table.column_names} for table in (ours, theirs)]
    return tuple(sorted({name for name, _ in columns[0].items() ^ columns[1].items()}))


def _content(reader: FileReader, name: str) -> pa.Table:
    """Return a table without the columns left aside, empty where the home has no such table."""
    if name not in reader.tables():
        return pa.table({})
    table = reader.read_table(name)
    return table.select([column for column in sorted(table.column_names) if column not in _LEFT_OUT])


def _hash(table: pa.Table) -> str:
    """Return a hash of a table's columns and rows that does not depend on the order of the rows."""
    sha = hashlib.sha256(repr(table.column_names).encode())
    batches = table.to_batches(100_000)  # a home has millions of scores
    rows = (hashlib.sha256(repr(row).encode()).digest() for batch in batches for row in batch.to_pylist())
    for row in sorted(rows):
        sha.update(row)
    return sha.hexdigest()[:12]


def main() -> None:
    """Print the comparison of two homes."""
    parser = argparse.ArgumentParser(prog="python -m tests.same_values", description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("other", type=Path)
    args = parser.parse_args()
    for what, columns in ASIDE.items():
        print(f"left aside, {what}: {', '.join(columns)}")
    print(f"{'table':<28} {'rows':>8} {'rows':>8}  {'hash':<12}  {'hash':<12}")
    is_equal = True
    for each in compare(args.home, args.other):
        verdict = (
            "equal" if each.equal else f"differs: {', '.join(each.columns) or 'which values share a row'}"
        )
        rows = " ".join(f"{number:>8}" for number in each.rows)
        print(f"{each.table:<28} {rows}  {'  '.join(each.hashes)}  {verdict}")
        is_equal = is_equal and each.equal
    sys.exit(0 if is_equal else 1)


if __name__ == "__main__":
    main()
