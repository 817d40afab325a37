"""A home's tables as anybody gets them: `reelhouse export`, which writes Parquet, read by pyarrow."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

TABLES = (
    "raw.tmdb_movies", "raw.imdb_title_basics", "raw.imdb_title_ratings", "raw.imdb_title_crew",
    "raw.movielens_movies", "raw.movielens_links", "raw.movielens_tags", "raw.movielens_ratings",
    "raw.movielens_genome_tags", "core.movies", "core.id_map", "core.movie_genres", "core.movie_keywords",
    "core.movie_companies", "core.movie_countries", "core.movie_languages", "core.movie_people",
    "core.movie_tags", "core.ratings",
)  # fmt: skip


class Home:
    """The exported tables of a home."""

    def __init__(self, exported: Path) -> None:
        self._exported = exported

    def rows(self, table: str, *columns: str) -> list[dict[str, Any]]:
        """Return the rows of a table, with these columns or all."""
        schema, _, name = table.partition(".")
        file = self._exported / schema / f"{name}.parquet"
        rows: list[dict[str, Any]] = pq.read_table(file, columns=list(columns) or None).to_pylist()
        return rows

    def last(self, table: str, key: str) -> dict[Any, dict[str, Any]]:
        """Return the row of `raw` that came last about each key."""
        return {row[key]: row for row in sorted(self.rows(table), key=lambda row: row["fetched_at"])}

    def answers(self) -> dict[int, dict[str, Any]]:
        """Return the row of TMDb's last answer about each movie that it still has."""
        return {
            key: row for key, row in self.last("raw.tmdb_movies", "tmdb_id").items() if row["status"] == 200
        }


@contextmanager
def exported(home: Path) -> Iterator[Home]:
    """Export a home to a temporary directory; raises RuntimeError with what the command said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELHOUSE_")}
    with tempfile.TemporaryDirectory() as directory:
        result = subprocess.run(
            [sys.executable, "-m", "flows.cli", "export", directory, *TABLES],
            env={**kept, "REELHOUSE_HOME": str(home), "REELHOUSE_CONFIG": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise RuntimeError(f"{home}: {result.stderr.strip()}")
        yield Home(Path(directory))
