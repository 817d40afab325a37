"""Inserts the rows of data files again and deletes the old ones: the safe way to write files anew.

The engine's own `ducklake_rewrite_data_files` makes DuckLake 1.5.5 forget a nullable column's least and
greatest value, and wrong answers follow. Inserting and deleting in one transaction is what readers and other
writers see as any other change; whoever changes the table meanwhile is refused, or refuses it.
"""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb

from warehouse.errors import DamagedLake
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import qualified

_TRUSTING = "statistics_propagation,compressed_materialization"
"""The optimisers that believe a table's statistics."""


def rewrite(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    groups: Sequence[Sequence[str]],
    values: Mapping[str, str] | None = None,
    *,
    whole: bool = False,
    ordered: bool = False,
) -> int:
    """Insert the rows of the files again, one INSERT for each group, then delete the old; return how many.

    This happens within the transaction that is open. Files are named by their whole addresses. `values` has
    the columns that are written, each with an SQL expression over the old row; without it every column is
    written as it is. `whole` says that the groups have every file of the table: one INSERT then reads them
    all, which is faster than by their names. `ordered` sorts each INSERT by row id.

    Raises DamagedLake where the engine does not move every row: the transaction must not commit then.
    """
    name = qualified(table)
    into, row = "", "*"
    if values is not None:
        into, row = f" ({column_list(values)})", ", ".join(values.values())
    again = f"INSERT INTO {name}{into} SELECT {row} FROM {name}"
    order = "ORDER BY rowid" if ordered else ""
    with _distrusting(connection):
        inserted = sum(_run(connection, again, group, order) for group in ([None] if whole else groups))
        # Last of all: what has been deleted cannot be read any more.
        deleted = sum(_run(connection, f"DELETE FROM {name}", group) for group in groups)
    if inserted != deleted:
        raise DamagedLake(
            f"{table}: of {deleted} rows {inserted} were written anew; nothing was changed: "
            "run `reelhouse check`"
        )
    return inserted


def _run(
    connection: duckdb.DuckDBPyConnection, sql: str, files: Sequence[str] | None, order: str = ""
) -> int:
    """Run a statement on the rows of the files, all rows where it is None; return how many those were."""
    inside = "" if files is None else f"WHERE filename IN ({', '.join('?' * len(files))})"
    row = connection.execute(f"{sql} {inside} {order}", files).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _distrusting(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let the engine use no statistics: an earlier release may have left wrong ones, and a sort packs values
    by them.

    The setting is that of all sessions. It is made by another one, because this one's transaction may fail,
    and would then not take it back.
    """
    with connection.cursor() as session:
        session.execute(f"SET GLOBAL disabled_optimizers = '{_TRUSTING}'")
        try:
            yield
        finally:
            session.execute("RESET GLOBAL disabled_optimizers")
