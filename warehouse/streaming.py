"""Reads a result of DuckDB's batch by batch, with DuckDB's own errors.

What fails behind the first batch reaches pyarrow as a text, and pyarrow raises an OSError with it, whatever
it was. Here it is the exception again that a whole result would have raised.
"""

import re
from collections.abc import Iterator

import duckdb
import pyarrow as pa

_KIND = re.compile(r"([A-Za-z/ -]+?) Error: ")
_EXCEPTIONS: dict[str, type[Exception]] = {
    "Binder": duckdb.BinderException,
    "Catalog": duckdb.CatalogException,
    "Constraint": duckdb.ConstraintException,
    "Conversion": duckdb.ConversionException,
    "HTTP": duckdb.HTTPException,
    "INTERRUPT": duckdb.InterruptException,
    "IO": duckdb.IOException,
    "Internal": duckdb.InternalException,
    "Invalid Input": duckdb.InvalidInputException,
    "Out of Memory": duckdb.OutOfMemoryException,
    "Out of Range": duckdb.OutOfRangeException,
    "Permission": duckdb.PermissionException,
}


def next_batch(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    """Return the next batch of a DuckDB result, or None after the last; raises duckdb.Error."""
    try:
        return next(reader, None)
    except OSError as error:
        text = str(error)
        kind = _KIND.match(text)
        if error.errno is not None or kind is None:
            raise
        raise _EXCEPTIONS.get(kind[1], duckdb.Error)(text) from None


def batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a DuckDB result that are left; raises duckdb.Error."""
    while (batch := next_batch(reader)) is not None:
        yield batch
