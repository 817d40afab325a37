"""IMDb's non-commercial datasets: seven `.tsv.gz` files, replaced daily.

>>> from pathlib import Path
>>> from connectors import IMDb
>>> imdb = IMDb("https://datasets.imdbws.com", Path("downloads"))
>>> file = imdb.fetch("title.ratings", cursor=None)  # doctest: +SKIP
>>> if file is not None:  # doctest: +SKIP
...     for batch in file.read("title.ratings"):
...         print(batch.num_rows, "ratings")
...     print(file.rejects("title.ratings"), file.cursor)

`fetch` answers None when the file is the one that the cursor speaks of.
"""

from connectors.imdb.client import IMDb
from connectors.imdb.layouts import LAYOUTS

__all__ = ["LAYOUTS", "IMDb"]
