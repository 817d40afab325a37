"""The feature views that can be built, by name."""

from collections.abc import Callable

from features.errors import UnknownView
from features.genome import Genome
from features.metadata import Metadata
from features.poster import Poster
from features.ratings import Ratings
from features.settings import FeatureSettings
from features.tags import Tags
from features.taste import Taste
from features.text import Text
from features.texture import Texture
from features.view import FeatureView
from features.words import Words

_ALWAYS = ("metadata", "tags", "text", "poster")


def views(settings: FeatureSettings) -> dict[str, FeatureView]:
    """Return the views that are kept up to date, by name, in the order in which they are built.

    It loads no encoder.

    Args:
        settings: The encoders, the directory of posters, and the names of extra views.

    Returns:
        `metadata`, `tags`, `text` and `poster`, then the extra views.

    Raises:
        UnknownView: There is no extra view of that name.

    Example:
        >>> from pathlib import Path
        >>> list(views(FeatureSettings(Path("posters"), extra_views=("words",))))
        ['metadata', 'tags', 'text', 'poster', 'words']
    """
    return {name: view_named(settings, name) for name in (*_ALWAYS, *settings.extra_views)}


def view_named(settings: FeatureSettings, name: str) -> FeatureView:
    """Return the view of that name; raise UnknownView, which lists the known names."""
    made: dict[str, Callable[[], FeatureView]] = {
        "metadata": Metadata,
        "tags": Tags,
        "text": lambda: Text(settings.text_encoder, partition_rows=settings.batch_rows),
        "poster": lambda: Poster(
            settings.poster_encoder, settings.poster_dir, partition_rows=settings.batch_rows
        ),
        "texture": lambda: Texture(
            settings.poster_encoder, settings.poster_dir, partition_rows=settings.batch_rows
        ),
        "ratings": Ratings,
        "taste": lambda: Taste(settings.taste_file),
        "genome": Genome,
        "words": Words,
    }
    if name not in made:
        raise UnknownView(f"no feature view {name!r}: there are {', '.join(made)}")
    return made[name]()
