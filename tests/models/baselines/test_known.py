"""Known answers are checked where their rows were measured, and only there."""

from dataclasses import replace

import pytest

from models.baselines.known import known_answers
from models.baselines.measurement import Comparison
from models.baselines.row import Row
from models.baselines.scores import AS_PUBLISHED, HONEST
from models.baselines.table import render


def row(system: str, protocol: str = AS_PUBLISHED, **values: float) -> Row:
    return Row(system, "", system[0], system[:3], protocol, "", 10, 2, values, {}, 0.0, 0.0, 0.0)


FORESTS = [
    row(f"B{n}", exact_match=exact, jaccard=overlap)
    for n, exact, overlap in (
        (10, 0.1, 0.30), (11, 0.2, 0.31), (12, 0.2, 0.32), (13, 0.2, 0.33), (14, 0.3, 0.34), (15, 0.1, 0.35),
    )
]  # fmt: skip


def test_nothing_measured_has_no_answer() -> None:
    assert known_answers([]) == []
    assert known_answers([row("B14", exact_match=0.3)]) == []
    assert "Known answers" not in render(Comparison((), {}))


@pytest.mark.parametrize(("measured", "holds"), [(0.381, True), (0.3816, False), (0.36, False)])
def test_a_constant_of_the_documents_own_file_is_exact(measured: float, holds: bool) -> None:
    (answer,) = known_answers([row("D12 all", first_column_accuracy=measured)])
    assert answer.holds is holds
    assert "published 0.3810" in answer.measured


@pytest.mark.parametrize(("measured", "holds"), [(0.5352, True), (0.553, True), (0.51, False), (0.56, False)])
def test_a_network_may_be_two_points_off(measured: float, holds: bool) -> None:
    (answer,) = known_answers([row("D10", first_column_accuracy=measured)])
    assert answer.holds is holds


def test_the_trivial_row_is_judged_on_test_movies() -> None:
    assert known_answers([row("A21 all", auc=0.4, accuracy=0.7)]) == []
    told = known_answers([row("A21 all", HONEST, auc=0.5, accuracy=0.79)])
    assert [one.holds for one in told] == [True, True]


def test_sets_beat_relevance_and_homer_leads() -> None:
    assert [one.holds for one in known_answers(FORESTS)] == [True, True]
    worse = [replace(one, values={**one.values, "exact_match": 0.2}) for one in FORESTS]
    assert [one.holds for one in known_answers(worse)] == [False, True]
    other = [*FORESTS[:3], replace(FORESTS[3], values={"exact_match": 0.2, "jaccard": 0.9}), *FORESTS[4:]]
    (led,) = (one for one in known_answers(other) if "Jaccard" in one.what)
    assert not led.holds and "RAKEL (B13) with 0.900" in led.measured


def test_the_table_and_the_json_tell_them() -> None:
    comparison = Comparison(tuple(FORESTS), {})
    text = render(comparison)
    assert "Known answers:\n  holds    pruned sets (B14) beat" in text
    assert [one["holds"] for one in comparison.as_json()["known"]] == [True, True]
