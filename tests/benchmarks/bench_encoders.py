"""How fast real overviews and posters are encoded, beside the libraries as they come.

    python -m tests.benchmarks.bench_encoders [--data ../shared/data] [--weights DIR] [--texts 400] [--posters
    128]

Printed: texts per second of ours and of a plain `SentenceTransformer.encode`, and posters per second, from
JPEG bytes, of ours and of a plain transformers pipeline over the centre crop; their ratio in this run; and
the least cosine between the results (for posters, on the same two squares of each). Each is the best of a few
rounds.
"""

import argparse
import gzip
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from features.image_models import OnnxModel, Preprocessing
from features.images import decode_rgb
from features.sentences import SentenceEncoder
from features.text import locate

SHARED = Path(__file__).resolve().parents[3] / "shared"
Vectors = npt.NDArray[np.float32]


def timed(work: Callable[[], Vectors], rounds: int) -> tuple[float, Vectors]:
    """The best of a few rounds in seconds, and what the work returned."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


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
        f"text: {n / fast:.0f}/s, plain SentenceTransformer.encode {n / slow:.0f}/s: {slow / fast:.1f} x, "
        f"least cosine {least_cosine(found, expected):.5f}"
    )


def posters(data: Path, weights: Path, n: int, rounds: int) -> None:
    """Posters from JPEG bytes to features."""
    import torch
    from transformers import AutoImageProcessor, AutoModel

    files = [file.read_bytes() for file in sorted((data / "posters" / "w185").glob("*.jpg"))[:n]]
    processor: Any = AutoImageProcessor.from_pretrained(weights, backend="pil")
    model: Any = AutoModel.from_pretrained(weights).eval()
    encoder = OnnxModel(weights / "onnx" / "model.onnx")
    preprocessing = Preprocessing.read(weights)

    def run(pixels: Any) -> Vectors:
        with torch.inference_mode():
            return np.asarray(model(pixel_values=pixels).pooler_output.numpy())

    def plain() -> Vectors:
        found = []
        for start in range(0, n, 32):
            images = [Image.open(io.BytesIO(file)).convert("RGB") for file in files[start : start + 32]]
            found.append(run(processor(images, return_tensors="pt")["pixel_values"]))
        return np.concatenate(found)

    def ours() -> Vectors:
        return encoder.encode([encoder.prepare(decode_rgb(file, encoder.minimum_size)) for file in files])

    def same_squares() -> Vectors:
        views = [preprocessing.views(decode_rgb(file, encoder.minimum_size)) for file in files]
        return np.stack([run(torch.from_numpy(squares)).mean(axis=0) for squares in views])

    slow, _ = timed(plain, rounds)
    fast, found = timed(ours, rounds)
    print(
        f"posters: {n / fast:.0f}/s (of two squares), plain transformers {n / slow:.0f}/s: "
        f"{slow / fast:.1f} x; "
        f"least cosine on the same squares {least_cosine(found, same_squares()):.5f}"
    )


def main() -> None:
    """Read the arguments, and measure."""
    parser = argparse.ArgumentParser(description="Encoders beside the libraries as they come.")
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--weights", type=Path, default=SHARED / "weights" / "mobilenet_v2_1.0_224")
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--posters", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    text(args.data, args.texts, args.rounds)
    posters(args.data, args.weights, args.posters, args.rounds)


if __name__ == "__main__":
    main()
