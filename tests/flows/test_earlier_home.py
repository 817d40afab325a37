"""A home of an earlier release goes on with this code as if nothing had happened."""

from pathlib import Path
from typing import Any

import pytest

from connectors.mirror import SyntheticCatalogue, serve
from flows.engine.console import Reporter
from flows.engine.context import feature_views
from flows.engine.run import run_steps
from flows.settings import Settings
from flows.steps.catalogue import nightly_steps
from tests.earlier_home import SEED, build, has_commit
from warehouse import Location
from warehouse.file_reader import read_table

EARLIER = "1b749880372abe5255d531155619162089ebf546"
"""The last commit that landed before versions of views covered conforming SQL."""
MOVIES = 120


def rows(home: Path, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Return the sorted rows of a table, read by pyarrow."""
    return sorted(
        tuple(row.values()) for row in read_table(Location.under(home), table, None, columns).to_pylist()
    )


@pytest.mark.slow
@pytest.mark.skipif(not has_commit(EARLIER), reason=f"the history here does not go back to {EARLIER[:7]}")
def test_nothing_is_computed_trained_or_scored_again_for_an_upgrade(tmp_path: Path) -> None:
    home = tmp_path / "home"
    build(EARLIER, home, movies=MOVIES, nights=1)
    registered = rows(home, "ops.feature_views", "view", "view_version", "definition")
    models = rows(home, "ops.models", "label_set", "model", "model_version", "stage")
    scores = rows(
        home, "predictions.scores", "movie_id", "label_set", "model", "genre", "probability", "run_id"
    )
    assert registered and models and scores

    with serve(SyntheticCatalogue(movies=MOVIES, seed=SEED)) as mirror:
        values: dict[str, Any] = {
            name.removeprefix("REELHOUSE_").lower(): value for name, value in mirror.env().items()
        }
        settings = Settings(**values, home=home)
        steps = nightly_steps(settings)
        assert [(view, version) for view, version, _ in registered] == sorted(
            (view.name, view.version) for view in feature_views(settings).values()
        )
        same = run_steps(settings, "nightly", steps, Reporter(quiet=True))
        assert same.state == "completed", same.failures
        assert rows(home, "ops.feature_views", "view", "view_version", "definition") == registered
        assert rows(home, "ops.models", "label_set", "model", "model_version", "stage") == models
        assert scores == rows(
            home, "predictions.scores", "movie_id", "label_set", "model", "genre", "probability", "run_id"
        )

        mirror.advance()
        later = run_steps(settings, "nightly", steps, Reporter(quiet=True))
        assert later.state == "completed", later.failures
        assert rows(home, "ops.feature_views", "view", "view_version", "definition") == registered
        assert rows(home, "ops.models", "label_set", "model", "model_version", "stage") == models
        for name in feature_views(settings):
            counts = later.results[f"features {name}"].counts
            assert counts["computed"] < counts["unchanged"], (name, counts)
