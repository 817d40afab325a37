"""Which source has the word on each column of `core.movies`."""

from warehouse.identifiers import quote

PRECEDENCE: dict[str, tuple[str, ...]] = {
    "tmdb_id": ("tmdb", "movielens"),
    "movielens_id": ("movielens",),
    "title": ("tmdb", "movielens", "imdb"),
    "original_title": ("tmdb", "imdb"),
    "year": ("tmdb", "imdb", "movielens"),
    "release_date": ("tmdb",),
    "original_language": ("tmdb",),
    "overview": ("tmdb",),
    "tagline": ("tmdb",),
    "runtime_minutes": ("tmdb", "imdb"),
    "budget_usd": ("tmdb",),
    "revenue_usd": ("tmdb",),
    "popularity": ("tmdb",),
    "tmdb_vote_average": ("tmdb",),
    "tmdb_vote_count": ("tmdb",),
    "imdb_rating": ("imdb",),
    "imdb_votes": ("imdb",),
    "certification": ("tmdb",),
    "status": ("tmdb",),
    "collection_id": ("tmdb",),
    "collection": ("tmdb",),
    "poster_path": ("tmdb",),
}
"""Column → sources: the first one that knows a value gives it."""


def printed() -> str:
    """Return the table as text, one column per line.

    >>> printed().splitlines()[2]
    'title              tmdb > movielens > imdb'
    """
    return "\n".join(f"{column:18} {' > '.join(sources)}" for column, sources in PRECEDENCE.items())


def chosen_columns() -> str:
    """Return the SELECT list that takes each column from the first source that knows it."""
    picked = []
    for column, sources in PRECEDENCE.items():
        values = ", ".join(f"{quote('from_' + source)}.{quote(column)}" for source in sources)
        picked.append(f"coalesce({values}) AS {quote(column)}")
    return ", ".join(picked)
