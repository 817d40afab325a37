"""Which source has the word on each column of `core.movies`."""

from warehouse.identifiers import literal, quote

PRECEDENCE: dict[str, tuple[str, ...]] = {
    "tmdb_id": ("tmdb", "person", "movielens"),
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


def chosen_sources() -> str:
    """Return SQL for a JSON object that names, for each column that has a value, the source that gave it."""
    given = {
        column: "CASE "
        + " ".join(
            f"WHEN {quote('from_' + source)}.{quote(column)} IS NOT NULL THEN {literal(source)}"
            for source in sources
        )
        + " END"
        for column, sources in PRECEDENCE.items()
    }
    # One source that calls a movie adult is enough.
    given["adult"] = (
        "CASE WHEN from_tmdb.adult THEN 'tmdb' WHEN from_imdb.adult THEN 'imdb' "
        "WHEN from_tmdb.adult IS NOT NULL THEN 'tmdb' WHEN from_imdb.adult IS NOT NULL THEN 'imdb' END"
    )
    listed = ", ".join(f"{literal(column)}: {sql}" for column, sql in given.items())
    return f"CAST(json_merge_patch('{{}}', to_json({{{listed}}})) AS VARCHAR)"


def chosen_columns() -> str:
    """Return the SELECT list that takes each column from the first source that knows it."""
    picked = []
    for column, sources in PRECEDENCE.items():
        values = ", ".join(f"{quote('from_' + source)}.{quote(column)}" for source in sources)
        picked.append(f"coalesce({values}) AS {quote(column)}")
    return ", ".join(picked)


def filled(statement: str) -> str:
    """Return a statement with both lists in the place of `{chosen_columns}` and `{chosen_sources}`."""
    return statement.replace("{chosen_columns}", chosen_columns()).replace(
        "{chosen_sources}", chosen_sources()
    )
