"""Steps go by what they are; their names are for people alone."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import SourceUnreachable
from flows.engine import step
from flows.engine.console import Reporter
from flows.engine.context import location
from flows.engine.run import Outcome, nothing_done, run_steps
from flows.engine.step import StepSpec, Work
from flows.inspect.check import freshness
from flows.report.night_record import read_night
from flows.settings import Settings
from flows.steps.catalogue import nightly_steps
from warehouse import Warehouse, operations

OUT = "imdb"
"""The source that cannot be reached."""


def replaced(spec: StepSpec) -> StepSpec:
    """Return the step with little to do: it counts, or finds its source out."""

    def work(work: Work) -> None:
        if spec.source == OUT:
            raise SourceUnreachable("no route to it")
        work.step.rows_out = len(spec.kind)
        work.step.counts["unchanged" if spec.kind != "upkeep" else "files_before"] = 7
        work.step.note = f"about {spec.subject}"

    return replace(spec, run=work)


def a_night(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Outcome, dict[str, Any]]:
    """Run every step of a night in a new home; return how it ended, and what is to be seen of it."""
    settings = Settings(home=home, label_sets=("movielens", "tmdb"))
    taken: list[tuple[str, int]] = []
    in_turn = step.in_turn

    @contextmanager
    def noted(home: Path, name: str, waiting: Any, *, rank: int = 1) -> Iterator[None]:
        taken.append((name, rank))
        with in_turn(home, name, waiting, rank=rank):
            yield

    monkeypatch.setattr(step, "in_turn", noted)
    specs = [replaced(spec) for spec in nightly_steps(settings)]
    outcome = run_steps(settings, "nightly", specs, Reporter(quiet=True))
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        shown = {
            "locks": taken,
            "skipped": [why for why in outcome.failures.values() if "skipped" in why],
            "fresh": sorted(freshness(warehouse)),
            "built": sorted(operations.views_built(warehouse)),
            "report": [
                [getattr(step, key) for key in ("attempt", "state", "rows_out", "counts", "note", "error")]
                for step in sorted(read_night(warehouse, None).steps, key=lambda step: step.started_at)
            ],
            "results": [result.as_dict() for result in outcome.results.values()],
            "nothing done": nothing_done(replace(outcome, failures={})),
        }
    monkeypatch.undo()
    return outcome, shown


def test_no_name_of_a_step_means_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, shown = a_night(tmp_path / "usual", monkeypatch)

    def other_name(*words: object) -> str:
        return hashlib.sha256(repr(words).encode()).hexdigest()[:20]

    monkeypatch.setattr(step, "display_name", other_name)
    renamed, shown_of_renamed = a_night(tmp_path / "renamed", monkeypatch)
    assert set(usual.results).isdisjoint(renamed.results)
    assert shown_of_renamed == shown
    assert ("ingest-imdb", 1) in shown["locks"] and ("features-text", 1) in shown["locks"]
    assert len(shown["skipped"]) == len(Settings(home=tmp_path).imdb_datasets) - 1
    assert shown["fresh"] == ["movielens", "tmdb"]
    assert "text" in shown["built"]
    assert shown["nothing done"], "what is unchanged is no work, and upkeep always counts"


def test_parts_of_a_run_have_names_of_their_own_and_one_lock() -> None:
    whole = StepSpec("backfill", lambda work: None, "tmdb", "movies")
    parts = [whole.as_part(number, 3) for number in (1, 2, 3)]
    assert [part.name for part in parts] == [f"backfill tmdb movies {n} of 3" for n in (1, 2, 3)]
    assert {part.lock for part in parts} == {whole.lock} == {"backfill"}
    assert {part.rank for part in parts} == {2}
    assert whole.first().rank == 0
