"""A server that speaks as TMDb, IMDb and MovieLens do, over a catalogue of its own.

>>> from connectors.mirror import SyntheticCatalogue, serve
>>> with serve(SyntheticCatalogue(movies=20)) as mirror:
...     sorted(mirror.env())[:2]
['REELHOUSE_IMAGE_REQUESTS_PER_SECOND', 'REELHOUSE_IMDB_DATASETS']
"""

from connectors.mirror.directory import DirectoryCatalogue
from connectors.mirror.faults import FaultPlan, FaultRule
from connectors.mirror.server import MirrorApp
from connectors.mirror.serving import Mirror, run, serve
from connectors.mirror.source_catalogue import Catalogue, MirrorError
from connectors.mirror.synthetic import SyntheticCatalogue

__all__ = [
    "Catalogue",
    "DirectoryCatalogue",
    "FaultPlan",
    "FaultRule",
    "Mirror",
    "MirrorApp",
    "MirrorError",
    "SyntheticCatalogue",
    "run",
    "serve",
]
