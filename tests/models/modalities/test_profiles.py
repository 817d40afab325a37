"""Genre profiles never show a training movie its own labels."""

import numpy as np
import pyarrow as pa
import pytest

from models.labels import Labels
from models.modalities import profiles

N = 400
BUCKETS = (np.arange(N) % 10).astype(np.int8)
TRAINING = BUCKETS >= 2


def test_a_director_of_horror_films_has_a_profile_of_horror() -> None:
    y = np.zeros((N, 2), np.float32)
    y[: N // 2, 0] = y[N // 2 :, 1] = 1
    people = [["director:nm1"] if i < N // 2 else ["director:nm2"] for i in range(N)]
    table = pa.table({"people": pa.array(people, pa.list_(pa.string()))})
    _, features = profiles.fit(table, Labels(y, np.ones(N, bool)), BUCKETS, TRAINING)
    assert (features[: N // 2, 0] > 2).all()
    assert (features[: N // 2, 1] < -2).all()


def test_random_labels_leave_no_trace_in_training_movies() -> None:
    """With a value per movie pair, a profile that saw its own movie's label would give it away."""
    rng = np.random.default_rng(1)
    y = (rng.random((N, 1)) < 0.5).astype(np.float32)
    table = pa.table({"collection": [f"c{i // 2}" for i in range(N)]})
    _, features = profiles.fit(table, Labels(y, np.ones(N, bool)), BUCKETS, TRAINING)
    seen = np.corrcoef(features[TRAINING, 0], y[TRAINING, 0])[0, 1]
    assert abs(seen) < 0.25


def test_a_value_carried_by_one_movie_says_nothing_about_it() -> None:
    y = np.zeros((N, 1), np.float32)
    y[::3] = 1
    table = pa.table({"collection": [f"c{i}" for i in range(N)]})
    _, features = profiles.fit(table, Labels(y, np.ones(N, bool)), BUCKETS, TRAINING, at_least=1)
    assert np.abs(features[TRAINING]).max() < 1e-12


def test_held_out_movies_and_later_ones_are_treated_alike() -> None:
    rng = np.random.default_rng(2)
    y = (rng.random((N, 3)) < 0.4).astype(np.float32)
    table = pa.table(
        {
            "language": [f"l{i % 7}" for i in range(N)],
            "countries": pa.array([[f"k{i % 5}", f"k{i % 3}"] for i in range(N)], pa.list_(pa.string())),
            "year": list(range(N)),
        }
    )
    learnt, features = profiles.fit(table, Labels(y, np.ones(N, bool)), BUCKETS, TRAINING)
    assert learnt.features(table)[~TRAINING] == pytest.approx(features[~TRAINING], abs=1e-5)
    assert set(learnt.values) == {"language", "countries"}


def test_values_never_met_count_for_nothing() -> None:
    y = np.ones((N, 1), np.float32)
    y[::2] = 0
    learnt, _ = profiles.fit(
        pa.table({"language": ["en"] * N}), Labels(y, np.ones(N, bool)), BUCKETS, TRAINING
    )
    assert learnt.features(pa.table({"language": ["xx", None]})).tolist() == [[0], [0]]


def test_people_are_told_apart_by_job() -> None:
    people = pa.chunked_array([[["director:a", "writer:a"], None], [["actor:b"]]])
    found = profiles.groups(pa.table({"people": people}))
    assert {job: column.to_pylist() for job, column in found.items()} == {
        "director": [["director:a"], [], []],
        "writer": [["writer:a"], [], []],
        "actor": [[], [], ["actor:b"]],
    }
