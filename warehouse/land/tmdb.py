"""Landing TMDb: answers to /movie/{id}, and the daily export of ids."""

from datetime import date, datetime

import pyarrow as pa

from warehouse.live import LIVE_MOVIES
from warehouse.statements import run_file, statements
from warehouse.transaction import Transaction, WriteResult
from warehouse.warehouse import Warehouse

_PACKAGE = "warehouse.land"
_TABLE = "raw.tmdb_movies"


def land_tmdb_movies(
    tx: Transaction, table: pa.Table, *, batch_id: str, request: str, fetched_at: datetime
) -> WriteResult:
    """Land one batch of answers; return how many rows came, landed and went to quarantine.

    `table` has the columns tmdb_id int64, payload string|null, status int16 (200 or 404), content_hash
    string|null, reason string|null and source_time timestamp (TMDb's own clock).

    A row is added to `raw.tmdb_movies` only where the answer differs from the last one of that id; a 404 is
    added once, with a NULL payload. `ops.source_state` takes the time of every good answer, changed or not.

    An answer with a `reason`, one that is no JSON object, or one whose id is not the id that was asked for,
    goes to quarantine. Its movie is then forgotten in `ops.source_state`, so that the next plan sees an id
    that was never fetched and asks for it again; what `raw` holds of it stays.
    """
    tx.register("tmdb_answers", table)
    run_file(tx, "warehouse.conform", "readable")
    run_file(tx, _PACKAGE, "tmdb_movies")
    (unlanded,) = statements(_PACKAGE, "tmdb_malformed")
    malformed = tx.query(unlanded)
    tx.quarantine("tmdb", _TABLE, malformed, batch_id)
    (changed,) = statements(_PACKAGE, "tmdb_changed")
    written = tx.append(
        _TABLE,
        tx.query(changed),
        constants={"source": "tmdb", "fetched_at": fetched_at, "request": request, "batch_id": batch_id},
    )
    run_file(tx, _PACKAGE, "tmdb_state", {"checked_at": fetched_at})
    return WriteResult(table.num_rows, written.rows_landed, written.rows_quarantined + malformed.num_rows)


def land_tmdb_export(tx: Transaction, table: pa.Table, day: date) -> WriteResult:
    """Replace the daily export by that of `day`; return how many rows came, landed and went to quarantine.

    `table` has the columns tmdb_id int64, adult bool, popularity double, video bool.
    """
    batch_id = tx.batch(None, "tmdb", "export", f"movie_ids_{day:%m_%d_%Y}.json.gz")
    return tx.replace(
        "raw.tmdb_ids",
        table,
        {},
        constants={
            "export_date": day,
            "source": "tmdb",
            "fetched_at": tx.scalar("SELECT now()"),
            "request": f"movie_ids_{day:%m_%d_%Y}.json.gz",
            "batch_id": batch_id,
        },
    )


def tmdb_state(warehouse: Warehouse) -> pa.Table:
    """Return tmdb_id int64, status int16 and source_checked_at timestamp[us, UTC] of every id fetched."""
    return warehouse.query(
        "SELECT TRY_CAST(source_id AS BIGINT) AS tmdb_id, status, source_checked_at FROM ops.source_state "
        "WHERE source = 'tmdb'"
    )


def tmdb_forgotten(warehouse: Warehouse) -> pa.Table:
    """Return tmdb_id int64 of the movies that `raw` has an answer of and `ops.source_state` does not know.

    Their last answer could not be used, or is not to be trusted: they are to be asked for again.
    """
    return warehouse.query(
        "SELECT DISTINCT tmdb_id FROM raw.tmdb_movies WHERE CAST(tmdb_id AS VARCHAR) NOT IN "
        "(SELECT source_id FROM ops.source_state WHERE source = 'tmdb')"
    )


def tmdb_unscored(warehouse: Warehouse) -> pa.Table:
    """Return tmdb_id int64 of the live movies that were never fetched and that no champion has scored."""
    sql = f"""
        SELECT DISTINCT m.tmdb_id
        FROM {LIVE_MOVIES} AS m
        LEFT JOIN ops.source_state AS s ON s.source = 'tmdb' AND s.source_id = CAST(m.tmdb_id AS VARCHAR)
        WHERE m.tmdb_id IS NOT NULL AND s.source_id IS NULL
            AND m.movie_id NOT IN (SELECT movie_id FROM predictions.current)
    """  # noqa: S608 - a constant
    return warehouse.query(sql)
