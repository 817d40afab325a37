"""Keeping the lake small: the step of `reelhouse upkeep`."""

from dataclasses import asdict

from flows.ingest import Work
from flows.settings import Settings
from flows.steps import StepSpec
from warehouse.upkeep import upkeep


def upkeep_steps(settings: Settings) -> list[StepSpec]:
    """Compaction, snapshot retention, and removal of files that nothing needs; safe beside a night."""
    return [StepSpec("upkeep", _upkeep)]


def _upkeep(work: Work) -> None:
    report = asdict(upkeep(work.warehouse))
    postponed = report.pop("postponed")
    work.step.counts.update(report)
    if postponed:
        work.step.counts["note"] = f"postponed, for another run was writing: {', '.join(postponed)}"
