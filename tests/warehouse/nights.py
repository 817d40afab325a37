"""Whole nights in processes of their own, against an invented catalogue and a lake on either backend."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from connectors.mirror import Mirror, SyntheticCatalogue, serve
from flows.engine.context import location as location_of
from flows.settings import load_settings
from tests import servers
from tests.warehouse.places import LOCAL, ROOT, SERVERS, Backend
from warehouse import Location
from warehouse.backends import S3Access

SEED = 11


@contextmanager
def backend_named(name: str) -> Iterator[Backend]:
    """Start what a backend needs."""
    if name == LOCAL:
        yield Backend(LOCAL)
        return
    with servers.postgres() as postgres, servers.s3() as s3:
        yield Backend(SERVERS, postgres, s3)


@dataclass
class Site:
    """An installation: a mirror of an invented catalogue, and a home whose lake lies on a backend."""

    mirror: Mirror
    home: Path
    backend: Backend
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("REELHOUSE_", "PREFECT_", "AWS_"))
        }
        self.environment = {
            **kept,
            **self.mirror.env(),
            "REELHOUSE_CONFIG": os.devnull,
            "REELHOUSE_LABEL_SETS": "movielens",
            "REELHOUSE_SOURCES": "movielens,tmdb",
            "REELHOUSE_TMDB_BATCH": "25",
            "REELHOUSE_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            **self.settings,
            **self.backend.environment(self.home),
        }

    @property
    def location(self) -> Location:
        """Where this installation's lake lies."""
        env = self.environment
        usual = location_of(load_settings(home=self.home))
        return Location(
            env.get("REELHOUSE_CATALOG", usual.catalog),
            env.get("REELHOUSE_DATA", usual.data_path),
            home=self.home,
            s3=S3Access.from_environment(env),
        )

    def start(self, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
        """Start `reelhouse ARGUMENTS`."""
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments],
            env={**self.environment, **changes},
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> None:
        """Run `reelhouse ARGUMENTS` to its end; AssertionError where it fails."""
        process = self.start(*arguments)
        _, errors = process.communicate()
        assert process.returncode == 0, f"reelhouse {' '.join(arguments)}: {errors}"


@contextmanager
def site(
    backend: Backend, home: Path, movies: int, settings: Mapping[str, str] | None = None
) -> Iterator[Site]:
    """Make an installation with an invented catalogue of so many movies."""
    with serve(SyntheticCatalogue(movies=movies, seed=SEED)) as mirror:
        yield Site(mirror, home, backend, settings or {})
