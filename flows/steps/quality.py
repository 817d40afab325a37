"""How good the feature views were, night by night: measured into `ops.feature_quality`, and read from it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from features import FeatureView
from features.quality import MEASURED, WHOLE, DriftReference, measure, unchanged_since
from flows.engine.step import Work
from models.registry import champions
from warehouse import Warehouse
from warehouse.operations import MeasuredColumn, latest_measurements

SLIGHT = 0.1
"""Less drift than this is read as none."""


@dataclass(frozen=True)
class Quality:
    """What the last measurement of a view came to, in short."""

    view: str
    version: str
    measured_at: datetime
    coverage: float | None
    """Share of the live movies that have the modality."""
    lost: float
    """Share of the movies with the modality that have lost it since the measurement before."""
    psi: float | None
    """Of the column that drifted most; None where there was nothing to compare with."""
    psi_column: str | None
    null_rise: float | None
    """Of the column whose share of unknown values grew most."""
    null_column: str | None
    reference: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return the measurement as a dictionary, for JSON."""
        return dict(vars(self))


def references(warehouse: Warehouse, views: Mapping[str, FeatureView]) -> dict[str, DriftReference]:
    """Return each view's champion: of those bound to its present version, the one trained longest ago."""
    by_view: dict[str, DriftReference] = {}
    for entry in sorted(champions(warehouse), key=lambda entry: entry.created_at):
        for name, version in entry.views.items():
            if name in views and views[name].version == version:
                label = f"{entry.label_set} {entry.model} {entry.model_version}"
                by_view.setdefault(name, DriftReference(label, entry.created_at))
    return by_view


def measure_views(work: Work, views: Mapping[str, FeatureView]) -> None:
    """Measure every view and write the measurements in one commit."""
    against = references(work.warehouse, views)
    earlier = _by_view(work.warehouse)
    measured = []
    for done, (name, view) in enumerate(views.items()):
        work.tick(done, len(views))
        same = _as_before(work.warehouse, view, against.get(name), earlier.get(view.name, []))
        measured.append(measure(work.warehouse, view, against.get(name)) if same is None else same)
    rows = pa.concat_tables(measured)
    n = rows.num_rows
    rows = rows.append_column("run_id", pa.array([work.run_id] * n, pa.string())).append_column(
        "measured_at", pa.array([work.warehouse.clock()] * n, pa.timestamp("us", tz="UTC"))
    )
    keys = ["run_id", "view", "column_name"]
    work.warehouse.commit(lambda tx: tx.replace_keys("ops.feature_quality", rows, keys))
    work.step.rows_out = n
    drifted = max(
        (quality for quality in latest_quality(work.warehouse).values() if quality.psi is not None),
        key=lambda quality: quality.psi or 0.0,
        default=None,
    )
    work.step.counts["measured"] = len(views)
    if drifted and (drifted.psi or 0.0) >= SLIGHT:
        work.step.note = f"most drift: {drifted.view}.{drifted.psi_column}, PSI {drifted.psi:.2f}"


def _as_before(
    warehouse: Warehouse, view: FeatureView, reference: DriftReference | None, earlier: list[MeasuredColumn]
) -> pa.Table | None:
    """Return a view's last measurement where nothing has changed since, else None.

    Rows, version and reference must all be the same.
    """
    if not earlier:
        return None
    first = earlier[0]
    known = (first.view_version, first.reference, first.reference_time)
    current = (view.version, *((reference.name, reference.known_by) if reference else (None, None)))
    if known != current or not unchanged_since(warehouse, view, first.measured_at, first.movies):
        return None
    return pa.Table.from_pylist([asdict(column) for column in earlier], MEASURED)


def latest_quality(warehouse: Warehouse) -> dict[str, Quality]:
    """Return the last measurement of each view, by its name; nothing where no night has measured yet."""
    return {name: _quality(columns) for name, columns in _by_view(warehouse).items()}


def _by_view(warehouse: Warehouse) -> dict[str, list[MeasuredColumn]]:
    columns: dict[str, list[MeasuredColumn]] = {}
    for column in latest_measurements(warehouse):
        columns.setdefault(column.view, []).append(column)
    return columns


def _quality(columns: list[MeasuredColumn]) -> Quality:
    whole = next(column for column in columns if column.column_name == WHOLE)
    psi, psi_column = _greatest({column.column_name: column.psi for column in columns})
    null_rise, null_column = _greatest(
        {
            column.column_name: column.null_rate - column.reference_null_rate
            for column in columns
            if column.psi is not None
            and column.null_rate is not None
            and column.reference_null_rate is not None
        }
    )
    before = whole.present_before
    return Quality(
        whole.view, whole.view_version, whole.measured_at, whole.mean,
        max(0.0, (before - whole.present) / before) if before else 0.0,
        psi, psi_column, null_rise, null_column, whole.reference,
    )  # fmt: skip


def _greatest(values: Mapping[str, float | None]) -> tuple[float | None, str | None]:
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return None, None
    name = max(known, key=lambda each: known[each])
    return known[name], name


@dataclass(frozen=True)
class Finding:
    """A view beside its declared limits."""

    view: str
    ok: bool
    measurement: str
    limit: str
    remedy: str


def findings(warehouse: Warehouse, views: Mapping[str, FeatureView]) -> list[Finding]:
    """Return each measured view in its present version beside the limits that it declares."""
    out = []
    for name, quality in latest_quality(warehouse).items():
        if name not in views or views[name].version != quality.version:
            continue
        limits = views[name].limits
        rise = quality.null_rise or 0.0
        moved = (quality.psi or 0.0) > limits.psi or rise > limits.null_rise
        phrases = [f"covers {quality.coverage:.1%}" if quality.coverage is not None else "no movies"]
        if quality.lost:
            phrases.append(f"{quality.lost:.1%} lost it")
        if quality.psi is not None:
            phrases.append(f"PSI {quality.psi:.2f} ({quality.psi_column})")
        if rise > limits.null_rise:
            phrases.append(f"{rise:.1%} more unknown ({quality.null_column})")
        out.append(
            Finding(
                name,
                not moved and quality.lost <= limits.lost,
                ", ".join(phrases),
                f"PSI {limits.psi:g}, {limits.null_rise:.0%} more unknown, {limits.lost:.0%} lost in a night",
                f"the data are no longer what {quality.reference} learnt from: see whether a source changed, "
                "then run: reelhouse train --force; the gate decides between them" if moved
                else "movies lost what they had the night before: see what a source stopped sending",
            )
        )  # fmt: skip
    return out
