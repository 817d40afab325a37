"""The lake for SQL that nobody of this project wrote: over a private copy of its catalogue.

Whoever may write to a lake may leave views and macros in it, and DuckDB runs these for whoever reads.
Whether a query uses one cannot be told from its text: macros take the places of functions, `AT (VERSION =>
…)` brings back what was dropped, and a list of columns binds every view. So the session never sees the
catalogue itself:

- It attaches a copy of one moment, in a directory that this user alone can enter. Nobody changes the copy
  while it is read, so what was looked at is what runs.
- In the copy each view and macro that calls a function which is not known to be harmless is replaced by one
  that fails with a line that names it (`warehouse.stored_code`). That goes for all snapshots and schemas.
  So whatever a query reaches, by whatever name, is harmless.
- The extension for PostgreSQL, and its password, are not in the session at all. The one for SQLite is, to
  read the copy; nothing in the copy may call it.

`warehouse.sql` closes the rest for a person's own SQL. A new state of the lake is another copy.
"""

import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType

import duckdb

from warehouse import catalogue_copies, formats, moments, sqlite_file, stored_code
from warehouse.backends import SqliteFile
from warehouse.connection import LAKE, NO_MIGRATION, attach_catalogue, attach_options, scratch, session
from warehouse.failures import reported
from warehouse.identifiers import literal, quote
from warehouse.location import Location
from warehouse.presence import require

_COPIED, _MOMENTS, _ORIGINAL = "copied", "moments", "original"


class PrivateLake:
    """A session with the lake attached as `lake` and in use, as it is or as it was; see the module.

    Raises NoWarehouse where there is no lake, QueryFailed where there was no such snapshot.
    """

    def __init__(
        self, location: Location, as_of: int | datetime | None = None, *, memory_limit: str | None = None
    ) -> None:
        require(location)
        self.location = location
        self.directory = scratch(location)
        """What only this user can read: the copy."""
        self.copy: Path
        """The catalogue as of one moment, disarmed."""
        self._original: duckdb.DuckDBPyConnection | None = None
        self._number = 0
        self._snapshots: dict[str, int | None] = {}
        with reported(location):
            self.directory.mkdir(mode=0o700)
            try:
                self.connection = session(location, memory_limit=memory_limit, reads_server=False)
                try:
                    self._state = self._newest()
                    self.copy = self._make_copy()
                    if as_of is not None:
                        as_of = self.resolve(as_of)
                    self.attach(LAKE, as_of)
                    self.connection.execute(f"USE {LAKE}")
                except BaseException:
                    self.connection.close()
                    raise
            except BaseException:
                self._remove()
                raise

    def resolve(self, as_of: int | datetime) -> int:
        """Return the number of a snapshot that the lake keeps: that one, or the newest at that time."""
        self.attach(_MOMENTS)
        try:
            return moments.resolve(self.connection, _MOMENTS, self.location, as_of)
        finally:
            self._detach(_MOMENTS)
            del self._snapshots[_MOMENTS]

    def attach(self, alias: str, snapshot: int | None = None) -> None:
        """Attach the copy under another name too, as of a snapshot where one is given."""
        path = self.copy
        if path.suffix == ".duckdb":  # which DuckDB attaches once
            path = path.with_name(f"{alias}{path.suffix}")
            shutil.copyfile(self.copy, path)
        kind = "sqlite:" if isinstance(self.location.catalog, SqliteFile) else ""
        pinned = () if snapshot is None else (f"SNAPSHOT_VERSION {snapshot:d}",)
        options = ", ".join([*attach_options(self.location, read_only=True), NO_MIGRATION, *pinned])
        with formats.explained(self.location):
            self.connection.execute(
                f"ATTACH {literal(f'ducklake:{kind}{path}')} AS {quote(alias)} ({options})"
            )
        self._snapshots[alias] = snapshot

    def renew(self) -> None:
        """Read the lake as it is now; no transaction may be open."""
        self.location.refuse_gone()
        require(self.location)
        state = self._newest()
        if state == self._state:
            return
        fresh, old = self._make_copy(), self.copy
        self._state, self.copy = state, fresh
        place = self.connection.execute(
            "SELECT system.main.current_database(), system.main.current_schema()"
        ).fetchall()[0]
        self.connection.execute("USE memory")
        for alias, snapshot in list(self._snapshots.items()):
            self._detach(alias)
            self.attach(alias, snapshot)
        self.connection.execute(f"USE {quote(place[0])}.{quote(place[1])}")
        shutil.rmtree(old.parent, ignore_errors=True)

    def close(self) -> None:
        """End the session and remove the copy."""
        self.connection.close()
        self._remove()

    def __enter__(self) -> "PrivateLake":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make_copy(self) -> Path:
        """Write a disarmed copy of the catalogue as of one moment, whatever is written to it meanwhile."""
        self._number += 1
        directory = self.directory / str(self._number)
        directory.mkdir()
        catalog = self.location.catalog
        if isinstance(catalog, SqliteFile):
            path, kind = directory / catalogue_copies.SQLITE_COPY, "TYPE sqlite"
            sqlite_file.copy(catalog.path, path, tables_only=True)
        else:
            path, kind = directory / catalogue_copies.DUCKDB_COPY, "TYPE duckdb"
            if not catalogue_copies.copy_server(self._server(), _ORIGINAL, path):
                raise self.location.absent()
        # A connection of its own: no macro of the session can take part in this.
        with self.connection.cursor() as clean:
            clean.execute(f"ATTACH {literal(str(path))} AS {_COPIED} ({kind})")
            try:
                stored_code.disarm(clean, _COPIED)
            finally:
                clean.execute(f"DETACH {_COPIED}")
        return path

    def _newest(self) -> object:
        """Return what is different once the catalogue has changed."""
        if not isinstance(self.location.catalog, SqliteFile):
            return catalogue_copies.newest_snapshot(self._server(), _ORIGINAL)
        path = self.location.catalog.path
        states = []
        for file in (path, path.with_name(f"{path.name}-wal")):
            with suppress(FileNotFoundError):
                status = file.stat()
                states.append((file.name, status.st_ino, status.st_size, status.st_mtime_ns))
        return states

    def _server(self) -> duckdb.DuckDBPyConnection:
        """Return the session that copies the catalogue from PostgreSQL: it runs nothing of the lake."""
        if self._original is None:
            self._original = session(self.location, threads=1)
            attach_catalogue(self._original, self.location, _ORIGINAL, read_only=True)
        return self._original

    def _detach(self, alias: str) -> None:
        self.connection.execute(f"DETACH {quote(alias)}")

    def _remove(self) -> None:
        if self._original is not None:
            self._original.close()
        shutil.rmtree(self.directory, ignore_errors=True)
