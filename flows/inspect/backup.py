"""`reelhouse export`, `backup` and `restore`: the data elsewhere, and back."""

import filecmp
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flows.engine.console import Reporter, Stopwatch, Tick, amount, duration
from flows.engine.context import location
from flows.errors import FlowError, WrongUsage
from flows.settings import Settings
from warehouse import Warehouse, WarehouseError
from warehouse.backup import BackupReport, backup, restore
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
    target = output.absolute()
    if str(target).startswith(f"{where.data_path}/") or target == Path(str(where.data_path)):
        raise WrongUsage(f"{output} lies among the warehouse's own files: choose another place")
    one_file = output.suffix == ".duckdb"
    if one_file and output.is_dir():
        raise FlowError(f"{output} is a directory: name a file, or a directory that does not end in .duckdb")
    if not one_file and output.exists() and not output.is_dir():
        raise FlowError(f"{output} is a file: name a directory, or a file that ends in .duckdb")
    with reporter.ticking("export") as tick:
        write = export_duckdb if one_file else export_parquet
        rows = write(where, output, names or None, as_of=as_of, progress=tick)
    if as_json:
        print(json.dumps({"output": str(output), "rows": rows, "seconds": round(watch.seconds, 1)}, indent=1))
        return
    for name, count in rows.items():
        print(f"{name:<34} {amount(count)}")
    reporter.line(f"{len(rows)} tables and views written to {output} in {duration(watch.seconds)}")


@dataclass(frozen=True)
class HomeBackup:
    """What a backup of a home holds."""

    lake: BackupReport
    copied_beside: int
    """Files of models, posters and encoders that were copied now."""


def make_backup(settings: Settings, directory: Path, reporter: Reporter) -> HomeBackup:
    """Back up the lake and the files beside it, and note it in the warehouse; raises FlowError."""
    if directory.exists() and not directory.is_dir():
        raise FlowError(f"{directory} is a file: name a directory for the backup")
    if directory.absolute().is_relative_to(settings.home):
        raise WrongUsage(f"{directory} lies in the home itself: choose a place that is not lost with it")
    with reporter.ticking("backup"):
        report = backup(location(settings), directory)
    beside = 0
    with _told_of_full_disks(directory), reporter.ticking("models and posters") as tick:
        for name in BESIDE:
            beside += _copy_new(settings.home / name, directory / name, tick)
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
    print(
        f"snapshot {report.snapshot_id}: {amount(report.files)} files of {report.bytes / 2**20:,.1f} MiB, "
        f"{amount(report.files_copied)} copied now; {amount(beside)} of models and posters copied now"
    )
    reporter.line(f"backup in {directory} completed in {duration(watch.seconds)}")


def run_restore(settings: Settings, directory: Path, as_json: bool) -> None:
    """Put a backup into a home without a warehouse."""
    watch, reporter = Stopwatch(), Reporter()
    with reporter.ticking("restore"):
        snapshot = restore(directory, location(settings))
    beside = 0
    with _told_of_full_disks(settings.home), reporter.ticking("models and posters") as tick:
        for name in BESIDE:
            beside += _copy_new(directory / name, settings.home / name, tick)
    if as_json:
        summary = {"home": str(settings.home), "snapshot_id": snapshot, "other_files_copied": beside}
        print(json.dumps({**summary, "seconds": round(watch.seconds, 1)}, indent=1))
        return
    print(f"{settings.home} holds snapshot {snapshot}, and {amount(beside)} files of models and posters")
    reporter.line(f"restored from {directory} in {duration(watch.seconds)}")


def _copy_new(source: Path, target: Path, tick: Tick) -> int:
    """Copy the files that `target` lacks or has otherwise; return how many.

    Of files that never change the size tells whether the whole file is there.
    """
    if not source.is_dir():
        return 0
    copied = 0
    paths = [path for path in source.rglob("*") if path.is_file() and not path.name.endswith(".part")]
    for done, path in enumerate(paths):
        place = target / path.relative_to(source)
        same = place.exists() and place.stat().st_size == path.stat().st_size
        if same and source.name == REWRITTEN:
            same = filecmp.cmp(path, place, shallow=False)
        if not same:
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = place.with_name(place.name + ".part")
            shutil.copyfile(path, partial)
            partial.replace(place)
            copied += 1
        tick(done + 1, len(paths))
    return copied


@contextmanager
def _told_of_full_disks(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FlowError(
            f"cannot write to {place}: {error.strerror or error}; run it again to go on"
        ) from None
