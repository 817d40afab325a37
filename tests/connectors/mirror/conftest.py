"""A small directory in the layout that the mirror serves, made up on the spot, and a client of its mirror."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.mirror import DirectoryCatalogue, Mirror, serve
from tests.connectors.mirror.records import DAY, write_records


@pytest.fixture
def write_directory(tmp_path: Path) -> Callable[..., Path]:
    def write(*parts: str, root: Path = tmp_path / "records") -> Path:
        return write_records(root, *parts)

    return write


@pytest.fixture
def catalogue(write_directory: Callable[..., Path]) -> DirectoryCatalogue:
    return DirectoryCatalogue(write_directory(), today=DAY)


class Client:
    """A requests session with the mirror's address and a made-up token."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.session = requests.Session()
        self.session.headers["Authorization"] = "Bearer made-up"

    def get(self, path: str, **arguments: Any) -> requests.Response:
        return self.session.get(self.mirror.url + path, timeout=20, **arguments)

    def json(self, path: str, **params: Any) -> Any:
        answer = self.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def mirror(catalogue: DirectoryCatalogue) -> Iterator[Mirror]:
    with serve(catalogue) as mirror:
        yield mirror


@pytest.fixture
def client(mirror: Mirror) -> Iterator[Client]:
    client = Client(mirror)
    with client.session:
        yield client
