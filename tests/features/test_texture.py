"""The texture view: the encoder's inner layers, for encoders that have them."""

import json
from pathlib import Path

import numpy as np
import pytest

from features.poster import Poster
from features.texture import Texture, offered
from tests.features.test_poster import drawn, inputs, kept


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small convolutional network with weights drawn at random: maps of 8, then of 16 channels."""
    import torch
    from transformers import ResNetConfig, ResNetModel

    directory = tmp_path_factory.mktemp("small")
    torch.manual_seed(1)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(config).save_pretrained(directory)
    size = {"size": {"shortest_edge": 32}, "do_center_crop": False}
    (directory / "preprocessor_config.json").write_text(json.dumps(size))
    return directory


def test_it_is_mean_and_deviation_of_each_channel_whatever_the_neighbours(
    encoder: Path, tmp_path: Path
) -> None:
    view = Texture(str(encoder), tmp_path)
    names = [kept(tmp_path, drawn(seed)) for seed in range(11)]
    together = view.compute(inputs(*names, "0" * 64))
    vectors = together["texture"].to_pylist()
    assert [len(vector) for vector in vectors[:11]] == [2 * (8 + 16)] * 11
    assert vectors[11] is None
    assert together["failed"].is_valid().to_pylist() == [False] * 11 + [True]
    assert view.compute(inputs(names[9]))["texture"].to_pylist() == [vectors[9]]
    deviations = np.array(vectors[:11])[:, [*range(8, 16), *range(32, 48)]]
    assert (deviations >= 0).all()
    assert len(np.unique(np.array(vectors[:11]).round(4), axis=0)) == 11


def test_it_is_offered_for_networks_with_maps_only(encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "vit"}')
    (tmp_path / "model.onnx").write_bytes(b"")
    assert offered(str(encoder))
    assert not any(
        offered(str(other)) for other in (tmp_path, tmp_path / "model.onnx", tmp_path / "none.onnx")
    )
    assert not offered("statistics")


def test_its_version_names_the_encoder_and_is_not_that_of_the_poster_view(
    encoder: Path, tmp_path: Path
) -> None:
    view = Texture(str(encoder), tmp_path)
    assert view.version == Texture(str(encoder), tmp_path / "elsewhere").version
    assert view.version != Poster(str(encoder), tmp_path).version
    before = view.version
    with (encoder / "config.json").open("a") as file:
        file.write(" ")
    assert Texture(str(encoder), tmp_path).version != before
