"""A second reader of the lake: pyarrow, over the files that the catalogue names.

It shares no code with the engine that wrote them, so that what the one says can be held against the other.
What Reelhouse never makes (small rows in the catalogue, encryption, files of other writers) it refuses rather
than reads wrongly.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq

from warehouse import file_columns
from warehouse.backends import Bucket
from warehouse.connection import session
from warehouse.errors import DamagedLake, QueryFailed
from warehouse.failures import reported
from warehouse.file_catalogue import (
    DataFile,
    DeleteFile,
    FileCatalogue,
    Snapshot,
    Statistics,
    TableStatistics,
)
from warehouse.file_columns import FileColumn
from warehouse.location import Location
from warehouse.presence import require

__all__ = [
    "DataFile",
    "DeleteFile",
    "FileReader",
    "Snapshot",
    "Statistics",
    "TableStatistics",
    "opened",
    "read_table",
]

ROW_ID, SNAPSHOT_ID = "rowid", "snapshot_id"
"""The columns that `row_ids` adds: a row's number, and the snapshot that wrote it as it is."""
_ROW_FIELD, _SNAPSHOT_FIELD = 2147483540, 2147483539
"""The numbers of the columns that DuckLake itself adds to a Parquet file."""


def read_table(
    location: Location,
    table: str,
    snapshot: int | None = None,
    columns: Sequence[str] | None = None,
    *,
    row_ids: bool = False,
) -> pa.Table:
    """Return a table's rows as of a snapshot, now where none is named; see `FileReader.read_table`."""
    with opened(location) as reader:
        return reader.read_table(table, snapshot, columns, row_ids=row_ids)


@contextmanager
def opened(location: Location) -> Iterator["FileReader"]:
    """Yield a reader of the lake's files."""
    require(location)
    with reported(location), session(location, threads=1) as connection:
        yield FileReader(location, connection)


class FileReader(FileCatalogue):
    """Reads the catalogue's own tables, and the files that they name."""

    def __init__(self, location: Location, connection: duckdb.DuckDBPyConnection) -> None:
        """Take a connection of `warehouse.connection.session`, to which the catalogue is attached here."""
        super().__init__(location, connection)
        self._files = _file_system(location)

    def footer(self, file: DataFile | DeleteFile) -> Any:
        """Return a Parquet file's own metadata (`pyarrow.parquet.FileMetaData`)."""
        with self._parquet(file.path) as parquet:
            return parquet.metadata

    def size(self, file: DataFile | DeleteFile) -> int:
        """Return a file's size in bytes; DamagedLake where it is missing."""
        info = self._files.get_file_info(file.path.removeprefix("s3://"))
        if info.type != pyarrow.fs.FileType.File:
            raise DamagedLake(f"{file.path} is gone, and the catalogue names it: restore a backup")
        return int(info.size)

    def read_table(
        self,
        table: str,
        snapshot: int | None = None,
        columns: Sequence[str] | None = None,
        *,
        row_ids: bool = False,
    ) -> pa.Table:
        """Return a table's rows as of a snapshot, now where none is named.

        JSON comes as text. `columns` are those wanted, all where it is None; `row_ids` adds `rowid` and
        `snapshot_id`. The order is that of the files and of the rows in them.

        Raises QueryFailed where there is no such table, column or snapshot, DamagedLake where a file is
        missing or not what the catalogue says.
        """
        with self._moment():
            number = self._number(snapshot)
            table_id, path = self._table(table, number)
            held = self._columns(table_id, number)
            files = self._data_files({table_id: (table, path)}, number, {})
        wanted = held
        if columns is not None:
            by_name = {column.name: column for column in held}
            if unknown := [name for name in columns if name not in by_name]:
                raise QueryFailed(f"{table} has no column {', '.join(unknown)} in snapshot {number}")
            wanted = [by_name[name] for name in columns]
        fields = [pa.field(column.name, column.arrow) for column in wanted]
        if row_ids:
            fields += [pa.field(ROW_ID, pa.int64()), pa.field(SNAPSHOT_ID, pa.int64())]
        schema = pa.schema(fields)
        return pa.concat_tables(
            [schema.empty_table(), *(self._read(file, number, wanted, schema) for file in files)]
        )

    def _read(self, file: DataFile, snapshot: int, wanted: list[FileColumn], schema: pa.Schema) -> pa.Table:
        with self._parquet(file.path) as parquet:
            numbers = file_columns.numbers(parquet.schema_arrow)
            names = [numbers[c.column_id].name for c in wanted if c.column_id in numbers]
            own = [number for number in (_ROW_FIELD, _SNAPSHOT_FIELD) if number in numbers]
            data = parquet.read([*names, *(numbers[number].name for number in own)])
        if data.num_rows != file.record_count:
            raise DamagedLake(
                f"{file.path} of {file.table} has {data.num_rows} rows, not the {file.record_count} that "
                "the catalogue says: restore a backup"
            )
        arrays = [file_columns.values(column, data, numbers.get(column.column_id)) for column in wanted]
        positions = pa.array(range(data.num_rows), pa.int64())
        written = (
            data[numbers[_SNAPSHOT_FIELD].name].combine_chunks()
            if _SNAPSHOT_FIELD in numbers
            else pa.array([file.begin_snapshot] * data.num_rows, pa.int64())
        )
        if ROW_ID in schema.names:
            row_ids = (
                data[numbers[_ROW_FIELD].name].combine_chunks()
                if _ROW_FIELD in numbers
                else pc.add(positions, file.row_id_start or 0)
            )
            arrays += [row_ids, written]
        keep = pa.array([True] * data.num_rows, pa.bool_())
        if file.partial_max is not None:
            keep = pc.less_equal(written, snapshot)
        for deletes in file.deletes:
            gone = pc.is_in(positions, value_set=self._deleted(deletes, snapshot))
            keep = pc.and_(keep, pc.invert(gone))
        return pa.Table.from_arrays(arrays, schema=schema).filter(keep)

    def _deleted(self, deletes: DeleteFile, snapshot: int) -> pa.Array:
        """Return the positions that a file of deletions takes out, as of a snapshot."""
        with self._parquet(deletes.path) as parquet:
            data = parquet.read()
        if deletes.partial_max is not None:
            name = file_columns.numbers(data.schema)[_SNAPSHOT_FIELD].name
            data = data.filter(pc.less_equal(data[name], snapshot))
        return data["pos"].combine_chunks()

    @contextmanager
    def _parquet(self, path: str) -> Iterator[pq.ParquetFile]:
        try:
            with self._files.open_input_file(path.removeprefix("s3://")) as stream:
                yield pq.ParquetFile(stream)
        except FileNotFoundError:
            raise DamagedLake(f"{path} is gone, and the catalogue names it: restore a backup") from None
        except pa.ArrowInvalid as error:
            raise DamagedLake(f"{path} cannot be read ({error}): restore a backup") from None


def _file_system(location: Location) -> pyarrow.fs.FileSystem:
    if not isinstance(location.data_path, Bucket):
        return pyarrow.fs.LocalFileSystem()
    access = location.data_path.access
    scheme, _, server = access.endpoint.rpartition("://")
    return pyarrow.fs.S3FileSystem(
        access_key=access.key_id or None,
        secret_key=access.secret or None,
        session_token=access.session_token or None,
        region=access.region or "us-east-1",
        scheme=scheme or "https",
        endpoint_override=server.rstrip("/") or None,
    )
