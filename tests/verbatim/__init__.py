"""A home beside the files that it was made from: no value differs but for what is normalised on purpose.

    python -m tests.verbatim HOME DIRECTORY

`sources` reads the files, `rules` restates in plain Python what `core` should make of them, `home` reads the
home's tables, and `comparison` puts them side by side. Nothing here imports Reelhouse or DuckDB: a home is
read from what `reelhouse export` writes.
"""
