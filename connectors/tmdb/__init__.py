"""TMDb, the community's movie database: API v3 and the daily id export.

>>> import asyncio, os
>>> from connectors import TMDb
>>> async def payloads(token: str) -> None:
...     exports = "https://files.tmdb.org/p/exports"
...     async with TMDb("https://api.themoviedb.org/3", token, export_url=exports) as tmdb:
...         async for batch in tmdb.movies([862, 8844]):
...             print(batch.table.column("payload"))
>>> asyncio.run(payloads(os.environ["REELHOUSE_TMDB_TOKEN"]))  # doctest: +SKIP
"""

from connectors.tmdb.answers import EXPORT_COLUMNS, ROW_COLUMNS
from connectors.tmdb.client import APPENDED, MOVIE_COLUMNS, TMDb, TMDbBatch

__all__ = ["APPENDED", "EXPORT_COLUMNS", "MOVIE_COLUMNS", "ROW_COLUMNS", "TMDb", "TMDbBatch"]
