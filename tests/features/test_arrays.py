"""A training set as a matrix: what each column is called, and that only training rows shape it."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from features import Layout, TrainingSet


@pytest.fixture
def made() -> TrainingSet:
    table = pa.table(
        {
            "movie_id": [1, 2, 3, 4],
            "metadata__present": [True, True, True, False],
            "metadata__year": pa.array([1999, None, 2001, None], pa.int32()),
            "metadata__language": ["en", "fr", None, None],
            "tags__present": [True, True, False, True],
            "tags__tags": [["heist", "robot"], ["heist"], None, ["island"]],
            "tags__weights": pa.array([[1.0, 2.5], [3.0], None, [1.0]], pa.list_(pa.float32())),
            "text__present": [True, False, True, False],
            "text__embedding": pa.array([[1, 2], None, [3, 4], None], pa.list_(pa.float32())),
        }
    )
    now = datetime(2024, 1, 1, tzinfo=UTC)
    return TrainingSet(table, {"metadata": "a", "tags": "b", "text": "c"}, 1, None, now)


def test_columns_have_names_and_unknown_numbers_stay_unknown(made: TrainingSet) -> None:
    layout = Layout.learn(made, min_rows=1)
    matrix = layout.matrix(made)
    assert matrix.names == layout.names
    column = dict(zip(matrix.names, np.asarray(matrix.values).T.tolist(), strict=True))
    assert column["metadata__year"][::2] == [1999, 2001]
    assert np.isnan(column["metadata__year"][1])
    assert column["metadata__present"] == [1, 1, 1, 0]
    assert column["metadata__language=fr"] == [0, 1, 0, 0]
    assert column["tags__tags=heist"] == [1, 3, 0, 0]
    assert column["tags__tags=robot"] == [2.5, 0, 0, 0]
    assert column["text__embedding[1]"] == [2, 0, 4, 0]
    assert not any("weights" in name for name in matrix.names)


def test_categories_are_learnt_from_the_given_rows_alone(made: TrainingSet) -> None:
    layout = Layout.learn(made, np.array([True, True, True, False]), min_rows=1, size=1)
    assert layout.words == {"metadata__language": ("en",), "tags__tags": ("heist",)}
    assert layout.matrix(made).values.shape == (4, len(layout.names))


def test_dense_sparse_and_torch_hold_the_same(made: TrainingSet) -> None:
    layout = Layout.learn(made, min_rows=1)
    dense = layout.matrix(made)
    thin = layout.matrix(made, sparsely=True)
    assert dense.values.dtype == np.float32
    np.testing.assert_array_equal(thin.values.toarray(), dense.values)
    np.testing.assert_array_equal(dense.torch().numpy(), dense.values)
    np.testing.assert_array_equal(thin.torch().numpy(), dense.values)


def test_lightgbm_takes_it(made: TrainingSet) -> None:
    import lightgbm

    layout = Layout.learn(made, min_rows=1)
    data = lightgbm.Dataset(layout.matrix(made).values, label=[0, 1, 0, 1], params={"verbose": -1})
    assert data.construct().num_feature() == len(layout.names)
