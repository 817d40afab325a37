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
