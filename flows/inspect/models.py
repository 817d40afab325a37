"""`reelhouse models …`, `explain` and `suspects`: what the registry holds, and why a movie got its genres."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

from flows.engine.console import Reporter, Stopwatch, duration
from flows.engine.context import feature_views, location, model_settings
from flows.engine.terminal import print_line, print_lines
from flows.errors import FlowError
from flows.settings import Settings
from models import entries, explain, promote, suspects
from models.experiments.compare import duel
from models.registry import Entry, find, stale_views
from models.scoring.explain import record
from warehouse import Warehouse
from warehouse.live import LIVE_MOVIES

_BY_IMDB = f"SELECT movie_id, title, year FROM {LIVE_MOVIES} WHERE imdb_id = ?"
_BY_ID = f"SELECT movie_id, title, year FROM {LIVE_MOVIES} WHERE movie_id = ?"
_BY_TITLE = f"""
    SELECT movie_id, title, year, imdb_id FROM {LIVE_MOVIES}
    WHERE lower(title) = lower(?) AND (? IS NULL OR year = ?)
    ORDER BY imdb_votes DESC NULLS LAST, movie_id LIMIT 6
"""
_WITH_YEAR = re.compile(r"^(?P<title>.+?)\s*\((?P<year>\d{4})\)$")
_SHOWN = ("auc", "micro_f1", "macro_f1", "jaccard", "exact_match", "ece")


def list_models(settings: Settings, label_set: str | None, model: str | None, as_json: bool) -> None:
    """Print every registered version, newest first within a label set and model."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        versions = entries(warehouse, label_set, model)
    if as_json:
        print(json.dumps([_brief(entry) for entry in versions], indent=1))
        return
    print_line(f"{'label set':<11}{'model':<10}{'version':<14}{'stage':<12}{'trained':<18}{'AUC':>6}  why")
    for entry in versions:
        auc = entry.metrics.get("auc")
        shown = "–" if auc is None else f"{auc:.3f}"
        print_line(
            f"{entry.label_set:<11}{entry.model:<10}{entry.model_version:<14}{entry.stage:<12}"
            f"{entry.created_at:%Y-%m-%d %H:%M}  {shown:>6}  {entry.reason}"
        )


def _brief(entry: Entry) -> dict[str, Any]:
    return {
        "label_set": entry.label_set,
        "model": entry.model,
        "model_version": entry.model_version,
        "stage": entry.stage,
        "created_at": entry.created_at.isoformat(),
        "promoted_at": entry.promoted_at.isoformat() if entry.promoted_at else None,
        "auc": entry.metrics.get("auc"),
        "reason": entry.reason,
    }


def show_model(settings: Settings, label_set: str, model: str, version: str | None, as_json: bool) -> None:
    """Print what is recorded of a version, or of the champion."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        entry = _chosen(warehouse, label_set, model, version)
    if as_json:
        print(json.dumps(entry.row() | {name: getattr(entry, name) for name in
              ("views", "split", "metrics", "thresholds")}, indent=1, default=str))  # fmt: skip
        return
    metrics = entry.metrics
    print_line(f"{entry.label_set} {entry.model} {entry.model_version}: {entry.stage}, {entry.reason}")
    learnt, when = entry.split.get("training", 0), f"{entry.created_at:%Y-%m-%d %H:%M}"
    print_line(f"trained      {when} by Reelhouse {entry.code_version}, run {entry.run_id}")
    print_line(f"learnt from  {learnt:,} movies of snapshot {entry.snapshot_id}, seed {entry.seed}")
    print_line("views        " + ", ".join(f"{name} {view}" for name, view in sorted(entry.views.items())))
    print_line(f"files        {entry.artefact_path}, sha256 {entry.artefact_sha256}")
    scores = ", ".join(f"{name} {metrics[name]:.3f}" for name in _SHOWN if metrics.get(name) is not None)
    print_line(f"on {metrics.get('n', 0)} test movies: {scores or 'not measured'}")
    print_line(f"{'genre':<18}{'threshold':>10}{'AUC':>8}{'F1':>8}{'ECE':>8}{'movies':>8}")
    for genre, threshold in entry.thresholds.items():
        row = metrics.get("per_genre", {}).get(genre, {})
        cells = [row.get(name) for name in ("auc", "f1", "ece")]
        shown = "".join(f"{'–' if cell is None else f'{cell:.3f}':>8}" for cell in cells)
        print_line(f"{genre:<18}{threshold:>10.2f}{shown}{int(row.get('positives') or 0):>8}")


def _chosen(warehouse: Warehouse, label_set: str, model: str, version: str | None) -> Entry:
    if version is not None:
        return find(warehouse, label_set, model, version)
    from models import champion

    entry = champion(warehouse, label_set, model)
    if entry is None:
        raise FlowError(f"{label_set} {model} has no champion: `reelhouse models list` shows what there is")
    return entry


def promote_model(settings: Settings, label_set: str, model: str, version: str) -> None:
    """Put a version in force, unless it was trained on features that are not built any more."""
    present = {name: view.version for name, view in feature_views(settings).items()}
    with Warehouse.open(location(settings)) as warehouse:
        if why := stale_views(find(warehouse, label_set, model, version), present):
            raise FlowError(f"not promoted: {why}")
        entry = promote(warehouse, label_set, model, version)
    print_line(
        f"{label_set} {model} {entry.model_version} is champion; `reelhouse score` scores what it has not "
        "scored yet"
    )


def compare_models(
    settings: Settings, label_set: str, model: str, version: str, against: str | None, as_json: bool
) -> None:
    """Compare two versions on the same test movies, as the gate would."""
    reporter = Reporter()
    with Warehouse.open(location(settings)) as warehouse, reporter.ticking("models compare"):
        comparison = duel(
            warehouse,
            model_settings(settings),
            feature_views(settings),
            label_set=label_set,
            model=model,
            version=version,
            against=against,
        )
    if as_json:
        print(json.dumps(comparison.as_json(), indent=1))
        return
    print_line(
        f"{label_set} {model}: {comparison.version} against {comparison.against} "
        f"on {comparison.n} test movies"
    )
    print_line(
        f"AUC {comparison.auc:.4f} against {comparison.auc_against:.4f}, "
        f"difference {comparison.difference:+.4f} "
        f"(95 % {comparison.low:+.4f} to {comparison.high:+.4f})"
    )
    print_line(f"the gate would make it {comparison.stage}: {comparison.reason}")


def find_movie(warehouse: Warehouse, text: str) -> tuple[int, str]:
    """Find a movie by IMDb id, movie id, or title with or without its year; return its id and name."""
    if re.fullmatch(r"tt\d+", text):
        rows = warehouse.query(_BY_IMDB, [text]).to_pylist()
    elif re.fullmatch(r"[0-9]{1,18}", text) and (rows := warehouse.query(_BY_ID, [int(text)]).to_pylist()):
        pass
    else:
        named = _WITH_YEAR.match(text)
        title, year = (named["title"], int(named["year"])) if named else (text, None)
        rows = warehouse.query(_BY_TITLE, [title, year, year]).to_pylist()
    if not rows:
        raise FlowError(f"no movie {text!r} in the warehouse: give its IMDb id, movie_id or exact title")
    if len(rows) > 1:
        known = ", ".join(f"{row['imdb_id'] or row['movie_id']} ({row['year'] or '?'})" for row in rows)
        raise FlowError(f"{len(rows)} movies are called {text!r}: name one by its id: {known}")
    return rows[0]["movie_id"], f"{rows[0]['title']} ({rows[0]['year'] or '?'})"


def explain_movie(
    settings: Settings, text: str, label_set: str, genres: Sequence[str] | None, top: int, as_json: bool
) -> None:
    """Print what drove each champion's opinion of a movie, and keep it in `predictions.explained`."""
    with Warehouse.open(location(settings)) as warehouse:
        movie_id, name = find_movie(warehouse, text)
        explanation = explain(
            warehouse,
            model_settings(settings),
            feature_views(settings),
            movie_id,
            label_set=label_set,
            top=top,
        )
        record(warehouse, movie_id, label_set, explanation)
        scores = warehouse.query(
            "SELECT model, genre, probability, predicted FROM predictions.current "
            "WHERE movie_id = ? AND label_set = ?",
            [movie_id, label_set],
        ).to_pylist()
    score_by_model_genre = {(row["model"], row["genre"]): row for row in scores}
    rows = explanation.to_pylist()
    shown = set(genres or ()) or {row["genre"] for row in scores if row["predicted"]} or {
        row["genre"] for row in rows
    }  # fmt: skip
    rows = [row for row in rows if row["genre"] in shown]
    if as_json:
        for row in rows:
            row["probability"] = score_by_model_genre.get((row["model"], row["genre"]), {}).get("probability")
        print(json.dumps({"movie_id": movie_id, "title": name, "label_set": label_set, "pieces": rows},
                         indent=1, ensure_ascii=False))  # fmt: skip
        return
    print_line(f"{name}, movie {movie_id}, {label_set}")
    last = None
    for row in rows:
        if (row["model"], row["genre"]) != last:
            last = (row["model"], row["genre"])
            score = score_by_model_genre.get(last)
            verdict = "not scored yet" if score is None else (
                f"{score['probability']:.2f}{', predicted' if score['predicted'] else ''}"
            )  # fmt: skip
            print_line(f"{row['model']}: {row['genre']} {verdict}")
        print_line(f"  {row['weight']:+7.2f}  {row['piece']}: {row['value']}")


def list_suspects(settings: Settings, label_set: str, limit: int, kind: str | None, as_json: bool) -> None:
    """Print the labels most likely wrong or missing in a source, or of one of these kinds."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        table = suspects(warehouse, model_settings(settings), label_set=label_set, limit=limit, kind=kind)
    rows = table.to_pylist()
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    print_line(f"{'':<9}{'genre':<18}{'p':>5}  movie")
    for row in rows:
        name = f"{row['title']} ({row['year'] or '?'}) {row['imdb_id'] or row['movie_id']}"
        print_line(f"{row['kind']:<9}{row['genre']:<18}{row['probability']:>5.2f}  {name}")


def models_table(settings: Settings, label_sets: Sequence[str], splits: int, as_json: bool) -> None:
    """Train and measure all models on split 0 and others, and print how they stand.

    Each split's trial is kept under the home, so that a stopped table carries on where it was.
    """
    from models import dataset
    from models.experiments import leaderboard
    from models.experiments.splits import Trial, trial

    reporter, built = Reporter(), feature_views(settings)
    trials: dict[str, list[Trial]] = {name: [] for name in label_sets}
    with Warehouse.open(location(settings)) as warehouse:
        everything = dataset.load(warehouse, built)
        for split, label_set in itertools.product(range(splits + 1), label_sets):
            name, watch = f"{label_set} split {split}", Stopwatch()
            with reporter.ticking(name) as tick:
                done = trial(
                    warehouse,
                    model_settings(settings),
                    built,
                    everything,
                    label_set_name=label_set,
                    split=split,
                    directory=settings.home / "trials",
                    progress=tick,
                )
            trials[label_set].append(done)
            took = duration(watch.seconds)
            reporter.line(f"  {name:<28} {done.cost:.0f} s of processor time ({took})")
    reports = [leaderboard.report(done) for done in trials.values()]
    if as_json:
        print(json.dumps([report.as_json() for report in reports], indent=1))
    else:
        print_lines("\n\n".join(leaderboard.text(report) for report in reports))
