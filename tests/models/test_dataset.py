"""What a model is trained on, and the hash of it that goes into the model's version."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from models import dataset
from models.dataset import Dataset
from models.labels import Labels
from models.modalities.modality import MODALITIES
from tests.models.conftest import Catalogue, build_all, made_views
from warehouse import Location, Warehouse


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with Warehouse.open(Location.under(tmp_path_factory.mktemp("data") / "home")) as warehouse:
        Catalogue(warehouse).fill(30)
        build_all(warehouse, made_views())
        yield warehouse


def rows(ids: list[int], hashes: list[str]) -> pa.Table:
    return pa.table({"movie_id": pa.array(ids, pa.int64()), "input_hash": hashes})


def test_the_fingerprint_of_equal_data_is_the_one_of_all_earlier_trainings() -> None:
    inputs = {
        "metadata": rows([3, 5, 9], ["a", "b", "c"]),
        "tags": rows([3, 9], ["d", "e"]),
        "text": rows([5], ["f"]),
    }
    data = Dataset(
        movie_ids=np.array([3, 5, 9]),
        buckets=np.array([0, 2, 7], np.int8),
        described=np.array([True, True, True]),
        labels={
            "movielens": Labels(
                np.array([[1, 0], [0, 1], [0, 0]], np.float32), np.array([True, True, False])
            ),
            "tmdb": Labels(np.array([[0], [1], [1]], np.float32), np.array([True, True, True])),
        },
        tables={"tags": inputs["tags"]},
        inputs=inputs,
        views={"metadata": "m1", "tags": "t1", "text": "x1", "words": "w1"},
        snapshot_id=1,
        known_until="",
    )
    assert data.fingerprint("tags") == "689356a884fe103a07051c17d1d0d7ee719dfae4660dcc697561f84e020b4ed0"
    assert data.fingerprint("combined") == "f5c6288fab8bed007528d441069a558075ad64f06cb1d897f49395cc1ccc867f"


@pytest.mark.parametrize("modalities", [("metadata",), ("tags", "text"), ()])
def test_the_fingerprint_does_not_depend_on_what_else_is_loaded(
    filled: Warehouse, modalities: tuple[str, ...]
) -> None:
    whole = dataset.load(filled, made_views())
    part = dataset.load(filled, made_views(), modalities)
    assert tuple(part.tables) == modalities
    assert part.fingerprint("tags") == whole.fingerprint("tags")


def test_another_row_of_any_modality_is_another_fingerprint_of_the_data_and_of_its_own_examples_alone(
    filled: Warehouse,
) -> None:
    before = dataset.load(filled, made_views())
    Catalogue(filled).change(2, overview="explosion explosion")
    build_all(filled, {"text": made_views()["text"]})
    after = dataset.load(filled, made_views())
    assert after.fingerprint("tags") != before.fingerprint("tags")
    changed = {
        name
        for name in MODALITIES
        if after.fingerprint_of_examples(name) != before.fingerprint_of_examples(name)
    }
    assert changed == {"text"}


def test_a_label_or_a_movie_that_a_modality_does_not_have_is_no_part_of_its_examples(
    filled: Warehouse,
) -> None:
    before = dataset.load(filled, made_views(), ("tags",)).fingerprint_of_examples("tags")
    with filled.transaction() as tx:  # movie 4 has no tags, movie 5 has
        tx.execute("DELETE FROM core.movie_genres WHERE movie_id = 4")
    assert dataset.load(filled, made_views(), ("tags",)).fingerprint_of_examples("tags") == before
    with filled.transaction() as tx:
        tx.execute("DELETE FROM core.movie_genres WHERE movie_id = 5 AND source = 'tmdb'")
    assert dataset.load(filled, made_views(), ("tags",)).fingerprint_of_examples("tags") != before
