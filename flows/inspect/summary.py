"""What the warehouse holds and how fresh it is, for `reelhouse status` and the end of a demo."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from cronsim import CronSim

from features.current import current_rows
from flows.engine.context import location
from flows.engine.prefect_api import running_server
from flows.engine.schedule import Schedules
from flows.inspect.check import freshness
from flows.settings import Settings
from flows.steps.quality import latest_quality
from models.registry import champions
from warehouse import Warehouse
from warehouse.live import LIVE_MOVIES
from warehouse.operations import latest_runs, quarantined, sources_landed, view_versions, views_built

RUNS = 5
"""How many of the last runs are shown."""

SOURCES = f"""
SELECT 'tmdb' AS source, count(tmdb_id) AS movies FROM {LIVE_MOVIES}
UNION ALL SELECT 'imdb', count(imdb_id) FROM {LIVE_MOVIES}
UNION ALL SELECT 'movielens', count(movielens_id) FROM {LIVE_MOVIES}
UNION ALL SELECT 'all together', count(*) FROM {LIVE_MOVIES}
"""

CHAMPION = ("label_set", "model", "model_version", "created_at", "promoted_at", "metrics")
"""What is shown of a champion."""

PRESENT = """
SELECT count(*) FILTER (present) AS movies, max(known_time) AS newest_at FROM ({rows})
"""

SCORED = """
SELECT label_set, model, count(DISTINCT movie_id) AS movies, count(*) AS scores
FROM predictions.current GROUP BY ALL ORDER BY ALL
"""

CONFLICTS = """
SELECT count(*) FILTER (won_source <> 'person') AS "open", count(*) FILTER (won_source = 'person') AS decided
FROM core.id_conflicts
"""

EXAMPLES = f"""
WITH best AS (
    SELECT movie_id, title, list(genre ORDER BY probability DESC) FILTER (predicted) AS predicted
    FROM predictions.current
    WHERE label_set = $label_set AND model = 'combined'
    GROUP BY ALL
)
SELECT b.title, m.year, t.genres AS truth, b.predicted
FROM best b
JOIN {LIVE_MOVIES} m USING (movie_id)
JOIN (SELECT movie_id, list(genre ORDER BY genre) AS genres FROM core.movie_genres
      WHERE source = $label_set GROUP BY movie_id) t USING (movie_id)
WHERE m.bucket = 0 AND m.overview IS NOT NULL
ORDER BY hash(b.movie_id)
LIMIT 5
"""


@dataclass(frozen=True)
class Status:
    """What `reelhouse status` shows; every list holds one mapping per line."""

    home: str
    engine: dict[str, Any]
    """Versions of DuckDB and its extensions, where those come from, and the catalogue's format."""
    snapshot_id: int
    rows: dict[str, int]
    sources: list[dict[str, Any]]
    modalities: dict[str, int]
    scored: list[dict[str, Any]]
    champions: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    conflicts: dict[str, int]
    """Claims about ids that lost: `open` by the rules, `decided` by a person."""
    views: list[dict[str, Any]]
    """Feature views: version, movies that have the modality, when their rows were last looked at, and the
    `quality` that a night measured."""
    next_runs: list[dict[str, Any]]
    """Flow and time of what the schedule plans next."""
    serving: bool
    """Whether `reelhouse serve` runs here and will start them."""
    read_at: datetime
    examples: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return the status as a dictionary, for JSON."""
        return asdict(self)


def read_status(settings: Settings) -> Status:
    """Read the status from one warehouse; raises `NoWarehouse` where nothing was written yet."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        rows = warehouse.table_counts()
        views = _views(warehouse, rows)
        return Status(
            home=str(settings.home),
            engine={**asdict(warehouse.engine), "format": warehouse.format},
            snapshot_id=warehouse.snapshot_id,
            rows=rows,
            sources=_sources(warehouse),
            modalities={view["view"]: view["movies"] for view in views},
            scored=warehouse.query(SCORED).to_pylist(),
            champions=[{name: getattr(entry, name) for name in CHAMPION} for entry in champions(warehouse)],
            runs=[asdict(run) for run in latest_runs(warehouse, RUNS)],
            quarantine=[asdict(rows) for rows in quarantined(warehouse)],
            # A lake that no command of this release has written to yet lacks the table.
            conflicts=warehouse.query(CONFLICTS).to_pylist()[0] if "core.id_conflicts" in rows else {},
            views=views,
            next_runs=next_runs(Schedules.of(settings), warehouse.clock()),
            serving=running_server(settings.home) is not None,
            read_at=warehouse.clock(),
            examples=warehouse.query(EXAMPLES, {"label_set": settings.label_sets[0]}).to_pylist(),
        )


def _sources(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Return the movies of each source and when it was asked.

    That is how long ago all of its streams were asked, and when rows of it last landed.
    """
    ages = freshness(warehouse)
    landed = sources_landed(warehouse)
    return [
        {**row, "asked_seconds_ago": ages.get(row["source"]), "landed_at": landed.get(row["source"])}
        for row in warehouse.query(SOURCES).to_pylist()
    ]


def _views(warehouse: Warehouse, rows: dict[str, int]) -> list[dict[str, Any]]:
    """Return the newest version of each feature view, and when all movies were last looked at for it."""
    built = views_built(warehouse)
    measured = {name: quality.as_dict() for name, quality in latest_quality(warehouse).items()}
    views = []
    for name, version in view_versions(warehouse).items():
        table = f"features.{name}"
        if table in rows:
            sql = PRESENT.format(rows=current_rows(table))
            extent = warehouse.query(sql, {"version": version}).to_pylist()[0]
            checked = {"checked_at": built.get(name), "quality": measured.get(name)}
            views.append({"view": name, "version": version, **extent, **checked})
    return views


def next_runs(schedules: Schedules, now: datetime) -> list[dict[str, Any]]:
    """Return what a schedule starts next, the soonest first; flows without a cron are left out."""
    crons = {"nightly": schedules.nightly, "report": schedules.report, "upkeep": schedules.upkeep}
    planned = [{"flow": flow, "at": next(CronSim(cron, now))} for flow, cron in crons.items() if cron]
    return sorted(planned, key=lambda each: each["at"])
