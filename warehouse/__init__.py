"""The warehouse: the only code that speaks SQL to DuckLake."""

from warehouse.dictionary import reference
from warehouse.errors import WarehouseError
from warehouse.location import Location
from warehouse.schema import Column, Table, feature_table
from warehouse.transaction import Transaction, WriteResult
from warehouse.warehouse import Warehouse

__all__ = [
    "Column",
    "Location",
    "Table",
    "Transaction",
    "Warehouse",
    "WarehouseError",
    "WriteResult",
    "feature_table",
    "reference",
]
