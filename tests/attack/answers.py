"""Hostile and broken answers over HTTP, to the connectors: each ends as its entry in the fault table says."""

from collections.abc import Iterator
from functools import partial

from tests.attack.ground import Ground, Outcome, Result
from tests.connectors.fault_bench import bench
from tests.connectors.fault_table import CASES


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of each fault."""
    for name in ground.part(CASES, 8):
        yield ground.attempt(name, partial(_case, ground, name))


def _case(ground: Ground, name: str) -> Outcome:
    expected, case = CASES[name]
    with bench() as at:
        outcome = case(at)
    ground.hides(outcome.detail)
    # A busy machine may be too slow for the bench's time-outs: then a good answer is asked for once more.
    right = ("accepted", "retried") if expected == "accepted" else (expected,)
    assert outcome.kind in right, f"{outcome.kind} instead of {expected}: {outcome.detail}"
    assert outcome.all_good_kept, f"good rows were lost: {outcome.detail}"
    return "refused" if outcome.kind == "stopped" else "survived"
