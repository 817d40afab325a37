"""`reelhouse export`, `backup` and `restore`: the data elsewhere, and back."""

import filecmp
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from flows.engine.console import Reporter, Stopwatch, Tick, amount, duration
from flows.engine.context import location
from flows.engine.output_place import PARQUET, output_directory, output_file, restored_home
from flows.engine.terminal import print_line
from flows.errors import FlowError
from flows.settings import Settings
from warehouse import Warehouse, WarehouseError, whole_file
from warehouse.backup import BackupReport, backup, put_back, verify
from warehouse.backup_manifest import files_beside
from warehouse.export import export_duckdb, export_parquet

BESIDE = ("models", "posters", "encoders")
"""Directories of the home whose files the warehouse or a feature view needs."""
REWRITTEN = "encoders"
"""The one of them whose files are learnt again; a file of the others is written once and never changes."""


def run_export(
    settings: Settings, output: Path, names: list[str] | None, as_of: int | datetime | None, as_json: bool
) -> None:
    """Export the named tables and views, or all, and print how many rows each has."""
    where, watch, reporter = location(settings), Stopwatch(), Reporter()
    one_file = output.suffix == ".duckdb"
    if one_file and output.is_dir():
        raise FlowError(f"{output} is a directory: name a file, or a directory that does not end in .duckdb")
    if not one_file and output.exists() and not output.is_dir():
        raise FlowError(f"{output} is a file: name a directory, or a file that ends in .duckdb")
    (output_file if one_file else output_directory)(settings, output)
    vet = partial(output_file, settings, kind=PARQUET)
    left_out: dict[str, str] = {}
    with reporter.ticking("export") as tick:
        write = export_duckdb if one_file else partial(export_parquet, vet=vet)
        rows = write(where, output, names or None, as_of=as_of, progress=tick, left_out=left_out.__setitem__)
    for name, reason in left_out.items():
        reporter.line(f"left out {name}: {reason}")
    if as_json:
        summary = {"output": str(output), "rows": rows, "left_out": left_out}
        print(json.dumps({**summary, "seconds": round(watch.seconds, 1)}, indent=1))
        return
    for name, count in rows.items():
        print_line(f"{name:<34} {amount(count)}")
    reporter.line(f"{len(rows)} tables and views written to {output} in {duration(watch.seconds)}")


@dataclass(frozen=True)
class HomeBackup:
    """What a backup of a home holds."""

    lake: BackupReport
    copied_beside: int
    """Files of models, posters and encoders that were copied now."""


def make_backup(settings: Settings, directory: Path, reporter: Reporter) -> HomeBackup:
    """Back up the lake and the files beside it, and note it in the warehouse; raises FlowError."""

    def waiting() -> None:
        reporter.line("  waits for an upkeep or another backup of this lake; Ctrl-C ends the wait")

    with reporter.ticking("backup"):
        report = backup(location(settings), directory, waiting)
    beside = 0
    with reporter.ticking("models and posters") as tick:
        for name in BESIDE:
            source = settings.home / name
            paths = [path for path in source.rglob("*") if path.is_file() and path.suffix != whole_file.PART]
            beside += _copy_new(paths, source, directory / name, tick)
    _note(settings, directory, report)
    return HomeBackup(report, beside)


def _note(settings: Settings, directory: Path, report: BackupReport) -> None:
    """Write in the lake that it was backed up: afterwards, so that no backup holds a run without an end."""
    parameters = {"directory": str(directory.absolute()), "snapshot_id": report.snapshot_id}
    # Who may only read backs up all the same.
    with suppress(WarehouseError, OSError), Warehouse.open(location(settings), mend=False) as warehouse:
        warehouse.finish_run(warehouse.start_run("backup", parameters), "completed")


def run_backup(settings: Settings, directory: Path, as_json: bool) -> None:
    """Make a backup and print what it holds; a second one copies only what is new."""
    watch, reporter = Stopwatch(), Reporter()
    made = make_backup(settings, directory, reporter)
    report, beside = made.lake, made.copied_beside
    if as_json:
        summary = {
            "directory": str(directory),
            "snapshot_id": report.snapshot_id,
            "files": report.files,
            "bytes": report.bytes,
            "files_copied": report.files_copied,
            "other_files_copied": beside,
            "seconds": round(watch.seconds, 1),
        }
        print(json.dumps(summary, indent=1))
        return
    print_line(
        f"snapshot {report.snapshot_id}: {amount(report.files)} files of {report.bytes / 2**20:,.1f} MiB, "
        f"{amount(report.files_copied)} copied now; {amount(beside)} of models and posters copied now"
    )
    reporter.line(f"backup in {directory} completed in {duration(watch.seconds)}")


def run_restore(settings: Settings, directory: Path, as_json: bool) -> None:
    """Put a backup into a home without a warehouse; the catalogue comes last, so that it can be repeated."""
    watch, reporter = Stopwatch(), Reporter()
    place = location(settings)
    restored_home(settings.home, BESIDE)
    with reporter.ticking("check of the backup"):
        verified = verify(directory, place)
        listed = {name: list(files_beside(directory, [name])) for name in BESIDE}
    beside = 0
    whole_file.make_directory(settings.home / "locks")  # from now on it is a home
    with reporter.ticking("models and posters") as tick:
        for name, paths in listed.items():
            beside += _copy_new(paths, directory / name, settings.home / name, tick)
    with reporter.ticking("restore"):
        snapshot = put_back(verified, place)
    if as_json:
        summary = {"home": str(settings.home), "snapshot_id": snapshot, "other_files_copied": beside}
        print(json.dumps({**summary, "seconds": round(watch.seconds, 1)}, indent=1))
        return
    print_line(f"{settings.home} holds snapshot {snapshot}, and {amount(beside)} files of models and posters")
    reporter.line(f"restored from {directory} in {duration(watch.seconds)}")


def _copy_new(paths: Iterable[Path], source: Path, target: Path, tick: Tick) -> int:
    """Copy the files that `target` lacks or has otherwise from below `source`; return how many.

    Of files that never change the size tells whether the whole file is there.
    """
    copied = 0
    paths = list(paths)
    for left in target.rglob(f"*{whole_file.PART}"):  # by a process that was killed
        left.unlink(missing_ok=True)
    for done, path in enumerate(paths):
        place = target / path.relative_to(source)
        with _readable(path):
            same = place.exists() and place.stat().st_size == path.stat().st_size
            if same and source.name == REWRITTEN:
                same = filecmp.cmp(path, place, shallow=False)
            if not same:
                whole_file.copy(path, place)
                copied += 1
        tick(done + 1, len(paths))
    return copied


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FlowError(
            f"{path} cannot be copied: {error.strerror or error}; run it again to go on"
        ) from None
