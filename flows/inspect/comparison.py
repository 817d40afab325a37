"""`reelhouse compare`: what others published, and plain estimators, beside our champions."""

import json
from collections.abc import Sequence
from pathlib import Path

from features import latest
from flows.engine.console import Reporter
from flows.engine.context import feature_views, location
from flows.engine.terminal import print_line, print_lines
from flows.errors import WrongUsage
from flows.settings import Settings
from models.baselines.plain import PlainScore, plain_baselines
from models.registry import champions
from warehouse import Warehouse

PLAIN = {"movielens8": ("movielens", "movielens8"), "tmdb": ("tmdb", "described")}
"""The genres of the plain baselines: their label set, and where our metrics hold the same movies."""


def compare_published(
    settings: Settings,
    documents: Sequence[str] | None,
    systems: Sequence[str] | None,
    seeds: Path | None,
    as_json: bool,
) -> None:
    """Run the chosen published systems and print one table; finished ones are kept under the home."""
    from models.baselines import compare, render
    from models.baselines.errors import UnknownSystem
    from models.baselines.systems import select

    reporter = Reporter()
    try:
        select(documents or None, systems or None)
    except UnknownSystem as error:
        raise WrongUsage(str(error)) from None
    with Warehouse.open(location(settings), read_only=True) as warehouse, reporter.ticking("compare") as tick:
        comparison = compare(
            warehouse,
            poster_dir=settings.home / "posters",
            documents=documents or None,
            systems=systems or None,
            cache_dir=settings.home / "compare",
            seeds_dir=seeds,
            backbone=settings.poster_encoder,
            progress=tick,
            announce=reporter.line,
        )
    if as_json:
        print(json.dumps(comparison.as_json(), indent=1))
    else:
        print_lines(render(comparison))


def compare_plain(settings: Settings, as_json: bool) -> None:
    """Train the plain baselines on the same movies and print each beside our champion of that modality."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        embeddings = latest(warehouse, feature_views(settings)["text"])
        entries = champions(warehouse)
        rows = []
        for name, (label_set, where) in PLAIN.items():
            if label_set not in settings.label_sets:
                continue
            ours = {
                entry.model: entry.metrics.get(where) for entry in entries if entry.label_set == label_set
            }
            scores = plain_baselines(warehouse, name, embeddings=embeddings if embeddings.num_rows else None)
            rows += [_beside(name, score, ours.get(score.model)) for score in scores]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    print_line("Held-out mean ROC-AUC over genres: plain estimators, and our champion of that modality")
    print_line(
        f"{'genres':<12}{'modality':<10}{'plain baseline':<44}{'AUC':>7}{'ours':>8}{'test movies':>13}"
    )
    for row in rows:
        mine = "none" if row["our_auc"] is None else f"{row['our_auc']:.3f}"
        print_line(
            f"{row['genres']:<12}{row['model']:<10}{row['baseline']:<44}{row['baseline_auc']:>7.3f}{mine:>8}"
            f"{row['n_test']:>13}"
        )


def _beside(
    genres: str, score: PlainScore, ours: dict[str, float] | None
) -> dict[str, str | float | int | None]:
    return {
        "genres": genres,
        "model": score.model,
        "baseline": score.what,
        "baseline_auc": round(score.auc, 4),
        "n_train": score.n_train,
        "n_test": score.n_test,
        "our_auc": ours["auc"] if ours else None,
        "our_n_test": int(ours["n"]) if ours else None,
    }
