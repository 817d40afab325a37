"""How fast real overviews and posters are encoded, beside the libraries as they come.

    python -m tests.benchmarks.bench_encoders [--data ../shared/data] [--weights DIR] [--texts 400]
    [--posters 128] [--only text|posters]

Text: ours, and a plain `SentenceTransformer.encode` with its defaults on as many threads; texts per second,
their ratio, and the least cosine between the vectors of a text.

Posters: from the JPEG bytes in the store to features through the `poster` view, which sees two squares of
each poster. Beside it, a plain transformers `image-feature-extraction` pipeline with its defaults, one poster
after another: over the centre crop of each, as it comes, and over the same two squares, which is the same
work, and what the least cosine is of. The squares are cut by transformers' own image processor from the fully
decoded poster. A pipeline with a batch size of 32 is printed too. Each figure is the best of a few rounds.
"""

import argparse
import gzip
import hashlib
import io
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from features.poster import Poster
from features.sentences import SentenceEncoder
from features.text import locate

SHARED = Path(__file__).resolve().parents[3] / "shared"
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Took:
    """The least wall and processor seconds of a few rounds."""

    wall: float
    processor: float

    def beside(self, other: "Took") -> str:
        """How many times faster this was."""
        return f"{other.wall / self.wall:.1f} x (processor time {other.processor / self.processor:.1f} x)"


def timed(work: Callable[[], Vectors], rounds: int) -> tuple[Took, Vectors]:
    """What the rounds took, and what the work returned."""
    wall, processor = [], []
    for _ in range(rounds):
        start, used = time.perf_counter(), time.process_time()
        result = work()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    return Took(min(wall), min(processor)), result


def least_cosine(one: Vectors, other: Vectors) -> float:
    """The smallest cosine between the rows of two matrices."""
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / norms).min())


def text(data: Path, n: int, rounds: int) -> None:
    """Overviews with taglines, as the text view embeds them."""
    from sentence_transformers import SentenceTransformer

    directory = locate("all-MiniLM-L6-v2")
    with gzip.open(data / "tmdb" / "movies.jsonl.gz", "rt", encoding="utf-8") as lines:
        movies = [json.loads(next(lines)) for _ in range(n)]
    texts = [f"{movie['overview']} {movie.get('tagline') or ''}".strip() for movie in movies]
    plain = SentenceTransformer(str(directory), device="cpu", local_files_only=True)
    encoder = SentenceEncoder(directory)
    slow, expected = timed(lambda: plain.encode(texts, normalize_embeddings=True), rounds)
    fast, found = timed(lambda: encoder.encode(texts), rounds)
    print(
        f"text: {n / fast.wall:.0f}/s, plain SentenceTransformer.encode {n / slow.wall:.0f}/s: "
        f"{fast.beside(slow)}, least cosine {least_cosine(found, expected):.5f}",
        flush=True,
    )


def posters(data: Path, weights: Path, n: int, rounds: int) -> None:
    """Posters from JPEG bytes to features."""
    from transformers import AutoImageProcessor, pipeline

    files = [file.read_bytes() for file in sorted((data / "posters" / "w185").glob("*.jpg"))[:n]]
    n = len(files)
    names = [hashlib.sha256(file).hexdigest() for file in files]
    plain: Any = pipeline("image-feature-extraction", model=str(weights), pool=True)
    width = plain.image_processor.crop_size["width"]
    uncropped = AutoImageProcessor.from_pretrained(
        weights, size={"shortest_edge": width}, do_center_crop=False
    )
    whole: Any = pipeline(
        "image-feature-extraction", model=str(weights), image_processor=uncropped, pool=True
    )
    squeezed = AutoImageProcessor.from_pretrained(
        weights, size={"height": width, "width": width}, do_center_crop=False
    )

    def decoded(file: bytes) -> Image.Image:
        return Image.open(io.BytesIO(file)).convert("RGB")

    def centre(batch: int) -> Vectors:
        found = plain([decoded(file) for file in files], batch_size=batch)
        return np.array([np.asarray(row).reshape(-1) for row in found], np.float32)

    def squares() -> Vectors:
        found = []
        for file in files:
            poster = decoded(file)
            if poster.height < poster.width:  # of those few, the view squeezes the whole into one square
                pixels = squeezed(poster, return_tensors="pt")["pixel_values"]
            else:
                pixels = whole.preprocess(poster)["pixel_values"]
            for part in (pixels[:, :, :width], pixels[:, :, -width:]):
                out = whole.postprocess(whole.forward({"pixel_values": part}), pool=True)
                found.append(np.asarray(out).reshape(-1))
        return np.array(found, np.float32).reshape(n, 2, -1).mean(axis=1)

    with tempfile.TemporaryDirectory() as name:
        store = Path(name)
        for file, digest in zip(files, names, strict=True):
            (store / digest[:2]).mkdir(exist_ok=True)
            (store / digest[:2] / f"{digest}.jpg").write_bytes(file)
        inputs = pa.table({"movie_id": range(n), "sha256": names, "format": ["JPEG"] * n})
        view = Poster(str(weights), store)
        view.compute(inputs.slice(0, 1))  # loads the encoder, as the pipeline has been loaded

        def ours() -> Vectors:
            return np.array(view.compute(inputs)["embedding"].to_pylist(), np.float32)

        fast, found = timed(ours, rounds)
    same, expected = timed(squares, rounds)
    single, _ = timed(lambda: centre(1), rounds)
    batched, _ = timed(lambda: centre(32), rounds)
    print(f"posters: {n / fast.wall:.0f}/s, two squares of each; transformers' pipeline")
    print(f"  the centre, one by one:       {n / single.wall:.0f}/s, {fast.beside(single)}")
    print(f"  the centre, 32 at a time:     {n / batched.wall:.0f}/s, {fast.beside(batched)}")
    print(
        f"  the same squares, one by one: {n / same.wall:.0f}/s, {fast.beside(same)}, "
        f"least cosine {least_cosine(found, expected):.5f}"
    )


def main() -> None:
    """Read the arguments, and measure."""
    parser = argparse.ArgumentParser(description="Encoders beside the libraries as they come.")
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--weights", type=Path, default=SHARED / "weights" / "mobilenet_v2_1.0_224")
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--posters", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=["text", "posters"])
    args = parser.parse_args()
    if args.only != "posters":
        text(args.data, args.texts, args.rounds)
    if args.only != "text":
        posters(args.data, args.weights, args.posters, args.rounds)


if __name__ == "__main__":
    main()
