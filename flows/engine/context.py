"""What a run's settings come to: where the lake lies, which views and models there are, what computes."""

import os
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from features import FeatureSettings, FeatureView, dask_executor, views
from features.genome import has_genome
from features.texture import offered
from flows.settings import Settings
from warehouse import Location
from warehouse.backends import S3Access

if TYPE_CHECKING:
    from models import ModelSettings  # at run time only where it is needed


def location(settings: Settings) -> Location:
    """Return where the lake of these settings lies; the keys of its storage are those of AWS's own tools."""
    usual = Location.under(settings.home)
    return Location(
        settings.catalog.get_secret_value() if settings.catalog else usual.catalog,
        Path(settings.data).expanduser() if settings.data and "://" not in settings.data
        else settings.data or usual.data_path,
        home=settings.home,
        s3=S3Access.from_environment(os.environ),
        extensions=settings.extensions,
    )  # fmt: skip


def feature_settings(settings: Settings) -> FeatureSettings:
    """Return what the feature views need of the settings."""
    # the text and combined models read `words` beside `text`, and all that see posters `texture`
    beside = ["words", "texture"] if offered(settings.poster_encoder) else ["words"]
    if "movielens" in settings.sources and settings.movielens_sets:
        beside.append("ratings")
    taste = settings.home / "encoders" / "taste.safetensors"
    if taste.is_file():
        beside.append("taste")
    if any(has_genome(dataset) for dataset in settings.movielens_sets):
        beside.append("genome")
    return FeatureSettings(
        text_encoder=settings.text_encoder,
        poster_encoder=settings.poster_encoder,
        poster_dir=settings.home / "posters",
        taste_file=taste,
        extra_views=tuple(beside),
    )


def feature_views(settings: Settings) -> Mapping[str, FeatureView]:
    """Return the feature views under these settings, by name."""
    return views(feature_settings(settings))


def model_settings(settings: Settings) -> "ModelSettings":
    """Return what training and scoring need of the settings."""
    from models import Aim, ModelSettings

    name, _, at_least = settings.aim.partition(":")
    return ModelSettings(
        model_dir=settings.home / "models",
        seed=settings.seed,
        threads=settings.threads or os.cpu_count() or 1,
        aim=Aim(name, float(at_least)) if at_least else Aim(name),
        retrain_days=settings.retrain_days,
        retrain_fraction=settings.retrain_fraction,
    )


def runner(settings: Settings) -> AbstractContextManager[Executor | None]:
    """Return a context manager of the executor that computes partitions: None for this process."""
    scheduler = settings.dask_scheduler
    return dask_executor(scheduler) if settings.runner == "dask" and scheduler else nullcontext()
