"""Live movies: those that no source has withdrawn."""

LIVE_MOVIES = "(FROM core.movies WHERE deleted_at IS NULL)"
"""SQL for the relation of live movies, with all columns of `core.movies`."""
