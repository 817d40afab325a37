"""The hash by which two rows of a bulk file are told apart, or known to be the same.

It is computed when it is needed and kept nowhere: it may differ between releases of DuckDB, and a row's own
values take less room than another 8 random bytes.
"""

from collections.abc import Iterable, Sequence

from warehouse.identifiers import quote
from warehouse.schema import Table


def content_hash(table: Table, columns: Iterable[str]) -> str:
    """Return SQL for a UBIGINT of a row's values in these columns, as the table would hold them."""
    typed = (
        f"TRY_CAST({quote(name)} AS {table.column(name).type})" if name in table.column_names else quote(name)
        for name in columns
    )
    return f"hash({', '.join(typed)})"


def key_value(table: Table, keys: Sequence[str]) -> str:
    """Return SQL for what tells a row apart: its one key column, or a hash of several."""
    return quote(keys[0]) if len(keys) == 1 else content_hash(table, keys)


def repeats(keys: Sequence[str]) -> str:
    """Return why a row is set aside whose key an earlier one of its file has."""
    return f"repeats an earlier row's {keys[0] if len(keys) == 1 else 'values'}"
