"""MovieLens: research datasets of ratings, tags and links, as zip files.

Cite F. Maxwell Harper and Joseph A. Konstan, "The MovieLens Datasets: History and Context", ACM TiiS 5(4),
2015.

>>> from pathlib import Path
>>> from connectors import MovieLens
>>> def rows(directory: Path) -> None:
...     movielens = MovieLens("https://files.grouplens.org/datasets/movielens", directory)
...     file = movielens.fetch("ml-latest-small", cursor=None)
...     if file is not None:  # None: it is the one that the cursor speaks of
...         for table in file.tables:
...             for batch in file.read(table):
...                 print(table, batch.num_rows)
"""

from connectors.movielens.client import MovieLens
from connectors.movielens.layouts import LAYOUTS

__all__ = ["LAYOUTS", "MovieLens"]
