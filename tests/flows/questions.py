"""A small invented warehouse, and the page of worked questions with its answers.

`python -m tests.flows.questions` writes the answers anew into the page, from the repository's root.
"""

import io
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.inspect.output import write
from flows.reference import PAGES
from warehouse import Location, Transaction, Warehouse
from warehouse.sql import open_read_only

PAGE = PAGES / "analyst-sql.md"
_LINES = r"(?:(?!```).*\n)*"
WORKED = re.compile(rf"^```sql\n(?P<query>{_LINES})```\n\n```text\n(?P<answer>{_LINES})```$", re.M)
NIGHT = datetime(2026, 3, 2, 9, tzinfo=UTC)

MOVIES = """
INSERT INTO core.movies (movie_id, tmdb_id, imdb_id, movielens_id, title, year, overview, runtime_minutes,
                         imdb_rating, imdb_votes, split_key, bucket, event_time, known_time)
SELECT *, coalesce(imdb_id, 'tmdb:' || tmdb_id), movie_id % 10, $night,
       CASE WHEN movie_id >= 7 THEN $night ELSE $night - INTERVAL 9 DAY END
FROM (VALUES
    (1, 101, 'tt9100001', 11, 'The Lantern Keeper', 1995, 'A lighthouse goes dark.', 96, 7.9, 5200),
    (2, 102, 'tt9100002', 12, 'Orbit of Glass', 1995, 'A station hears itself.', 118, 8.1, 9100),
    (3, 103, 'tt9100003', 13, 'Paper Moons', 1995, 'Two clerks forge the sky.', 91, 6.4, 800),
    (4, 104, 'tt9100004', 14, 'Last Train to Verin', 2004, 'Nobody gets off.', 104, 7.2, 2300),
    (5, NULL, 'tt9100005', 15, 'The Quiet Harbour', 2004, NULL, 99, 6.9, 1500),
    (6, 106, 'tt9100006', 16, 'Signal Lost', 2011, 'The beacon answers.', 109, 7.7, 6400),
    (7, 107, 'tt9100007', NULL, 'A Winter Opera', 2011, 'The tenor is missing.', 127, 5.8, 300),
    (8, 108, NULL, NULL, 'Untitled Desert Project', NULL, 'Sand, mostly.', NULL, NULL, NULL)
) AS t (movie_id, tmdb_id, imdb_id, movielens_id, title, year, overview, minutes, imdb_rating, imdb_votes)
"""
GENRES = """
INSERT INTO core.movie_genres SELECT movie_id, source, unnest(genres) FROM (VALUES
    (1, 'movielens', ['Drama']), (1, 'imdb', ['Drama']),
    (2, 'movielens', ['Sci-Fi']), (2, 'imdb', ['Drama', 'Sci-Fi']),
    (3, 'movielens', ['Comedy']), (3, 'imdb', ['Comedy']),
    (4, 'movielens', ['Comedy', 'Drama']), (4, 'imdb', ['Drama']),
    (5, 'movielens', ['Drama']), (5, 'imdb', ['Drama']),
    (6, 'movielens', ['Drama']), (6, 'imdb', ['Sci-Fi']),
    (7, 'imdb', ['Comedy', 'Drama'])
) AS t (movie_id, source, genres)
"""
PEOPLE = """
INSERT INTO core.movie_people SELECT movie_id, 'tmdb', person_id, name, 'director', 0 FROM (VALUES
    (1, 'tmdb:1', 'Ilse Maran'), (2, 'tmdb:1', 'Ilse Maran'), (6, 'tmdb:1', 'Ilse Maran'),
    (3, 'tmdb:2', 'Tomas Rey'), (4, 'tmdb:2', 'Tomas Rey'), (5, 'tmdb:2', 'Tomas Rey'),
    (7, 'tmdb:3', 'Odile Brandt')
) AS t (movie_id, person_id, name)
"""
MODELS = """
INSERT INTO ops.models (label_set, model, model_version, stage, created_at, promoted_at, metrics)
SELECT 'movielens', model, version, 'champion', $night - INTERVAL 8 DAY, $night - INTERVAL 8 DAY, metrics
FROM (VALUES ('text', 'v3', '{"auc": 0.871}'), ('poster', 'v2', '{"auc": 0.725}'),
             ('combined', 'v4', '{"auc": 0.909}')) AS t (model, version, metrics)
"""
# Chances in hundredths of drama, science fiction and comedy, as text, poster and both together see them.
SCORES = """
INSERT INTO predictions.scores (movie_id, label_set, model, model_version, genre, probability, threshold,
                                predicted, run_id, snapshot_id, scored_at)
SELECT movie_id, 'movielens', model, version, ['Drama', 'Sci-Fi', 'Comedy'][nth], chance / 100, 0.5,
       chance >= 50, $run, 12, $night + INTERVAL 20 MINUTE
FROM (
    SELECT movie_id, model, version, unnest(chances) AS chance, generate_subscripts(chances, 1) AS nth
    FROM (VALUES
        (1, [92, 4, 9], [85, 10, 20], [94, 3, 6]), (2, [40, 96, 5], [55, 70, 10], [38, 97, 4]),
        (3, [20, 6, 88], [60, 5, 52], [25, 4, 86]), (4, [71, 3, 44], [66, 9, 21], [74, 2, 35]),
        (5, [81, 2, 12], [30, 8, 75], [78, 3, 18]), (6, [52, 83, 3], [45, 64, 7], [47, 88, 2]),
        (7, [62, 1, 58], [70, 6, 33], [69, 1, 55]), (8, [33, 12, 21], [48, 35, 15], [36, 14, 19])
    ) AS t (movie_id, from_text, from_poster, from_both),
    LATERAL (SELECT unnest([from_text, from_poster, from_both]) AS chances,
                    unnest(['text', 'poster', 'combined']) AS model, unnest(['v3', 'v2', 'v4']) AS version)
)
"""
POSTERS = """
INSERT INTO core.posters SELECT i, 100 + i, '/' || i || '.jpg', md5(i::VARCHAR), 185, 278, 'JPEG', 9000
FROM range(1, 7) t(i) WHERE i <> 5
"""
TAGS = "INSERT INTO core.movie_tags VALUES (1, 'lighthouse', 3, $night), (2, 'space', 8, $night)"


def build(home: Path) -> Path:
    """Write the warehouse: eight movies, three champions with their scores, one night. Return `home`."""
    now = [NIGHT]
    with Warehouse.open(Location.under(home), clock=lambda: now[0]) as warehouse:
        run_id = warehouse.start_run("nightly")
        values = {"night": NIGHT, "run": run_id}

        def fill(tx: Transaction) -> None:
            for sql in (MOVIES, GENRES, PEOPLE, MODELS, SCORES, POSTERS, TAGS):
                tx.execute(sql, {name: value for name, value in values.items() if f"${name}" in sql})

        warehouse.commit(fill)
        now[0] += timedelta(minutes=40)
        warehouse.finish_run(run_id, "completed")
    return home


def answer(home: Path, query: str) -> str:
    """What `reelhouse sql` prints for a query, in 100 columns."""
    stream = io.StringIO()
    with open_read_only(Location.under(home)) as connection:
        write(connection.execute(query).to_arrow_reader(), "table", stream)
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


def main() -> None:
    """Write the page's answers anew."""
    with tempfile.TemporaryDirectory() as directory:
        home = build(Path(directory) / "home")
        page = PAGE.read_text(encoding="utf-8")
        page = WORKED.sub(
            lambda found: f"```sql\n{found['query']}```\n\n```text\n{answer(home, found['query'])}```", page
        )
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
