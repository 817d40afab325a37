"""IMDb's non-commercial datasets: seven `.tsv.gz` files, replaced daily.

>>> from pathlib import Path
>>> from connectors import IMDb
>>> def rows(directory: Path) -> None:
...     imdb = IMDb("https://datasets.imdbws.com", directory)
...     file = imdb.fetch("title.ratings", cursor=None)  # None when nothing has changed since the cursor
...     if file is not None:
...         for batch in file.read("title.ratings"):
...             print(batch.num_rows)
...         print(file.rejects("title.ratings"), file.cursor)
"""

from connectors.imdb.client import IMDb
from connectors.imdb.layouts import LAYOUTS

__all__ = ["LAYOUTS", "IMDb"]
