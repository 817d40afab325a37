"""Bags of words over lists of strings."""

import numpy as np
import pyarrow as pa
import pytest

from models.modalities.bags import BagEncoder, counts, occurrences, vocabulary

TAGS = pa.chunked_array([[["serial killer", "rain"], None, []], [["killer", "rain", "rain"], ["zombie"]]])


def test_occurrences_know_their_rows_across_chunks_and_nulls() -> None:
    found = occurrences(TAGS)
    assert found.n_rows == 5
    told = sorted((row, found.strings[code]) for row, code in zip(found.row, found.code, strict=True))
    assert told == [(0, "rain"), (0, "serial killer"), (3, "killer"), (3, "rain"), (3, "rain"), (4, "zombie")]


def test_a_column_of_strings_is_a_list_of_one() -> None:
    found = occurrences(pa.chunked_array([["en", None, "fr"]]))
    assert counts(found, {"en": 0, "fr": 1}).toarray().tolist() == [[1, 0], [0, 0], [0, 1]]


def test_the_vocabulary_is_the_marked_rows() -> None:
    found = occurrences(TAGS)
    everyone = np.ones(5, bool)
    assert vocabulary(found, everyone, at_least=2) == ["rain"]
    assert vocabulary(found, np.arange(5) != 3, at_least=1) == ["rain", "serial killer", "zombie"]
    assert vocabulary(found, everyone, at_least=1, at_most=1) == ["rain"]


def test_rows_have_unit_length_and_share_words_across_tags() -> None:
    encoder = BagEncoder.fit(TAGS, np.ones(5, bool), at_least=1)
    bag = encoder.encode(TAGS)
    length = np.sqrt(np.asarray(bag.multiply(bag).sum(axis=1)).ravel())
    assert length == pytest.approx([1, 0, 0, 1, 1])
    assert (bag[0] @ bag[3].T).toarray()[0, 0] > 0
    assert (bag[0] @ bag[4].T).toarray()[0, 0] == 0


def test_an_unknown_tag_still_has_known_words() -> None:
    encoder = BagEncoder.fit(TAGS, np.ones(5, bool), at_least=1)
    bag = encoder.encode(pa.chunked_array([[["contract killer"], ["opera"]]]))
    assert bag[0].nnz == 1
    assert bag[1].nnz == 0


def test_a_row_is_encoded_alike_alone_and_among_others() -> None:
    encoder = BagEncoder.fit(TAGS, np.ones(5, bool), at_least=1)
    together = encoder.encode(TAGS).toarray()
    for i in range(len(TAGS)):
        assert (encoder.encode(TAGS.slice(i, 1)).toarray()[0] == together[i]).all()


def test_weights_make_a_tag_count_more() -> None:
    tags = pa.chunked_array([[["rain", "zombie"]]])
    weights = pa.chunked_array([pa.array([[1.0, 2.5]], pa.list_(pa.float32()))])
    encoder = BagEncoder.fit(tags, np.ones(1, bool), at_least=1)
    plain, weighted = encoder.encode(tags).toarray()[0], encoder.encode(tags, weights).toarray()[0]
    zombie = encoder.pieces.index("=zombie")
    assert weighted[zombie] > plain[zombie]


def test_no_rows_at_all_are_fine() -> None:
    encoder = BagEncoder.fit(TAGS, np.ones(5, bool), at_least=1)
    empty = pa.chunked_array([pa.array([], pa.list_(pa.string()))])
    assert encoder.encode(empty).shape == (0, len(encoder.pieces))
