"""Landing bulk files: as what changed since the file's last version, or as a whole where that costs less."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from warehouse.errors import SchemaMismatch, WarehouseError
from warehouse.identifiers import qualified
from warehouse.land.first import land_first
from warehouse.land.staging import CHANGED, staged
from warehouse.schema import Table
from warehouse.transaction import Transaction, WriteResult


class EmptyFile(WarehouseError):
    """A file without rows would delete everything that its last version held; land the whole file again."""


@dataclass(frozen=True)
class Target:
    """Where a file's rows go, and what tells them apart."""

    table: str
    keys: tuple[str, ...] = ()
    """The columns that tell the rows of one file apart; none: the file replaces the data set's rows."""
    by_dataset: bool = False
    """The table holds several data sets, each with keys of its own."""


TARGETS = {
    ("movielens", "movies"): Target("raw.movielens_movies", ("movielens_id",), by_dataset=True),
    ("movielens", "links"): Target("raw.movielens_links", ("movielens_id",), by_dataset=True),
    # A user may give a movie the same tag twice: only the whole row tells them apart.
    ("movielens", "tags"): Target(
        "raw.movielens_tags", ("user_id", "movielens_id", "tag", "tagged_at"), by_dataset=True
    ),
    ("movielens", "ratings"): Target("raw.movielens_ratings", by_dataset=True),
    ("movielens", "genome_tags"): Target("raw.movielens_genome_tags", by_dataset=True),
    ("movielens", "genome_scores"): Target("raw.movielens_genome_scores", by_dataset=True),
    ("imdb", "title.basics"): Target("raw.imdb_title_basics", ("tconst",)),
    ("imdb", "title.ratings"): Target("raw.imdb_title_ratings", ("tconst",)),
    ("imdb", "title.crew"): Target("raw.imdb_title_crew", ("tconst",)),
    # A title has many of these: only the whole row tells them apart.
    ("imdb", "title.principals"): Target(
        "raw.imdb_title_principals", ("tconst", "ordering", "nconst", "category", "job", "characters")
    ),
    ("imdb", "title.akas"): Target(
        "raw.imdb_title_akas",
        ("tconst", "ordering", "title", "region", "language", "types", "attributes", "is_original_title"),
    ),
    ("imdb", "title.episode"): Target("raw.imdb_title_episode", ("tconst",)),
    ("imdb", "name.basics"): Target("raw.imdb_name_basics", ("nconst",)),
}


def land_bulk(
    tx: Transaction,
    source: str,
    dataset: str,
    table: str,
    batches: Iterable[pa.RecordBatch],
    *,
    batch_id: str,
    request: str,
    fetched_at: datetime,
) -> WriteResult:
    """Land one table of a bulk file; return how many rows came, landed and went to quarantine.

    `source` and `table` are a pair of TARGETS, such as ("movielens", "links"); `dataset` names the MovieLens
    set. The batches have the columns of the raw table without those that every raw table has, and are read
    once. Memory hardly grows with the file.

    Into an empty table every row is added. After that only rows that are new or have changed, and, with
    deleted = true and their last values, those that the file no longer has. Ratings and the tag genome are
    replaced as a whole. A row that repeats an earlier row's key, or breaks the table's contract, goes to
    quarantine.

    Raises EmptyFile where a file without rows would delete everything, SchemaMismatch for an unknown table.
    """
    if (source, table) not in TARGETS:
        raise SchemaMismatch(f"{source} has no table {table}: known are {', '.join(t for _, t in TARGETS)}")
    target = TARGETS[source, table]
    constants: dict[str, Any] = {
        "source": source,
        "fetched_at": fetched_at,
        "request": request,
        "batch_id": batch_id,
    }
    if target.by_dataset:
        constants["dataset"] = dataset
    if not target.keys:
        tx.execute(f"DELETE FROM {qualified(target.table)} WHERE dataset = $dataset", {"dataset": dataset})
        return tx.append(target.table, batches, constants=constants)
    return _land_changes(tx, batches, tx.table(target.table), target.keys, constants)


def _land_changes(
    tx: Transaction,
    batches: Iterable[pa.RecordBatch],
    table: Table,
    keys: tuple[str, ...],
    constants: dict[str, Any],
) -> WriteResult:
    dataset = {name: constants[name] for name in ("dataset",) if name in constants}
    only = "WHERE dataset = $dataset" if dataset else ""
    held = tx.scalar(f"SELECT count(*) FROM {qualified(table.name)} {only}", dataset)
    if not held:
        return land_first(tx, table, keys, batches, constants)
    with staged(tx, table, keys, batches) as stage:
        if not stage.rows:
            raise EmptyFile(
                f"{constants['request']} has no rows, and {table.name} has {held}: nothing was deleted; "
                "fetch the file again"
            )
        rows_in = stage.rows
        repeated = stage.take_repeated()
        tx.quarantine(constants["source"], table.name, repeated, constants["batch_id"])
        stage.compare(only, dataset)
        written = tx.append(table.name, stage.stream(CHANGED), constants=constants)
        written += tx.append(table.name, stage.vanished(), constants=constants)
    return WriteResult(rows_in, written.rows_landed, written.rows_quarantined + repeated.num_rows)
