"""Landing rows again that were set aside: those of tables as they are, lines of files from their files."""

from dataclasses import dataclass, replace
from functools import partial

from flows.engine.step import StepSpec, Work
from flows.errors import WrongUsage
from flows.settings import Settings
from flows.steps.bulk import ingest_imdb, ingest_movielens
from flows.steps.catalogue import conform_steps
from warehouse.quarantine import Which, drop, replay

_LARGEST = 2**63 - 1

_FILES = {"imdb": ingest_imdb, "movielens": ingest_movielens}


@dataclass(frozen=True)
class SelectedRows:
    """Which rows of the quarantine a command is about, and the arguments that said so."""

    which: Which
    arguments: dict[str, object]


def which(
    ids: list[int] | None, source: str | None, table: str | None, reason: str | None, batch: str | None
) -> SelectedRows:
    """Return the selection of a command line; a row must meet all of its conditions.

    WrongUsage for a number that no row can have.
    """
    if ids and max(ids) > _LARGEST:
        raise WrongUsage(f"no row has the number {max(ids)}: reelhouse quarantine show prints the numbers")
    arguments = {"ids": ids or None, "source": source, "table": table, "reason": reason, "batch": batch}
    row_filter = Which(source, table, reason, batch, tuple(ids) if ids else None)
    return SelectedRows(row_filter, {name: value for name, value in arguments.items() if value is not None})


def replay_steps(settings: Settings, selection: SelectedRows) -> list[StepSpec]:
    """Return the steps that land the rows again, then conform.

    Rows that are lines of files are read again from their files.
    """
    return [
        StepSpec("replay", partial(_replay, selection=selection)),
        *conform_steps(settings, sources=()),
    ]


def _replay(work: Work, selection: SelectedRows) -> None:
    done = replay(work.warehouse, selection.which, run_id=work.run_id)
    # A source's own files have a cursor; a file that somebody imported is not there to be read again.
    again = {place: ids for place, ids in done.lines.items() if work.warehouse.cursor(*place)}
    lines = sum(_read_again(work, source, stream, ids) for (source, stream), ids in again.items())
    read, total = sum(map(len, again.values())), sum(map(len, done.lines.values()))
    work.step.counts.update(
        landed=done.landed,
        lines_landed=lines,
        settled=done.settled,
        set_aside_again=done.set_aside_again + read - lines,
        not_replayable=done.not_replayable + total - read,
    )
    if total > read:
        work.step.note = "lines of imported files stay: import the file again"
    work.step.rows_out = done.landed + lines
    if not any(work.step.counts.values()):
        work.step.note = "no such row is in quarantine"


def _read_again(work: Work, source: str, stream: str, ids: list[int]) -> int:
    """Read a source's file again as if it were new, and return how many of the lines are rows now."""
    work.warehouse.forget_cursor(source, stream)
    reading = replace(work, step=replace(work.step, counts={}))  # its counts are not those of this step
    _FILES[source](reading, stream)
    return drop(work.warehouse, ids)
