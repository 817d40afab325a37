"""Two versions on the same test movies."""

import pytest

from models import champion
from models.errors import NoModel
from models.experiments.compare import duel
from tests.models.conftest import Trained


def test_a_champion_is_as_good_as_itself(trained_lake: Trained) -> None:
    lake = trained_lake
    entry = champion(lake.warehouse, "movielens", "text")
    assert entry is not None
    found = duel(lake.warehouse, lake.settings, lake.views, label_set="movielens", model="text",
                 version=entry.model_version[:6])  # fmt: skip
    assert (found.version, found.against) == (entry.model_version, entry.model_version)
    assert found.difference == 0
    assert found.stage == "champion"
    assert found.auc == pytest.approx(entry.metrics["auc"], abs=1e-6)


def test_a_version_that_does_not_exist_is_refused(trained_lake: Trained) -> None:
    lake = trained_lake
    with pytest.raises(NoModel, match="no version begins with 'zzz'"):
        duel(lake.warehouse, lake.settings, lake.views, label_set="movielens", model="text", version="zzz")
