"""What holds of each movie in a view now: its latest row."""

# ruff: noqa: S608 — the caller quotes the table, values are bound


def current_rows(table: str, only: str = "true") -> str:
    """Return SQL for the keys of each movie's latest row in a view's table, of the version `$version`.

    Its columns are `movie_id`, `known_time`, `event_time`, `input_hash` and `present`, which is false where
    the movie lost the modality. `only` is a condition that narrows the movies.
    """
    return f"""
        SELECT movie_id, max(known_time) AS known_time, max(event_time) AS event_time,
               arg_max(input_hash, known_time) AS input_hash, arg_max(present, known_time) AS present
        FROM {table} WHERE view_version = $version AND {only} GROUP BY movie_id
    """
