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
    assert outcome.kind == expected, f"{outcome.kind} instead of {expected}: {outcome.detail}"
    assert outcome.all_good_kept, f"good rows were lost: {outcome.detail}"
    return "refused" if outcome.kind == "stopped" else "survived"
