"""Conforming: one movie from three sources, `raw` to `core`."""

from warehouse.conform.conform import ConformResult, conform
from warehouse.conform.precedence import PRECEDENCE

__all__ = ["PRECEDENCE", "ConformResult", "conform"]
