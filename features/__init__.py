"""Feature views: fresh, versioned by their definition, and correct in time on two axes."""

import features.openmp  # noqa: F401 - first, before anything loads torch or LightGBM

# isort: split
from features.arrays import Layout, Matrix
from features.available_views import view_named, views
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
from features.settings import FeatureSettings
from features.spines import Released, Spine, spine_of
from features.store import BuildPlan, BuildResult, build_view, latest, plan_build
from features.tag_audit import strongest_tags
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
    "Layout",
    "Manifest",
    "Matrix",
    "NotReproduced",
    "OtherVersion",
    "Outlook",
    "Released",
    "RunnerError",
    "Spine",
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
    "spine_of",
    "strongest_tags",
    "training_set",
    "versions",
    "view_named",
    "views",
]
