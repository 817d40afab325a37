"""The models: fit, calibrate, compare, register, and score."""

import features.openmp  # noqa: F401 - first, before anything loads torch or LightGBM

# isort: split
from models.dueness import due
from models.errors import ModelError
from models.explain import explain
from models.labels import LABEL_SETS, SUBSETS
from models.registry import Entry, champion, entries, promote, rollback
from models.scoring import ScoreReport, score
from models.settings import ModelSettings
from models.suspects import suspects
from models.thresholds import Aim
from models.training import MODELS, TrainReport, train

__all__ = [
    "LABEL_SETS",
    "MODELS",
    "SUBSETS",
    "Aim",
    "Entry",
    "ModelError",
    "ModelSettings",
    "ScoreReport",
    "TrainReport",
    "champion",
    "due",
    "entries",
    "explain",
    "promote",
    "rollback",
    "score",
    "suspects",
    "train",
]
