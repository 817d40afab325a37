"""The feature views that there are."""

from features.errors import UnknownView
from features.metadata import Metadata
from features.poster import Poster
from features.settings import FeatureSettings
from features.tags import Tags
from features.text import Text
from features.view import FeatureView


def views(settings: FeatureSettings) -> dict[str, FeatureView]:
    """Every view by name, in the order in which they are built; loads no encoder."""
    made: tuple[FeatureView, ...] = (
        Metadata(),
        Tags(),
        Text(settings.text_encoder, partition_rows=settings.batch_rows),
        Poster(settings.poster_encoder, settings.poster_dir, partition_rows=settings.batch_rows),
    )
    return {view.name: view for view in made}


def view_named(settings: FeatureSettings, name: str) -> FeatureView:
    """The view of that name; raises UnknownView, which lists the names there are."""
    made = views(settings)
    if name not in made:
        raise UnknownView(f"no feature view {name!r}: there are {', '.join(made)}")
    return made[name]
