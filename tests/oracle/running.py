"""Runs the state machine from a seed."""

import traceback

import hypothesis.internal.conjecture.engine
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.oracle.machine import Machine

LAKES = 6
"""How many lakes are made from one seed."""


def run_seed(number: int, lakes: int, length: int, *, shrink_seconds: int = 0) -> str | None:
    """Run so many lakes from one seed; return what differed, None where nothing did."""
    hypothesis.internal.conjecture.engine.MAX_SHRINKING_SECONDS = shrink_seconds
    chosen = settings(
        max_examples=lakes,
        stateful_step_count=length,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if shrink_seconds else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=True,
        verbosity=Verbosity.normal,
    )

    @seed(number)
    class Seeded(Machine):
        pass

    try:
        run_state_machine_as_test(Seeded, settings=chosen)  # type: ignore[no-untyped-call]
    except Exception:
        return traceback.format_exc()
    finally:
        Machine.steps, Machine.lakes, Machine.met = Seeded.steps, Seeded.lakes, Seeded.met
    return None
