"""The `genome` view: how much each tag of MovieLens' tag genome fits a movie, where a set has one."""

from typing import ClassVar

import pyarrow as pa

from features.view import FeatureView
from warehouse.schema import Column


def has_genome(dataset: str) -> bool:
    """Return whether a MovieLens set comes with the tag genome.

    >>> [has_genome(name) for name in ("ml-latest-small", "ml-25m", "ml-32m")]
    [False, True, False]
    """
    return dataset in ("ml-20m", "ml-25m", "ml-latest")


class Genome(FeatureView):
    """One row for every movie with genome scores: `tags`, sorted, and the `relevance` of each.

    Tags that name a genre are in it, as they are in the genome: it is for questions and for similarity, and
    no model of this project reads it.
    """

    name: ClassVar[str] = "genome"
    comment: ClassVar[str] = "MovieLens' tag genome: the relevance of every genome tag, names of genres too."
    columns: ClassVar[tuple[Column, ...]] = (
        Column("tags", "VARCHAR[]", "The genome's tags, sorted."),
        Column("relevance", "FLOAT[]", "Relevance of each, from 0 to 1."),
    )
    inputs: ClassVar[str] = """
        SELECT movie_id, list(tag ORDER BY tag, tag_id) AS tags,
               list(relevance::FLOAT ORDER BY tag, tag_id) AS relevance
        FROM raw.movielens_genome_scores AS scores
        JOIN raw.movielens_genome_tags AS names USING (dataset, tag_id)
        JOIN core.movies USING (movielens_id) SEMI JOIN wanted USING (movie_id)
        GROUP BY movie_id, dataset
        QUALIFY row_number() OVER (PARTITION BY movie_id ORDER BY count(*) DESC, dataset DESC) = 1
    """
    partition_rows: int = 5_000
    light: ClassVar[bool] = True

    def compute(self, inputs: pa.Table) -> pa.Table:
        """Return the inputs as they are: their SQL is the computation."""
        return inputs
