"""Models that read several views: the words beside the embedding, and everything at once."""

import numpy as np
import pyarrow as pa

from features import latest
from models import champion, score
from models.dataset import rows_of, views_of
from models.modalities import joint
from models.modalities.network import Mixed
from models.predictors.apply import load_model
from models.predictors.combined import CombinedModel
from tests.models.conftest import Trained


def test_the_text_model_is_bound_to_both_of_its_views(trained_lake: Trained) -> None:
    entry = champion(trained_lake.warehouse, "movielens", "text")
    assert entry is not None
    assert set(entry.views) == {"text", "words"}


def test_the_combined_model_carries_a_joint_network(trained_lake: Trained) -> None:
    entry = champion(trained_lake.warehouse, "movielens", "combined")
    assert entry is not None
    loaded = load_model(trained_lake.settings, entry)
    assert isinstance(loaded, CombinedModel)
    assert loaded.fusion.modalities == ("metadata", "tags", "text", "poster", "joint")


def test_a_movie_is_judged_alike_alone_and_among_others_whatever_it_has(trained_lake: Trained) -> None:
    entry = champion(trained_lake.warehouse, "movielens", "combined")
    assert entry is not None
    model = load_model(trained_lake.settings, entry)
    assert isinstance(model, CombinedModel)

    def said(ids: np.ndarray) -> np.ndarray:
        tables = {
            name: rows_of(trained_lake.warehouse, trained_lake.views, views_of(name, trained_lake.views), ids)
            for name in ("metadata", "tags", "text", "poster")
        }
        return model.probabilities(ids, tables)

    ids = np.arange(0, 60, dtype=np.int64)  # some of them lack tags, texts, posters, or all three
    together = said(ids)
    assert np.isfinite(together).all()
    for i in range(0, 60, 7):
        assert (said(ids[i : i + 1])[0] == together[i]).all()


def test_joined_rows_stand_beside_each_other_and_missing_ones_are_null(trained_lake: Trained) -> None:
    tables = {name: latest(trained_lake.warehouse, trained_lake.views[name]) for name in joint.SOURCES}
    ids = np.array([11, 12, 13], np.int64)  # 11 has no overview, 12 no keywords
    table = joint.joined(ids, tables)
    assert table["embedding"].is_valid().to_pylist() == [False, True, True]
    assert table["tags"].is_valid().to_pylist() == [True, False, True]
    assert joint.speaks(table).all()
    tags = dict(zip(tables["tags"]["movie_id"].to_pylist(), tables["tags"]["tags"].to_pylist(), strict=True))
    assert table["tags"].to_pylist()[2] == tags[13]


def test_joining_with_nothing_gives_nulls(trained_lake: Trained) -> None:
    tables = {name: latest(trained_lake.warehouse, trained_lake.views[name]) for name in joint.SOURCES}
    empty = {**tables, "tags": tables["tags"].slice(0, 0)}
    assert joint.joined(np.array([13], np.int64), empty)["tags"].to_pylist() == [None]


def test_movies_with_words_but_without_scores_to_make_are_not_due_for_ever(trained_lake: Trained) -> None:
    lake = trained_lake
    score(lake.warehouse, lake.settings, lake.views, label_set="movielens")
    again = score(lake.warehouse, lake.settings, lake.views, label_set="movielens")
    assert again.scored == 0


def test_mixed_inputs_are_their_parts_side_by_side() -> None:
    from scipy import sparse

    rng = np.random.default_rng(1)
    bag, dense = rng.random((5, 3)).astype(np.float32), rng.random((5, 2)).astype(np.float32)
    mixed = Mixed(sparse.csr_matrix(bag), dense, np.array([0, 0, 0, 1, 1]))
    w = rng.random((5, 4))
    assert np.allclose(mixed.product(w), np.concatenate([bag, dense], axis=1) @ w)
    assert mixed[np.array([1, 3])].shape == (2, 5)
    assert mixed.shape == (5, 5)


def test_empty_columns_are_told_from_missing_ones() -> None:
    table = pa.table({"tags": pa.array([[], None], pa.list_(pa.string())), "embedding": [None, None]})
    assert joint.speaks(table).tolist() == [True, False]
