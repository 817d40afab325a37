"""`reelhouse repair`: mend what `check` found in the lake's catalogue."""

import json

from flows.engine.console import Reporter, amount
from flows.engine.context import location
from flows.engine.run import wait_for_night
from flows.engine.terminal import print_line
from flows.settings import Settings
from warehouse import Warehouse
from warehouse.audit import audit, faults_without_engine, wrong_files
from warehouse.errors import DamagedLake, QueryFailed
from warehouse.statistics import WrongFileStatistics, WrongStatistics
from warehouse.statistics_repair import mend_statistics


def run_repair(settings: Settings, as_json: bool) -> bool:
    """Mend the lake's statistics, print what was mended and what is left; return whether nothing is left.

    Raises NoWarehouse where nothing was written yet.
    """
    place = location(settings)
    files: list[WrongFileStatistics] = []
    columns: list[WrongStatistics] = []
    try:
        Warehouse.open(place, read_only=True).close()  # refuses what this release does not know
        wait_for_night(settings, Reporter().line)
        files = wrong_files(place)
        columns = mend_statistics(place, files)
        with Warehouse.open(place, read_only=True) as warehouse:
            left = [result for result in audit(warehouse) if not result.passed]
    except (DamagedLake, QueryFailed):
        if not (left := faults_without_engine(place)):
            raise
    if as_json:
        report = {
            "columns": [{"table": each.table, "column": each.column, "was": str(each)} for each in columns],
            "files": len(files),
            "left": [{"table": each.table, "rule": each.rule, "detail": each.detail} for each in left],
        }
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return not left
    for column in columns:
        print_line(f"mended  {column.table}.{column}")
    if files:
        print_line(f"mended  {amount(len(files))} statistics of single files, from the files themselves")
    for result in left:
        print_line(f"LEFT    {result.table}: {result.detail}")
    if left:
        print_line("what is left cannot be mended: reelhouse restore puts a backup in its place")
    elif not columns and not files:
        print_line("nothing to mend: the catalogue says what the files hold")
    return not left
