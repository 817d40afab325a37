"""Landing: what a source sent becomes rows of `raw`, in the caller's transaction.

Each function takes the open transaction and Arrow data, so that a batch's rows, its cursor and its ledger
entry commit together.
"""

from warehouse.land.bulk import EmptyFile, land_bulk
from warehouse.land.posters import land_posters, posters_wanted
from warehouse.land.titled import find_titled
from warehouse.land.tmdb import land_tmdb_export, land_tmdb_movies, tmdb_forgotten, tmdb_state, tmdb_unscored
from warehouse.transaction import WriteResult

__all__ = [
    "EmptyFile",
    "WriteResult",
    "find_titled",
    "land_bulk",
    "land_posters",
    "land_tmdb_export",
    "land_tmdb_movies",
    "posters_wanted",
    "tmdb_forgotten",
    "tmdb_state",
    "tmdb_unscored",
]
