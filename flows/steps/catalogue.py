"""The steps of a night, by name: plain functions that a flow, a test or a notebook can call."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from features import build_view
from flows.engine.context import feature_views, model_settings, runner
from flows.engine.step import FEATURES, INGEST, UPKEEP, About, StepSpec, Work
from flows.settings import Settings
from flows.steps.bulk import ingest_imdb, ingest_movielens
from flows.steps.posters import ingest_posters
from flows.steps.tmdb import ingest_tmdb
from warehouse.conform import conform
from warehouse.errors import AuditFailed, Busy
from warehouse.night_audit import SECONDS, SHARE, NightAudit
from warehouse.operations import run_start
from warehouse.upkeep import upkeep

if TYPE_CHECKING:
    from models import TrainReport  # at run time only where it is needed


def ingest_steps(settings: Settings, sources: tuple[str, ...]) -> list[StepSpec]:
    """Return one step per file of the bulk sources and one for TMDb's movies, then those that conform.

    A failing source stops no other.
    """
    steps: list[StepSpec] = []
    if "movielens" in sources:
        steps += [
            StepSpec(INGEST, partial(ingest_movielens, dataset=name), "movielens", name, optional=True)
            for name in settings.movielens_sets
        ]
    if "imdb" in sources:
        steps += [
            StepSpec(INGEST, partial(ingest_imdb, dataset=name), "imdb", name, optional=True)
            for name in settings.imdb_datasets
        ]
    if "tmdb" in sources:
        steps.append(StepSpec(INGEST, ingest_tmdb, "tmdb", "movies", optional=True))
    return steps + conform_steps(settings, sources)


def conform_steps(
    settings: Settings,
    sources: tuple[str, ...] = ("tmdb",),
    posters: StepSpec | None = None,
) -> list[StepSpec]:
    """Return the steps that conform what landed, then fetch the posters that it names and conform those."""
    steps = [StepSpec("conform", _conform)]
    if "tmdb" in sources:
        steps.append(posters or StepSpec(INGEST, ingest_posters, "tmdb", "posters", optional=True))
        steps.append(StepSpec("conform", _conform, subject="posters"))
    return steps


def feature_steps(
    settings: Settings, names: tuple[str, ...] = (), about: About | None = None
) -> list[StepSpec]:
    """Return one step per feature view."""
    return [
        StepSpec(FEATURES, partial(_features, name=name, about=about), subject=name)
        for name in feature_views(settings)
        if not names or name in names
    ]


def train_steps(settings: Settings, models: tuple[str, ...] = (), *, force: bool = False) -> list[StepSpec]:
    """Return one step per label set, which trains only when it is due, unless forced."""
    return [
        StepSpec("train", partial(_train, label_set=label_set, models=models, force=force), subject=label_set)
        for label_set in settings.label_sets
    ]


def score_steps(
    settings: Settings, models: tuple[str, ...] = (), about: About | None = None
) -> list[StepSpec]:
    """Return one step per label set, which scores its movies."""
    return [
        StepSpec("score", partial(_score, label_set=label_set, models=models, about=about), subject=label_set)
        for label_set in settings.label_sets
    ]


def upkeep_steps(settings: Settings, *, patient: bool = False) -> list[StepSpec]:
    """Return the step that compacts the lake, expires snapshots and removes files that nothing needs.

    It is safe beside whatever runs. A `patient` one waits for a backup to end, however long that takes; one
    of a night does nothing then.
    """
    return [StepSpec(UPKEEP, partial(audited_upkeep, patient=patient), optional=True)]


def nightly_steps(settings: Settings) -> list[StepSpec]:
    """Return every step of a night, in order."""
    return [
        *ingest_steps(settings, settings.sources),
        *feature_steps(settings),
        *train_steps(settings),
        StepSpec("quality", _quality, optional=True),  # after training: a champion has seen tonight's data
        *score_steps(settings),
        *upkeep_steps(settings),
    ]


def _conform(work: Work) -> None:
    result = conform(work.warehouse, work.run_id, progress=work.tick)
    work.step.rows_out = result.added + result.changed
    work.step.counts.update(added=result.added, changed=result.changed, quarantined=result.quarantined)
    if result.remade:
        work.step.note = f"all movies anew: another SQL makes {', '.join(result.remade)}"


def _features(work: Work, name: str, about: About | None) -> None:
    view = feature_views(work.settings)[name]
    with runner(work.settings) as executor:
        result = build_view(
            work.warehouse, view, run_id=work.run_id, progress=work.tick, executor=executor,
            movies=pa.array(about(work)) if about else None,
        )  # fmt: skip
    work.step.rows_out = result.computed
    work.step.counts.update(
        computed=result.computed,
        unchanged=result.unchanged,
        removed=result.removed,
        failed=result.failed,
    )


def _quality(work: Work) -> None:
    from flows.steps.quality import measure_views

    measure_views(work, feature_views(work.settings))


def _train(work: Work, label_set: str, models: tuple[str, ...], force: bool) -> None:
    from models import due, train

    settings, built = model_settings(work.settings), feature_views(work.settings)
    is_due, reason = due(work.warehouse, settings, built, label_set)
    if not (is_due or force):
        work.step.note = reason
        return
    reports = train(
        work.warehouse, settings, built,
        label_set=label_set, models=models or None, run_id=work.run_id, progress=work.tick,
    )  # fmt: skip
    trained = [report for report in reports if report.model_version and not report.repeated]
    work.step.rows_out = len(trained)
    work.step.counts.update(
        trained=len(trained),
        new_champions=sum(report.stage == "champion" for report in trained),
        unchanged=sum(report.repeated for report in reports),
    )
    work.step.note = "; ".join([reason if is_due else "forced", *_outcomes(reports)])


def _outcomes(reports: "Sequence[TrainReport]") -> Iterator[str]:
    """Yield a phrase for the models that were there before, and for each that did not become champion."""
    repeated = [
        report.model if report.stage == "champion" else f"{report.model} ({report.stage})"
        for report in reports
        if report.repeated
    ]
    if repeated:
        yield f"same version as before: {', '.join(repeated)}"
    for report in reports:
        if report.stage != "champion" and not report.repeated:
            yield f"{report.model} {report.stage}: {report.reason.partition(';')[0]}"


def _score(work: Work, label_set: str, models: tuple[str, ...], about: About | None) -> None:
    from models import score

    with runner(work.settings) as executor:
        report = score(
            work.warehouse, model_settings(work.settings), feature_views(work.settings),
            label_set=label_set, models=models or None, run_id=work.run_id, progress=work.tick,
            executor=executor, movies=about(work) if about else None,
        )  # fmt: skip
    work.step.rows_out = report.scored
    work.step.counts.update(scored=report.scored, unchanged=report.unchanged)
    if report.refused:
        work.step.note = "; ".join(f"{model}: {why}" for model, why in report.refused.items())


def audited_upkeep(work: Work, *, patient: bool = False, **times: timedelta) -> None:
    """Audit what the run wrote, tidy up, audit again; raises AuditFailed where two ways to read differ.

    `times` are those of `warehouse.upkeep.upkeep`.
    """
    start = run_start(work.warehouse, work.run_id)
    elapsed = (work.warehouse.clock() - start.started_at).total_seconds()
    seconds = max(SECONDS, SHARE * elapsed)
    night = NightAudit(work.warehouse, work.run_id, since=start.snapshot_id, seconds=seconds)
    night.before()
    _tidy(work, patient, **times)
    audited = asdict(night.after())
    faults, seconds = audited.pop("faults"), audited.pop("seconds")
    work.step.counts.update({f"audited_{name}": count for name, count in audited.items()})
    work.step.counts["audited_milliseconds"] = round(seconds * 1000)
    if faults:
        raise AuditFailed(f"the lake's answers differ: {'; '.join(faults[:3])}; run `reelhouse check`")


def _tidy(work: Work, patient: bool, **times: timedelta) -> None:
    def waiting() -> None:
        work.say("  waits for a backup or another upkeep of this lake; Ctrl-C ends the wait")

    try:
        report = asdict(upkeep(work.warehouse, waiting=waiting if patient else None, **times))
    except Busy as error:  # a backup is being made; the next night keeps the lake small
        work.step.note = str(error)
        return
    postponed = report.pop("postponed")
    work.step.counts.update(report)
    if postponed:
        work.step.note = f"postponed, for another run was writing: {', '.join(postponed)}"
