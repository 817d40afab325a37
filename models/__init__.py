"""The models: fit, calibrate, compare, register, and score.

A name is imported when it is first used, so that most commands start without torch and LightGBM.
"""

import importlib
import os
from typing import TYPE_CHECKING

# As `features.openmp` does, which would load all of `features`: before anything loads torch or LightGBM.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from models.decisions.thresholds import Aim
    from models.errors import ModelError
    from models.labels import LABEL_SETS, SUBSETS
    from models.modalities.modality import model_names
    from models.registry import Entry, champion, entries, promote, rollback
    from models.scoring.explain import explain
    from models.scoring.label_errors import suspects
    from models.scoring.score import ScoreReport, score
    from models.settings import ModelSettings
    from models.training.retrain_policy import due
    from models.training.train import TrainReport, train
else:
    _MODULES = {
        "Aim": "decisions.thresholds",
        "Entry": "registry",
        "LABEL_SETS": "labels",
        "ModelError": "errors",
        "ModelSettings": "settings",
        "SUBSETS": "labels",
        "ScoreReport": "scoring.score",
        "TrainReport": "training.train",
        "champion": "registry",
        "due": "training.retrain_policy",
        "entries": "registry",
        "explain": "scoring.explain",
        "model_names": "modalities.modality",
        "promote": "registry",
        "rollback": "registry",
        "score": "scoring.score",
        "suspects": "scoring.label_errors",
        "train": "training.train",
    }

    def __getattr__(name: str) -> object:
        """Import a public name from its module."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"models.{_MODULES[name]}"), name)


__all__ = [
    "LABEL_SETS",
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
    "model_names",
    "promote",
    "rollback",
    "score",
    "suspects",
    "train",
]
