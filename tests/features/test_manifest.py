"""A training set can be made again, and it is noticed when it cannot."""

import pyarrow as pa
import pytest

from features import Manifest, NotReproduced, build_view, rebuild, training_set
from features.manifest import digest
from features.metadata import Metadata
from features.tags import Tags
from tests.features.conftest import Clock, Core
from warehouse import Warehouse


def test_a_set_is_made_again_bit_for_bit_after_more_was_learnt(
    wh: Warehouse, core: Core, clock: Clock
) -> None:
    views = [Metadata(), Tags()]
    core.movies({"movie_id": 1, "year": 1999, "popularity": 0.1}, {"movie_id": 2, "year": 2001})
    core.rows("movie_keywords", 1, {"keyword_id": 1, "keyword": "heist"})
    for view in views:
        build_view(wh, view)
    spine = pa.table({"movie_id": [2, 1, 3]})
    first = training_set(wh, spine, views)
    manifest = Manifest.from_json(Manifest.of(first).to_json())
    assert manifest.rows == 3

    clock.turn(days=1)
    core.movies({"movie_id": 1, "year": 1998, "popularity": 7.0})
    core.rows("movie_keywords", 1, {"keyword_id": 2, "keyword": "island"})
    for view in views:
        build_view(wh, view)
    assert digest(training_set(wh, spine, views).table) != manifest.sha256
    assert rebuild(wh, spine, views, manifest).table.equals(first.table)

    with pytest.raises(NotReproduced, match="spine"):
        rebuild(wh, spine.slice(1), views, manifest)
    with pytest.raises(NotReproduced, match="tags was"):
        rebuild(wh, spine, [Metadata(), Tags(min_users=2)], manifest)
    with wh.transaction() as tx:
        tx.replace("features.tags", wh.query("FROM features.tags WHERE false"), {"movie_id": 1})
    with pytest.raises(NotReproduced, match="values differ"):
        rebuild(wh, spine, views, manifest)


def test_a_digest_sees_values_and_not_chunks() -> None:
    table = pa.table({"a": [1, None, 3], "b": [["x"], [], ["yy", "z"]], "c": ["é", None, ""]})
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert digest(chunked) == digest(table)
    assert digest(table.slice(0, 2)) != digest(table)
    other = table.set_column(1, "b", pa.array([["x"], ["yy"], ["z"]]))
    assert digest(other) != digest(table)
    assert digest(table.rename_columns(["a", "b", "d"])) != digest(table)
