"""Whether a label set's models are due for training."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

from collections.abc import Mapping, Sequence
from datetime import datetime

from features import FeatureView
from features.store import declare
from models import registry
from models.dataset import views_of
from models.labels import label_set as label_set_named
from models.modalities.modality import MODALITIES, listed
from models.settings import ModelSettings
from models.training.fitting import FEWEST_MOVIES
from warehouse import Warehouse
from warehouse.identifiers import qualified
from warehouse.live import LIVE_MOVIES

_LABELLED = """
    SELECT count(*) AS n, count(*) FILTER (m.known_time > ?) AS changed
    FROM core.movies m SEMI JOIN (SELECT movie_id FROM core.movie_genres WHERE source = ?) USING (movie_id)
"""
_CHANGED_FEATURES = """
    SELECT f.movie_id FROM {table} f
    SEMI JOIN (SELECT movie_id FROM core.movie_genres WHERE source = ?) g ON g.movie_id = f.movie_id
    WHERE f.view_version = ? AND f.known_time > ?
"""
_MOVIES_IN = "SELECT count(DISTINCT movie_id) FROM ({parts})"
_TRAINABLE = f"""
    SELECT count(DISTINCT f.movie_id) FROM {{table}} f
    JOIN {LIVE_MOVIES} m ON m.movie_id = f.movie_id AND m.bucket >= 2
    SEMI JOIN (SELECT movie_id FROM core.movie_genres WHERE source = ?) g ON g.movie_id = f.movie_id
    WHERE f.view_version = ? AND f.present
"""
_NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def due(
    warehouse: Warehouse, settings: ModelSettings, views: Mapping[str, FeatureView], label_set: str
) -> tuple[bool, str]:
    """Return whether to train the models of a label set, and why or why not.

    They are due when none was trained yet, when a modality has become trainable, when a view has another
    version, when more than `retrain_fraction` of the labelled movies have other tags, texts or posters than
    at the newest training, or when that is older than `retrain_days` and anything changed at all. Votes and
    popularity change every night: alone they are no reason to train again at once.
    """
    labels = label_set_named(label_set)
    trained = registry.entries(warehouse, labels.name)
    enough = [
        name
        for name, modality in MODALITIES.items()
        if modality.view in views and _trainable(warehouse, views[modality.view], labels.source)
    ]
    if not enough:
        return False, f"not due: fewer than {FEWEST_MOVIES} movies with features have {labels.name} genres"
    if not trained:
        return True, "due: nothing was trained yet"
    missing = [name for name in enough if not any(entry.model == name for entry in trained)]
    if missing:
        return True, f"due: {', '.join(missing)} can be trained now"
    newest = max(trained, key=lambda entry: entry.created_at)
    latest_of = {entry.model: entry for entry in sorted(trained, key=lambda entry: entry.created_at)}
    for name in enough:
        present = {view: views[view].version for view in views_of(name, views)}
        if other := sorted(set(present.items()) ^ set(latest_of[name].views.items())):
            return True, f"due: the view {other[0][0]} has another version"
    if "combined" in latest_of and (unread := registry.unread_views(latest_of["combined"])):
        return True, f"due: no modality reads the view {unread[0]} now"
    until = newest.split.get("known_until")
    since = datetime.fromisoformat(until) if until else _NEVER
    row = warehouse.query(_LABELLED, [since, labels.source]).to_pylist()[0]
    slow = [views[MODALITIES[name].view] for name in enough if MODALITIES[name].evidence]
    substantial = _changed(warehouse, slow, labels.source, newest.created_at)
    share = substantial / max(row["n"], 1)
    day = f"{newest.created_at:%Y-%m-%d}"
    evidence = listed(modality.evidence for modality in MODALITIES.values() if modality.evidence)
    figures = f"{substantial} of {row['n']} labelled movies have other {evidence} since the training of {day}"
    if share > settings.retrain_fraction:
        return True, f"due: {figures}, over {settings.retrain_fraction:.0%}"
    age = (warehouse.clock() - newest.created_at).total_seconds() / 86_400
    if age > settings.retrain_days and row["changed"]:
        return True, f"due: {figures}, {age:.0f} days ago"
    return False, f"not due: {figures}"


def _changed(warehouse: Warehouse, views: Sequence[FeatureView], source: str, since: datetime) -> int:
    """Count the movies with genres of that source that have another row in any of the views since then."""
    if not views:
        return 0
    for view in views:
        declare(warehouse, view)
    parts = [_CHANGED_FEATURES.format(table=qualified(f"features.{view.name}")) for view in views]
    values = [value for view in views for value in (source, view.version, since)]
    return int(warehouse.scalar(_MOVIES_IN.format(parts=" UNION ALL ".join(parts)), values))


def _trainable(warehouse: Warehouse, view: FeatureView, source: str) -> bool:
    declare(warehouse, view)
    table = qualified(f"features.{view.name}")
    n_movies = warehouse.scalar(_TRAINABLE.format(table=table), [source, view.version])
    return bool(n_movies >= FEWEST_MOVIES)
