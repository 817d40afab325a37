"""Rows that name a movie by its title and year only."""

import pyarrow as pa

from warehouse.statements import statements
from warehouse.transaction import Transaction

_PLAINLY = (
    "CREATE OR REPLACE TEMP MACRO plainly(t) AS "
    r"lower(regexp_replace(strip_accents(t), '[^\p{L}\p{N}]+', '', 'g'))"
)


def find_titled(tx: Transaction, titles: pa.Table) -> dict[int, str | None]:
    """Return the IMDb id of the movie with a row's title and year, by the row's number.

    `titles` has the columns n int64, title string, year int32 and runtime_minutes int32. A row that no living
    movie of `core.movies` fits is left out; None stands where several fit and the running time does not
    decide between them. Rows of the same length as their movie come first.
    """
    tx.execute(_PLAINLY)
    tx.register("titled", titles)
    (query,) = statements("warehouse.land", "titled")
    matches = tx.query(query).to_pylist()
    tx.unregister("titled")
    return {row["n"]: row["imdb_id"] for row in matches}
