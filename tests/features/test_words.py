"""Bags of words, and the TF-IDF that is learnt from them."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from features.tfidf import TfidfSvd
from features.words import Words, tokens

TEXTS = [
    "A thief robs a bank in Paris.",
    "A thief loves a detective in Rome.",
    "The detective's last case: a bank, a thief, a lie.",
    "Aliens land in Paris and nobody cares.",
    "Nobody robs aliens in Rome.",
]


def bags(*texts: str | None) -> pa.Table:
    table = pa.table(
        {
            "movie_id": range(len(texts)),
            "overview": pa.array(texts, pa.string()),
            "tagline": pa.nulls(len(texts), pa.string()),
        }
    )
    return Words().compute(table)


def test_words_and_pairs_are_counted_once_each() -> None:
    row = bags("No, no: no café!").to_pylist()[0]
    assert row["words"] == ["cafe", "no", "no cafe", "no no"]
    assert row["counts"] == [1.0, 3.0, 1.0, 2.0]


def test_a_text_without_words_is_absent() -> None:
    assert bags("1999 ...", "A lie.")["present"].to_pylist() == [False, True]


def test_learnt_from_training_rows_only_and_the_same_from_stored_arrays() -> None:
    known, new = bags(*TEXTS[:4]), bags(TEXTS[4], "zzz")
    model = TfidfSvd.fit(known["words"], known["counts"], width=3, min_rows=2)
    assert "cares" not in model.words
    stored = TfidfSvd(list(model.words), **dict(model.arrays))
    found = stored.transform(new["words"], new["counts"])
    assert found.shape == (2, 3)
    np.testing.assert_array_equal(found, model.transform(new["words"], new["counts"]))
    assert np.linalg.norm(found[0]) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(found[1], 0)


def test_without_reduction_it_is_scikit_learns_tfidf() -> None:
    table = bags(*TEXTS)
    model = TfidfSvd.fit(table["words"], table["counts"], width=1, min_rows=1)
    theirs = TfidfVectorizer(analyzer=tokens, sublinear_tf=True).fit(TEXTS)
    assert sorted(model.words) == sorted(theirs.vocabulary_)
    order = [theirs.vocabulary_[word] for word in model.words]
    np.testing.assert_allclose(model.idf, theirs.idf_[order], rtol=1e-5)
