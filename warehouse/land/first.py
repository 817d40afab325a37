"""A bulk file for an empty table: its rows go straight in, and repeated ones are taken out again."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.identifiers import columns as column_list
from warehouse.identifiers import qualified, quote
from warehouse.land.hashes import content_hash, repeats
from warehouse.schema import Table
from warehouse.transaction import Transaction, WriteResult, chunks

Hashes = npt.NDArray[np.uint64]
ROWS = 4 * 122_880
"""Written at once, as whole row groups: few files, and the next rows are read meanwhile."""


def land_first(
    tx: Transaction,
    table: Table,
    keys: Sequence[str],
    batches: Iterable[pa.RecordBatch],
    constants: Mapping[str, Any],
) -> WriteResult:
    """Add the rows of a file whose table holds none; return how many came, landed and went to quarantine.

    Of a file's rows, 8 bytes each stay in memory. The first row of a key is the one that counts.
    """
    written = WriteResult()
    hashes: list[Hashes] = []
    columns: list[str] = []
    for chunk in chunks(batches, ROWS):
        columns = chunk.column_names
        tx.register("arriving", chunk)
        hashes.append(tx.query(f"SELECT {_sketch(table, keys)} AS hash FROM arriving")["hash"].to_numpy())
        tx.unregister("arriving")
        written += tx.append(table.name, chunk, constants={**constants, "deleted": False})
    repeated = _take_repeated(tx, table, keys, columns, _twice(hashes), constants)
    return WriteResult(written.rows_in, written.rows_landed - repeated, written.rows_quarantined + repeated)


def _sketch(table: Table, keys: Sequence[str]) -> str:
    """Return SQL for a number that rows of one key have in common, and rarely others."""
    return content_hash(table, keys[:3])


def _twice(hashes: list[Hashes]) -> Hashes:
    """Return the numbers that occur more than once."""
    if not hashes:
        return np.empty(0, np.uint64)
    every = np.concatenate(hashes)
    hashes.clear()
    every.sort()
    return np.unique(every[1:][every[1:] == every[:-1]])


def _take_repeated(
    tx: Transaction,
    table: Table,
    keys: Sequence[str],
    columns: list[str],
    twice: Hashes,
    constants: Mapping[str, Any],
) -> int:
    """Move the rows that repeat an earlier one's key to quarantine; return how many.

    Different keys may have one number: the keys themselves decide.
    """
    if not twice.size:
        return 0
    tx.register("twice", pa.table({"hash": twice}))
    original = ", ".join(f"{quote(column)}: {quote(column)}" for column in columns)
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT rowid AS row_id, "
        f"CAST(to_json({{{original}}}) AS VARCHAR) AS original FROM {qualified(table.name)} "
        f"WHERE batch_id = $batch_id AND {_sketch(table, keys)} IN (SELECT hash FROM twice) "
        f"QUALIFY row_number() OVER (PARTITION BY {column_list(keys)} ORDER BY rowid) > 1",
        {"batch_id": constants["batch_id"]},
    )
    rows = tx.query(
        "SELECT original, $again AS reason FROM repeated ORDER BY row_id", {"again": repeats(keys)}
    )
    tx.execute(f"DELETE FROM {qualified(table.name)} WHERE rowid IN (SELECT row_id FROM repeated)")
    tx.unregister("twice")
    tx.took_back(rows.num_rows)
    return tx.quarantine(constants["source"], table.name, rows, constants["batch_id"])
