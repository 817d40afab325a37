"""MovieLens: research datasets of ratings, tags and links, as zip files.

Cite F. Maxwell Harper and Joseph A. Konstan, "The MovieLens Datasets: History and Context", ACM TiiS 5(4),
2015.

>>> from pathlib import Path
>>> from connectors import MovieLens
>>> movielens = MovieLens("https://files.grouplens.org/datasets/movielens", Path("downloads"))
>>> file = movielens.fetch("ml-latest-small", cursor=None)  # doctest: +SKIP
>>> if file is not None:  # doctest: +SKIP
...     for table in file.tables:
...         for batch in file.read(table):
...             print(table, batch.num_rows, batch.schema.names)

`fetch` answers None when the set is the one that the cursor speaks of.
"""

from connectors.movielens.client import MovieLens
from connectors.movielens.layouts import LAYOUTS

__all__ = ["LAYOUTS", "MovieLens"]
