"""Inserts the rows of data files again and deletes the old ones: the only safe way to write files anew.

The engine's own `ducklake_rewrite_data_files` makes DuckLake 1.5.5 forget a nullable column's least and
greatest value, and wrong answers follow. Inserting and deleting in one transaction is what readers and other
writers see as any other change; whoever changes the table meanwhile is refused, or refuses it.
"""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Callable, Mapping, Sequence

from warehouse.errors import Damaged
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import qualified

Execute = Callable[[str, Sequence[str]], int]
"""Runs a statement within the transaction, and returns how many rows it changed."""


def rewrite(
    execute: Execute,
    table: str,
    groups: Sequence[Sequence[str]],
    values: Mapping[str, str] | None = None,
) -> None:
    """Insert the rows of the files again, one INSERT for each group, then delete the old rows.

    Files are named by their whole addresses. `values` has the columns that are written, each with an SQL
    expression over the old row; without it every column is written as it is.

    Raises Damaged where the engine does not move every row: the transaction must not commit then.
    """
    name = qualified(table)
    into, row = "", "*"
    if values is not None:
        into, row = f" ({column_list(values)})", ", ".join(values.values())
    inserted = sum(
        execute(f"INSERT INTO {name}{into} SELECT {row} FROM {name} WHERE {_inside(group)} ORDER BY rowid", group)
        for group in groups
    )
    # Last of all: what has been deleted cannot be read any more.
    deleted = sum(execute(f"DELETE FROM {name} WHERE {_inside(group)}", group) for group in groups)
    if inserted != deleted:
        raise Damaged(
            f"{table}: of {deleted} rows {inserted} were written anew; nothing was changed: "
            "run `reelhouse check`"
        )


def _inside(files: Sequence[str]) -> str:
    return f"filename IN ({', '.join('?' * len(files))})"
