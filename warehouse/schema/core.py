"""`core`: one row per movie, and the tables around it; conformed, typed, deduplicated."""

from warehouse.schema.declaration import Column, Reference, Table, View

MOVIE_ID = Column(
    "movie_id", "BIGINT", "Reelhouse's own id of the movie; it never changes.", required=True, minimum=0
)
IMDB_ID = r"tt\d{7,10}"
_LATEST = "unnest(arg_max({'batch_id': batch_id, 'fetched_at': fetched_at, 'request': request}, rowid))"
KEEPS = 0.9
"""Movies do not vanish by the dozen: a source that was read in part looks like that, or a mistake of ours."""
OF_A_MOVIE = (Reference(("movie_id",), "core.movies", ("movie_id",)),)

TABLES = (
    Table(
        "core.movies",
        "One row per movie, joined from TMDb, IMDb and MovieLens; unknown values are NULL.",
        (
            MOVIE_ID,
            Column("tmdb_id", "BIGINT", "TMDb's movie id; no two live movies share one.", minimum=1),
            Column("imdb_id", "VARCHAR", "IMDb's title id, such as tt0113101.", pattern=IMDB_ID),
            Column("movielens_id", "BIGINT", "MovieLens' movieId.", minimum=1),
            Column("title", "VARCHAR", "Title for display."),
            Column("original_title", "VARCHAR", "Title in the original language."),
            Column("year", "INTEGER", "Year of release.", minimum=1870, maximum=2100),
            Column("release_date", "DATE", "Day of first release, where known."),
            Column("original_language", "VARCHAR", "ISO 639-1 code of the original language."),
            Column("overview", "VARCHAR", "TMDb's summary of the plot."),
            Column("tagline", "VARCHAR", "TMDb's tagline."),
            Column("runtime_minutes", "INTEGER", "Running time in minutes.", minimum=1),
            Column("budget_usd", "BIGINT", "Budget in US dollars.", minimum=1),
            Column("revenue_usd", "BIGINT", "Revenue in US dollars.", minimum=1),
            Column("popularity", "DOUBLE", "TMDb's popularity score when fetched.", minimum=0),
            Column("tmdb_vote_average", "DOUBLE", "Mean of TMDb's votes, 0 to 10.", minimum=0, maximum=10),
            Column("tmdb_vote_count", "BIGINT", "Number of TMDb's votes.", minimum=0),
            Column("imdb_rating", "DOUBLE", "IMDb's rating, 1 to 10.", minimum=0, maximum=10),
            Column("imdb_votes", "BIGINT", "Number of IMDb's votes.", minimum=0),
            Column("certification", "VARCHAR", "Age certification in the United States, such as PG-13."),
            Column("adult", "BOOLEAN", "Marked as adult content by a source."),
            Column("status", "VARCHAR", "TMDb's production status, such as Released."),
            Column("collection_id", "BIGINT", "TMDb's id of the series of films that it belongs to."),
            Column("collection", "VARCHAR", "Name of that series of films."),
            Column("poster_path", "VARCHAR", "TMDb's path of the poster."),
            Column(
                "sources", "VARCHAR", "JSON: the source of each value, by column; see core.value_sources."
            ),
            Column("split_key", "VARCHAR", "The text whose hash decides the split.", required=True),
            Column(
                "bucket",
                "TINYINT",
                "0: test, 1: validation, 2 to 9: training.",
                required=True,
                minimum=0,
                maximum=9,
            ),
            Column("deleted_at", "TIMESTAMPTZ", "When every source had dropped it; NULL while it is known."),
            Column(
                "row_hash", "VARCHAR", "Hash of the movie's values and of its rows in the tables around it."
            ),
            Column("event_time", "TIMESTAMPTZ", "When the values became true at the sources.", required=True),
            Column("known_time", "TIMESTAMPTZ", "When this warehouse learnt them.", required=True),
            Column("batch_id", "VARCHAR", "The batch that wrote the row, as in ops.batches."),
        ),
        unique=("movie_id",),
        unique_live=("tmdb_id", "imdb_id", "movielens_id"),
        keeps=KEEPS,
    ),
    Table(
        "core.movie_genres",
        "Genres of each movie as each source gives them, never mixed.",
        (
            MOVIE_ID,
            Column(
                "source",
                "VARCHAR",
                "Whose genre it is.",
                required=True,
                allowed=("tmdb", "imdb", "movielens"),
            ),
            Column("genre", "VARCHAR", "The genre's name in that source's words.", required=True),
        ),
        unique=("movie_id", "source", "genre"),
        references=OF_A_MOVIE,
        keeps=KEEPS,
    ),
    Table(
        "core.movie_keywords",
        "TMDb's keywords of each movie.",
        (
            MOVIE_ID,
            Column("keyword_id", "BIGINT", "TMDb's keyword id.", required=True),
            Column("keyword", "VARCHAR", "The keyword.", required=True),
        ),
        unique=("movie_id", "keyword_id"),
        references=OF_A_MOVIE,
        keeps=KEEPS,
    ),
    Table(
        "core.movie_tags",
        "MovieLens' tags of each movie, normalised.",
        (
            MOVIE_ID,
            Column("tag", "VARCHAR", "The tag in normal form.", required=True),
            Column("n_users", "BIGINT", "How many users gave it.", required=True, minimum=1),
            Column("last_tagged_at", "TIMESTAMPTZ", "When it was given last."),
        ),
        unique=("movie_id", "tag"),
        references=OF_A_MOVIE,
        keeps=KEEPS,
    ),
    Table(
        "core.movie_people",
        "People behind and in each movie.",
        (
            MOVIE_ID,
            Column("source", "VARCHAR", "Who says so.", required=True, allowed=("tmdb", "imdb", "movielens")),
            Column("person_id", "VARCHAR", "tmdb:…, nm…, or the name where no id is known.", required=True),
            Column("name", "VARCHAR", "The person's name, where known."),
            Column(
                "job", "VARCHAR", "What they did.", required=True, allowed=("director", "writer", "actor")
            ),
            Column("position", "INTEGER", "Place in the credits, from 0."),
        ),
        references=OF_A_MOVIE,
        keeps=KEEPS,
    ),
    Table(
        "core.movie_companies",
        "Production companies of each movie.",
        (
            MOVIE_ID,
            Column("company_id", "BIGINT", "TMDb's company id."),
            Column("company", "VARCHAR", "The company's name.", required=True),
        ),
        references=OF_A_MOVIE,
    ),
    Table(
        "core.movie_countries",
        "Production countries of each movie.",
        (MOVIE_ID, Column("country", "VARCHAR", "ISO 3166-1 code of the country.", required=True)),
        references=OF_A_MOVIE,
    ),
    Table(
        "core.movie_languages",
        "Languages spoken in each movie.",
        (MOVIE_ID, Column("language", "VARCHAR", "ISO 639-1 code of the language.", required=True)),
        references=OF_A_MOVIE,
    ),
    Table(
        "core.ratings",
        "What MovieLens' users gave each movie, in numbers.",
        (
            MOVIE_ID,
            Column("n_ratings", "BIGINT", "Number of ratings.", required=True, minimum=0),
            Column("mean_rating", "DOUBLE", "Their mean in stars, 0.5 to 5.", minimum=0.5, maximum=5),
            Column("stddev_rating", "DOUBLE", "Their standard deviation in stars.", minimum=0),
            Column("last_rated_at", "TIMESTAMPTZ", "When the last one was given."),
        ),
        unique=("movie_id",),
        references=OF_A_MOVIE,
        keeps=KEEPS,
    ),
    Table(
        "core.posters",
        "Stored posters that could be decoded, one per movie.",
        (
            MOVIE_ID,
            Column("tmdb_id", "BIGINT", "The TMDb movie that the poster came with."),
            Column("poster_path", "VARCHAR", "TMDb's path of the poster."),
            Column("sha256", "VARCHAR", "Hash of the file, which is its name in the store.", required=True),
            Column("width", "INTEGER", "Width in pixels.", minimum=1),
            Column("height", "INTEGER", "Height in pixels.", minimum=1),
            Column("format", "VARCHAR", "Image format, such as JPEG."),
            Column("bytes", "BIGINT", "Size of the file in bytes.", minimum=1),
        ),
        unique=("movie_id",),
        references=OF_A_MOVIE,
        keeps=KEEPS,
    ),
    Table(
        "core.id_map",
        "Which source's id means which movie, with merges and deletions.",
        (
            MOVIE_ID,
            Column(
                "source", "VARCHAR", "Whose id it is.", required=True, allowed=("tmdb", "imdb", "movielens")
            ),
            Column("source_id", "VARCHAR", "The id as text.", required=True),
            Column(
                "state",
                "VARCHAR",
                "What became of it.",
                required=True,
                allowed=("active", "merged", "deleted"),
            ),
            Column("replaced_by", "VARCHAR", "The source's id that it was merged into."),
            Column("note", "VARCHAR", "What was odd about it, such as sources that contradict each other."),
            Column("known_time", "TIMESTAMPTZ", "When this warehouse learnt it.", required=True),
        ),
        keeps=KEEPS,
    ),
)

VIEWS = (
    View(
        "core.value_sources",
        "Where each value of each movie comes from: the source, its id there, and the batch that brought it.",
        """
        SELECT v.movie_id, v.title, v.field, v.source, s.source_id, s.batch_id, s.fetched_at, s.request
        FROM (
            SELECT movie_id, title, tmdb_id, imdb_id, movielens_id,
                   unnest(map_keys(given)) AS field, unnest(map_values(given)) AS source
            FROM (SELECT *, CAST(CAST(sources AS JSON) AS MAP(VARCHAR, VARCHAR)) AS given FROM core.movies)
        ) v
        LEFT JOIN (
            SELECT 'tmdb' AS source, 'record' AS part, CAST(tmdb_id AS VARCHAR) AS source_id,
                   {latest}
            FROM raw.tmdb_movies WHERE status = 200 GROUP BY tmdb_id
            UNION ALL
            SELECT 'imdb', 'title', tconst,
                   {latest}
            FROM raw.imdb_title_basics GROUP BY tconst
            UNION ALL
            SELECT 'imdb', 'rating', tconst,
                   {latest}
            FROM raw.imdb_title_ratings GROUP BY tconst
            UNION ALL
            SELECT 'movielens', 'title', CAST(movielens_id AS VARCHAR),
                   {latest}
            FROM raw.movielens_movies GROUP BY movielens_id
            UNION ALL
            SELECT 'movielens', 'link', CAST(movielens_id AS VARCHAR),
                   {latest}
            FROM raw.movielens_links GROUP BY movielens_id
        ) s ON s.source = v.source
           AND s.part = CASE WHEN v.source = 'tmdb' THEN 'record'
                             WHEN v.field IN ('imdb_rating', 'imdb_votes') THEN 'rating'
                             WHEN v.source = 'movielens' AND v.field = 'tmdb_id' THEN 'link' ELSE 'title' END
           AND s.source_id = CASE v.source WHEN 'tmdb' THEN CAST(v.tmdb_id AS VARCHAR)
                                           WHEN 'imdb' THEN v.imdb_id ELSE CAST(v.movielens_id AS VARCHAR) END
        """.replace("{latest}", _LATEST),
        (
            ("movie_id", "The movie, as in core.movies."),
            ("title", "Its title for display."),
            ("field", "The column of core.movies."),
            ("source", "The source whose word it is: tmdb, imdb or movielens."),
            ("source_id", "The movie's id at that source."),
            ("batch_id", "The batch that brought what that source says now, as in ops.batches."),
            ("fetched_at", "When that answer or file arrived."),
            ("request", "What was asked, without secrets."),
        ),
    ),
    View(
        "core.coverage",
        "How many of the movies that are not deleted have what.",
        """
        WITH known AS (
            SELECT m.movie_id, m.tmdb_id, m.imdb_id, m.movielens_id, m.overview,
                   p.movie_id IS NOT NULL AS poster,
                   t.movie_id IS NOT NULL OR k.movie_id IS NOT NULL AS tags,
                   coalesce(g.sources, []) AS genres
            FROM core.movies m
            LEFT JOIN (SELECT DISTINCT movie_id FROM core.posters) p ON p.movie_id = m.movie_id
            LEFT JOIN (SELECT DISTINCT movie_id FROM core.movie_tags) t ON t.movie_id = m.movie_id
            LEFT JOIN (SELECT DISTINCT movie_id FROM core.movie_keywords) k ON k.movie_id = m.movie_id
            LEFT JOIN (
                SELECT movie_id, list(DISTINCT source) AS sources FROM core.movie_genres GROUP BY movie_id
            ) g ON g.movie_id = m.movie_id
            WHERE m.deleted_at IS NULL
        ), counted AS (
            SELECT count(*) AS "any movie",
                   count(tmdb_id) AS "a TMDb id",
                   count(imdb_id) AS "an IMDb id",
                   count(movielens_id) AS "a MovieLens id",
                   count(overview) AS "an overview",
                   count(*) FILTER (WHERE poster) AS "a poster",
                   count(*) FILTER (WHERE tags) AS "tags or keywords",
                   count(*) FILTER (WHERE 'tmdb' IN genres) AS "genres at TMDb",
                   count(*) FILTER (WHERE 'imdb' IN genres) AS "genres at IMDb",
                   count(*) FILTER (WHERE 'movielens' IN genres) AS "genres at MovieLens",
                   count(*) FILTER (WHERE genres = []) AS "no genres anywhere"
            FROM known
        )
        SELECT "having", movies, movies / greatest(max(movies) OVER (), 1) AS share
        FROM (UNPIVOT counted ON COLUMNS(*) INTO NAME "having" VALUE movies)
        """,
        (
            ("having", "What the movies have."),
            ("movies", "How many have it."),
            ("share", "Their share of all movies, 0 to 1."),
        ),
    ),
)
