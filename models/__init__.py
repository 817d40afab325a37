"""The models: fit, calibrate, compare, register, and score."""

import features.openmp  # noqa: F401 - first, before anything loads torch or LightGBM

# isort: split
from models.decisions.thresholds import Aim
from models.errors import ModelError
from models.labels import LABEL_SETS, SUBSETS
from models.registry import Entry, champion, entries, promote, rollback
from models.scoring.explain import explain
from models.scoring.label_errors import suspects
from models.scoring.score import ScoreReport, score
from models.settings import ModelSettings
from models.training.retrain_policy import due
from models.training.train import MODELS, TrainReport, train

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
