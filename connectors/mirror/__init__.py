"""A server that speaks as TMDb, IMDb and MovieLens do, over a catalogue of its own."""

from connectors.mirror.catalogue import Catalogue, MirrorError
from connectors.mirror.directory import DirectoryCatalogue
from connectors.mirror.faults import FaultPlan, FaultRule
from connectors.mirror.server import MirrorApp
from connectors.mirror.serving import Mirror, run, serve

__all__ = [
    "Catalogue",
    "DirectoryCatalogue",
    "FaultPlan",
    "FaultRule",
    "Mirror",
    "MirrorApp",
    "MirrorError",
    "run",
    "serve",
]
