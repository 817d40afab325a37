"""`core`: where the sources contradict each other about ids, and what a person decided about it."""

from warehouse.schema.declaration import Column, Table

NODE = r"tt\d{7,10}|tmdb:\d+|movielens:\d+"
"""An id of any source as one text: tt0113101, tmdb:5, movielens:7."""
SOURCES = ("tmdb", "imdb", "movielens")
PERSON = "person"
"""Who says so, where it is no source."""

TABLES = (
    Table(
        "core.id_conflicts",
        "Claims of the sources about ids that lost against another one; a row goes once the sources agree.",
        (
            Column("source", "VARCHAR", "Whose id is in dispute.", required=True, allowed=SOURCES),
            Column("source_id", "VARCHAR", "The id in dispute, as text.", required=True),
            Column("lost_source", "VARCHAR", "Who made the claim that lost.", required=True, allowed=SOURCES),
            Column(
                "lost_record",
                "VARCHAR",
                "The record that makes it: tmdb:5, movielens:7 or an IMDb id.",
                required=True,
                pattern=NODE,
            ),
            Column("lost_target", "VARCHAR", "What it says the id is.", required=True, pattern=NODE),
            Column("lost_movie_id", "BIGINT", "The movie that this record belongs to.", minimum=0),
            Column(
                "won_source",
                "VARCHAR",
                "Who made the claim that won: a source, or person where it was decided.",
                required=True,
                allowed=(*SOURCES, PERSON),
            ),
            Column(
                "won_record",
                "VARCHAR",
                "The record that makes it, or the id that was decided about.",
                required=True,
                pattern=NODE,
            ),
            Column("won_target", "VARCHAR", "What it says the id is.", required=True, pattern=NODE),
            Column("won_movie_id", "BIGINT", "The movie that has the id, where one has it.", minimum=0),
            Column("reason", "VARCHAR", "Why this claim won.", required=True),
            Column("batch_id", "VARCHAR", "The batch that brought the claim that lost."),
            Column("won_batch_id", "VARCHAR", "The batch that brought the claim that won."),
            Column("known_time", "TIMESTAMPTZ", "When this warehouse noticed.", required=True),
        ),
        unique=("source", "source_id", "lost_record", "lost_target"),
    ),
    Table(
        "core.id_decisions",
        "What a person decided about which id is which movie; the latest row of an id is in force.",
        (
            Column("decision_id", "VARCHAR", "Names the row.", required=True),
            Column("source", "VARCHAR", "Whose id it is about.", required=True, allowed=SOURCES),
            Column("source_id", "VARCHAR", "The id as text.", required=True),
            Column(
                "target",
                "VARCHAR",
                "The id that names its movie; the id itself: it is a movie of its own; NULL: undone.",
                pattern=NODE,
            ),
            Column("author", "VARCHAR", "Who decided.", required=True),
            Column("reason", "VARCHAR", "Why.", required=True),
            Column(
                "decided_at", "TIMESTAMPTZ", "When; later than every earlier row of the id.", required=True
            ),
        ),
        unique=("decision_id",),
        keeps=1.0,
    ),
)
