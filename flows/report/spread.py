"""How genres spread over time and over countries: shares of movies as squares."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from flows.report.drawing import SERIES, Drawing, draw
from warehouse import Warehouse
from warehouse.live import LIVE_MOVIES

Row = Mapping[str, Any]

GENRES, DECADES, COUNTRIES = 16, 10, 12
COUNTRIES_BY = "tmdb"
"""The source whose movies come with countries of production."""
FEWEST = 20
"""A decade or a country of fewer movies than this is not shown: its shares say nothing."""

OVER_TIME = f"""
WITH held AS (
    SELECT m.movie_id, (m.year // 10 * 10)::VARCHAR || 's' AS place, g.genre
    FROM {LIVE_MOVIES} m JOIN core.movie_genres g USING (movie_id)
    WHERE m.year IS NOT NULL AND g.source = $source
)
SELECT place, genre, count(*) AS movies, any_value(n) AS of
FROM held JOIN (SELECT place, count(DISTINCT movie_id) AS n FROM held GROUP BY place) USING (place)
WHERE n >= $fewest GROUP BY place, genre ORDER BY place, genre
"""

OVER_COUNTRIES = f"""
WITH held AS (
    SELECT m.movie_id, c.country AS place, g.genre
    FROM {LIVE_MOVIES} m
    JOIN core.movie_genres g USING (movie_id) JOIN core.movie_countries c USING (movie_id)
    WHERE g.source = $source
)
SELECT place, genre, count(DISTINCT movie_id) AS movies, any_value(n) AS of
FROM held JOIN (SELECT place, count(DISTINCT movie_id) AS n FROM held GROUP BY place) USING (place)
WHERE n >= $fewest GROUP BY place, genre ORDER BY "of" DESC, place, genre
"""


@dataclass(frozen=True)
class Spread:
    """Rows of (place, genre, movies, of): how many of a decade's or a country's movies have a genre."""

    source: str
    over_time: list[Row]
    over_countries: list[Row]


def read_spread(warehouse: Warehouse, sources: Sequence[str]) -> list[Spread]:
    """Return a spread for each of the sources that labels movies."""
    out = []
    for source in sources:
        key = {"source": source, "fewest": FEWEST}
        spread = Spread(
            source,
            warehouse.query(OVER_TIME, key).to_pylist(),
            warehouse.query(OVER_COUNTRIES, key).to_pylist() if source == COUNTRIES_BY else [],
        )
        if spread.over_time or spread.over_countries:
            out.append(spread)
    return out


def drawings(spread: Spread, title: str) -> list[Drawing]:
    """Draw a source's figures: genres by decade, and by country where countries are known."""
    places = sorted({row["place"] for row in spread.over_time})[-DECADES:]
    countries = list(dict.fromkeys(row["place"] for row in spread.over_countries))[:COUNTRIES]
    panels = (
        (spread.over_time, places, "time", "Genres over time"),
        (spread.over_countries, countries, "countries", "Genres by country"),
    )
    return [
        _squares(rows, places, f"{spread.source}-{what}", f"{caption}, {title}")
        for rows, places, what, caption in panels
        if places
    ]


def _squares(rows: Sequence[Row], places: Sequence[str], name: str, caption: str) -> Drawing:
    shares = {
        (row["place"], row["genre"]): row["movies"] / row["of"] for row in rows if row["place"] in places
    }
    count: dict[str, int] = {}
    for row in rows:
        count[row["genre"]] = count.get(row["genre"], 0) + row["movies"]
    genres = sorted(count, key=lambda genre: (-count[genre], genre))[:GENRES]
    most = max(shares.values())

    def paint(ax: Axes) -> None:
        for (place, genre), share in shares.items():
            if genre in genres:
                corner = (places.index(place) - 0.47, genres.index(genre) - 0.47)
                square = Rectangle(corner, 0.94, 0.94, facecolor=SERIES[0], alpha=share / most, linewidth=0)
                ax.add_patch(square)
        ax.set(xlim=(-0.5, len(places) - 0.5), ylim=(len(genres) - 0.5, -0.5))
        ax.set_xticks(range(len(places)), places, rotation=90, fontsize=7)
        ax.set_yticks(range(len(genres)), genres, fontsize=7)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(True)

    first = {place: max(genres, key=lambda genre: shares.get((place, genre), 0.0)) for place in places}
    summary = ", ".join(
        f"{place} {genre} {shares.get((place, genre), 0):.0%}" for place, genre in first.items()
    )
    return draw(
        f"{name}-spread",
        (3.9, 1.0 + 0.19 * len(genres)),
        paint,
        caption=f"{caption}: the fuller, the larger the share (at most {most:.0%})",
        description=f"{caption}: share of the movies with each genre. The commonest: {summary}.",
    )
