"""How a run ended, in words that are true."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from flows.commands.options import finish
from flows.engine.console import Reporter
from flows.engine.context import location
from flows.engine.run import Outcome, run_steps
from flows.engine.step import StepResult, StepSpec, Work
from flows.settings import Settings
from warehouse import Warehouse

IDLE = {"files_before": 9, "files_after": 9, "bytes_before": 5, "bytes_after": 5, "audited_rows": 40}
BUSY = IDLE | {"files_merged": 3}
QUIET_NIGHT = {"ingest imdb": {}, "features tags": {"unchanged": 12}, "quality": {"measured": 6}}
NOTHING = "nothing to do: nothing fetched, encoded, trained or scored (1.0 s)"


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ({"upkeep": IDLE}, "nothing to do (1.0 s)"),
        ({"upkeep": BUSY}, "run r completed in 1.0 s"),
        (
            QUIET_NIGHT | {"upkeep": BUSY},
            "nothing to do: nothing fetched, encoded, trained or scored (1.0 s)",
        ),
        (QUIET_NIGHT | {"score tmdb": {"scored": 1}, "upkeep": IDLE}, "run r completed in 1.0 s"),
    ],
)
def test_a_run_that_did_something_does_not_end_with_nothing_to_do(
    steps: Mapping[str, Mapping[str, int]], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    results = {name: StepResult(name.split()[0], counts) for name, counts in steps.items()}
    finish(Outcome("r", results), False, 1.0, Reporter())
    assert capfd.readouterr().err.strip() == words


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_a_stopped_run_says_that_it_was_stopped(tmp_path: Path, error: BaseException) -> None:
    def stopped(work: Work) -> None:
        raise error

    settings = Settings(home=tmp_path)
    with pytest.raises(type(error)):
        run_steps(settings, "score", [StepSpec("score", stopped)], Reporter(quiet=True))
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        assert warehouse.query("SELECT state, error FROM ops.runs").to_pylist() == [
            {"state": "cancelled", "error": "stopped by the user or the system"}
        ]
        assert warehouse.scalar("SELECT error FROM ops.steps") == "stopped by the user or the system"
