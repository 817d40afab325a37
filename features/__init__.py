"""Feature views: fresh, versioned by their definition, and correct in time on two axes."""

from features.errors import EncoderError, FeatureError, SpineError, UnknownView
from features.registry import view_named, views
from features.settings import FeatureSettings
from features.store import BuildPlan, BuildResult, build_view, latest, plan_build
from features.training import TrainingSet, training_set
from features.view import FeatureView

__all__ = [
    "BuildPlan",
    "BuildResult",
    "EncoderError",
    "FeatureError",
    "FeatureSettings",
    "FeatureView",
    "SpineError",
    "TrainingSet",
    "UnknownView",
    "build_view",
    "latest",
    "plan_build",
    "training_set",
    "view_named",
    "views",
]
