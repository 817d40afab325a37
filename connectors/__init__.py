"""Connectors to the outside world: TMDb, its posters, IMDb and MovieLens, as Arrow tables.

    TMDb        asynchronous client of the API v3 and the daily id export
    Posters     asynchronous client of the image host, with a content-addressed store
    IMDb        downloads of the seven .tsv.gz files
    MovieLens   downloads of the zip sets

They know nothing of the warehouse: cursors come in and go out as plain dictionaries. `connectors.errors` has
the tree of what can go wrong.
"""

from connectors.bulk_file import BulkFile
from connectors.errors import (
    BadRequest,
    BudgetSpent,
    CircuitOpen,
    ConnectionFailed,
    ConnectorError,
    Damaged,
    Malformed,
    NotFound,
    RateLimited,
    ServerFailed,
    SourceUnreachable,
    TerminalError,
    TransientError,
    Unauthorized,
    Untrusted,
)
from connectors.imdb import IMDb
from connectors.movielens import MovieLens
from connectors.posters import Posters
from connectors.retry import Budget, RetryPolicy
from connectors.tmdb import TMDb, TMDbBatch

__all__ = [
    "BadRequest",
    "Budget",
    "BudgetSpent",
    "BulkFile",
    "CircuitOpen",
    "ConnectionFailed",
    "ConnectorError",
    "Damaged",
    "IMDb",
    "Malformed",
    "MovieLens",
    "NotFound",
    "Posters",
    "RateLimited",
    "RetryPolicy",
    "ServerFailed",
    "SourceUnreachable",
    "TMDb",
    "TMDbBatch",
    "TerminalError",
    "TransientError",
    "Unauthorized",
    "Untrusted",
]
