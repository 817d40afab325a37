"""The steps of a night, by name: plain functions that a flow, a test or a notebook can call."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import FeatureSettings, FeatureView, build_view, dask_executor, views
from features.genome import has_genome
from features.texture import offered
from flows.engine.console import Reporter, Stopwatch
from flows.engine.locks import in_turn
from flows.settings import Settings
from flows.steps.bulk import Work, ingest_imdb, ingest_movielens, ingest_posters, ingest_tmdb
from warehouse import Location, Warehouse, turns
from warehouse.conform import conform
from warehouse.errors import AuditFailed, Busy
from warehouse.location import S3Access
from warehouse.night_audit import SECONDS, SHARE, NightAudit
from warehouse.upkeep import upkeep

if TYPE_CHECKING:
    from models import ModelSettings  # at run time only where it is needed: it brings torch and LightGBM


About = Callable[[Work], npt.NDArray[np.int64]]
"""The movies that a step is about, found when it begins: it looks at no others."""


@dataclass(frozen=True)
class StepSpec:
    """One step of a run.

    `name` is its name in the ledger; its first word names the lock that keeps two such steps apart. The run
    goes on when an `optional` step fails. Of those waiting for a lock, the smallest `rank` takes it first.
    """

    name: str
    run: Callable[[Work], None]
    optional: bool = False
    rank: int = 1

    @property
    def source(self) -> str | None:
        """The source that the step asks, if any: when it cannot be reached, its other steps are skipped."""
        words = self.name.split()
        return words[1] if words[0] in ("ingest", "backfill", "select") else None

    def part(self, number: int, total: int) -> "StepSpec":
        """The same step as one of several of its run: its name says which, and it lets others go first."""
        return replace(self, name=f"{self.name} {number} of {total}", rank=2)

    def first(self) -> "StepSpec":
        """The same step, ahead of others that wait for its lock."""
        return replace(self, rank=0)

    @property
    def lock(self) -> str:
        """Steps with equal locks wait for each other; different sources are ingested at once."""
        words = self.name.split()
        return "-".join(words[:2]) if words[0] in ("ingest", "features") else words[0]


def feature_settings(settings: Settings) -> FeatureSettings:
    """What the feature views need of the settings."""
    # the text and combined models read `words` beside `text`, and all that see posters `texture`
    beside = ["words", "texture"] if offered(settings.poster_encoder) else ["words"]
    if "movielens" in settings.sources and settings.movielens_sets:
        beside.append("ratings")
    taste = settings.home / "encoders" / "taste.safetensors"
    if taste.is_file():
        beside.append("taste")
    if any(has_genome(dataset) for dataset in settings.movielens_sets):
        beside.append("genome")
    return FeatureSettings(
        text_encoder=settings.text_encoder,
        poster_encoder=settings.poster_encoder,
        poster_dir=settings.home / "posters",
        taste_file=taste,
        extra_views=tuple(beside),
    )


def model_settings(settings: Settings) -> "ModelSettings":
    """What training and scoring need of the settings."""
    from models import Aim, ModelSettings

    name, _, at_least = settings.aim.partition(":")
    return ModelSettings(
        model_dir=settings.home / "models",
        seed=settings.seed,
        threads=settings.threads or os.cpu_count() or 1,
        aim=Aim(name, float(at_least)) if at_least else Aim(name),
        retrain_days=settings.retrain_days,
        retrain_fraction=settings.retrain_fraction,
    )


def feature_views(settings: Settings) -> Mapping[str, FeatureView]:
    """The feature views under these settings, by name."""
    return views(feature_settings(settings))


def runner(settings: Settings) -> AbstractContextManager[Executor | None]:
    """What computes partitions under these settings: None for this process."""
    scheduler = settings.dask_scheduler
    return dask_executor(scheduler) if settings.runner == "dask" and scheduler else nullcontext()


def ingest_steps(settings: Settings, sources: tuple[str, ...]) -> list[StepSpec]:
    """One step per file of the bulk sources and one for TMDb's movies; a failing source stops no other."""
    steps: list[StepSpec] = []
    if "movielens" in sources:
        steps += [
            StepSpec(f"ingest movielens {name}", partial(ingest_movielens, dataset=name), optional=True)
            for name in settings.movielens_sets
        ]
    if "imdb" in sources:
        steps += [
            StepSpec(f"ingest imdb {name}", partial(ingest_imdb, dataset=name), optional=True)
            for name in settings.imdb_datasets
        ]
    if "tmdb" in sources:
        steps.append(StepSpec("ingest tmdb movies", ingest_tmdb, optional=True))
    return steps + conform_steps(settings, sources)


def conform_steps(
    settings: Settings,
    sources: tuple[str, ...] = ("tmdb",),
    posters: StepSpec | None = None,
) -> list[StepSpec]:
    """Conform what has landed, then fetch the posters that it names and conform those."""
    steps = [StepSpec("conform", _conform)]
    if "tmdb" in sources:
        steps.append(posters or StepSpec("ingest tmdb posters", ingest_posters, optional=True))
        steps.append(StepSpec("conform posters", _conform))
    return steps


def feature_steps(
    settings: Settings, names: tuple[str, ...] = (), about: About | None = None
) -> list[StepSpec]:
    """One step per feature view."""
    return [
        StepSpec(f"features {name}", partial(_features, name=name, about=about))
        for name in feature_views(settings)
        if not names or name in names
    ]


def train_steps(settings: Settings, models: tuple[str, ...] = (), *, force: bool = False) -> list[StepSpec]:
    """One step per label set; trains only when it is due, unless forced."""
    return [
        StepSpec(f"train {label_set}", partial(_train, label_set=label_set, models=models, force=force))
        for label_set in settings.label_sets
    ]


def score_steps(
    settings: Settings, models: tuple[str, ...] = (), about: About | None = None
) -> list[StepSpec]:
    """One step per label set."""
    return [
        StepSpec(f"score {label_set}", partial(_score, label_set=label_set, models=models, about=about))
        for label_set in settings.label_sets
    ]


def upkeep_steps(settings: Settings) -> list[StepSpec]:
    """Compaction, snapshot retention, and removal of files that nothing needs; safe beside whatever runs."""
    return [StepSpec("upkeep", audited_upkeep, optional=True)]


def nightly_steps(settings: Settings) -> list[StepSpec]:
    """Every step of a night, in order."""
    return [
        *ingest_steps(settings, settings.sources),
        *feature_steps(settings),
        *train_steps(settings),
        StepSpec(
            "quality", _quality, optional=True
        ),  # after training: a new champion has seen tonight's data
        *score_steps(settings),
        *upkeep_steps(settings),
    ]


def _conform(work: Work) -> None:
    result = conform(work.warehouse, work.run_id, progress=work.tick)
    work.step.rows_out = result.added + result.changed
    work.step.counts.update(added=result.added, changed=result.changed, quarantined=result.quarantined)


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
        work.step.counts["note"] = reason
        return
    reports = train(
        work.warehouse, settings, built,
        label_set=label_set, models=models or None, run_id=work.run_id, progress=work.tick,
    )  # fmt: skip
    work.step.rows_out = len(reports)
    work.step.counts["trained"] = len(reports)
    work.step.counts["note"] = reason


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
        work.step.counts["note"] = "; ".join(f"{model}: {why}" for model, why in report.refused.items())


def audited_upkeep(work: Work, **times: timedelta) -> None:
    """Audit what the run wrote, tidy up, audit again; raises AuditFailed where two ways to read differ.

    `times` are those of `warehouse.upkeep.upkeep`.
    """
    (run,) = work.warehouse.query(_BEGAN, [work.run_id]).to_pylist()
    elapsed = (work.warehouse.clock() - run["started_at"]).total_seconds()
    seconds = max(SECONDS, SHARE * elapsed)
    night = NightAudit(work.warehouse, work.run_id, since=run["snapshot"], seconds=seconds)
    night.before()
    _tidy(work, **times)
    audited = asdict(night.after())
    faults = audited.pop("faults")
    work.step.counts.update({f"audited_{name}": value for name, value in audited.items()})
    if faults:
        raise AuditFailed(f"the lake's answers differ: {'; '.join(faults[:3])}; run `reelhouse check`")


def _tidy(work: Work, **times: timedelta) -> None:
    try:
        report = asdict(upkeep(work.warehouse, **times))
    except Busy as error:  # a backup is being made; the next night keeps the lake small
        work.step.counts["note"] = str(error)
        return
    postponed = report.pop("postponed")
    work.step.counts.update(report)
    if postponed:
        work.step.counts["note"] = f"postponed, for another run was writing: {', '.join(postponed)}"


def location(settings: Settings) -> Location:
    """Where the lake of these settings lies; the keys of its storage are those of AWS's own tools."""
    usual = Location.under(settings.home)
    return Location(
        settings.catalog.get_secret_value() if settings.catalog else usual.catalog,
        Path(settings.data).expanduser() if settings.data and "://" not in settings.data
        else settings.data or usual.data_path,
        home=settings.home,
        s3=S3Access.from_environment(os.environ),
        extensions=settings.extensions,
    )  # fmt: skip


_BEGAN = """
SELECT any_value(r.started_at) AS started_at, min(s.snapshot_before) AS snapshot
FROM ops.runs r JOIN ops.steps s USING (run_id) WHERE r.run_id = ?
"""


@dataclass(frozen=True)
class Run:
    """A run under way: what its steps share."""

    settings: Settings
    warehouse: Warehouse
    run_id: str
    reporter: Reporter


def run_step(run: Run, spec: StepSpec) -> dict[str, Any]:
    """Run one step with its row in `ops.steps`; returns its counts. Errors pass through, recorded."""
    watch = Stopwatch()

    def waiting(holder: str) -> None:
        run.reporter.line(f"  {spec.name:<28} waits for the same step of another run ({holder})")

    with (
        in_turn(run.settings.home, spec.lock, waiting, rank=spec.rank),
        turns.among_machines(run.warehouse.location, spec.lock, waiting),
        run.warehouse.step(run.run_id, spec.name) as step,
        run.reporter.ticking(spec.name) as tick,
    ):
        spec.run(Work(run.settings, run.warehouse, run.run_id, step, tick))
    run.reporter.done(spec.name, step.counts, watch.seconds)
    return dict(step.counts)
