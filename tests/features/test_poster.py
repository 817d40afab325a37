"""The poster view: every kind of file, broken ones included, and encoders by name or path."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw

from features import EncoderError, build_view, latest
from features.images import BadImage, decode_rgb
from features.poster import Poster
from features.poster_statistics import DIMENSIONS, PosterStatistics
from tests.features.conftest import Core
from warehouse import Warehouse


def drawn(seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (185, 278)) -> bytes:
    image = Image.new("RGB", size, (seed * 37 % 256, seed * 91 % 256, 60))
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 30, 120, 200), fill=(200, 180, seed * 13 % 256))
    draw.rectangle((10, 220, 170, 260), fill=(0, 0, 0))
    content = io.BytesIO()
    image.convert(mode).save(content, "PNG" if mode in ("RGBA", "P", "1") else "JPEG")
    return content.getvalue()


def kept(directory: Path, content: bytes) -> str:
    """Put bytes in the store; return their hash."""
    name = hashlib.sha256(content).hexdigest()
    (directory / name[:2]).mkdir(parents=True, exist_ok=True)
    (directory / name[:2] / f"{name}.jpg").write_bytes(content)
    return name


def inputs(*hashes: str) -> pa.Table:
    return pa.table(
        {"movie_id": range(len(hashes)), "sha256": list(hashes), "format": ["JPEG"] * len(hashes)}
    )


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "RGBA", "P", "1"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = decode_rgb(drawn(mode=mode), (96, 144))
    assert image.mode == "RGB"


def test_a_large_poster_is_decoded_small_but_not_too_small() -> None:
    image = decode_rgb(drawn(size=(2000, 3000)), (96, 144))
    assert 96 <= image.width < 400
    assert 144 <= image.height < 600


def test_a_transparent_part_is_black() -> None:
    content = io.BytesIO()
    Image.new("RGBA", (10, 10), (255, 255, 255, 0)).save(content, "PNG")
    assert decode_rgb(content.getvalue(), (1, 1)).getpixel((5, 5)) == (0, 0, 0)


@pytest.mark.parametrize("content", [b"", b"<html><body>404</body></html>", drawn()[:600]])
def test_what_does_not_decode_has_a_reason(content: bytes) -> None:
    with pytest.raises(BadImage, match="does not decode"):
        decode_rgb(content, (96, 144))


def test_statistics_describe_the_whole_poster() -> None:
    encoder = PosterStatistics()
    upright = decode_rgb(drawn(3), (96, 144))
    one, turned, same = encoder.encode(
        [encoder.prepare(upright), encoder.prepare(upright.rotate(180)), encoder.prepare(upright)]
    )
    assert one.shape == (DIMENSIONS,)
    assert one.dtype == np.float32
    assert np.isfinite(one).all()
    assert np.array_equal(one, same)
    assert not np.allclose(one, turned)
    colours = slice(0, 98)
    np.testing.assert_allclose(one[colours], turned[colours], atol=0.05)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (255, 0, 0)])
def test_a_flat_poster_has_finite_statistics(colour: tuple[int, int, int]) -> None:
    encoder = PosterStatistics()
    found = encoder.encode([encoder.prepare(Image.new("RGB", (185, 278), colour))])
    assert np.isfinite(found).all()


def test_a_row_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    hashes = [kept(tmp_path, drawn(seed)) for seed in range(5)]
    view = Poster("statistics", tmp_path)
    together = view.compute(inputs(*hashes))["embedding"].to_pylist()
    alone = [view.compute(inputs(name))["embedding"].to_pylist()[0] for name in hashes]
    assert together == alone
    assert len({tuple(row) for row in together}) == 5


def test_broken_files_are_reported_and_the_rest_is_encoded(tmp_path: Path) -> None:
    good, cut = kept(tmp_path, drawn(1)), kept(tmp_path, drawn(2)[:500])
    damaged, missing = kept(tmp_path, drawn(3)), "0" * 64
    (tmp_path / damaged[:2] / f"{damaged}.jpg").write_bytes(drawn(4))
    table = Poster("statistics", tmp_path).compute(inputs(good, cut, damaged, missing))
    reasons = table["failed"].to_pylist()
    assert reasons[0] is None
    assert [word in reason for word, reason in zip(("decode", "damaged", "not in"), reasons[1:], strict=True)]
    assert [row is None for row in table["embedding"].to_pylist()] == [False, True, True, True]


def test_a_build_writes_the_failures_down_and_loads_nothing_when_nothing_changed(
    wh: Warehouse, core: Core, tmp_path: Path
) -> None:
    core.movies({"movie_id": 1}, {"movie_id": 2}, {"movie_id": 3})
    good, bad = kept(tmp_path, drawn(1)), kept(tmp_path, b"not an image")
    for movie, name in ((1, good), (2, bad), (3, good)):
        core.rows("posters", movie, {"tmdb_id": movie, "sha256": name, "format": "JPEG"})
    result = build_view(wh, Poster("statistics", tmp_path))
    assert (result.computed, result.failed) == (2, 1)
    assert "does not decode" in result.failures[2]
    found = latest(wh, Poster("statistics", tmp_path))
    assert found["movie_id"].to_pylist() == [1, 3]
    assert found["embedding"].to_pylist()[0] == found["embedding"].to_pylist()[1]

    (tmp_path / bad[:2] / f"{bad}.jpg").unlink()
    again = Poster("statistics", tmp_path)
    result = build_view(wh, again)
    assert (result.computed, result.unchanged, result.failed) == (0, 2, 1)
    assert not again.loaded


def test_the_version_names_the_encoder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"1")
    statistics = Poster("statistics", tmp_path)
    first = Poster(str(tmp_path / "model"), tmp_path)
    assert '"encoder":"statistics"' in statistics.definition()
    assert first.version != statistics.version
    (tmp_path / "model" / "model.safetensors").write_bytes(b"22")
    assert Poster(str(tmp_path / "model"), tmp_path).version != first.version


def test_an_encoder_that_is_not_there_is_one_line_with_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(EncoderError) as error:
        _ = Poster(str(tmp_path / "none.onnx"), tmp_path).version
    assert "REELHOUSE_POSTER_ENCODER" in str(error.value)
    assert "statistics" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_encoder_that_is_broken_is_one_line_with_the_ways_out(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "preprocessor_config.json").write_text("{}")
    name = kept(tmp_path, drawn())
    with pytest.raises(EncoderError, match="REELHOUSE_POSTER_ENCODER") as error:
        Poster(str(model), tmp_path).compute(inputs(name))
    assert "\n" not in str(error.value)


@pytest.mark.real_data
def test_the_real_dirty_images(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "dirty" / "images").glob("*.jpg"))
    names = [kept(tmp_path, file.read_bytes()) for file in files]
    table = Poster("statistics", tmp_path).compute(inputs(*names))
    failed = {
        file.name
        for file, reason in zip(files, table["failed"].to_pylist(), strict=True)
        if reason is not None
    }
    assert failed == {"empty.jpg", "html-instead.jpg", "truncated.jpg"}


@pytest.mark.real_data
def test_an_onnx_file_and_its_transformers_directory_agree(
    shared_data: Path, shared_weights: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    from features.image_models import OnnxModel, TransformersModel

    files = sorted((shared_data / "posters" / "w185").glob("*.jpg"))[:12]
    fast, plain = OnnxModel(shared_weights / "onnx" / "model.onnx"), TransformersModel(shared_weights)
    images = [decode_rgb(file.read_bytes(), fast.minimum_size) for file in files]
    one = fast.encode([fast.prepare(image) for image in images])
    other = plain.encode([plain.prepare(image) for image in images])
    assert one.shape == (12, 1280)
    cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert cosine.min() > 0.9999
    alone = fast.encode([fast.prepare(images[3])])
    np.testing.assert_array_equal(alone[0], one[3])


@pytest.mark.real_data
def test_a_directory_with_an_onnx_file_is_a_poster_encoder(
    shared_data: Path, shared_weights: Path, tmp_path: Path
) -> None:
    file = min((shared_data / "posters" / "w185").glob("*.jpg"))
    view = Poster(str(shared_weights), tmp_path)
    table = view.compute(inputs(kept(tmp_path, file.read_bytes())))
    assert len(table["embedding"].to_pylist()[0]) == 1280
    assert '"encoder":"mobilenet_v2_1.0_224"' in view.definition()
