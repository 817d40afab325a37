"""What the models can be told; read once at the edge and passed in."""

from dataclasses import dataclass, field
from pathlib import Path

from models.decisions.thresholds import Aim


@dataclass(frozen=True)
class ModelSettings:
    """The choices of training, gate and scoring.

    `model_dir` holds the artefacts. `folds` is how many out-of-fold groups calibration, thresholds and the
    fusion learn from. A label set's models are due for training `retrain_days` after the last training, or
    when more than `retrain_fraction` of its labelled movies have changed. `resamples` are the gate's
    bootstrap draws; a challenger that beats the champion by more than `suspicious_gain` AUC waits for a
    person. `batch_rows` movies are scored at once, which bounds memory.
    """

    model_dir: Path
    seed: int = 1
    threads: int = 2
    folds: int = 4
    aim: Aim = field(default_factory=Aim)
    retrain_days: float = 7.0
    retrain_fraction: float = 0.05
    resamples: int = 300
    suspicious_gain: float = 0.08
    batch_rows: int = 25_000
