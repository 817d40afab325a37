"""The invented lake, empty and filled, and the page that is made of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.report import write_report
from tests.flows.report.lake import Lake, fill

NASTY = (
    "<script>alert('title')</script>",
    '"><img src=x onerror=alert(1)>',
    "Amélie 🎬 & <b>friends</b> {{ 7 * 7 }}",
    "</svg></style></title><script>alert(2)</script>",
    "$\\frac{1}{0}$ & ]]>",
)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    made = Lake(tmp_path / "home")
    yield made
    made.warehouse.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a lake with sixty movies, some with hostile titles."""
    made = Lake(tmp_path_factory.mktemp("report") / "home")
    try:
        fill(made, NASTY * 12)
        return write_report(made.settings())
    finally:
        made.warehouse.close()
