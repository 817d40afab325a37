"""The bulk files of IMDb and MovieLens: what is new in them since last time.

A batch's rows, the source's cursor and the ledger entry are one transaction, so that a run killed anywhere
is carried on by the next one from what the warehouse holds.
"""

from collections.abc import Sequence

import pyarrow as pa

from connectors import IMDb, MovieLens
from connectors.bulk_file import BulkFile
from flows.engine.step import Work
from flows.errors import FlowError
from warehouse import Transaction
from warehouse.land import land_bulk

OWN_NUMBERS = "ml-100k"
"""All other sets of MovieLens number their movies alike."""


def ingest_movielens(work: Work, dataset: str) -> None:
    """Land one MovieLens set, unless it is the version that was landed last.

    Raises FlowError for 100K beside other sets.
    """
    landed = work.warehouse.query("SELECT DISTINCT dataset FROM raw.movielens_movies")["dataset"].to_pylist()
    if any(dataset.startswith(OWN_NUMBERS) != other.startswith(OWN_NUMBERS) for other in landed):
        raise FlowError(
            f"{dataset} cannot be put beside {', '.join(sorted(landed))}: ml-100k numbers its movies in its "
            "own way, and equal numbers would be taken for one movie; give it a home of its own (--home)"
        )
    source = MovieLens(work.settings.movielens_url, work.settings.home / "downloads" / "movielens")
    _land_file(work, source.fetch(dataset, work.warehouse.cursor("movielens", dataset)), "movielens", dataset)


def ingest_imdb(work: Work, dataset: str) -> None:
    """Land one IMDb file, unless it is the version that was landed last."""
    source = IMDb(work.settings.imdb_url, work.settings.home / "downloads" / "imdb")
    _land_file(work, source.fetch(dataset, work.warehouse.cursor("imdb", dataset)), "imdb", dataset)


def _land_file(work: Work, file: BulkFile | None, source: str, dataset: str) -> None:
    if file is None:
        work.step.note = "unchanged at the source"
        return

    def land(tx: Transaction) -> dict[str, int]:
        counts: dict[str, int] = {}
        batch_id = tx.batch(
            run_id=work.run_id,
            source=source,
            stream=dataset,
            request=file.request,
            source_hash=file.source_hash,
        )
        for done, table in enumerate(file.tables):
            result = land_bulk(
                tx, source, dataset, table, file.read(table),
                batch_id=batch_id, request=file.request, fetched_at=file.fetched_at,
            )  # fmt: skip
            rejects = file.rejects(table)
            if rejects:
                tx.quarantine(
                    source, f"raw.{source}_{table.replace('.', '_')}", reject_table(rejects), batch_id
                )
            counts[table] = counts.get(table, 0) + result.rows_landed
            counts["quarantined"] = counts.get("quarantined", 0) + result.rows_quarantined + len(rejects)
            work.tick(done + 1, len(file.tables))
        tx.set_cursor(source, dataset, file.cursor)
        return counts

    counts = work.warehouse.commit(land)
    work.step.counts.update(counts)
    work.step.rows_out = sum(value for key, value in counts.items() if key != "quarantined")


def reject_table(rejects: Sequence[tuple[str, str]]) -> pa.Table:
    return pa.table(
        {
            "original": pa.array([original for original, _ in rejects], pa.string()),
            "reason": pa.array([reason for _, reason in rejects], pa.string()),
        }
    )
