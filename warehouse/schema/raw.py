"""`raw`: what the sources said, verbatim."""

from warehouse.schema.declaration import Column, Reference, Table

DATASET = Column(
    "dataset", "VARCHAR", "The MovieLens file that it came in, such as ml-latest-small.", required=True
)
MOVIELENS_ID = Column("movielens_id", "BIGINT", "MovieLens' movieId.", required=True, minimum=1)
USER_ID = Column("user_id", "BIGINT", "MovieLens' userId, pseudonymous.", required=True, minimum=1)
DELETED = Column("deleted", "BOOLEAN", "True: the row is no longer in the source's file.")
NCONST = Column("nconst", "VARCHAR", "IMDb's name id.", required=True, pattern=r"nm\d{7,10}")
TCONST = Column("tconst", "VARCHAR", "IMDb's title id.", required=True, pattern=r"tt\d{7,10}")


def _raw(
    name: str,
    comment: str,
    *own: Column,
    unique: tuple[str, ...] | None = None,
    keeps: float = 0.0,
) -> Table:
    """Declare a table of `raw`; one that is replaced as a whole has a least share of rows that it `keeps`."""
    return Table(
        f"raw.{name}",
        comment,
        (
            *own,
            Column("source", "VARCHAR", "Who said so: tmdb, imdb or movielens.", required=True),
            Column("fetched_at", "TIMESTAMPTZ", "When the answer arrived.", required=True),
            Column("request", "VARCHAR", "What was asked, without secrets."),
            Column("batch_id", "VARCHAR", "The batch that wrote the row, as in ops.batches.", required=True),
        ),
        unique=unique,
        keeps=keeps,
        append_only=not keeps,
        references=(Reference(("batch_id",), "ops.batches", ("batch_id",)),),
    )


TABLES = (
    _raw(
        "tmdb_movies",
        "TMDb's answers to /movie/{id}, one row whenever the content of an answer changed.",
        Column("tmdb_id", "BIGINT", "TMDb's movie id.", required=True, minimum=1),
        Column("payload", "VARCHAR", "The JSON answer; NULL where TMDb has no such movie."),
        Column("content_hash", "VARCHAR", "Hash of the payload in canonical form."),
        Column(
            "status", "SMALLINT", "HTTP status: 200, or 404 for a deleted or merged movie.", required=True
        ),
    ),
    _raw(
        "tmdb_ids",
        "TMDb's newest daily export of movie ids.",
        Column("export_date", "DATE", "The day of the export.", required=True),
        Column("tmdb_id", "BIGINT", "TMDb's movie id.", required=True, minimum=1),
        Column("adult", "BOOLEAN", "Marked as adult content."),
        Column("popularity", "DOUBLE", "TMDb's popularity score on that day."),
        Column("video", "BOOLEAN", "Marked as a video rather than a film."),
        keeps=0.9,
    ),
    _raw(
        "movielens_movies",
        "MovieLens' movies.csv.",
        DATASET,
        MOVIELENS_ID,
        Column("title", "VARCHAR", "The title as sent, mostly ending in the year."),
        Column("genres", "VARCHAR", "Genres joined by |."),
        DELETED,
    ),
    _raw(
        "movielens_links",
        "MovieLens' links.csv: its movies' ids elsewhere.",
        DATASET,
        MOVIELENS_ID,
        Column("imdb_id", "VARCHAR", "IMDb's number as sent: zero-padded, without tt."),
        Column("tmdb_id", "BIGINT", "TMDb's movie id, where MovieLens knows it."),
        DELETED,
    ),
    _raw(
        "movielens_tags",
        "MovieLens' tags.csv: what users wrote about movies.",
        DATASET,
        USER_ID,
        MOVIELENS_ID,
        Column("tag", "VARCHAR", "The tag as written."),
        Column("tagged_at", "TIMESTAMPTZ", "When the user wrote it."),
        DELETED,
    ),
    _raw(
        "movielens_ratings",
        "MovieLens' ratings.csv, replaced as a whole when a new version of the file arrives.",
        DATASET,
        USER_ID,
        MOVIELENS_ID,
        Column("rating", "DOUBLE", "Stars, 0.5 to 5.", required=True, minimum=0.5, maximum=5),
        Column("rated_at", "TIMESTAMPTZ", "When the user rated."),
        keeps=0.9,
    ),
    _raw(
        "movielens_genome_tags",
        "MovieLens' genome-tags.csv: the vocabulary of the tag genome.",
        DATASET,
        Column("tag_id", "BIGINT", "The genome's tag number.", required=True),
        Column("tag", "VARCHAR", "The tag's text."),
        keeps=0.9,
    ),
    _raw(
        "movielens_genome_scores",
        "MovieLens' genome-scores.csv: how much each genome tag fits each movie.",
        DATASET,
        MOVIELENS_ID,
        Column("tag_id", "BIGINT", "The genome's tag number.", required=True),
        Column("relevance", "DOUBLE", "From 0 to 1.", required=True, minimum=0, maximum=1),
        keeps=0.9,
    ),
    _raw(
        "imdb_title_basics",
        "IMDb's title.basics.tsv.gz, titles of type movie.",
        TCONST,
        Column("title_type", "VARCHAR", "IMDb's kind of title, such as movie."),
        Column("primary_title", "VARCHAR", "The title most used when it came out."),
        Column("original_title", "VARCHAR", "The title in the original language."),
        Column("is_adult", "BOOLEAN", "Marked as adult content."),
        Column("start_year", "INTEGER", "Year of release."),
        Column("end_year", "INTEGER", "Last year, for series."),
        Column("runtime_minutes", "INTEGER", "Running time in minutes."),
        Column("genres", "VARCHAR", "Up to three genres joined by commas."),
        DELETED,
    ),
    _raw(
        "imdb_title_ratings",
        "IMDb's title.ratings.tsv.gz.",
        TCONST,
        Column("average_rating", "DOUBLE", "Weighted mean of the votes, 1 to 10.", minimum=0, maximum=10),
        Column("num_votes", "BIGINT", "Number of votes.", minimum=0),
        DELETED,
    ),
    _raw(
        "imdb_title_crew",
        "IMDb's title.crew.tsv.gz.",
        TCONST,
        Column("directors", "VARCHAR", "Name ids of directors joined by commas."),
        Column("writers", "VARCHAR", "Name ids of writers joined by commas."),
        DELETED,
    ),
    _raw(
        "imdb_title_principals",
        "IMDb's title.principals.tsv.gz: the principal cast and crew of titles.",
        TCONST,
        Column("ordering", "INTEGER", "Place among the title's principals, from 1."),
        NCONST,
        Column("category", "VARCHAR", "Kind of work, such as actor or director."),
        Column("job", "VARCHAR", "The job, where the category does not say it."),
        Column("characters", "VARCHAR", "Characters played, as a JSON list."),
        DELETED,
    ),
    _raw(
        "imdb_title_akas",
        "IMDb's title.akas.tsv.gz: titles elsewhere.",
        TCONST,
        Column("ordering", "INTEGER", "Number of the title among those of tconst."),
        Column("title", "VARCHAR", "The title there."),
        Column("region", "VARCHAR", "Region of this title."),
        Column("language", "VARCHAR", "Language of this title."),
        Column("types", "VARCHAR", "Kinds of alternative title, such as dvd or working."),
        Column("attributes", "VARCHAR", "Further words on it."),
        Column("is_original_title", "BOOLEAN", "True: the original title."),
        DELETED,
    ),
    _raw(
        "imdb_title_episode",
        "IMDb's title.episode.tsv.gz: which series an episode is of.",
        TCONST,
        Column("parent_tconst", "VARCHAR", "The series' title id."),
        Column("season_number", "INTEGER", "Season, where known."),
        Column("episode_number", "INTEGER", "Episode within the season, where known."),
        DELETED,
    ),
    _raw(
        "imdb_name_basics",
        "IMDb's name.basics.tsv.gz: people.",
        NCONST,
        Column("primary_name", "VARCHAR", "The name by which the person is most often credited."),
        Column("birth_year", "INTEGER", "Year of birth."),
        Column("death_year", "INTEGER", "Year of death."),
        Column("primary_profession", "VARCHAR", "Up to three professions joined by commas."),
        Column("known_for_titles", "VARCHAR", "Title ids that the person is known for, joined by commas."),
        DELETED,
    ),
)
