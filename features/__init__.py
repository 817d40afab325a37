"""Feature views: fresh, versioned by their definition, and correct in time on two axes."""

from features.audit import strongest_tags
from features.errors import (
    EncoderError,
    FeatureError,
    NotReproduced,
    OtherVersion,
    RunnerError,
    SpineError,
    UnknownView,
)
from features.executors import dask_executor
from features.manifest import Manifest, rebuild
from features.registry import view_named, views
from features.settings import FeatureSettings
from features.store import BuildPlan, BuildResult, build_view, latest, plan_build
from features.training import TrainingSet, explain, training_set
from features.versions import Outlook, drop_version, outlook, versions
from features.view import FeatureView

__all__ = [
    "BuildPlan",
    "BuildResult",
    "EncoderError",
    "FeatureError",
    "FeatureSettings",
    "FeatureView",
    "Manifest",
    "NotReproduced",
    "OtherVersion",
    "Outlook",
    "RunnerError",
    "SpineError",
    "TrainingSet",
    "UnknownView",
    "build_view",
    "dask_executor",
    "drop_version",
    "explain",
    "latest",
    "outlook",
    "plan_build",
    "rebuild",
    "strongest_tags",
    "training_set",
    "versions",
    "view_named",
    "views",
]
