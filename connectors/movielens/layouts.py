"""How the members of MovieLens' zip files are written; each generation of sets has its own way.

- since 20M: `.csv`, UTF-8, quoted, with a header;
- 1M and 10M: `.dat`, `::` between fields, no header; 1M is Latin-1, 10M UTF-8;
- 100K: `u.item` and `u.data`, `|` and tabs between fields, no header, Latin-1, genres as 19 columns of 0 and
1.
"""

import pyarrow as pa

from connectors.delimited import Column, Layout

MOVIES = (
    Column("movielens_id", "movieId", "int64", required=True),
    Column("title", "title", required=True),
    Column("genres", "genres"),
)
LINKS = (
    Column("movielens_id", "movieId", "int64", required=True),
    Column("imdb_id", "imdbId"),
    Column("tmdb_id", "tmdbId", "int64"),
)
TAGS = (
    Column("user_id", "userId", "int64", required=True),
    Column("movielens_id", "movieId", "int64", required=True),
    Column("tag", "tag", required=True),
    Column("tagged_at", "timestamp", "seconds"),
)
RATINGS = (
    Column("user_id", "userId", "int64", required=True),
    Column("movielens_id", "movieId", "int64", required=True),
    Column("rating", "rating", "double", required=True),
    Column("rated_at", "timestamp", "seconds"),
)
GENOME_TAGS = (Column("tag_id", "tagId", "int64", required=True), Column("tag", "tag", required=True))
GENOME_SCORES = (
    Column("movielens_id", "movieId", "int64", required=True),
    Column("tag_id", "tagId", "int64", required=True),
    Column("relevance", "relevance", "double", required=True),
)
FLAGS = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip


def _dat(*columns: Column, encoding: str = "utf-8") -> Layout:
    return Layout(
        columns, b"::", quoted=False, encoding=encoding, header=tuple(column.header for column in columns)
    )


LAYOUTS: dict[str, tuple[str, Layout]] = {
    "movies.csv": ("movies", Layout(MOVIES)),
    "links.csv": ("links", Layout(LINKS)),
    "tags.csv": ("tags", Layout(TAGS)),
    "ratings.csv": ("ratings", Layout(RATINGS)),
    "genome-tags.csv": ("genome_tags", Layout(GENOME_TAGS)),
    "genome-scores.csv": ("genome_scores", Layout(GENOME_SCORES)),
    "movies.dat": ("movies", _dat(*MOVIES)),
    "tags.dat": ("tags", _dat(*TAGS)),
    "ratings.dat": ("ratings", _dat(*RATINGS)),
    "u.item": (
        "movies",
        Layout(
            MOVIES,
            b"|",
            quoted=False,
            encoding="latin-1",
            header=("movieId", "title", "released", "video", "url", *FLAGS),
        ),
    ),
    "u.data": (
        "ratings",
        Layout(RATINGS, b"\t", quoted=False, encoding="latin-1", header=tuple(c.header for c in RATINGS)),
    ),
}
"""Name of a zip member → table, layout."""


def genres_from_flags(table: pa.Table) -> pa.Table:
    """The table of `u.item` with its 19 columns of 0 and 1 replaced by one `genres`, joined by `|`."""
    flags = [table.column(name).to_pylist() for name in FLAGS]
    genres = [
        "|".join(name for name, flag in zip(FLAGS, row, strict=True) if flag == "1" and name != "unknown")
        for row in zip(*flags, strict=True)
    ]
    return pa.table(
        {
            "movieId": table.column("movieId"),
            "title": table.column("title"),
            "genres": pa.array([joined or "(no genres listed)" for joined in genres], pa.string()),
        }
    )
