"""Files that are small to send and dear to decode: one frame is decoded, in bounded memory."""

import io
import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest

from connectors.posters.poster_files import Image, Unusable, inspect

SIZE = (200, 300)
MOST_MEBIBYTES = 40
"""All 400 frames take 68 MiB as RGB."""
PEAK = """
import resource, sys
from pathlib import Path
import PIL.GifImagePlugin, PIL.PngImagePlugin, PIL.WebPImagePlugin
from connectors.posters.poster_files import inspect
from features.images import decode_rgb
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, path = peak(), Path(sys.argv[1])
print(inspect(path).format, decode_rgb(path.read_bytes(), (200, 300)).size, (peak() - before) // 1024)
"""


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_only_the_first_frame_is_decoded(tmp_path: Path, kind: str) -> None:
    frames = [PIL.Image.new("RGB", SIZE, (7 * index % 256, index % 256, 9)) for index in range(400)]
    quick = {"method": 0, "quality": 1} if kind == "WEBP" else {}
    path = tmp_path / "poster"
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=20, **quick)
    child = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
    shown, size, peak = child.stdout.split(" ", 1)[0], *child.stdout.split(" ", 1)[1].rsplit(" ", 1)
    assert (shown, size) == (kind, str(SIZE))
    assert int(peak) < MOST_MEBIBYTES


def test_a_jpeg_of_very_many_scans_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    content = io.BytesIO()
    PIL.Image.new("L", (600, 900), 90).save(content, "JPEG", progressive=True)
    jpeg, path = content.getvalue(), tmp_path / "poster"
    path.write_bytes(jpeg)
    assert inspect(path).format == "JPEG"
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    path.write_bytes(jpeg[:-2] + 100 * scan + b"\xff\xd9")
    with pytest.raises(Unusable, match="scans are more than 100"):
        inspect(path)


def test_of_several_pictures_in_one_file_the_first_is_the_poster(tmp_path: Path) -> None:
    file = tmp_path / "camera.jpg"
    pictures = [PIL.Image.new("RGB", (92, 138), colour) for colour in ("navy", "red")]
    pictures[0].save(file, "MPO", save_all=True, append_images=pictures[1:])
    assert inspect(file) == Image(92, 138, "JPEG")
