"""Generated files in the layout, the order and about the sizes of IMDb's own."""

from pathlib import Path

import duckdb

_WORDS = "night river house winter glass silent burning little golden last stranger garden mountain letters \
summer shadow broken city mother road dancing paper empire wolf ocean secret harbor midnight machine orchard \
soldier island whisper train circus mirror daughter desert lantern storm"
_GENRES = "Drama Comedy Short Documentary Talk-Show News Romance Family Reality-TV Animation Crime Action \
Adventure Game-Show Music Sport Horror Thriller Fantasy History"

# IMDb sorts whole lines as text, in an order whose tab comes after the digits: tt10137436 before tt1013743.
_BASICS = """
    WITH titles AS (
        SELECT CASE WHEN n % 3 = 0 AND n < 10000000 THEN 'tt' || lpad(CAST(n AS VARCHAR), 7, '0')
                    ELSE 'tt' || CAST(10000000 + n AS VARCHAR) END AS tconst,
               CAST(hash(n) >> 1 AS BIGINT) AS h
        FROM range(1, $rows + 1) AS numbers(n)
    ),
    named AS (
        SELECT *, concat_ws(' ',
                   CASE WHEN h % 5 = 0 THEN 'Episode #' || (h >> 8) % 40 || '.' || (h >> 16) % 100
                        ELSE upper(left($words[1 + (h >> 4) % len($words)], 1))
                             || substr($words[1 + (h >> 4) % len($words)], 2) END,
                   CASE WHEN h % 5 <> 0 THEN $words[1 + (h >> 12) % len($words)] END,
                   CASE WHEN h % 3 = 0 THEN $words[1 + (h >> 20) % len($words)] END,
                   CASE WHEN h % 7 = 0 THEN 'é ' || (h >> 30) % 900 END) AS title
        FROM titles
    )
    SELECT tconst,
           CASE WHEN h % 100 < 74 THEN 'tvEpisode' WHEN h % 100 < 83 THEN 'short'
                WHEN h % 100 < 90 THEN 'movie' WHEN h % 100 < 93 THEN 'video'
                WHEN h % 100 < 96 THEN 'tvSeries' ELSE 'tvMovie' END AS titleType,
           title AS primaryTitle,
           CASE WHEN h % 11 = 0 THEN 'The ' || title ELSE title END AS originalTitle,
           CAST(h % 31 = 0 AS INTEGER) AS isAdult,
           CASE WHEN h % 8 <> 0 THEN 1900 + (h >> 24) % 126 END AS startYear,
           CASE WHEN h % 97 = 0 THEN 1990 + (h >> 24) % 36 END AS endYear,
           CASE WHEN h % 3 = 0 THEN 1 + (h >> 28) % 180 END AS runtimeMinutes,
           CASE WHEN h % 20 <> 0 THEN concat_ws(',',
               $genres[1 + (h >> 32) % len($genres)],
               CASE WHEN h % 2 = 0 THEN $genres[1 + (h >> 37) % len($genres)] END,
               CASE WHEN h % 4 = 0 THEN $genres[1 + (h >> 42) % len($genres)] END) END AS genres
    FROM named
    ORDER BY tconst || '~'
"""

_PRINCIPALS = """
    WITH lines AS (
        SELECT (n - 1) // 8 AS title, (n - 1) % 8 + 1 AS ordering, CAST(hash(n) >> 1 AS BIGINT) AS h
        FROM range(1, $rows + 1) AS numbers(n)
    )
    SELECT 'tt' || lpad(CAST(title * 3 + 1 AS VARCHAR), 8, '0') AS tconst, ordering,
           'nm' || lpad(CAST(1 + h % 13000000 AS VARCHAR), 7, '0') AS nconst,
           CASE WHEN ordering <= 4 THEN ['actress', 'actress', 'actor', 'actor', 'self'][1 + h % 5]
                ELSE ['director', 'writer', 'producer', 'composer'][ordering - 4] END AS category,
           CASE WHEN ordering = 7 THEN 'producer'
                WHEN ordering = 6 AND h % 3 = 0 THEN 'created by' END AS job,
           CASE WHEN ordering <= 4 THEN '["' || upper($words[1 + (h >> 12) % len($words)]) || ' '
                || $words[1 + (h >> 20) % len($words)] || '"]' END AS characters
    FROM lines
    ORDER BY tconst || '~', ordering || '~'
"""


def write(name: str, rows: int, path: Path) -> None:
    """Write `title.basics` or `title.principals` of that many rows to a .tsv.gz."""
    query = {"title.basics": _BASICS, "title.principals": _PRINCIPALS}[name]
    lists = {"words": _WORDS, "genres": _GENRES}
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        for key, values in lists.items():
            listed = ", ".join(f"'{value}'" for value in values.split())
            query = query.replace(f"${key}", f"[{listed}]")
        query = query.replace("$rows", str(int(rows)))
        connection.execute(
            f"COPY ({query}) TO '{path}' (FORMAT csv, DELIMITER '\t', HEADER, QUOTE '', ESCAPE '', "
            "NULLSTR '\\N', COMPRESSION gzip)"
        )
