"""What is needed to make a training set again, bit for bit, and to know that it is the same."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from features.errors import NotReproduced
from features.training import TrainingSet, training_set
from features.view import FeatureView
from warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Manifest:
    """A training set's view versions, times, snapshot, and the hashes of its spine and of all its values.

    Keep it beside a model: `rebuild` makes the same training set again, or says what differs.

    Example:
        >>> from features import view_named
        >>> spine, views = pa.table({"movie_id": [1, 2, 3]}), [view_named(settings, "tags")]
        >>> made = training_set(warehouse, spine, views)
        >>> text = Manifest.of(made).to_json()
        >>> again = rebuild(warehouse, spine, views, Manifest.from_json(text))
        >>> again.table.equals(made.table)
        True
    """

    versions: dict[str, str]
    as_of: str | None
    """ISO 8601, as it was asked for."""
    known_by: str
    """ISO 8601; what was learnt later is not in the set."""
    snapshot_id: int
    rows: int
    spine_sha256: str
    sha256: str

    @classmethod
    def of(cls, made: TrainingSet) -> "Manifest":
        """Return the manifest of a training set."""
        features = [name for name in made.table.column_names if "__" in name]
        return cls(
            dict(made.versions),
            made.as_of.isoformat() if made.as_of else None,
            made.known_by.isoformat(),
            made.snapshot_id,
            made.table.num_rows,
            digest(made.table.drop_columns(features)),
            digest(made.table),
        )

    def to_json(self) -> str:
        """Return the manifest as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Return the manifest that `to_json` wrote."""
        return cls(**json.loads(text))


def rebuild(
    warehouse: Warehouse, spine: pa.Table, views: Iterable[FeatureView], manifest: Manifest
) -> TrainingSet:
    """Return the training set of a manifest, made again; raise NotReproduced where anything differs."""
    views_by_name = {view.name: view for view in views}
    for name, version in manifest.versions.items():
        if name not in views_by_name or views_by_name[name].version != version:
            now = views_by_name[name].version if name in views_by_name else "absent"
            raise NotReproduced(f"the view {name} was {version} then and is {now} now")
    if digest(spine) != manifest.spine_sha256:
        raise NotReproduced("the spine is not the one of then")
    ordered = [views_by_name[name] for name in manifest.versions]
    as_of = datetime.fromisoformat(manifest.as_of) if manifest.as_of else None
    known_by = datetime.fromisoformat(manifest.known_by)
    made = training_set(warehouse, spine, ordered, as_of, known_by=known_by)
    if digest(made.table) != manifest.sha256:
        raise NotReproduced(
            f"values differ from those of snapshot {manifest.snapshot_id}: was history removed?"
        )
    return made


def digest(table: pa.Table) -> str:
    """Return the SHA-256 of a table's column names, types and values.

    It does not depend on the table's chunks, nor on what lies under its nulls.
    """
    sha = hashlib.sha256()
    for field, column in zip(table.schema, table.columns, strict=True):
        sha.update(f"{field.name} {field.type} {len(column)}\n".encode())
        _update(sha, column.combine_chunks())
    return sha.hexdigest()


def _update(sha: "hashlib._Hash", values: pa.Array) -> None:
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    sha.update(values.is_valid().to_numpy(zero_copy_only=False).tobytes())
    known = values.drop_null()
    if pa.types.is_list(values.type):
        sha.update(pc.list_value_length(known).to_numpy(zero_copy_only=False).tobytes())
        _update(sha, pc.list_flatten(known))
    elif pa.types.is_string(values.type):
        sha.update(pc.binary_length(known).to_numpy(zero_copy_only=False).tobytes())
        sha.update("".join(known.to_pylist()).encode())
    else:
        sha.update(known.to_numpy(zero_copy_only=False).tobytes())
