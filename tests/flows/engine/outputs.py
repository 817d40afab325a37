"""Commands that write a file, and files that none of them may replace."""

WRITERS = (
    ("sql", "SELECT 1", "--format", "csv", "--output"),
    ("report", "--output"),
    ("features", "dataset", "--ids", "1", "--out"),
    ("export",),
)
"""Arguments that a path follows."""
TAKEN = (
    "home/catalog.sqlite",
    "home/lake/x",
    "home/models/x",
    "home/catalog.sqlite-wal",
    "other/catalog.sqlite",
    "other/lake/ops/x",
    "other/posters/x",
    "backup/backup.json",
    "backup/lake/x",
)
"""Paths in a directory with a home, another home and a backup, which are theirs."""
REPLACERS = {
    "sql": (("sql", "SELECT 1 AS n", "--format", "parquet", "--output", "out/x"), "out/x"),
    "report": (("report", "--output", "out/x"), "out/x"),
    "dataset": (("features", "dataset", "tags", "--ids", "1", "--out", "out/x"), "out/x"),
    "spine": (("features", "dataset", "tags", "--ids", "1", "--out", "out/x"), "out/x.spine.parquet"),
    "manifest": (("features", "dataset", "tags", "--ids", "1", "--out", "out/x"), "out/x.manifest.json"),
    "again": (("features", "dataset", "--manifest", "x.manifest.json", "--out", "out/x"), "out/x"),
    "export": (("export", "out", "core.id_map", "core.movies"), "out/core/movies.parquet"),
}
"""Commands in a directory, and a file that each replaces where it is of the right kind."""
FOREIGN = {
    "text": b"mine",
    "empty object": b"{}",
    "deep JSON": b"[" * 100_000,
    "half of a Parquet file": b"PAR1" + bytes(100),
    "another end": b"PAR1" + bytes(100) + b"PAR2",
    "page": b"<!doctype html><title>Mine</title>",
    "text about reports": b'mine <meta name="generator" content="Reelhouse">',
    "no text": bytes(range(256)),
}
"""Contents of files that none of our commands has written."""
