"""Landing posters: what became of each one that was asked for."""

from datetime import datetime, timedelta

import pyarrow as pa

from warehouse.statements import bound, run_file, statements
from warehouse.transaction import Transaction
from warehouse.warehouse import Warehouse

_PACKAGE = "warehouse.land"
RETRY_AFTER = timedelta(days=7)
"""A path's picture never changes at TMDb; what was missing or broken is asked for again after this time."""


def land_posters(tx: Transaction, table: pa.Table) -> int:
    """Write what became of a batch of posters to `ops.poster_files`, one row per TMDb id; return how many.

    `table` has the columns tmdb_id, poster_path, state (stored, missing or bad), reason, sha256, width,
    height, format, bytes, fetched_at.
    """
    tx.register("poster_answers", table)
    return run_file(tx, _PACKAGE, "posters", {"retry": RETRY_AFTER})


def posters_wanted(warehouse: Warehouse, now: datetime) -> pa.Table:
    """Return tmdb_id int64 and poster_path string of the posters that are to be fetched.

    Those are the paths in `core.movies` (conform first) that are not stored, nor to be left alone at `now`.
    """
    (wanted,) = statements(_PACKAGE, "posters_wanted")
    return warehouse.query(wanted, bound(wanted, {"now": now}))
