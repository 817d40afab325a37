"""Every operation that Reelhouse uses answers like a plain table: a short run of each, always the same."""

from collections.abc import Iterator

import pytest

from tests.engine.fuzz import Fault, run
from tests.engine.lakes import SIZE, Place, place
from tests.engine.operations import KNOWN, OPERATIONS

USED = [name for name, operation in OPERATIONS.items() if operation.used and name not in KNOWN]
ON_SERVERS = ("compaction", "conflict", "own_rewrite", "own_widen", "transaction")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files() -> Iterator[Place]:
    """Where lakes with their catalogue in SQLite can be made."""
    with place("sqlite") as where:
        yield where


@pytest.fixture(scope="module")
def server() -> Iterator[Place]:
    """Where lakes with their catalogue in PostgreSQL can be made."""
    with place("postgres") as where:
        yield where


def faults(name: str, where: Place, seed: int) -> list[str]:
    return [str(result) for result in run(OPERATIONS[name], where, seed, SIZE) if isinstance(result, Fault)]


@pytest.mark.parametrize("name", USED)
def test_an_operation_that_is_used_changes_no_answer(files: Place, name: str) -> None:
    assert faults(name, files, seed=1) == []


@pytest.mark.parametrize("name", ON_SERVERS)
def test_an_operation_on_postgresql_changes_no_answer(server: Place, name: str) -> None:
    assert faults(name, server, seed=2) == []


def test_the_comparison_finds_what_the_engine_s_rewrite_does(files: Place) -> None:
    assert any(faults("rewrite_data_files", files, seed) for seed in range(6))
