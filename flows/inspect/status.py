"""`reelhouse status`: how things stand, on one screen."""

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from flows.engine.console import amount, duration
from flows.engine.terminal import print_line
from flows.inspect.summary import Status
from models import model_names

LAYERS = ("raw", "core", "features", "predictions", "ops")
Line = Callable[[str], None]


def print_status(status: Status, stream: TextIO | None = None) -> None:
    """Print the status for a person: some 40 lines of at most 100 columns."""

    def line(text: str = "") -> None:
        print_line(text, stream)

    line(f"Warehouse {status.home}, snapshot {status.snapshot_id}, {status.read_at:%Y-%m-%d %H:%M} UTC")
    engine = status.engine
    line(f"Engine       DuckDB {engine['duckdb']} · catalogue in DuckLake's format {engine['format']}")
    loaded = " · ".join(f"{name} {version}" for name, version in engine["extensions"].items())
    line(f"Extensions   {_cut(f'{loaded} · from ' + engine['source'], 87)}")
    _print_runs(status, line)
    _print_sources(status, line)
    _print_views(status, line)
    _print_models(status, line)
    rows_per_layer = {
        layer: sum(count for name, count in status.rows.items() if name.startswith(f"{layer}."))
        for layer in LAYERS
    }
    line("")
    line(f"Rows         {_listed(rows_per_layer)}")
    aside = {str(row["table_name"]): row["n_rows"] for row in status.quarantine}
    if lost := {name: count for name, count in status.conflicts.items() if count}:
        line(f"Id conflicts {_listed(lost)}; `reelhouse conflicts list` shows them")
    line(f"Quarantine   {_listed(aside, 3) or 'empty'}")


def _listed(counts: Mapping[str, int], most: int = 10) -> str:
    shown = [f"{name} {_short(count)}" for name, count in list(counts.items())[:most]]
    return " · ".join(shown + ([f"{len(counts) - most} more"] if len(counts) > most else []))


def _short(count: int) -> str:
    if count < 1_000_000:
        return amount(count)
    return f"{count / 1e6:.1f} M" if count < 1e9 else f"{count / 1e9:.1f} bn"


def ago(seconds: float | None) -> str:
    """Format `seconds` as how long ago that was, in the largest unit that says enough; `never` for None."""
    if seconds is None:
        return "never"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now"


def _since(then: datetime | None, now: datetime) -> str:
    return ago(None if then is None else (now - then).total_seconds())


def _print_runs(status: Status, line: Line) -> None:
    line("")
    line("Last runs")
    for run in status.runs:
        seconds = (run["ended_at"] - run["started_at"]).total_seconds() if run["ended_at"] else None
        took = "" if seconds is None else duration(seconds)
        began = f"{run['started_at']:%Y-%m-%d %H:%M}"
        line(f"  {began}  {run['flow']:<9} {run['state']:<10} {took:<13} {run['run_id']}")
        if run["error"]:
            line(f"      {_cut(run['error'], 94)}")
    if not status.runs:
        line("  none yet")
    planned = " · ".join(f"{each['flow']} {each['at']:%Y-%m-%d %H:%M}" for each in status.next_runs)
    line(f"Next (UTC)   {planned or 'nothing is scheduled'}")
    if planned and not status.serving:
        line("             `reelhouse serve` is not running here: nothing of it starts by itself")


def _cut(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def _print_sources(status: Status, line: Line) -> None:
    line("")
    line(f"{'Source':<13}{'movies':>12}   {'asked':<14}something new")
    for row in status.sources:
        if row["source"] == "all together":
            line(f"{row['source']:<13}{amount(row['movies']):>12}")
            continue
        line(
            f"  {row['source']:<11}{amount(row['movies']):>12}   {ago(row['asked_seconds_ago']):<14}"
            f"{_since(row['landed_at'], status.read_at)}"
        )


def _print_views(status: Status, line: Line) -> None:
    head = f"{'View':<13}{'movies':>12}   {'checked':<14}{'newest row':<14}{'version':<14}"
    line("")
    line(f"{head}{'covers':>6}  drift")
    for view in status.views:
        checked, newest = (_since(view[name], status.read_at) for name in ("checked_at", "newest_at"))
        movies = amount(view["movies"])
        row = f"  {view['view']:<11}{movies:>12}   {checked:<14}{newest:<14}{view['version']:<14}"
        line((row + _quality(view.get("quality"))).rstrip())
    if not status.views:
        line("  none yet")


def _quality(measured: Mapping[str, Any] | None) -> str:
    """Format the share of movies that have the modality, and the column that moved most since training."""
    if measured is None:
        return ""
    covers = "" if measured["coverage"] is None else f"{measured['coverage']:.0%}"
    drift = "" if measured["psi"] is None else f"{measured['psi']:.2f} {measured['psi_column']}"
    return f"{covers:>6}  {_cut(drift, 21)}"


def _print_models(status: Status, line: Line) -> None:
    """Print each label set's champions, their AUC on their test movies, and how many movies they scored."""
    models = model_names()
    width = max(14, 87 // len(models))  # five models fill 100 columns; a version takes 12
    line("")
    line(f"{'Champions':<13}" + "".join(f"{model:>{width}}" for model in models))
    champions = {(each["label_set"], each["model"]): each for each in status.champions}
    scored = {(each["label_set"], each["model"]): each["movies"] for each in status.scored}
    for label_set in sorted({label_set for label_set, _ in champions}):
        own = [(champions.get((label_set, model)), scored.get((label_set, model), 0)) for model in models]
        line(_row(label_set, width, (champion["model_version"] if champion else None for champion, _ in own)))
        line(_row("  AUC", width, (_auc(champion) for champion, _ in own)))
        line(_row("  scored", width, (amount(movies) if champion else None for champion, movies in own)))
    if not champions:
        line("  none yet")


def _row(name: str, width: int, cells: Iterable[str | None]) -> str:
    return f"  {name:<11}" + "".join(f"{cell or '-':>{width}}" for cell in cells)


def _auc(champion: Mapping[str, Any] | None) -> str | None:
    """Format the AUC on the champion's own held-out movies, the mean over genres; None without one."""
    value = champion["metrics"].get("auc") if champion else None
    return None if value is None else f"{value:.3f}"


TRY = (
    "SELECT title, genre, round(probability, 3) AS probability FROM predictions.current "
    "WHERE model = 'combined' AND label_set = 'movielens' AND predicted ORDER BY probability DESC LIMIT 10"
)


def print_demo(status: Status, stream: TextIO) -> None:
    """Print what a demo came to: the status, some predictions beside the truth, and a query to paste."""

    def line(text: str = "") -> None:
        print_line(text, stream)

    print_status(status, stream)
    line()
    line("Five held-out movies: their genres, and what the combined model predicts")
    for movie in status.examples:
        line(f"  {movie['title']} ({movie['year'] or 'year unknown'})")
        line(f"      true       {', '.join(movie['truth'])}")
        line(f"      predicted  {', '.join(movie['predicted'] or []) or 'none'}")
    line()
    line(f"Everything lies in {status.home}. A query to try:")
    line()
    line(f"  {shlex.quote(_program())} sql --home {shlex.quote(status.home)} \\")
    line(f'    "{TRY}"')


def _program() -> str:
    """Return how this program was started, so that a printed command works when pasted."""
    path = Path(sys.argv[0])
    return str(path) if path.name == "reelhouse" else "reelhouse"
