"""The published systems for this task, run on the warehouse's own movies and compared in one table.

`compare` runs them, `render` prints them. Every system stands under the id of its row (``A18``, ``B14``): a
module per family, over kept libraries. Published figures are in `published`, never measured; everything else
is measured, under two protocols that `scores` explains.
"""

from models.baselines.errors import BaselineError, NotRunnable, UnknownSystem
from models.baselines.measurement import Comparison, Row, compare
from models.baselines.registry import DOCUMENTS, System
from models.baselines.systems import SYSTEMS
from models.baselines.table import render

__all__ = [
    "DOCUMENTS",
    "SYSTEMS",
    "BaselineError",
    "Comparison",
    "NotRunnable",
    "Row",
    "System",
    "UnknownSystem",
    "compare",
    "render",
]
