"""The registry: which models there are, where they came from, and which one is in use.

Artefacts lie under `model_dir/<label set>/<model>/<version>/`; `ops.models` has a row for each. A version is
the hash of everything that decides the model (code, data, views, parameters, seed), so training the same
thing twice is found out. Files are written aside and renamed before the row that names them is committed; a
directory without a row is nobody's, and is overwritten by the next training of the same version.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from models.errors import DamagedModel, ModelError, NoModel
from models.files import directory_sha256
from models.modalities.modality import MODALITIES
from warehouse import Transaction, Warehouse

_COLUMNS = (
    *("label_set", "model", "model_version", "stage", "created_at", "promoted_at", "reason", "code_version"),
    *("snapshot_id", "views", "split", "seed", "metrics", "thresholds", "artefact_path", "artefact_sha256"),
    "run_id",
)
_KEY = ("label_set", "model", "model_version")
_ALL = "SELECT * FROM ops.models ORDER BY label_set, model, created_at DESC"
_IN_USE = "SELECT * FROM ops.models WHERE stage = 'champion' ORDER BY label_set, model"
_ONE = "SELECT * FROM ops.models WHERE label_set = ? AND model = ? ORDER BY created_at DESC"
_JSON = ("views", "split", "metrics", "thresholds")
_TIMES = ("created_at", "promoted_at")
_SCHEMA = pa.schema(
    [
        (
            name,
            pa.timestamp("us", tz="UTC")
            if name in _TIMES
            else pa.int64()
            if name in ("snapshot_id", "seed")
            else pa.string(),
        )
        for name in _COLUMNS
    ]
)


@dataclass(frozen=True)
class Entry:
    """One row of `ops.models`."""

    label_set: str
    model: str
    model_version: str
    stage: str
    created_at: datetime
    promoted_at: datetime | None
    reason: str
    code_version: str
    snapshot_id: int
    views: Mapping[str, str]
    split: Mapping[str, Any]
    seed: int
    metrics: Mapping[str, Any]
    thresholds: Mapping[str, float]
    artefact_path: str
    artefact_sha256: str
    run_id: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Entry":
        """Return the entry of a row as the warehouse gives it; what was not recorded is an empty mapping."""
        values = {name: row[name] for name in _COLUMNS}
        return cls(**{n: json.loads(v or "{}") if n in _JSON else v for n, v in values.items()})

    def row(self) -> dict[str, Any]:
        """Return the row for the warehouse."""
        values = {name: getattr(self, name) for name in _COLUMNS}
        return {n: json.dumps(v, sort_keys=True) if n in _JSON else v for n, v in values.items()}


def entries(warehouse: Warehouse, label_set: str | None = None, model: str | None = None) -> list[Entry]:
    """Return all registered models, newest first within a label set and model."""
    all_entries = [Entry.of(row) for row in warehouse.query(_ALL).to_pylist()]
    return [
        entry
        for entry in all_entries
        if label_set in (None, entry.label_set) and model in (None, entry.model)
    ]


def champion(warehouse: Warehouse, label_set: str, model: str) -> Entry | None:
    """Return the model in use.

    Args:
        warehouse: The warehouse.
        label_set: `movielens`, `tmdb` or `imdb`.
        model: A modality, or `combined`.

    Returns:
        The champion's entry, or None where there is none.

    Example:
        >>> entry = champion(warehouse, "movielens", "tags")
        >>> entry.stage, entry.views == {"tags": views["tags"].version}
        ('champion', True)
        >>> champion(warehouse, "movielens", "poster") is None
        True
    """
    for row in warehouse.query(_ONE, [label_set, model]).to_pylist():
        if row["stage"] == "champion":
            return Entry.of(row)
    return None


def champions(warehouse: Warehouse) -> list[Entry]:
    """Return all models in use, in order of their label sets and models."""
    return [Entry.of(row) for row in warehouse.query(_IN_USE).to_pylist()]


def find(warehouse: Warehouse, label_set: str, model: str, version: str) -> Entry:
    """Return the model whose version begins with `version`; NoModel where none or several do."""
    matches = [
        entry for entry in entries(warehouse, label_set, model) if entry.model_version.startswith(version)
    ]
    if len(matches) != 1:
        known = ", ".join(entry.model_version for entry in entries(warehouse, label_set, model)) or "none"
        why = "several versions begin" if matches else "no version begins"
        raise NoModel(f"{why} with {version!r} for {label_set} {model}: there are {known}")
    return matches[0]


def register(warehouse: Warehouse, entry: Entry) -> None:
    """Write an entry; a champion takes the place of the one before, which is retired."""

    def write(tx: Transaction) -> None:
        rows = [entry]
        if entry.stage == "champion":
            rows += _stepping_down(tx, entry, f"followed by {entry.model_version}")
        tx.replace_keys("ops.models", _table(rows), _KEY)

    warehouse.commit(write)


def promote(
    warehouse: Warehouse, label_set: str, model: str, version: str, *, reason: str = "by hand"
) -> Entry:
    """Make a registered model the champion, whatever the gate said.

    Args:
        warehouse: The warehouse, open for writing.
        label_set: `movielens`, `tmdb` or `imdb`.
        model: A modality, or `combined`.
        version: The model's version, or the beginning of it.
        reason: Why, for `ops.models`.

    Returns:
        Its new entry; a champion's own entry as it is. The champion before it is retired.

    Raises:
        NoModel: No version begins with `version`, or several do.

    Example:
        >>> newest, older = entries(warehouse, "movielens", "tags")
        >>> promote(warehouse, "movielens", "tags", older.model_version, reason="reads better").stage
        'champion'
        >>> find(warehouse, "movielens", "tags", newest.model_version).stage
        'retired'
    """
    wanted = find(warehouse, label_set, model, version)
    if wanted.stage == "champion":
        return wanted
    promoted = Entry(
        **{**vars(wanted), "stage": "champion", "promoted_at": warehouse.clock(), "reason": reason}
    )
    register(warehouse, promoted)
    return promoted


def stale_views(entry: Entry, present: Mapping[str, str]) -> str:
    """Return why a model cannot be applied to features of the `present` view versions.

    The text is empty where it can be applied.
    """
    name = f"{entry.label_set} {entry.model} {entry.model_version}"
    if unread := unread_views(entry):
        return f"{name} was trained on the view {', '.join(unread)}, which no modality reads now: train again"
    others = [view for view, version in sorted(entry.views.items()) if present.get(view) != version]
    if not others:
        return ""
    return f"{name} was trained on another version of the view {', '.join(others)}: train again"


def unread_views(entry: Entry) -> list[str]:
    """Return the views of a model that no modality reads: it has a part of which there is no code now."""
    read = {view for modality in MODALITIES.values() for view in modality.views}
    return sorted(entry.views.keys() - read)


def rollback(warehouse: Warehouse, label_set: str, model: str) -> Entry:
    """Make the champion before the present one the champion again.

    Args:
        warehouse: The warehouse, open for writing.
        label_set: `movielens`, `tmdb` or `imdb`.
        model: A modality, or `combined`.

    Returns:
        Its new entry. The present champion is retired.

    Raises:
        ModelError: There is no champion, or none before it.

    Example:
        >>> present = champion(warehouse, "movielens", "tags")
        >>> earlier = rollback(warehouse, "movielens", "tags")
        >>> earlier == champion(warehouse, "movielens", "tags")
        True
        >>> earlier.reason == f"rolled back from {present.model_version}"
        True
    """
    now = champion(warehouse, label_set, model)
    before = [
        entry
        for entry in entries(warehouse, label_set, model)
        if entry.stage == "retired" and entry.promoted_at is not None
    ]
    if now is None or not before:
        raise ModelError(f"nothing to roll {label_set} {model} back to: no earlier champion is registered")
    last = max(before, key=lambda entry: entry.promoted_at or entry.created_at)
    return promote(
        warehouse, label_set, model, last.model_version, reason=f"rolled back from {now.model_version}"
    )


def _stepping_down(tx: Transaction, entry: Entry, reason: str) -> list[Entry]:
    rows = tx.query(_ONE, [entry.label_set, entry.model]).to_pylist()
    return [
        Entry(**{**vars(Entry.of(row)), "stage": "retired", "reason": reason})
        for row in rows
        if row["stage"] == "champion" and row["model_version"] != entry.model_version
    ]


def _table(rows: list[Entry]) -> pa.Table:
    return pa.Table.from_pylist([entry.row() for entry in rows], schema=_SCHEMA)


def write_artefact(model_dir: Path, relative: str, save: Callable[[Path], None]) -> str:
    """Have `save` write a directory, put it at `model_dir/relative`, and return its hash.

    ModelError where the directory cannot be written.
    """
    final = model_dir / relative
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=final.parent))
        try:
            save(aside / "model")
            digest = directory_sha256(aside / "model")
            if final.exists():
                shutil.rmtree(final)
            (aside / "model").replace(final)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"the model cannot be written to {final}: {error.strerror or error}") from error
    return digest


def verified(model_dir: Path, entry: Entry) -> Path:
    """Return the directory of a registered model.

    DamagedModel where its files are gone, or are others than those registered.
    """
    directory = model_dir / entry.artefact_path
    name = f"{entry.label_set} {entry.model} {entry.model_version}"
    if not directory.is_dir():
        raise DamagedModel(f"the files of {name} are gone ({directory}): roll back or train again")
    if directory_sha256(directory) != entry.artefact_sha256:
        raise DamagedModel(
            f"the files of {name} were changed since it was registered: roll back or train again"
        )
    return directory
