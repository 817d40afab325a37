"""What the warehouse holds, for `reelhouse status` and the end of a demo."""

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from flows.console import amount
from flows.settings import Settings
from flows.steps import location
from warehouse import Warehouse

LAYERS = ("raw", "core", "features", "predictions", "ops")

SOURCES = """
SELECT 'tmdb' AS source, count(tmdb_id) AS movies FROM core.movies WHERE deleted_at IS NULL
UNION ALL SELECT 'imdb', count(imdb_id) FROM core.movies WHERE deleted_at IS NULL
UNION ALL SELECT 'movielens', count(movielens_id) FROM core.movies WHERE deleted_at IS NULL
UNION ALL SELECT 'all together', count(*) FROM core.movies WHERE deleted_at IS NULL
"""

CHAMPIONS = """
SELECT label_set, model, model_version, created_at, promoted_at, metrics
FROM ops.models WHERE stage = 'champion' ORDER BY label_set, model
"""

SCORED = """
SELECT label_set, model, count(DISTINCT movie_id) AS movies, count(*) AS scores
FROM predictions.current GROUP BY ALL ORDER BY ALL
"""

RUNS = """
SELECT run_id, flow, state, started_at, ended_at, error FROM ops.runs ORDER BY started_at DESC LIMIT 5
"""

QUARANTINE = """
SELECT source, table_name, count(*) AS n_rows FROM ops.quarantine GROUP BY ALL ORDER BY n_rows DESC
"""

EXAMPLES = """
WITH best AS (
    SELECT movie_id, title, list(genre ORDER BY probability DESC) FILTER (predicted) AS predicted
    FROM predictions.current
    WHERE label_set = $label_set AND model = 'combined'
    GROUP BY ALL
)
SELECT b.title, m.year, t.genres AS truth, b.predicted
FROM best b
JOIN core.movies m USING (movie_id)
JOIN (SELECT movie_id, list(genre ORDER BY genre) AS genres FROM core.movie_genres
      WHERE source = $label_set GROUP BY movie_id) t USING (movie_id)
WHERE m.bucket = 0 AND m.overview IS NOT NULL AND m.deleted_at IS NULL
ORDER BY hash(b.movie_id)
LIMIT 5
"""


@dataclass(frozen=True)
class Status:
    """What `reelhouse status` shows; every list holds one mapping per line."""

    home: str
    snapshot_id: int
    rows: dict[str, int]
    sources: list[dict[str, Any]]
    modalities: dict[str, int]
    scored: list[dict[str, Any]]
    champions: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    examples: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def read_status(settings: Settings) -> Status:
    """Read the status from one warehouse; raises `NoWarehouse` where nothing was written yet."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        rows = warehouse.table_counts()
        champions = warehouse.query(CHAMPIONS).to_pylist()
        for champion in champions:
            champion["metrics"] = json.loads(champion["metrics"] or "{}")
        return Status(
            home=str(settings.home),
            snapshot_id=warehouse.snapshot_id,
            rows=rows,
            sources=warehouse.query(SOURCES).to_pylist(),
            modalities=_modalities(warehouse, rows),
            scored=warehouse.query(SCORED).to_pylist(),
            champions=champions,
            runs=warehouse.query(RUNS).to_pylist(),
            quarantine=warehouse.query(QUARANTINE).to_pylist(),
            examples=warehouse.query(EXAMPLES, {"label_set": settings.label_sets[0]}).to_pylist(),
        )


PRESENT = """
SELECT count(*) FROM (
    SELECT arg_max(present, known_time) AS present
    FROM {table}
    WHERE view_version = (SELECT arg_max(view_version, registered_at) FROM ops.feature_views
                          WHERE "view" = $view AND dropped_at IS NULL)
    GROUP BY movie_id
) WHERE present
"""


def _modalities(warehouse: Warehouse, rows: dict[str, int]) -> dict[str, int]:
    """Movies that have each modality now, by feature view."""
    tables = sorted(name for name in rows if name.startswith("features."))
    return {
        name.removeprefix("features."): int(
            warehouse.scalar(PRESENT.format(table=name), {"view": name.removeprefix("features.")})
        )
        for name in tables
    }


CONSTANT_AUC = 0.5
"""A model that says the same of every movie ranks none above another: each comparison is a tie."""


def _print_quality(status: Status, line: Callable[[str], None]) -> None:
    line(f"\nChampions: held-out mean ROC-AUC over genres (a constant: {CONSTANT_AUC:.3f})")
    for champion in status.champions:
        metrics = champion["metrics"]
        shown = [("own test movies", metrics), ("with a TMDb record", metrics.get("described"))]
        shown += [(name, metrics[name]) for name in sorted(metrics) if name.startswith(champion["label_set"])]
        cells = [
            f"{table['auc']:.3f} {name} ({amount(table['n'])})"
            for name, table in shown
            if table and table.get("auc") is not None
        ]
        label = f"{champion['label_set']} {champion['model']}"
        line(f"  {label:<22}{champion['model_version']:<14}{'   '.join(cells) or 'not measured'}")
    if not status.champions:
        line("  none yet")


def print_status(status: Status, stream: TextIO | None = None) -> None:
    """Print the status for a person."""

    def line(text: str = "") -> None:
        print(text, file=stream or sys.stdout)

    line(f"Warehouse {status.home}, snapshot {status.snapshot_id}")
    for layer in LAYERS:
        line(f"\n{layer}: rows per table")
        for name, count in status.rows.items():
            if name.startswith(f"{layer}.") and count:
                line(f"  {name:<32}{amount(count):>14}")
    line("\nMovies by source")
    for row in status.sources:
        line(f"  {row['source']:<32}{amount(row['movies']):>14}")
    line("\nMovies that have each modality")
    for name, count in status.modalities.items():
        line(f"  {name:<32}{amount(count):>14}")
    line("\nPredictions in force")
    for row in status.scored:
        label = f"{row['label_set']} {row['model']}"
        line(f"  {label:<32}{amount(row['movies']):>14} movies{amount(row['scores']):>14} scores")
    if not status.scored:
        line("  none yet")
    _print_quality(status, line)
    line("\nQuarantine")
    for row in status.quarantine:
        line(f"  {row['table_name']:<32}{amount(row['n_rows']):>14}")
    if not status.quarantine:
        line("  empty")
    line("\nLast runs")
    for run in status.runs:
        ended = f", ended {run['ended_at']:%H:%M:%S}" if run["ended_at"] else ""
        line(
            f"  {run['run_id']}  {run['flow']:<10} {run['state']:<10} "
            f"{run['started_at']:%Y-%m-%d %H:%M:%S}{ended}"
        )
        if run["error"]:
            line(f"      {run['error']}")


TRY = (
    "SELECT title, genre, round(probability, 3) AS probability FROM predictions.current "
    "WHERE model = 'combined' AND label_set = 'movielens' AND predicted ORDER BY probability DESC LIMIT 10"
)


def print_demo(status: Status, stream: TextIO) -> None:
    """Print what a demo came to: the status, some predictions beside the truth, and a query to paste."""

    def line(text: str = "") -> None:
        print(text, file=stream)

    print_status(status, stream)
    line("\nFive held-out movies: their genres, and what the combined model predicts")
    for movie in status.examples:
        line(f"  {movie['title']} ({movie['year'] or 'year unknown'})")
        line(f"      true       {', '.join(movie['truth'])}")
        line(f"      predicted  {', '.join(movie['predicted'] or []) or 'none'}")
    line(f"\nEverything lies in {status.home}. A query to try:\n")
    line(f"  {shlex.quote(_program())} sql --home {shlex.quote(status.home)} \\")
    line(f'    "{TRY}"')


def _program() -> str:
    """How this program was started, so that a printed command works when pasted."""
    path = Path(sys.argv[0])
    return str(path) if path.name == "reelhouse" else "reelhouse"
