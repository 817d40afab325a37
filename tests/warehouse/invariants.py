"""Questions whose parts must agree within one snapshot, whatever is written: each counts what differs."""

_CHILDREN = (
    "movie_genres",
    "movie_keywords",
    "movie_people",
    "movie_tags",
    "movie_companies",
    "ratings",
    "posters",
)
_VIEWS = ("metadata", "tags", "text", "poster")

INVARIANTS = {
    "one row per movie": "SELECT count(*) - count(DISTINCT movie_id) FROM core.movies",
    "one live movie per id of each source": " UNION ALL ".join(
        f"SELECT count({name}) - count(DISTINCT {name}) FROM core.movies WHERE deleted_at IS NULL"  # noqa: S608 - named here
        for name in ("tmdb_id", "imdb_id", "movielens_id")
    ),
    "a movie around every detail": " UNION ALL ".join(
        f"SELECT count(*) FROM core.{name} c ANTI JOIN core.movies m USING (movie_id)"  # noqa: S608 - named above
        for name in _CHILDREN
    ),
    "an id for every movie": """
        SELECT count(*) FROM core.movies m ANTI JOIN core.id_map i USING (movie_id)
        WHERE m.deleted_at IS NULL""",
    "a state for every answer of TMDb": """
        SELECT abs((SELECT count(DISTINCT tmdb_id) FROM raw.tmdb_movies)
                   - (SELECT count(*) FROM ops.source_state WHERE source = 'tmdb'))""",
    "a batch for every row that landed": """
        SELECT count(*) FROM (SELECT DISTINCT batch_id FROM raw.tmdb_movies) r
        ANTI JOIN ops.batches b USING (batch_id)
        UNION ALL
        SELECT count(*) FROM (SELECT DISTINCT batch_id FROM raw.movielens_ratings) r
        ANTI JOIN ops.batches b USING (batch_id)""",
    # Rows of features are only ever added, so a movie that changed has one for every time it was learnt.
    "one row of features per movie, version and time": " UNION ALL ".join(
        f"SELECT count(*) - count(DISTINCT (movie_id, view_version, known_time)) FROM features.{name}"  # noqa: S608 - named above
        for name in _VIEWS
    ),
    "one score per movie, model and genre": """
        SELECT count(*) - count(DISTINCT (movie_id, label_set, model, model_version, genre))
        FROM predictions.scores""",
    "all genres of a movie from one scoring": """
        SELECT count(*) FROM (
            SELECT count(DISTINCT run_id) AS runs, count(DISTINCT model_version) AS versions,
                   count(*) AS genres, max(count(*)) OVER (PARTITION BY label_set) AS most
            FROM predictions.current GROUP BY movie_id, label_set, model)
        WHERE runs > 1 OR versions > 1 OR genres < most""",
    "no step without its run": """
        SELECT count(*) FROM ops.steps s ANTI JOIN ops.runs r USING (run_id)""",
}
"""Each gives rows of one number, 0 where all agrees."""
