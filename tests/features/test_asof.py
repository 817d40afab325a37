"""The as-of join in memory, against an oracle that looks at every row for every question."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from features import asof
from features.asof import held

EXTREME = [0, 1, 2, 2**31, 2**32, 2**62, 2**63 - 2]
rows = st.lists(
    st.tuples(st.sampled_from(EXTREME), st.integers(-3, 3), st.integers(-3, 3)), unique=True, max_size=20
)
questions = st.lists(
    st.tuples(st.sampled_from([*EXTREME, 3, 2**63 - 1, -1, -(2**63)]), st.integers(-4, 4)), max_size=20
)


def oracle(history: list[tuple[int, int, int]], movie: int, time: int) -> int:
    """The position of the row that holds."""
    seen = [
        ((event, known), i)
        for i, (row_movie, event, known) in enumerate(history)
        if row_movie == movie and event <= time and known <= time
    ]
    return max(seen)[1] if seen else -1


def numbers(values: list[int]) -> npt.NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def answers(history: list[tuple[int, int, int]], asked: list[tuple[int, int]]) -> list[int]:
    columns = [numbers([row[i] for row in history]) for i in range(3)]
    found: list[int] = held(*columns, *(numbers([each[i] for each in asked]) for i in range(2))).tolist()
    return found


@given(history=rows, asked=questions)
def test_each_question_is_answered_by_the_latest_row_that_was_true_and_known(
    history: list[tuple[int, int, int]], asked: list[tuple[int, int]]
) -> None:
    assert answers(history, asked) == [oracle(history, *each) for each in asked]


def test_many_rows_with_late_corrections() -> None:
    rng = np.random.default_rng(0)
    n, movies = 3_000, 40
    event = rng.integers(0, 50, n)
    history = sorted(
        {
            *zip(
                rng.integers(0, movies, n).tolist(),
                event.tolist(),
                (event + rng.integers(-9, 30, n)).tolist(),
                strict=True,
            )
        }
    )
    asked = list(
        zip(rng.integers(0, movies + 2, 500).tolist(), rng.integers(-5, 90, 500).tolist(), strict=True)
    )
    assert answers(history, asked) == [oracle(history, *each) for each in asked]


def test_more_rows_than_three_numbers_have_room_for_in_one(monkeypatch) -> None:
    monkeypatch.setattr(asof, "BITS", 6)
    test_each_question_is_answered_by_the_latest_row_that_was_true_and_known()
    test_many_rows_with_late_corrections()
