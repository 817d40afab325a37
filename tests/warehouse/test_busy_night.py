"""Readers, nights, a backfill and upkeep at once: no error, and no reader sees half of anything."""

from pathlib import Path

import pytest

from tests.warehouse.busy import busy_night
from tests.warehouse.nights import site
from tests.warehouse.places import Backend

pytestmark = pytest.mark.slow


def test_readers_nights_a_backfill_and_upkeep_at_once(backend: Backend, tmp_path: Path) -> None:
    with site(backend, tmp_path / "home", movies=50) as made:
        found = busy_night(made, readers=3, nights=1)
    assert found.errors == []
    assert found.inconsistent == []
    assert found.breaches == []
    assert found.queries > 20
    assert found.snapshots > 3, "the readers saw the lake change"
    assert found.upkeeps >= 1
