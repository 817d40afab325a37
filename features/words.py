"""The `words` view: overview and tagline as a bag of words, for models that learn TF-IDF on their training
fold.

What TF-IDF learns (the vocabulary, how rare a word is, the directions of an SVD) is state of the whole
collection: if it were part of the view, every new movie would change every row, and test movies would shape
training features. So the view holds what depends on one movie, its words, and `features.tfidf` learns the
rest from training rows.
"""

import re
import unicodedata
from collections import Counter
from itertools import pairwise
from typing import ClassVar

import pyarrow as pa

from features.view import FeatureView
from warehouse.schema import Column

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def tokens(text: str) -> list[str]:
    """Return the words of a text and the pairs of neighbours, in small letters without accents.

    >>> tokens("A détective's last case")
    ['a', 'detectives', 'last', 'case', 'a detectives', 'detectives last', 'last case']
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    words = [re.sub("['’]", "", word) for word in _WORD.findall(plain)]
    return words + [f"{first} {second}" for first, second in pairwise(words)]


class Words(FeatureView):
    """One row for every movie with an overview or a tagline: its distinct words and pairs, sorted, and how
    often."""

    name: ClassVar[str] = "words"
    comment: ClassVar[str] = "Words and pairs of words of overview and tagline, with their counts."
    columns: ClassVar[tuple[Column, ...]] = (
        Column("words", "VARCHAR[]", "Words and pairs of neighbouring words, sorted."),
        Column("counts", "FLOAT[]", "How often each occurs."),
    )
    inputs: ClassVar[str] = """
        SELECT movie_id, overview, tagline FROM core.movies SEMI JOIN wanted USING (movie_id)
        WHERE trim(coalesce(overview, '')) <> '' OR trim(coalesce(tagline, '')) <> ''
    """
    partition_rows: int = 20_000

    def compute(self, inputs: pa.Table) -> pa.Table:
        """Return `words` and `counts` per movie."""
        counted = []
        for row in inputs.select(["overview", "tagline"]).to_pylist():
            bag = Counter(word for text in row.values() if text for word in tokens(text))
            counted.append(sorted(bag.items()))
        return pa.table(
            {
                "movie_id": inputs["movie_id"],
                "present": pa.array([bool(bag) for bag in counted], pa.bool_()),
                "words": pa.array([[word for word, _ in bag] for bag in counted], pa.list_(pa.string())),
                "counts": pa.array([[n for _, n in bag] for bag in counted], pa.list_(pa.float32())),
            }
        )
