"""How the members of MovieLens' zip files are written; each generation of sets has its own way.

- since 20M: `.csv`, UTF-8, quoted, with a header;
- 1M and 10M: `.dat`, `::` between fields, no header; 1M is Latin-1, 10M UTF-8;
- 100K: `u.item` and `u.data`, `|` and tabs between fields, no header, Latin-1, genres as 19 columns of 0 and
1.
"""

import pyarrow as pa

from connectors.delimited import Field, FileLayout

MOVIES = (
    Field("movielens_id", "movieId", "int64", required=True),
    Field("title", "title", required=True),
    Field("genres", "genres"),
)
LINKS = (
    Field("movielens_id", "movieId", "int64", required=True),
    Field("imdb_id", "imdbId"),
    Field("tmdb_id", "tmdbId", "int64"),
)
TAGS = (
    Field("user_id", "userId", "int64", required=True),
    Field("movielens_id", "movieId", "int64", required=True),
    Field("tag", "tag", required=True),
    Field("tagged_at", "timestamp", "seconds"),
)
RATINGS = (
    Field("user_id", "userId", "int64", required=True),
    Field("movielens_id", "movieId", "int64", required=True),
    Field("rating", "rating", "double", required=True),
    Field("rated_at", "timestamp", "seconds"),
)
GENOME_TAGS = (Field("tag_id", "tagId", "int64", required=True), Field("tag", "tag", required=True))
GENOME_SCORES = (
    Field("movielens_id", "movieId", "int64", required=True),
    Field("tag_id", "tagId", "int64", required=True),
    Field("relevance", "relevance", "double", required=True),
)
FLAGS = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip


def _dat(*columns: Field, encoding: str = "utf-8") -> FileLayout:
    return FileLayout(
        columns, b"::", quoted=False, encoding=encoding, header=tuple(column.header for column in columns)
    )


LAYOUTS: dict[str, tuple[str, FileLayout]] = {
    "movies.csv": ("movies", FileLayout(MOVIES)),
    "links.csv": ("links", FileLayout(LINKS)),
    "tags.csv": ("tags", FileLayout(TAGS)),
    "ratings.csv": ("ratings", FileLayout(RATINGS)),
    "genome-tags.csv": ("genome_tags", FileLayout(GENOME_TAGS)),
    "genome-scores.csv": ("genome_scores", FileLayout(GENOME_SCORES)),
    "movies.dat": ("movies", _dat(*MOVIES)),
    "tags.dat": ("tags", _dat(*TAGS)),
    "ratings.dat": ("ratings", _dat(*RATINGS)),
    "u.item": (
        "movies",
        FileLayout(
            MOVIES,
            b"|",
            quoted=False,
            encoding="latin-1",
            header=("movieId", "title", "released", "video", "url", *FLAGS),
        ),
    ),
    "u.data": (
        "ratings",
        FileLayout(RATINGS, b"\t", quoted=False, encoding="latin-1", header=tuple(c.header for c in RATINGS)),
    ),
}
"""Name of a zip member → table, layout."""


def genres_from_flags(table: pa.Table) -> pa.Table:
    """Return the table of `u.item` with one column `genres`, joined by `|`, for its 19 of 0 and 1."""
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
