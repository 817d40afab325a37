"""Answers of TMDb that earlier releases stored with "..." in place of the key, wherever its letters stood.

TMDb's own keys occur in no text; that of a mirror was the word `mirror`, which overviews and keywords hold.
"""

import duckdb

MASK = "..."
OFFICIAL = "GET https://api.themoviedb.org/"


def forget_masked_answers(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget the fetches of movies whose answers may hold the mask: the next ingest asks for them again.

    That happens once. Many texts have three dots of their own: such an answer comes back as it was, and
    nothing is written. What differs lands as a new row with its own hash; `raw` keeps the old one, as it
    keeps every earlier answer.
    """
    connection.execute(
        "DELETE FROM ops.source_state WHERE source = 'tmdb' AND status = 200 AND source_id IN ("
        "SELECT CAST(tmdb_id AS VARCHAR) FROM raw.tmdb_movies "
        "WHERE NOT starts_with(coalesce(request, ''), $official) AND contains(payload, $mask))",
        {"official": OFFICIAL, "mask": MASK},
    )
