"""The warehouse: the only code that speaks SQL to DuckLake."""

from warehouse.dictionary import reference
from warehouse.errors import WarehouseError
from warehouse.intake import WriteResult
from warehouse.location import Location
from warehouse.schema import Column, Contract, Mode, Reference, Table, feature_table
from warehouse.transaction import Transaction
from warehouse.warehouse import Warehouse

__all__ = [
    "Column",
    "Contract",
    "Location",
    "Mode",
    "Reference",
    "Table",
    "Transaction",
    "Warehouse",
    "WarehouseError",
    "WriteResult",
    "feature_table",
    "reference",
]
