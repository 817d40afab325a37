"""Posters: TMDb's image host, kept in a store that names every file by its content.

>>> import asyncio
>>> from pathlib import Path
>>> import pyarrow as pa
>>> from connectors import Posters
>>> async def one(path: str) -> None:
...     wanted = pa.table({"tmdb_id": [862], "poster_path": [path]})
...     async with Posters(Path("posters"), "https://image.tmdb.org/t/p") as posters:
...         async for batch in posters.fetch(wanted):
...             print(batch.column("state"), batch.column("sha256"))
>>> asyncio.run(one("/uXDfjJbdP4ijW5hWSBrPrlKpxab.jpg"))  # doctest: +SKIP
"""

from connectors.posters.client import POSTER_COLUMNS, Posters
from connectors.posters.poster_files import Image, PosterStore, Unusable

__all__ = ["POSTER_COLUMNS", "Image", "PosterStore", "Posters", "Unusable"]
