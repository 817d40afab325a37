"""What comes of every fault, as `tests.connectors.fault_table` lists it."""

from pathlib import Path

import pytest

from tests.connectors.fault_bench import bench
from tests.connectors.fault_table import CASES, real_cases


@pytest.mark.parametrize("name", CASES)
def test_a_fault_comes_to_what_is_expected_and_costs_no_good_row(name: str) -> None:
    expected, case = CASES[name]
    with bench() as at:
        outcome = case(at)
    assert (outcome.kind, outcome.all_good_kept) == (expected, True), outcome.detail
    assert len(outcome.detail) < 1000


@pytest.mark.real_data
def test_real_broken_input_comes_to_what_is_expected(shared_data: Path) -> None:
    for name, (expected, case) in real_cases(shared_data).items():
        with bench() as at:
            outcome = case(at)
        assert (name, outcome.kind, outcome.all_good_kept) == (name, expected, True), outcome.detail
