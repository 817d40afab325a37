"""`reelhouse features dataset`: a training set as a file, with the manifest that makes it again."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features import (
    FeatureView,
    Manifest,
    Released,
    Spine,
    TrainingSet,
    explain,
    rebuild,
    spine_of,
    training_set,
)
from flows.engine.console import Reporter, amount
from flows.engine.context import feature_views, location
from flows.engine.output_place import MANIFEST_OF_DATASET, PARQUET, output_file
from flows.engine.terminal import print_line, print_lines
from flows.errors import FlowError, WrongUsage
from flows.inspect.query import one_line
from flows.settings import Settings
from warehouse import Warehouse
from warehouse.errors import QueryFailed
from warehouse.sql import open_read_only, statements_of
from warehouse.whole_file import write_text, written


def make_dataset(
    settings: Settings,
    names: tuple[str, ...],
    out: Path,
    *,
    ids: tuple[int, ...] = (),
    sql: str | None = None,
    released: tuple[date, date] | None = None,
    as_of: datetime | None = None,
    label_set: str | None = None,
    as_json: bool = False,
) -> None:
    """Write the training set of the named views (all that were built without names) and its manifest.

    Beside `out`, `<out>.spine.parquet` holds the rows that were asked for with their split and labels, and
    `<out>.manifest.json` what `reproduce` needs besides.
    """
    _look_at(settings, out)
    spine: Spine = ids or Released(*(released or ()))
    if sql is not None:
        spine = _selected(settings, sql)
    with Warehouse.open(location(settings), read_only=True) as warehouse, Reporter().ticking("dataset"):
        views = _chosen(settings, warehouse, names)
        spine_path = _beside(out, "spine.parquet")
        _write(spine_path, spine_of(warehouse, spine, label_set))
        made = training_set(warehouse, pq.read_table(spine_path), views, as_of)  # types as Parquet has them
        manifest = Manifest.of(made)
    _write(out, made.table)
    write_text(_beside(out, "manifest.json"), manifest.to_json() + "\n")
    _tell(out, made, manifest, as_json)


def reproduce(settings: Settings, manifest_path: Path, out: Path, as_json: bool) -> None:
    """Make the training set of a manifest again; raises NotReproduced where anything differs from then."""
    output_file(settings, out, PARQUET)
    try:
        manifest = Manifest.from_json(manifest_path.read_text(encoding="utf-8"))
        whole = manifest_path.with_name(manifest_path.name.removesuffix(".manifest.json"))
        spine = pq.read_table(_beside(whole, "spine.parquet"))
    except (OSError, ValueError, TypeError) as error:
        raise FlowError(f"no manifest and spine of a dataset at {manifest_path}: {one_line(error)}") from None
    with Warehouse.open(location(settings), read_only=True) as warehouse, Reporter().ticking("dataset"):
        made = rebuild(warehouse, spine, feature_views(settings).values(), manifest)
    _write(out, made.table)
    _tell(out, made, manifest, as_json)


def print_sql(settings: Settings, names: tuple[str, ...]) -> None:
    """Print the SQL that the as-of join of each view runs."""
    print_lines(
        explain({name: view for name, view in feature_views(settings).items() if name in names or not names})
    )


def _chosen(settings: Settings, warehouse: Warehouse, names: tuple[str, ...]) -> dict[str, FeatureView]:
    views: Mapping[str, FeatureView] = feature_views(settings)
    built = warehouse.table_counts()
    if missing := [name for name in names if not built.get(f"features.{name}")]:
        raise FlowError(f"{', '.join(missing)} was not built yet: run `reelhouse features {missing[0]}`")
    return {
        name: view
        for name, view in views.items()
        if (name in names if names else built.get(f"features.{name}"))
    }


def _selected(settings: Settings, sql: str) -> pa.Table:
    """Return the rows of a person's query, run on a connection that can only read the lake."""
    with open_read_only(location(settings)) as connection:
        try:
            if sum(map(connection.is_question, statements_of(sql))) > 1:
                raise WrongUsage("--sql takes one query: give the rows in one")
            return connection.execute(sql).to_arrow_reader(100_000).read_all()
        except QueryFailed as error:
            raise FlowError(one_line(error)) from None


def _beside(out: Path, what: str) -> Path:
    return out.with_name(f"{out.name}.{what}")


def _look_at(settings: Settings, out: Path) -> None:
    for path in (out, _beside(out, "spine.parquet")):
        output_file(settings, path, PARQUET)
    output_file(settings, _beside(out, "manifest.json"), MANIFEST_OF_DATASET)


def _write(path: Path, table: pa.Table) -> None:
    with written(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def _tell(out: Path, made: TrainingSet, manifest: Manifest, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"path": str(out), "columns": made.table.column_names, **vars(manifest)}))
        return
    print_line(
        f"{out}: {amount(manifest.rows)} rows, {made.table.num_columns} columns, "
        f"sha256 {manifest.sha256[:12]}"
    )
    for name, version in made.versions.items():
        have = made.table[f"{name}__present"].to_numpy().sum() if manifest.rows else 0
        print_line(f"  {name:<10}{version:<14}{amount(int(have)):>10} rows have it")
