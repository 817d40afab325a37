"""Every table and view that Reelhouse declares; feature views declare theirs when they are built."""

from warehouse.schema import core, identity, ops, predictions, raw
from warehouse.schema.declaration import Column, Contract, Mode, Reference, Table, View, feature_table

SCHEMAS = {
    "raw": "What the sources said, verbatim.",
    "core": "One row per movie, and the tables around it.",
    "features": "One table per feature view.",
    "predictions": "Every score, and the views that people read.",
    "ops": "What ran, what was fetched, what was refused, and which models and views exist.",
}
TABLES = (*raw.TABLES, *core.TABLES, *identity.TABLES, *predictions.TABLES, *ops.TABLES)
VIEWS = (*core.VIEWS, *predictions.VIEWS, *ops.VIEWS)

__all__ = [
    "SCHEMAS",
    "TABLES",
    "VIEWS",
    "Column",
    "Contract",
    "Mode",
    "Reference",
    "Table",
    "View",
    "feature_table",
]
