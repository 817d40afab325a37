"""The text view: what is embedded, which encoder, and what happens without one."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features import EncoderError, build_view, latest
from features.sentences import LEAST_ROWS, STEP, SentenceEncoder, _batches
from features.text import Text, locate
from features.weights import MINILM_SHA256, minilm_directory, sha256
from tests.features.conftest import Clock, Core
from warehouse import Warehouse

needs_minilm = pytest.mark.skipif(minilm_directory() is None, reason="reelhouse[offline] is not installed")


def inputs(*texts: tuple[str | None, str | None]) -> pa.Table:
    return pa.table(
        {
            "movie_id": range(len(texts)),
            "title": ["T"] * len(texts),
            "overview": pa.array([overview for overview, _ in texts], pa.string()),
            "tagline": pa.array([tagline for _, tagline in texts], pa.string()),
        }
    )


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    directory = minilm_directory()
    if directory is None:
        pytest.skip("reelhouse[offline] is not installed")
    return SentenceEncoder(directory)


def sentences(n: int) -> list[str]:
    return [" ".join(f"word{(i * j) % 17} of a story" for j in range(1 + i * 3 % 40)) for i in range(n)]


def test_a_text_has_the_same_bits_in_any_company(encoder: SentenceEncoder) -> None:
    texts = sentences(30)
    together = encoder.encode(texts)
    backwards = encoder.encode(texts[::-1])[::-1]
    alone = np.concatenate([encoder.encode([text]) for text in texts[:6]])
    assert together.shape == (30, 384)
    np.testing.assert_array_equal(together, backwards)
    np.testing.assert_array_equal(together[:6], alone)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_the_embedding_is_that_of_plain_sentence_transformers(encoder: SentenceEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(minilm_directory()), device="cpu", local_files_only=True)
    texts = [*sentences(10), "A thief falls in love.", "", "éàü 東京 " * 200]
    expected = plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert (encoder.encode(texts) * expected).sum(axis=1).min() >= 0.995


def test_no_text_gives_no_vector(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape[0] == 0


def test_batches_hold_one_padded_length_and_every_row_once() -> None:
    lengths = np.array([STEP, 3 * STEP, STEP, 2 * STEP] * 600)
    seen = list(_batches(lengths))
    assert sorted(np.concatenate([rows for rows, _ in seen]).tolist()) == list(range(2400))
    assert all((lengths[rows] == length).all() for rows, length in seen)
    assert all(len(rows) * length <= max(8192, LEAST_ROWS * length) for rows, length in seen)


@needs_minilm
def test_overview_and_tagline_are_one_text() -> None:
    view = Text()
    table = view.compute(
        inputs(("A heist.", "They rob."), ("A heist. They rob.", None), ("  ", "A heist. They rob."))
    )
    one, two, three = table["embedding"].to_pylist()
    assert one == two == three
    assert len(one) == 384
    assert Text(title=True).compute(inputs(("A heist.", None)))["embedding"].to_pylist()[0] != one


@needs_minilm
def test_no_encoder_is_loaded_when_nothing_changed(wh: Warehouse, core: Core, clock: Clock) -> None:
    core.movies(
        {"movie_id": 1, "overview": "A heist.", "tagline": None},
        {"movie_id": 2, "overview": " ", "tagline": "They rob."},
        {"movie_id": 3, "overview": None, "tagline": ""},
    )
    first = Text()
    assert build_view(wh, first).computed == 2
    assert first.loaded
    assert latest(wh, first)["movie_id"].to_pylist() == [1, 2]
    clock.turn(days=1)
    core.movies({"movie_id": 1, "overview": "A heist.", "tagline": None, "popularity": 2.0})
    second = Text()
    assert build_view(wh, second).unchanged == 2
    assert not second.loaded


@needs_minilm
def test_the_packaged_weights_are_the_published_ones() -> None:
    directory = locate("all-MiniLM-L6-v2")
    assert sha256(directory / "model.safetensors") == MINILM_SHA256
    assert locate("sentence-transformers/all-MiniLM-L6-v2") == directory


@needs_minilm
def test_other_weights_under_the_same_name_are_another_version(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(locate("all-MiniLM-L6-v2"), model)
    before = Text(str(model)).version
    assert Text(str(model)).version == before
    (model / "README.md").write_text("of no consequence")
    assert Text(str(model)).version == before
    moved = tmp_path / "elsewhere" / "model"
    shutil.copytree(model, moved)
    assert Text(str(moved)).version == before
    with (model / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"!")
    assert Text(str(model)).version != before


def test_an_encoder_that_cannot_be_fetched_is_one_line_with_the_ways_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EncoderError) as error:
        _ = Text("no-such-model-anywhere").version
    message = str(error.value)
    assert "REELHOUSE_TEXT_ENCODER" in message
    assert "reelhouse[offline]" in message
    assert "\n" not in message


def test_a_directory_without_a_model_is_one_line_with_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="REELHOUSE_TEXT_ENCODER") as error:
        Text(str(tmp_path)).compute(inputs(("A heist.", None)))
    assert "\n" not in str(error.value)
