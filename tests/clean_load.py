"""Many nights with upkeep end where one clean load does, read by pyarrow alone.

    python -m tests.clean_load [--nights 60] [--movies 150] [--kept NIGHTS] [--keep DIRECTORY]

Nights run one after another against the mirror's invented catalogue, whose clock moves a day between two:
those of `tests.benchmarks.bench_sixty_nights`, with their audits. Upkeep keeps few snapshots, gives files no
grace, and every fifth night finds a stray file, as a killed commit leaves one: so it merges, writes anew,
expires, cleans up and removes orphans. Then a second home loads the last day once and scores with the same
models. The tables `core.*`, the current rows of each feature view and the scores of both are read by
`warehouse.file_reader` and compared, movie by movie, by the sources' ids.

Run ids, batches, times and Reelhouse's own ids of movies may differ. So may what only those who were there
can know: movies and ids that were deleted or merged meanwhile. All that is counted and printed.

Then the lake of the nights is held against its own files: the audit of all tables finds nothing, and whatever
bounds the catalogue has, of files or of tables, enclose the footer of every file of every kept snapshot.
Exit 1 where anything differs.
"""

import argparse
import json
import shutil
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from connectors.mirror import Mirror, SyntheticCatalogue, serve
from flows.engine.console import Reporter
from flows.engine.context import location
from flows.engine.run import run_steps
from flows.engine.step import StepSpec
from flows.settings import Settings
from flows.steps.catalogue import feature_steps, ingest_steps, score_steps
from tests.benchmarks.bench_sixty_nights import MODELS, night, settings_of
from warehouse import Location, Warehouse
from warehouse.audit import audit
from warehouse.file_reader import FileReader, Statistics, opened, read_table

STRAY_EVERY = 5
"""Nights from one stray file to the next."""
WORK = ("files_merged", "files_rewritten", "snapshots_expired", "files_removed", "orphans_removed")
"""What upkeep must have done at least once in these nights."""
OWN = (
    "movie_id",
    "batch_id",
    "known_time",
    "event_time",
    "row_hash",
    "run_id",
    "snapshot_id",
    "scored_at",
    "won_batch_id",
)
"""Columns of this warehouse's own numbers and clock."""
OTHER_MOVIES = ("lost_movie_id", "won_movie_id")
ANY = -1
"""Stands for the movie of rows that are of none."""
EXAMPLES = 4

Row = dict[str, Any]


@dataclass
class Content:
    """What a lake says of the movies that live, by the sources' ids."""

    movie_ids: dict[str, int] = field(default_factory=dict)
    rows: dict[str, list[tuple[str, Row]]] = field(default_factory=dict)
    """(key of the movie, row without this warehouse's own columns), by table."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows of deleted movies, by table, and ids that were merged or deleted."""
    faults: list[str] = field(default_factory=list)


def content(place: Location) -> Content:
    """Return a lake's core, current features and scores."""
    found = Content()
    keys: dict[int, str] = {ANY: ""}
    for row in read_table(place, "core.movies").to_pylist():
        if row["deleted_at"] is not None:
            found.left_out["core.movies"] += 1
            continue
        key = _key(row)
        keys[row["movie_id"]] = key
        if key in found.movie_ids:
            found.faults.append(f"core.movies: two movies that live are {key}")
        found.movie_ids[key] = row["movie_id"]
    with opened(place) as reader:
        names = [name for name in reader.tables() if name.startswith(("core.", "features."))]
    versions = _versions(place)
    names = [name for name in names if name.startswith("core.") or name.removeprefix("features.") in versions]
    for name in [*names, "predictions.scores"]:
        rows = read_table(place, name).to_pylist()
        if name.startswith("features."):
            rows = _current(rows, versions.get(name.removeprefix("features.")))
        found.rows[name] = []
        for row in rows:
            tombstone = name == "core.id_map" and row["state"] != "active"
            if tombstone or row.get("movie_id", ANY) not in keys:
                found.left_out[f"{name}, {row['state']} ids" if tombstone else name] += 1
                continue
            kept = {
                column: keys.get(value) if column in OTHER_MOVIES else value
                for column, value in row.items()
                if column not in OWN
            }
            found.rows[name].append((keys[row.get("movie_id", ANY)], kept))
    return found


def _key(row: Row) -> str:
    """Return the first of the sources' ids by which the movie is known."""
    if row["imdb_id"]:
        return str(row["imdb_id"])
    return f"tmdb:{row['tmdb_id']}" if row["tmdb_id"] else f"movielens:{row['movielens_id']}"


def _versions(place: Location) -> dict[str, str]:
    """Return the version of each feature view that was registered last."""
    rows = sorted(read_table(place, "ops.feature_views").to_pylist(), key=lambda row: row["registered_at"])
    return {row["view"]: row["view_version"] for row in rows if row["dropped_at"] is None}


def _current(rows: list[Row], version: str | None) -> list[Row]:
    """Return each movie's latest row of a version, where it says that the movie has the modality."""
    latest: dict[int, Row] = {}
    for row in rows:
        known = latest.get(row["movie_id"])
        if row["view_version"] == version and (known is None or row["known_time"] > known["known_time"]):
            latest[row["movie_id"]] = row
    return [row for row in latest.values() if row["present"]]


def differences(grown: Content, clean: Content) -> list[str]:
    """Return what the two say otherwise of movies that live."""
    faults = [*grown.faults, *clean.faults]
    for name in sorted(grown.rows.keys() | clean.rows.keys()):
        # A lake may lack the table of a view that it never had rows of.
        ours, theirs = (Counter(map(_text, side.rows.get(name, []))) for side in (grown, clean))
        for side, more in (("the nights", ours - theirs), ("the clean load", theirs - ours)):
            faults += [f"{name}: only {side} say {text}" for text in sorted(more)[:EXAMPLES]]
            if more.total() > EXAMPLES:
                faults.append(f"{name}: and {more.total() - EXAMPLES} more rows of {side}")
    return faults


def _text(keyed: tuple[str, Row]) -> str:
    """Return a row as text in which NaN is equal to itself."""
    key, row = keyed
    return f"{key} {sorted(row.items())!r}"


@dataclass
class Bounds:
    """What came of comparing the catalogue's bounds with the files' footers."""

    of_files: int = 0
    """Columns of single files that were compared."""
    of_tables: int = 0
    """Those of them whose table has bounds of its own in the catalogue; of lakes of ours none has."""
    faults: list[str] = field(default_factory=list)


def loose_bounds(reader: FileReader) -> Bounds:
    """Compare each footer of every file of every kept snapshot with what the catalogue's bounds allow.

    A column without a row in the catalogue has no bounds that anyone could trust; one with a row whose bounds
    are unknown is a fault, since the next insert would make them known from its own rows alone.
    """
    tables = {
        each.table: {known.column_id: known for known in each.columns} for each in reader.table_statistics()
    }
    found = Bounds()
    for file in reader.data_files():
        own = {known.column_id: known for known in file.statistics}
        whole = tables.get(file.table, {})
        for column_id, low, high, nulls in _footer_columns(reader.footer(file)):
            where = f"{file.table}: {own[column_id].column if column_id in own else column_id} of {file.path}"
            if column_id in own:
                found.of_files += 1
                found.faults += _outside(
                    f"{where}, by what is said of the file,", own[column_id], low, high, nulls
                )
            if column_id in whole:
                found.of_tables += 1
                if low is not None and None in (whole[column_id].low, whole[column_id].high):
                    found.faults.append(f"{where}: the bounds of the whole table are unknown")
                found.faults += _outside(
                    f"{where}, by what is said of the table,", whole[column_id], low, high, nulls
                )
    return found


def _outside(where: str, known: Statistics, low: Any, high: Any, nulls: int) -> Iterator[str]:
    """Yield how a footer's values exceed what the catalogue says; unknown bounds exclude nothing."""
    least, greatest = (_bound(known.type, bound) for bound in (known.low, known.high))
    if nulls and known.nulls is False:
        yield f"{where} has no NULL, and {nulls} are there"
    if low is not None and (
        (least is not None and low < least) or (greatest is not None and high > greatest)
    ):
        yield f"{where} lies from {least} to {greatest}, and holds {low} to {high}"


def _bound(kind: str, value: Any) -> Any:
    """Return a table's bound as its columns hold it: the catalogue writes 32 bits with six digits."""
    return float(np.float32(value)) if kind == "float32" and value is not None else value


def _footer_columns(footer: Any) -> Iterator[tuple[int, Any, Any, int]]:
    """Yield (number, least value, greatest value, NULLs) of each column that a footer knows all of."""
    leaves = [leaf for field_ in footer.schema.to_arrow_schema() for leaf in _leaves(field_)]
    for place, leaf in enumerate(leaves):
        number = (leaf.metadata or {}).get(b"PARQUET:field_id")
        chunks = [footer.row_group(i).column(place).statistics for i in range(footer.num_row_groups)]
        if number is None or not chunks or any(chunk is None for chunk in chunks):
            continue
        bounded = [chunk for chunk in chunks if chunk.has_min_max]
        low = min((_plain(chunk.min) for chunk in bounded), default=None)
        high = max((_plain(chunk.max) for chunk in bounded), default=None)
        yield int(number), low, high, sum(chunk.null_count or 0 for chunk in chunks)


def _leaves(held: pa.Field) -> Iterator[pa.Field]:
    if not pa.types.is_nested(held.type):
        yield held
        return
    for i in range(held.type.num_fields):
        yield from _leaves(held.type.field(i))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return float(value) if isinstance(value, Decimal) else value


def audit_shares(place: Location) -> list[tuple[float, float]]:
    """Return (seconds of its audit, seconds of the whole) of each night, and read both by pyarrow."""
    runs = {row["run_id"]: row for row in read_table(place, "ops.runs").to_pylist()}
    shares = []
    for step in read_table(place, "ops.steps").to_pylist():
        if step["step"] == "upkeep":
            run = runs[step["run_id"]]
            whole = (run["ended_at"] - run["started_at"]).total_seconds()
            shares.append((json.loads(step["counts"])["audited_milliseconds"] / 1000, whole))
    return shares


def leave_stray(place: Location) -> Path:
    """Leave a copy of a data file where no snapshot knows it."""
    model = min(Path(place.data_root).rglob("*.parquet"))
    return Path(shutil.copy(model, model.with_name(f"ducklake-{uuid.uuid4()}.parquet")))


def grow(mirror: Mirror, settings: Settings, nights: int, kept: int) -> Counter[str]:
    """Run the nights; return what their upkeep and their audits did in sum."""
    began: list[datetime] = []
    sums: Counter[str] = Counter()
    for number in range(1, nights + 1):
        if number > 1:
            mirror.advance()
        stray = leave_stray(location(settings)) if number % STRAY_EVERY == 0 else None
        counts = night(settings, number, began, kept, whole=min(2, kept))
        assert stray is None or not stray.exists(), f"{stray} is still there"
        sums.update({name: value for name, value in counts.items() if isinstance(value, int | float)})
        if number == 1 or number % STRAY_EVERY == 0:
            print(f"night {number}: {counts}", flush=True)
    return sums


def clean_load(settings: Settings, models_of: Settings) -> None:
    """Load the sources as they are now, and score with the models of another home."""
    steps: list[StepSpec] = [*ingest_steps(settings, settings.sources), *feature_steps(settings, MODELS)]
    outcome = run_steps(settings, "load", steps, Reporter(quiet=True))
    assert outcome.state == "completed", outcome
    shutil.copytree(models_of.home / "models", settings.home / "models")
    rows = read_table(location(models_of), "ops.models")
    with Warehouse.open(location(settings)) as warehouse:
        warehouse.commit(lambda tx: tx.append("ops.models", rows))
    outcome = run_steps(settings, "score", score_steps(settings, MODELS), Reporter(quiet=True))
    assert outcome.state == "completed", outcome


def compare(grown: Location, clean: Location) -> list[str]:
    """Compare the lake of many nights with that of one load and with its own files; print and return."""
    ours, theirs = content(grown), content(clean)
    faults = differences(ours, theirs)
    shared = ours.movie_ids.keys() & theirs.movie_ids.keys()
    renamed = sum(ours.movie_ids[key] != theirs.movie_ids[key] for key in shared)
    rows = sum(len(each) for each in ours.rows.values())
    print(f"{len(ours.rows)} tables with {rows} rows of {len(shared)} movies compared, by pyarrow")
    print(f"movies with another movie_id than after the clean load: {renamed}")
    print(f"left out of the nights' lake: {dict(ours.left_out)}; of the clean one's: {dict(theirs.left_out)}")
    with Warehouse.open(grown, read_only=True) as warehouse:
        results = audit(warehouse)
    faults += [f"{each.table}: {each.rule}: {each.detail}" for each in results if not each.passed]
    with opened(grown) as reader:
        faults += [f"{wrong.table}: {wrong}" for wrong in reader.wrong_statistics()]
        bounds = loose_bounds(reader)
        faults += bounds.faults
        print(
            f"{len(results)} rules of the audit; of {len(reader.data_files())} files of "
            f"{len(reader.snapshots())} snapshots the footers of {bounds.of_files} columns compared with the "
            f"bounds of the file, of {bounds.of_tables} with those of the table"
        )
    return faults


def prove(home: Path, nights: int, movies: int, kept: int) -> list[str]:
    """Run the nights and the clean load below `home`, compare them; return what differs."""
    with serve(SyntheticCatalogue(movies=movies, seed=11)) as mirror:
        grown, clean = settings_of(mirror, home / "nights"), settings_of(mirror, home / "clean")
        sums = grow(mirror, grown, nights, kept)
        clean_load(clean, grown)
    print(f"in sum: {dict(sums)}")
    faults = [f"upkeep never had any {name}" for name in WORK if not sums[name]]
    faults += [
        f"the audits had no {name}" for name in ("audited_readings", "audited_rules") if not sums[name]
    ]
    shares = audit_shares(location(grown))
    took, whole = (sum(column) for column in zip(*shares, strict=True))
    print(
        f"audits of {len(shares)} nights: {took:.1f} s of {whole:.1f} s, {took / whole:.1%}, "
        f"the longest {max(each for each, _ in shares):.2f} s"
    )
    return faults + compare(location(grown), location(clean))


def main() -> None:
    """Run the nights, compare, print what differs."""
    parser = argparse.ArgumentParser(description="Many nights end where one clean load does.")
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--movies", type=int, default=150)
    parser.add_argument("--kept", type=int, default=10, help="nights whose snapshots upkeep leaves")
    parser.add_argument("--keep", type=Path, help="leave both homes here")
    parser.add_argument("--compare", type=Path, help="only compare the homes that --keep left here")
    args = parser.parse_args()
    if args.compare:
        faults = compare(Location.under(args.compare / "nights"), Location.under(args.compare / "clean"))
    else:
        with tempfile.TemporaryDirectory() as name:
            faults = prove(args.keep or Path(name), args.nights, args.movies, args.kept)
    print("\n".join(faults) or "no difference")
    if faults:
        sys.exit(1)


if __name__ == "__main__":
    main()
