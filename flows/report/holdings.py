"""What the warehouse holds: coverage, drift, and how the movies spread over years, languages and genres."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import log
from typing import Any

from features.current import current_rows
from flows.report.spread import Spread, read_spread
from warehouse import Warehouse
from warehouse.identifiers import qualified
from warehouse.live import LIVE_MOVIES
from warehouse.operations import view_versions

Row = Mapping[str, Any]

POSTERS_PER_DECADE = 2
FEWEST_FOR_DRIFT = 50
"""Shares of fewer movies than this move by chance alone."""

COVERAGE = """
SELECT "having", movies, share FROM core.coverage
"""

PRESENT = f"""
SELECT count(*) FILTER (WHERE present) AS present, count(*) FILTER (WHERE NOT present) AS lost,
       count(*) FILTER (WHERE known_time >= $started) AS tonight, max(known_time) AS newest
FROM ({{rows}}) SEMI JOIN {LIVE_MOVIES} USING (movie_id)
"""

YEARS = f"""
SELECT year, count(*) AS movies, count(*) FILTER (WHERE original_language IS NOT NULL) AS described
FROM {LIVE_MOVIES} WHERE year IS NOT NULL GROUP BY year ORDER BY year
"""

LANGUAGES = f"""
SELECT coalesce(original_language, 'unknown') AS name, count(*) AS movies
FROM {LIVE_MOVIES} GROUP BY ALL ORDER BY movies DESC, name LIMIT 20
"""

GENRES = f"""
SELECT g.source, g.genre AS name, count(*) AS movies,
       count(*) / sum(count(*)) OVER (PARTITION BY g.source) AS share
FROM core.movie_genres g
SEMI JOIN {LIVE_MOVIES} USING (movie_id)
GROUP BY g.source, g.genre ORDER BY g.source, movies DESC, name
"""

TAGS = f"""
SELECT tag AS name, count(*) AS movies
FROM core.movie_tags SEMI JOIN {LIVE_MOVIES} USING (movie_id)
GROUP BY ALL ORDER BY movies DESC, name LIMIT 20
"""

KEYWORDS = f"""
SELECT keyword AS name, count(*) AS movies
FROM core.movie_keywords
SEMI JOIN {LIVE_MOVIES} USING (movie_id)
GROUP BY ALL ORDER BY movies DESC, name LIMIT 20
"""

DIRECTORS = f"""
SELECT min(name) AS name, count(DISTINCT movie_id) AS movies
FROM core.movie_people
SEMI JOIN {LIVE_MOVIES} USING (movie_id)
WHERE job = 'director' AND name <> person_id
GROUP BY source, person_id ORDER BY 2 DESC, 1 LIMIT 20
"""

ERAS = f"""
SELECT m.movie_id, m.title, m.year, m.year // 10 * 10 AS decade, p.sha256, p.format
FROM {LIVE_MOVIES} m JOIN core.posters p USING (movie_id)
WHERE m.year IS NOT NULL AND NOT coalesce(m.adult, false)
QUALIFY row_number() OVER (
    PARTITION BY decade ORDER BY coalesce(m.imdb_votes, m.tmdb_vote_count, 0) DESC, m.movie_id
) <= $n
ORDER BY decade, coalesce(m.imdb_votes, m.tmdb_vote_count, 0) DESC, m.movie_id
"""

DRIFT = f"""
WITH known AS (
    SELECT movie_id, known_time >= $started AND known_time <= $ended AS tonight, year, original_language,
           runtime_minutes, overview, poster_path
    FROM {LIVE_MOVIES} WHERE known_time <= $ended
), facts AS (
    SELECT tonight, 'decade of release' AS what, coalesce((year // 10 * 10)::VARCHAR, 'unknown') AS fact
    FROM known
    UNION ALL SELECT tonight, 'original language', coalesce(original_language, 'unknown') FROM known
    UNION ALL SELECT tonight, 'running time, half hours',
                     coalesce((least(runtime_minutes, 240) // 30)::VARCHAR, 'unknown') FROM known
    UNION ALL SELECT tonight, 'has an overview', (overview IS NOT NULL)::VARCHAR FROM known
    UNION ALL SELECT tonight, 'has a poster', (poster_path IS NOT NULL)::VARCHAR FROM known
    UNION ALL SELECT k.tonight, 'genres at ' || g.source, g.genre
              FROM known k JOIN core.movie_genres g USING (movie_id)
)
SELECT what, fact, count(*) FILTER (WHERE tonight) AS tonight, count(*) FILTER (WHERE NOT tonight) AS before
FROM facts GROUP BY ALL ORDER BY what, fact
"""


@dataclass(frozen=True)
class Holdings:
    """Lists of mappings, one per line of a table or bar of a figure."""

    movies: int
    coverage: list[Row]
    views: list[Row]
    drift: list[Row]
    moved: int
    """Movies learnt or changed by the run."""
    years: list[Row]
    languages: list[Row]
    genres: dict[str, list[Row]]
    tags: list[Row]
    keywords: list[Row]
    directors: list[Row]
    spreads: list[Spread]
    eras: list[Row]
    """Posters of the most voted movies of each decade, in order of time."""


def read_holdings(warehouse: Warehouse, started: datetime, ended: datetime) -> Holdings:
    """Read what is held now; drift compares what was learnt from `started` to `ended` with all the rest."""
    coverage = warehouse.query(COVERAGE).to_pylist()
    movies = max((row["movies"] for row in coverage), default=0)
    facts = warehouse.query(DRIFT, {"started": started, "ended": ended}).to_pylist()
    moved, others = (
        sum(row[side] for row in facts if row["what"] == "has an overview") for side in ("tonight", "before")
    )
    genres: dict[str, list[Row]] = {}
    for row in warehouse.query(GENRES).to_pylist():
        genres.setdefault(row["source"], []).append(row)
    return Holdings(
        movies=movies,
        coverage=coverage,
        views=_views(warehouse, movies, started),
        drift=_drift(facts) if min(moved, others) >= FEWEST_FOR_DRIFT else [],
        moved=moved,
        years=warehouse.query(YEARS).to_pylist(),
        languages=warehouse.query(LANGUAGES).to_pylist(),
        genres=genres,
        tags=warehouse.query(TAGS).to_pylist(),
        keywords=warehouse.query(KEYWORDS).to_pylist(),
        directors=warehouse.query(DIRECTORS).to_pylist(),
        spreads=read_spread(warehouse, list(genres)),
        eras=warehouse.query(ERAS, {"n": POSTERS_PER_DECADE}).to_pylist(),
    )


def _views(warehouse: Warehouse, movies: int, started: datetime) -> list[Row]:
    out: list[Row] = []
    for name, version in view_versions(warehouse).items():
        sql = PRESENT.format(rows=current_rows(qualified(f"features.{name}")))
        row = warehouse.query(sql, {"version": version, "started": started}).to_pylist()[0]
        out.append({"view": name, "view_version": version, **row, "share": row["present"] / max(movies, 1)})
    return out


def _drift(facts: list[Row]) -> list[Row]:
    """Return the population stability index of each attribute, with the value whose share moved most.

    PSI = sum over values of (p - q) ln(p / q), with half a movie added to every count; below 0.1 is read as
    stable, above 0.25 as moved (Siddiqi 2006).
    """
    by_what: dict[str, list[Row]] = {}
    for row in facts:
        by_what.setdefault(row["what"], []).append(row)
    out: list[Row] = []
    for what, rows in by_what.items():
        n_new, n_old = (sum(row[side] for row in rows) for side in ("tonight", "before"))
        total, most = 0.0, (0.0, "", 0.0, 0.0)
        for row in rows:
            p = (row["tonight"] + 0.5) / (n_new + 0.5 * len(rows))
            q = (row["before"] + 0.5) / (n_old + 0.5 * len(rows))
            total += (p - q) * log(p / q)
            most = max(most, (abs(p - q), str(row["fact"]), q, p))
        out.append({"what": what, "psi": total, "fact": most[1], "before": most[2], "tonight": most[3]})
    return sorted(out, key=lambda row: -row["psi"])
