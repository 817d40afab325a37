"""Where a warehouse lies: its catalogue, its data files, and a directory of this machine.

The catalogue is a SQLite file or a PostgreSQL database; the data files lie in a directory or in S3-compatible
storage. Passwords and keys are held beside the addresses, so that an address can be shown to anybody.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from warehouse.backends import Bucket, Directory, Postgres, S3Access, SqliteFile
from warehouse.errors import BadLocation, NoWarehouse


@dataclass(frozen=True)
class Location:
    """The catalogue, the data files, and the directory for this machine's locks and spilled data.

    Example:
        >>> shared = Location("postgresql://me:secret@db.example/lake", "s3://movies/lake", home="locks")
        >>> str(shared), shared.data_root
        ('PostgreSQL lake at db.example', 's3://movies/lake/')
    """

    catalog: SqliteFile | Postgres
    data_path: Directory | Bucket
    home: Path
    extensions: str
    """Where DuckDB's extensions come from: "" for their PyPI packages, a directory, `install` for the
    vendor's repository, or `install:` and another one's URL or directory."""

    def __init__(
        self,
        catalog: str | os.PathLike[str] | Postgres,
        data_path: str | os.PathLike[str] | Bucket,
        home: str | Path | None = None,
        s3: S3Access | None = None,
        extensions: str = "",
    ) -> None:
        """Take paths, `postgresql://…` and `s3://…`.

        Args:
            catalog: The path of a SQLite file, or the address of a PostgreSQL database.
            data_path: A directory, or `s3://BUCKET/PREFIX`.
            home: The directory of this machine; where the SQLite file is, unless given.
            s3: How the storage is reached, for an `s3://` address.
            extensions: Where DuckDB's extensions come from, see the attribute.

        Raises:
            BadLocation: An address cannot be read, a PostgreSQL catalogue comes without `home`, or DuckDB
                cannot use a path.
        """
        kept, storage = _catalog(catalog), _storage(data_path, s3 or S3Access())
        if home is None:
            if isinstance(kept, Postgres):
                raise BadLocation("a lake with its catalogue in PostgreSQL needs a directory of this machine")
            home = kept.path.parent
        for path in (home, getattr(kept, "path", home), getattr(storage, "path", home)):
            if reason := unusable(Path(path).resolve()):
                raise BadLocation(reason)
        object.__setattr__(self, "catalog", kept)
        object.__setattr__(self, "data_path", storage)
        object.__setattr__(self, "home", Path(home).resolve())
        object.__setattr__(self, "extensions", extensions)

    @classmethod
    def under(cls, home: Path) -> "Location":
        """Return the usual places below Reelhouse's home directory; nothing is created.

        Args:
            home: The home directory. It need not exist yet.

        Returns:
            A SQLite catalogue and a directory of data files in `home`.

        Example:
            >>> place = Location.under(Path("/srv/reelhouse"))
            >>> print(place.catalog, place.data_path)
            /srv/reelhouse/catalog.sqlite /srv/reelhouse/lake
        """
        return cls(home / "catalog.sqlite", home / "lake")

    @property
    def data_root(self) -> str:
        """The data files' address, with a slash at its end."""
        return f"{self.data_path}/"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown to anybody."""
        return (*self.catalog.passwords, *self.data_path.passwords)

    def absent(self) -> NoWarehouse:
        """Return the error that says that no catalogue has been written."""
        return NoWarehouse(f"no warehouse at {self} yet: run `reelhouse demo` or `reelhouse nightly` first")

    def refuse_gone(self) -> None:
        """Raise NoWarehouse where the catalogue's file, which was there, no longer is: DuckDB would make one.

        A database on a server is not asked.
        """
        if isinstance(self.catalog, SqliteFile) and not self.catalog.path.exists():
            raise NoWarehouse(
                f"{self} is gone: it was moved or deleted while in use; put it back, or restore a backup"
            )

    def __str__(self) -> str:
        return str(self.catalog)


def unusable(path: Path) -> str | None:
    """Return why no lake can lie at this path, or None where one can.

    DuckDB takes a backslash for a slash, SQLite and Arrow take UTF-8 alone, and a message is one line.
    """
    text = str(path)
    if "\\" in text:
        reason = "has a backslash"
    elif not all(character.isprintable() or ord(character) > 0x9F for character in text):
        reason = "has a line break or another control character"
    elif any("\ud800" <= character <= "\udfff" for character in text):
        reason = "is not UTF-8"
    else:
        return None
    return f"{text!a} {reason}: choose another directory"


def _catalog(address: str | os.PathLike[str] | Postgres) -> SqliteFile | Postgres:
    if isinstance(address, Postgres):
        return address
    if isinstance(address, str) and re.match(r"postgres(ql)?:", address):
        return Postgres.parse(address)
    return SqliteFile(Path(address).resolve())


def _storage(address: str | os.PathLike[str] | Bucket, access: S3Access) -> Directory | Bucket:
    if isinstance(address, Bucket):
        return address
    if isinstance(address, str) and address.startswith("s3:"):
        return Bucket.parse(address, access)
    return Directory(Path(address).resolve())
