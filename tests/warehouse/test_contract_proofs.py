"""Proofs over Arrow data never say yes where a row breaks the rule."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.contract_proofs import nothing_missing, numbered

PATTERN = r"tt\d{7,10}"
PROOF = numbered(PATTERN)
GOOD = st.from_regex(rf"\A{PATTERN}\Z", alphabet=st.characters(codec="ascii"))
NEARLY = st.text("tn0123456789 -é\n٣", max_size=13)


@given(st.lists(st.one_of(st.none(), GOOD, NEARLY)), st.integers(0, 5))
def test_a_pattern_is_proven_only_where_every_value_has_it(values: list[str | None], start: int) -> None:
    data = pa.chunked_array([pa.array(values, pa.string()).slice(start), pa.array(["tt0000001"])])
    assert PROOF is not None
    holds = all(v is not None and re.fullmatch(PATTERN, v, re.ASCII) for v in values[start:])
    assert PROOF(data) == holds


@pytest.mark.parametrize(
    "values", [["tt000000t"], ["t0000000t0", "tt0000001"], ["tt12", "tt1234567890123"], ["nm0000001"]]
)
def test_characters_that_only_add_up_do_not_prove_a_pattern(values: list[str]) -> None:
    assert PROOF is not None
    assert not PROOF(pa.chunked_array([values]))


def test_other_types_and_other_patterns_are_left_to_the_database() -> None:
    assert PROOF is not None
    assert not PROOF(pa.chunked_array([pa.array(["tt0000001"]).dictionary_encode()]))
    assert not PROOF(pa.chunked_array([pa.array(["tt0000001"], pa.large_string())]))
    assert numbered(r"[a-z]{2}") is None
    assert numbered(r"tt\d+") is None


def test_missing_values_are_seen_in_any_chunk() -> None:
    assert nothing_missing(pa.chunked_array([[1, 2], [3]]))
    assert not nothing_missing(pa.chunked_array([[1, 2], [None]]))


def test_missing_values_behind_an_index_are_left_to_the_database() -> None:
    hidden = pa.DictionaryArray.from_arrays([0, 1], pa.array(["a", None]))
    assert not nothing_missing(pa.chunked_array([hidden]))
