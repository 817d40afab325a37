"""A server that speaks as TMDb, IMDb and MovieLens do, over a catalogue of its own."""

from connectors.mirror.catalogue import Catalogue, MirrorError
from connectors.mirror.directory import DirectoryCatalogue

__all__ = ["Catalogue", "DirectoryCatalogue", "MirrorError"]
