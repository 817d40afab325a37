"""`predictions`: every score, and the views that people read."""

from warehouse.schema.declaration import Column, Reference, Table, View

SCORE = (
    Column("movie_id", "BIGINT", "The movie, as in core.movies.", required=True, minimum=0),
    Column("label_set", "VARCHAR", "Whose genres: movielens, tmdb or imdb.", required=True),
    Column("model", "VARCHAR", "metadata, tags, text, poster or combined.", required=True),
    Column("model_version", "VARCHAR", "The model's version, as in ops.models.", required=True),
    Column("genre", "VARCHAR", "The genre in the label set's words.", required=True),
    Column(
        "probability",
        "DOUBLE",
        "Calibrated probability that the movie has the genre.",
        required=True,
        minimum=0,
        maximum=1,
    ),
    Column("threshold", "DOUBLE", "From this probability on the genre is predicted.", required=True),
    Column("predicted", "BOOLEAN", "The decision: probability at least threshold.", required=True),
    Column("input_hash", "VARCHAR", "Hash of the feature rows that were scored."),
    Column("run_id", "VARCHAR", "The run that scored it, as in ops.runs."),
    Column("snapshot_id", "BIGINT", "The lake's snapshot that the features were read from."),
    Column("scored_at", "TIMESTAMPTZ", "When it was scored.", required=True),
)
LAYOUT = ("label_set", "model")

TABLES = (
    Table(
        "predictions.scores",
        "The latest score of each movie by each model version, one row per genre.",
        SCORE,
        unique=("movie_id", "label_set", "model", "model_version", "genre"),
        references=(
            Reference(("movie_id",), "core.movies", ("movie_id",)),
            Reference(
                ("label_set", "model", "model_version"), "ops.models", ("label_set", "model", "model_version")
            ),
        ),
        partitioned_by=LAYOUT,
    ),
    Table(
        "predictions.superseded",
        "Scores that were replaced, because the movie's features changed or the version was scored again.",
        (*SCORE, Column("superseded_at", "TIMESTAMPTZ", "When a newer score took its place.", required=True)),
        partitioned_by=LAYOUT,
    ),
    Table(
        "predictions.doubted",
        "Labels that a combined model doubts which had not learnt from them: the most doubtful per version.",
        (
            *SCORE[:2],
            SCORE[3],
            SCORE[4],
            Column(
                "probability",
                "DOUBLE",
                "The model's probability that the movie has the genre.",
                required=True,
                minimum=0,
                maximum=1,
            ),
            Column("given", "BOOLEAN", "Whether the source gave the movie this genre then.", required=True),
        ),
        unique=("movie_id", "label_set", "model_version", "genre"),
    ),
    Table(
        "predictions.explained",
        "What drove each model's opinion of the movies that someone asked about.",
        (
            *SCORE[:5],
            Column("piece", "VARCHAR", "The column of the feature view, or the modality.", required=True),
            Column("value", "VARCHAR", "The tag, word, person or number in it."),
            Column(
                "weight", "DOUBLE", "The logit with the piece, minus the logit without it.", required=True
            ),
            Column("explained_at", "TIMESTAMPTZ", "When it was asked.", required=True),
        ),
    ),
)

_WHOSE = (
    ("movie_id", "The movie, as in core.movies."),
    ("imdb_id", "IMDb's title id, such as tt0113101."),
    ("tmdb_id", "TMDb's movie id."),
    ("title", "Title for display."),
)
_SCORED = tuple(
    (column.name, column.comment) for column in SCORE if column.name not in ("movie_id", "input_hash")
)


def _named(*names: str) -> tuple[tuple[str, str], ...]:
    meaning = dict(_SCORED)
    return tuple((name, meaning[name]) for name in names)


VIEWS = (
    View(
        "predictions.current",
        "The champion's latest score per movie, label set, model and genre.",
        """
        SELECT s.movie_id, m.imdb_id, m.tmdb_id, m.title, s.label_set, s.model, s.model_version, s.genre,
               s.probability, s.threshold, s.predicted, s.run_id, s.snapshot_id, s.scored_at
        FROM predictions.scores s
        JOIN ops.models o ON o.label_set = s.label_set AND o.model = s.model
             AND o.model_version = s.model_version AND o.stage = 'champion'
        LEFT JOIN core.movies m ON m.movie_id = s.movie_id
        """,
        (*_WHOSE, *_SCORED),
    ),
    View(
        "predictions.history",
        "Earlier scores: those that were replaced, and those of model versions that are not champion now.",
        """
        SELECT s.movie_id, m.imdb_id, m.tmdb_id, m.title, s.label_set, s.model, s.model_version, s.genre,
               s.probability, s.threshold, s.predicted, s.run_id, s.snapshot_id, s.scored_at, s.superseded_at
        FROM (
            SELECT * EXCLUDE (input_hash) FROM predictions.superseded
            UNION ALL BY NAME
            SELECT s.* EXCLUDE (input_hash), NULL::TIMESTAMPTZ AS superseded_at
            FROM predictions.scores s
            LEFT JOIN ops.models o ON o.label_set = s.label_set AND o.model = s.model
                 AND o.model_version = s.model_version
            WHERE o.stage IS DISTINCT FROM 'champion'
        ) s
        LEFT JOIN core.movies m ON m.movie_id = s.movie_id
        """,
        (
            *_WHOSE,
            *_SCORED,
            (
                "superseded_at",
                "When a newer score took its place; NULL where the version lost its place as champion.",
            ),
        ),
    ),
    View(
        "predictions.wide",
        "The champion's latest scores with one row per movie, label set and model.",
        """
        SELECT movie_id, any_value(imdb_id) AS imdb_id, any_value(tmdb_id) AS tmdb_id,
               any_value(title) AS title, label_set, model, any_value(model_version) AS model_version,
               coalesce(list(genre ORDER BY probability DESC, genre) FILTER (WHERE predicted), []) AS genres,
               arg_max(genre, probability) AS best_genre, max(probability) AS best_probability,
               map_from_entries(list((genre, probability) ORDER BY probability DESC, genre)) AS probabilities,
               max(scored_at) AS scored_at
        FROM predictions.current
        GROUP BY movie_id, label_set, model
        """,
        (
            *_WHOSE,
            *_named("label_set", "model", "model_version"),
            ("genres", "The genres predicted, the likeliest first."),
            ("best_genre", "The likeliest genre, predicted or not."),
            ("best_probability", "Its probability."),
            ("probabilities", "The probability of every genre."),
            *_named("scored_at"),
        ),
    ),
    View(
        "predictions.unlabelled",
        "Movies to which a source gives no genre, with what the models would call them.",
        """
        SELECT w.*
        FROM predictions.wide w
        WHERE NOT EXISTS (
            FROM core.movie_genres g WHERE g.movie_id = w.movie_id AND g.source = w.label_set
        )
        """,
        (
            *_WHOSE,
            *_named("label_set", "model", "model_version"),
            ("genres", "The genres predicted, the likeliest first."),
            ("best_genre", "The likeliest genre, predicted or not."),
            ("best_probability", "Its probability."),
            ("probabilities", "The probability of every genre."),
            *_named("scored_at"),
        ),
    ),
    View(
        "predictions.disagreements",
        "Where a model contradicts the source: a genre predicted that it does not give, or the reverse.",
        """
        SELECT c.movie_id, c.imdb_id, c.tmdb_id, c.title, c.label_set, c.model, c.genre, c.probability,
               c.threshold, c.predicted, g.genre IS NOT NULL AS given
        FROM predictions.current c
        SEMI JOIN core.movie_genres labelled
             ON labelled.movie_id = c.movie_id AND labelled.source = c.label_set
        LEFT JOIN core.movie_genres g
             ON g.movie_id = c.movie_id AND g.source = c.label_set AND g.genre = c.genre
        WHERE c.predicted <> (g.genre IS NOT NULL)
        """,
        (
            *_WHOSE,
            *_named("label_set", "model", "genre", "probability", "threshold", "predicted"),
            ("given", "Whether the source gives the movie this genre."),
        ),
    ),
    View(
        "predictions.suspects",
        "Labels most likely wrong or missing in a source: the champion that had not seen them disagrees.",
        """
        SELECT d.movie_id, m.imdb_id, m.tmdb_id, m.title, d.label_set, d.model_version, d.genre,
               CASE WHEN d.given THEN 'wrong' ELSE 'missing' END AS kind, d.probability,
               CASE WHEN d.given THEN 1 - d.probability ELSE d.probability END AS doubt
        FROM predictions.doubted d
        JOIN ops.models o ON o.label_set = d.label_set AND o.model = 'combined'
             AND o.model_version = d.model_version AND o.stage = 'champion'
        JOIN core.movies m ON m.movie_id = d.movie_id AND m.deleted_at IS NULL
        LEFT JOIN core.movie_genres g
             ON g.movie_id = d.movie_id AND g.source = d.label_set AND g.genre = d.genre
        WHERE d.given = (g.genre IS NOT NULL)
        """,
        (
            *_WHOSE,
            *_named("label_set", "model_version", "genre"),
            ("kind", "wrong: the source gives the genre; missing: it does not."),
            ("probability", "The model's probability that the movie has the genre."),
            ("doubt", "Probability that the label is not right, by the model."),
        ),
    ),
    View(
        "predictions.explanations",
        "What drove each champion's opinion of the movies that someone asked about.",
        """
        SELECT e.movie_id, m.imdb_id, m.tmdb_id, m.title, e.label_set, e.model, e.model_version, e.genre,
               e.piece, e.value, e.weight, e.explained_at
        FROM predictions.explained e
        JOIN ops.models o ON o.label_set = e.label_set AND o.model = e.model
             AND o.model_version = e.model_version AND o.stage = 'champion'
        LEFT JOIN core.movies m ON m.movie_id = e.movie_id
        """,
        (
            *_WHOSE,
            *_named("label_set", "model", "model_version", "genre"),
            ("piece", "The column of the feature view, or the modality."),
            ("value", "The tag, word, person or number in it."),
            ("weight", "The logit with the piece, minus the logit without it."),
            ("explained_at", "When it was asked."),
        ),
    ),
)
