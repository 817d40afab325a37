"""`ops`: what ran, what was fetched, what was refused, and which models and views exist."""

from datetime import timedelta

from warehouse.schema.declaration import Column, Reference, Table, View

RUN_ID = Column("run_id", "VARCHAR", "The run, as in ops.runs.")
BATCH_ID = Column("batch_id", "VARCHAR", "The batch, as in ops.batches.")
ERROR = Column("error", "VARCHAR", "What went wrong, without secrets.")

TABLES = (
    Table(
        "ops.migrations",
        "Changes of the layout that were applied, in order.",
        (
            Column("version", "INTEGER", "Number of the migration.", required=True),
            Column("name", "VARCHAR", "What it did.", required=True),
            Column("layout", "VARCHAR", "Hash of the declared tables after it."),
            Column("release", "VARCHAR", "Reelhouse's version that applied it."),
            Column("applied_at", "TIMESTAMPTZ", "When it was applied.", required=True),
        ),
        unique=("version",),
    ),
    Table(
        "ops.columns",
        "What every column of every table and view means.",
        (
            Column("table_name", "VARCHAR", "Table or view, with its schema.", required=True),
            Column("column_name", "VARCHAR", "The column; NULL where the row describes the table itself."),
            Column("data_type", "VARCHAR", "DuckDB's type; NULL for views."),
            Column("comment", "VARCHAR", "What it means."),
        ),
    ),
    Table(
        "ops.runs",
        "Every run of a flow.",
        (
            Column("run_id", "VARCHAR", "The run.", required=True),
            Column("flow", "VARCHAR", "Which flow, such as nightly.", required=True),
            Column(
                "state",
                "VARCHAR",
                "How it stands.",
                required=True,
                allowed=("running", "completed", "failed", "cancelled", "crashed"),
            ),
            Column("started_at", "TIMESTAMPTZ", "When it began.", required=True),
            Column("ended_at", "TIMESTAMPTZ", "When it ended."),
            Column("code_version", "VARCHAR", "Reelhouse's version."),
            Column("parameters", "JSON", "What it was asked to do."),
            Column("host", "VARCHAR", "The machine."),
            Column("pid", "BIGINT", "The process."),
            Column("process", "VARCHAR", "A random mark of the process: the system gives pids again."),
            ERROR,
        ),
        unique=("run_id",),
        fresh=("started_at", timedelta(days=2)),
    ),
    Table(
        "ops.steps",
        "Every step of every run.",
        (
            Column("run_id", "VARCHAR", "The run, as in ops.runs.", required=True),
            Column("step", "VARCHAR", "The step's name, for people.", required=True),
            Column("attempt", "INTEGER", "1 for the first try within the run.", required=True),
            Column(
                "state",
                "VARCHAR",
                "How it stands.",
                required=True,
                allowed=("running", "completed", "failed", "crashed"),
            ),
            Column("started_at", "TIMESTAMPTZ", "When it began.", required=True),
            Column("ended_at", "TIMESTAMPTZ", "When it ended."),
            Column("rows_in", "BIGINT", "Rows that it read."),
            Column("rows_out", "BIGINT", "Rows that it wrote."),
            Column("counts", "JSON", "Other counts by name."),
            Column("snapshot_before", "BIGINT", "The lake's snapshot when it began."),
            Column("snapshot_after", "BIGINT", "The lake's snapshot when it ended."),
            ERROR,
            Column("kind", "VARCHAR", "What it does, such as ingest, features or train."),
            Column("source", "VARCHAR", "The source that it asks, where it asks one."),
            Column(
                "subject", "VARCHAR", "What it does this to: a file or stream, a feature view, a label set."
            ),
            Column("note", "VARCHAR", "What there is to say of it beside the counts."),
        ),
        unique=("run_id", "step", "attempt"),
        references=(Reference(("run_id",), "ops.runs", ("run_id",)),),
    ),
    Table(
        "ops.batches",
        "Every batch that was landed: which source bytes its rows came from.",
        (
            Column("batch_id", "VARCHAR", "The batch.", required=True),
            RUN_ID,
            Column(
                "source", "VARCHAR", "tmdb, imdb, movielens, or reelhouse for what is derived.", required=True
            ),
            Column("stream", "VARCHAR", "Which part of the source.", required=True),
            Column("request", "VARCHAR", "What was asked, without secrets."),
            Column("source_hash", "VARCHAR", "Hash of the bytes that the source sent."),
            Column("rows_landed", "BIGINT", "Rows that were written."),
            Column("rows_quarantined", "BIGINT", "Rows that went to ops.quarantine."),
            Column("committed_at", "TIMESTAMPTZ", "When it was written.", required=True),
        ),
        unique=("batch_id",),
    ),
    Table(
        "ops.cursors",
        "How far each stream of each source has been read.",
        (
            Column("source", "VARCHAR", "The source.", required=True),
            Column("stream", "VARCHAR", "Which part of it.", required=True),
            Column("cursor", "JSON", "Where to go on.", required=True),
            Column("updated_at", "TIMESTAMPTZ", "When it moved.", required=True),
        ),
        unique=("source", "stream"),
    ),
    Table(
        "ops.quarantine",
        "Rows that broke a contract, with the reason and the original.",
        (
            Column("source", "VARCHAR", "Where the row came from."),
            Column("table_name", "VARCHAR", "The table that it was meant for."),
            Column("reason", "VARCHAR", "Which rule it broke."),
            Column("original", "VARCHAR", "The row as it came: JSON, or the source's own line."),
            BATCH_ID,
            Column("seen_at", "TIMESTAMPTZ", "When it was set aside.", required=True),
            Column("id", "BIGINT", "The entry's number; it grows with the order of a file's rows."),
        ),
        unique=("id",),
    ),
    Table(
        "ops.source_state",
        "When each TMDb movie was last fetched, and what came back.",
        (
            Column("source", "VARCHAR", "The source.", required=True),
            Column("source_id", "VARCHAR", "Its id as text.", required=True),
            Column("content_hash", "VARCHAR", "Hash of the last content."),
            Column("status", "SMALLINT", "HTTP status of the last answer."),
            Column("source_checked_at", "TIMESTAMPTZ", "When it was fetched, by the source's own clock."),
            Column("checked_at", "TIMESTAMPTZ", "When it was fetched, by this machine's clock."),
        ),
        unique=("source", "source_id"),
    ),
    Table(
        "ops.poster_files",
        "Every poster that was asked for, and what became of it.",
        (
            Column("tmdb_id", "BIGINT", "TMDb's movie id.", required=True),
            Column("poster_path", "VARCHAR", "TMDb's path of the poster.", required=True),
            Column(
                "state", "VARCHAR", "What became of it.", required=True, allowed=("stored", "missing", "bad")
            ),
            Column("reason", "VARCHAR", "Why it is missing or bad."),
            Column("sha256", "VARCHAR", "Hash of the file, which is its name in the store."),
            Column("width", "INTEGER", "Width in pixels."),
            Column("height", "INTEGER", "Height in pixels."),
            Column("format", "VARCHAR", "Image format."),
            Column("bytes", "BIGINT", "Size in bytes."),
            Column("fetched_at", "TIMESTAMPTZ", "When it was fetched."),
            Column("retry_after", "TIMESTAMPTZ", "Not to be asked for again before."),
        ),
        unique=("tmdb_id", "poster_path"),
    ),
    Table(
        "ops.feature_views",
        "Every version of every feature view.",
        (
            Column("view", "VARCHAR", "The view's name.", required=True),
            Column("view_version", "VARCHAR", "Hash of its definition.", required=True),
            Column("definition", "JSON", "Its inputs, parameters, encoder and revision."),
            Column("registered_at", "TIMESTAMPTZ", "When it was first built.", required=True),
            Column("dropped_at", "TIMESTAMPTZ", "When its rows were dropped."),
        ),
        unique=("view", "view_version"),
    ),
    Table(
        "ops.feature_quality",
        "How good each feature view was each night, column by column, and how far it has drifted.",
        (
            RUN_ID,
            Column("measured_at", "TIMESTAMPTZ", "When it was measured.", required=True),
            Column("view", "VARCHAR", "The view's name.", required=True),
            Column("view_version", "VARCHAR", "The version that was measured.", required=True),
            Column(
                "column_name",
                "VARCHAR",
                "The view's column; present speaks of the view as a whole: its mean is the coverage.",
                required=True,
            ),
            Column("movies", "BIGINT", "Live movies of the warehouse."),
            Column("present", "BIGINT", "Those among them that have the modality."),
            Column("null_rate", "DOUBLE", "Share of these whose value is unknown.", minimum=0, maximum=1),
            Column(
                "mean", "DOUBLE", "Mean of the value; of a list its length, of a vector its mean element."
            ),
            Column("stddev", "DOUBLE", "Standard deviation of the same."),
            Column("minimum", "DOUBLE", "Least value."),
            Column("median", "DOUBLE", "Middle value."),
            Column("maximum", "DOUBLE", "Greatest value."),
            Column("reference", "VARCHAR", "The champion whose training data drift is measured against."),
            Column("reference_time", "TIMESTAMPTZ", "What was known then is what it learnt from."),
            Column("reference_null_rate", "DOUBLE", "Share of unknown values then."),
            Column("reference_mean", "DOUBLE", "Mean of the value then."),
            Column("psi", "DOUBLE", "Population stability index: below 0.1 stable, above 0.25 moved."),
        ),
        unique=("run_id", "view", "column_name"),
    ),
    Table(
        "ops.models",
        "Every model that was trained, how it did, and whether it is in use.",
        (
            Column("label_set", "VARCHAR", "Whose genres it predicts.", required=True),
            Column("model", "VARCHAR", "metadata, tags, text, poster or combined.", required=True),
            Column("model_version", "VARCHAR", "Its version.", required=True),
            Column(
                "stage",
                "VARCHAR",
                "champion: in use; challenger: not better yet; retired: was in use; refused: was worse.",
                required=True,
                allowed=("champion", "challenger", "retired", "refused"),
            ),
            Column("created_at", "TIMESTAMPTZ", "When it was trained.", required=True),
            Column("promoted_at", "TIMESTAMPTZ", "When it became champion."),
            Column("reason", "VARCHAR", "Why it has this stage."),
            Column("code_version", "VARCHAR", "Reelhouse's version."),
            Column("snapshot_id", "BIGINT", "The lake's snapshot that it was trained on."),
            Column("views", "JSON", "The feature view versions that it reads."),
            Column("split", "JSON", "Which movies trained, validated and tested it."),
            Column("seed", "BIGINT", "Seed of the random numbers."),
            Column("metrics", "JSON", "How it did on the test movies."),
            Column("thresholds", "JSON", "From which probability each genre is predicted."),
            Column("artefact_path", "VARCHAR", "Where its files lie, below the model directory."),
            Column("artefact_sha256", "VARCHAR", "Hash of its files."),
            RUN_ID,
        ),
        unique=("label_set", "model", "model_version"),
    ),
    Table(
        "ops.contract_results",
        "What each check of each contract found.",
        (
            Column("checked_at", "TIMESTAMPTZ", "When it was checked.", required=True),
            Column("table_name", "VARCHAR", "The table.", required=True),
            Column("rule", "VARCHAR", "What must hold.", required=True),
            Column("passed", "BOOLEAN", "Whether it held.", required=True),
            Column("breaches", "BIGINT", "Rows that break it."),
            Column("detail", "VARCHAR", "An example, or the number found."),
            BATCH_ID,
            RUN_ID,
        ),
    ),
)

VIEWS = (
    View(
        "ops.freshness",
        "When each stream of each source last brought rows, and how far it was read.",
        """
        SELECT coalesce(b.source, c.source) AS source, coalesce(b.stream, c.stream) AS stream,
               b.last_batch_at, b.rows_landed, b.rows_quarantined, c.cursor, c.updated_at AS cursor_moved_at
        FROM (
            SELECT source, stream, max(committed_at) AS last_batch_at,
                   sum(rows_landed)::BIGINT AS rows_landed,
                   sum(rows_quarantined)::BIGINT AS rows_quarantined
            FROM ops.batches
            GROUP BY source, stream
        ) b
        FULL JOIN ops.cursors c ON c.source = b.source AND c.stream = b.stream
        """,
        (
            ("source", "The source."),
            ("stream", "Which part of it."),
            ("last_batch_at", "When a batch of it was written last."),
            ("rows_landed", "Rows that were written, all batches together."),
            ("rows_quarantined", "Rows that were set aside, all batches together."),
            ("cursor", "Where the next fetch goes on."),
            ("cursor_moved_at", "When the cursor moved."),
        ),
    ),
)
