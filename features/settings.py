"""What the feature views can be told; read once at the edge and passed in."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FeatureSettings:
    """The choices that feature views depend on.

    `text_encoder` is a sentence-transformers name or directory; `poster_encoder` is ``"statistics"`` (no
    weights), a directory or name of a `transformers` image model or sentence-transformers CLIP, or an
    ``.onnx`` file; `poster_dir` is the content-addressed poster store; `batch_rows` is how many movies an
    encoded partition holds, which bounds both memory and what a killed run has to repeat;
    `taste_file` is where the directions of the `taste` view are, once they are learnt.
    """

    poster_dir: Path
    text_encoder: str = "all-MiniLM-L6-v2"
    poster_encoder: str = "statistics"
    batch_rows: int = 2_000
    taste_file: Path = Path("taste.safetensors")
    extra_views: tuple[str, ...] = ()
