"""Posters: TMDb's image host, kept in a store that names every file by its content.

>>> import pyarrow as pa
>>> from pathlib import Path
>>> from connectors import Posters
>>> async def one(store: Path) -> None:
...     wanted = pa.table({"tmdb_id": [862], "poster_path": ["/uXDfjJbdP4ijW5hWSBrPrlKpxab.jpg"]})
...     async with Posters(store, "https://image.tmdb.org/t/p") as posters:
...         async for batch in posters.fetch(wanted):
...             print(batch.column("state"), batch.column("sha256"))
"""

from connectors.posters.client import POSTER_COLUMNS, Posters
from connectors.posters.store import Image, PosterStore, Unusable

__all__ = ["POSTER_COLUMNS", "Image", "PosterStore", "Posters", "Unusable"]
