"""A synthetic catalogue: movies that never were, generated from a seed, with a day that can be moved on."""

from connectors.mirror.synthetic.world import SyntheticCatalogue

__all__ = ["SyntheticCatalogue"]
