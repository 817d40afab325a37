"""The `ratings` view: what MovieLens' users gave a movie, in numbers."""

from typing import ClassVar

import pyarrow as pa

from features.view import FeatureView
from warehouse.schema import Column


class Ratings(FeatureView):
    """One row for every movie that MovieLens' users rated.

    `shrunk_rating` is the mean pulled towards 3.5 stars by the weight of ten ratings, so that one enthusiast
    is no classic. Nothing here is relative to other movies: a movie's row changes only when its own ratings
    do.
    """

    name: ClassVar[str] = "ratings"
    comment: ClassVar[str] = "Number, mean, spread and recency of MovieLens' ratings."
    columns: ClassVar[tuple[Column, ...]] = (
        Column("n_ratings", "BIGINT", "Number of ratings."),
        Column("log_n_ratings", "DOUBLE", "Natural logarithm of one plus that number."),
        Column("mean_rating", "DOUBLE", "Their mean in stars."),
        Column("shrunk_rating", "DOUBLE", "Their mean with ten ratings of 3.5 stars added."),
        Column("stddev_rating", "DOUBLE", "Their standard deviation in stars; NULL for a single rating."),
        Column("last_rated_year", "INTEGER", "Year of the last rating."),
    )
    inputs: ClassVar[str] = """
        SELECT movie_id, n_ratings, ln(1 + n_ratings) AS log_n_ratings, mean_rating,
               (n_ratings * mean_rating + 10 * 3.5) / (n_ratings + 10) AS shrunk_rating,
               CASE WHEN n_ratings > 1 THEN stddev_rating END AS stddev_rating,
               extract(year FROM last_rated_at AT TIME ZONE 'UTC')::INTEGER AS last_rated_year
        FROM core.ratings SEMI JOIN wanted USING (movie_id) WHERE n_ratings > 0
    """

    def compute(self, inputs: pa.Table) -> pa.Table:
        """Return the inputs as they are: their SQL is the computation."""
        return inputs
