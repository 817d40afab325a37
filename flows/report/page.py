"""The page: reads, draws, and writes one HTML file that needs nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.engine.console import Tick, amount, duration
from flows.engine.context import location, model_settings
from flows.engine.output_place import REPORT, output_file
from flows.report import figures
from flows.report.drawing import Drawing
from flows.report.holdings import Holdings, Row, read_holdings
from flows.report.night_record import Night, read_night
from flows.report.spread import drawings
from flows.report.thumbnails import Thumbnails
from flows.report.verdicts import SUSPECTS, HeldOut, Verdicts, read_verdicts
from flows.settings import Settings
from warehouse import Warehouse
from warehouse.migrations import code_version
from warehouse.whole_file import write_text

METRICS = (
    ("auc", "AUC"),
    ("accuracy", "accuracy"),
    ("map", "mean AP"),
    ("micro_f1", "F1 micro"),
    ("macro_f1", "F1 macro"),
    ("samples_f1", "F1 movies"),
    ("jaccard", "Jaccard"),
    ("exact_match", "exact"),
    ("ece", "ECE"),
)
LOWER_IS_BETTER = ("ece",)
SOURCES = {"movielens": "MovieLens", "imdb": "IMDb", "tmdb": "TMDb"}


@dataclass(frozen=True)
class Chapter:
    """One label set's models, ready to be shown: rows, drawings and posters."""

    verdicts: Verdicts
    leaders: list[Row]
    genres: list[Row] = field(default_factory=list)
    unranked: list[str] = field(default_factory=list)
    roc: list[Drawing] = field(default_factory=list)
    precision: list[Drawing] = field(default_factory=list)
    calibration: list[Drawing] = field(default_factory=list)
    thresholds: Drawing | None = None
    counts: Drawing | None = None
    correlation: Sequence[Drawing] = ()
    training: list[Drawing] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The label set's name."""
        return self.verdicts.label_set


class _Stages:
    """Counts the parts of a page that are done, for a callback `(done, total)`."""

    def __init__(self, progress: Tick | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self) -> None:
        self.done = min(self.done + 1, self.total - 1)  # the last is the file, once it is written
        self.tell()

    def finish(self) -> None:
        self.done = self.total
        self.tell()

    def tell(self) -> None:
        if self.progress:
            self.progress(self.done, self.total)


def write_report(
    settings: Settings, output: Path | None = None, run_id: str | None = None, progress: Tick | None = None
) -> Path:
    """Write the page of a run (the latest night by default) and return where it lies.

    Without `output`: `reports/<date>-<run>.html` in the home directory. Raises NoWarehouse where nothing was
    written yet, FlowError for an unknown run or a file that is no report, and Unwritable or DiskFull for one
    that cannot be written.
    """
    if output is not None:
        output_file(settings, output, REPORT)
    # the night, the holdings, each label set read and drawn, and the file
    stages = _Stages(progress, 3 + 2 * len(settings.label_sets))
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        night = read_night(warehouse, run_id)
        name = f"{night.started:%Y-%m-%d}-{night.run.run_id if night.run else 'nothing'}.html"
        path = output or output_file(settings, settings.home / "reports" / name, REPORT)
        stages()
        holdings = read_holdings(warehouse, night.started, night.ended)
        stages()
        verdicts = read_verdicts(
            warehouse, settings.label_sets, lambda name: _doubts(warehouse, settings, name), stages
        )
        snapshot = warehouse.snapshot_id
    page = render(night, holdings, verdicts, Thumbnails(settings.home / "posters"), snapshot, stages)
    write_text(path, page)
    stages.finish()
    return path


def _doubts(warehouse: Warehouse, settings: Settings, label_set: str) -> list[Row]:
    """Return the most doubtful labels; none where the combined champion has kept no honest opinions."""
    from models import ModelError, suspects  # only where there is a model

    try:
        return list(
            suspects(warehouse, model_settings(settings), label_set=label_set, limit=SUSPECTS).to_pylist()
        )
    except (ModelError, OSError):
        return []


def render(
    night: Night,
    holdings: Holdings,
    verdicts: Sequence[Verdicts],
    thumbnails: Thumbnails,
    snapshot: int,
    on_label_set: Callable[[], None] = lambda: None,
) -> str:
    """Return the page's HTML, with every text that came from a source escaped.

    `on_label_set` is called after each label set.
    """
    chapters = []
    for verdict in verdicts:
        chapters.append(_chapter(verdict))
        on_label_set()
    environment = Environment(
        loader=PackageLoader("flows.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        amount=lambda value: "–" if value is None else amount(value),
        duration=lambda seconds: "–" if seconds is None else duration(seconds),
        share=lambda value: "–" if value is None else f"{value:.1%}",
        time=_time,
        figure3=lambda value: "–" if value is None else f"{value:.3f}",
        title=_title,
        source=lambda name: SOURCES.get(name, name),
        thumbnail=lambda row: thumbnails.uri(row["sha256"], row["format"]),
    )
    return environment.get_template("page.html.jinja").render(
        night=night,
        holdings=holdings,
        chapters=chapters,
        years=figures.years(holdings.years) if holdings.years else None,
        spreads=[
            drawing
            for spread in holdings.spreads
            for drawing in drawings(spread, SOURCES.get(spread.source, spread.source))
        ],
        metrics=METRICS,
        snapshot=snapshot,
        code_version=code_version(),
    )


def _time(value: datetime | None) -> str:
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def _title(row: Row) -> str:
    """Return a movie's title with its year, whatever is known of them."""
    title = row["title"] or "untitled"
    return f"{title} ({row['year']})" if row.get("year") else str(title)


def _chapter(verdicts: Verdicts) -> Chapter:
    training = [
        figures.training_curve(
            points, f"{verdicts.label_set}-{i}", f"{entry.model} {entry.model_version} ({entry.stage})"
        )
        for i, entry in enumerate(verdicts.versions)
        if isinstance(points := entry.metrics.get("curve"), list)
        and all(isinstance(point, Mapping) for point in points)
    ]
    chapter = Chapter(
        verdicts, _leaders(verdicts), training=[drawing for drawing in training if drawing is not None]
    )
    held_out = verdicts.held_out
    return _judged(chapter, held_out) if held_out else chapter


def _judged(chapter: Chapter, held_out: HeldOut) -> Chapter:
    """Return the chapter with what the test movies' scores show."""
    from models.metrics import rankable, table  # brings scipy: only when there is something to measure

    name = f"{chapter.name}-{held_out.model}"
    measured = table(held_out.y, held_out.p, held_out.d, held_out.genres).as_json()
    per_genre: dict[str, Any] = dict(measured["per_genre"])  # type: ignore[call-overload]
    rows = [
        {
            "genre": genre,
            **per_genre[genre],
            "predicted": int(held_out.d[:, i].sum()),
            "threshold": float(held_out.thresholds[i]),
        }
        for i, genre in enumerate(held_out.genres)
    ]
    ranked = [i for i, ok in enumerate(rankable(held_out.y)) if ok]
    drawn = [figures.curves(held_out, i, name) for i in ranked]
    overall = measured["ece"]
    return Chapter(
        verdicts=chapter.verdicts,
        leaders=chapter.leaders,
        training=chapter.training,
        genres=sorted(rows, key=lambda row: (-row["positives"], row["genre"])),
        unranked=[genre for i, genre in enumerate(held_out.genres) if i not in ranked],
        roc=[roc for roc, _ in drawn],
        precision=[precision for _, precision in drawn],
        calibration=[
            figures.calibration(held_out, None, name, overall if isinstance(overall, float) else None),
            *(figures.calibration(held_out, i, name, per_genre[held_out.genres[i]]["ece"]) for i in ranked),
        ],
        thresholds=figures.thresholds(held_out, name),
        counts=figures.counts(held_out, name),
        correlation=figures.correlation(held_out, name) if len(held_out.genres) > 1 else (),
    )


def _leaders(verdicts: Verdicts) -> list[Row]:
    """Return the leaderboard: every model on the same test movies where it says so, and the constant."""
    rows: list[dict[str, Any]] = []
    for entry in verdicts.versions:
        common = entry.metrics.get("described")
        metrics = common if isinstance(common, dict) else entry.metrics
        rows.append(
            {**vars(entry), "values": {key: metrics.get(key) for key, _ in METRICS}, "n": metrics.get("n")}
        )
    if verdicts.constant:
        constant = verdicts.constant
        says = ", ".join(constant["says"])
        rows.append(
            {
                "model": "a constant",
                "model_version": "",
                "stage": "baseline",
                "created_at": None,
                "reason": f"each genre's share as its probability, {says} as the decision",
                "metrics": {},
                "values": {key: constant.get(key) for key, _ in METRICS},
                "n": constant["n"],
            }
        )
    for row in rows:
        row["best"] = {key for key, _ in METRICS if _is_best(row["values"][key], key, rows)}
        own = row["metrics"].get("auc")
        row["own"] = {"auc": own, "n": row["metrics"].get("n")}
    return list(rows)


def _is_best(value: float | None, key: str, rows: Sequence[Row]) -> bool:
    contending = [row["values"][key] for row in rows if row["stage"] != "baseline"]
    known = [other for other in contending if isinstance(other, int | float)]
    if value is None or len(known) < 2:
        return False
    return bool(value == (min(known) if key in LOWER_IS_BETTER else max(known)))
