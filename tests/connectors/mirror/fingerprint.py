"""One hash of everything that a catalogue serves."""

import hashlib
import json
from datetime import date

from connectors.mirror.synthetic import SyntheticCatalogue


def fingerprint(world: SyntheticCatalogue) -> str:
    """The hash of all that a catalogue serves on its day (and of every 25th poster)."""
    digest = hashlib.sha256(world.today().isoformat().encode())
    for i, tmdb_id in enumerate(world.ids()):
        record = world.movie(tmdb_id) or {}
        digest.update(json.dumps(record, sort_keys=True).encode())
        if i % 25 == 0 and record["poster_path"]:
            digest.update(world.poster(record["poster_path"]) or b"lost")
    for dataset in world.imdb_datasets():
        digest.update(world.imdb_file(dataset) or b"")
    for name in world.movielens_sets():
        digest.update(world.movielens_zip(name) or b"")
    digest.update(repr(world.changed(date.min, date.max)).encode())
    return digest.hexdigest()
