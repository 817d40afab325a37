"""Reading a home's tables in a form that two homes can be compared by."""

from pathlib import Path
from typing import Any

from warehouse import Location, Warehouse

CONTENT = {
    "movies": """
        SELECT * EXCLUDE (event_time, known_time, batch_id) REPLACE (deleted_at IS NOT NULL AS deleted_at)
        FROM core.movies ORDER BY movie_id""",
    "genres": "SELECT * FROM core.movie_genres ORDER BY ALL",
    "keywords": "SELECT * FROM core.movie_keywords ORDER BY ALL",
    "tags": "SELECT * FROM core.movie_tags ORDER BY ALL",
    "people": "SELECT * FROM core.movie_people ORDER BY ALL",
    "ratings": "SELECT * FROM core.ratings ORDER BY ALL",
    "posters": "SELECT * FROM core.posters ORDER BY ALL",
    "id_map": "SELECT * EXCLUDE (known_time) FROM core.id_map ORDER BY ALL",
    "features": """
        SELECT 'metadata' AS view, movie_id, view_version, input_hash, present FROM features.metadata
        UNION ALL SELECT 'tags', movie_id, view_version, input_hash, present FROM features.tags
        UNION ALL SELECT 'text', movie_id, view_version, input_hash, present FROM features.text
        UNION ALL SELECT 'words', movie_id, view_version, input_hash, present FROM features.words
        UNION ALL SELECT 'poster', movie_id, view_version, input_hash, present FROM features.poster
        ORDER BY ALL""",
    "predictions": """
        SELECT movie_id, label_set, model, model_version, genre, probability, threshold, predicted
        FROM predictions.current ORDER BY ALL""",
    "quarantine": "SELECT source, table_name, reason, original FROM ops.quarantine ORDER BY ALL",
}


def content(home: Path | Location) -> dict[str, list[dict[str, Any]]]:
    """Every row that a night is to end in, without the times and ids of the run that wrote it."""
    where = home if isinstance(home, Location) else Location.under(home)
    with Warehouse.open(where, read_only=True) as warehouse:
        return {name: warehouse.query(sql).to_pylist() for name, sql in CONTENT.items()}


def scalar(home: Path, sql: str) -> Any:
    """One value."""
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        return warehouse.scalar(sql)


def row(home: Path, sql: str) -> tuple[Any, ...]:
    """One row, from one snapshot."""
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        return tuple(warehouse.query(sql).to_pylist()[0].values())


def column(home: Path, sql: str) -> list[Any]:
    """One column."""
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        return list(warehouse.query(sql).to_pydict().popitem()[1])
