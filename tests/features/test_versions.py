"""Versions are listed with what they hold, and an old one can be dropped and built again."""

import pytest

from features import UnknownView, build_view, drop_version, latest, versions
from features.tags import Tags
from tests.features.conftest import Clock, Core
from warehouse import Warehouse


def test_versions_are_listed_and_dropped(wh: Warehouse, core: Core, clock: Clock) -> None:
    old, new = Tags(), Tags(min_users=2)
    core.movies({"movie_id": 1}, {"movie_id": 2})
    core.rows("movie_tags", 1, {"tag": "heist", "n_users": 3})
    core.rows("movie_tags", 2, {"tag": "island", "n_users": 1})
    build_view(wh, old)
    clock.turn(days=1)
    build_view(wh, new)
    listed = versions(wh).to_pylist()
    assert [(row["view"], row["view_version"], row["rows"], row["movies"]) for row in listed] == [
        ("tags", old.version, 2, 2),
        ("tags", new.version, 2, 1),
    ]
    assert '"min_users":2' in listed[1]["definition"]

    assert drop_version(wh, new, old.version) == 2
    first, second = versions(wh).to_pylist()
    assert (first["rows"], first["dropped_at"], second["dropped_at"]) == (0, clock.now, None)
    assert latest(wh, new)["tags"].to_pylist() == [["heist"]]
    with pytest.raises(UnknownView, match=f"there are tags {new.version}"):
        drop_version(wh, new, old.version)

    assert build_view(wh, old).computed == 2
    assert versions(wh).to_pylist()[-1]["dropped_at"] is None
