"""A mirror over a small catalogue that a test may fill and change."""

from collections.abc import Iterator

import pytest

from connectors.mirror import Mirror, serve
from tests.connectors.sources import SmallCatalogue


@pytest.fixture
def catalogue() -> SmallCatalogue:
    return SmallCatalogue()


@pytest.fixture
def mirror(catalogue: SmallCatalogue) -> Iterator[Mirror]:
    with serve(catalogue) as listening:
        yield listening
