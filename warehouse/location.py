"""Where a warehouse lies: its catalogue, its data files, and a directory of this machine.

The catalogue is a SQLite file or a PostgreSQL database; the data files lie in a directory or in S3-compatible
storage. Passwords and keys are held beside the addresses, so that an address can be shown to anybody.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from warehouse.errors import BadLocation, NoWarehouse

_KEYWORD = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s']*)")
_PLAIN = re.compile(r"[\w.,:/@+-]+")


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL database for the catalogue."""

    parameters: tuple[tuple[str, str], ...]
    """libpq's keywords and values, without the password."""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> "Postgres":
        """Return the database that a URL or `postgres:` with libpq's keywords names; BadLocation otherwise.

        >>> Postgres.parse("postgresql://me:secret@db.example:5433/lake").conninfo
        'host=db.example port=5433 user=me dbname=lake'
        >>> str(Postgres.parse("postgres:dbname=lake host=/run/postgresql"))
        'PostgreSQL lake at /run/postgresql'
        """
        parameters = _from_url(text) if "://" in text else _from_keywords(text.partition(":")[2])
        password = parameters.pop("password", "")
        if not parameters.get("dbname"):
            raise BadLocation(
                "the PostgreSQL catalogue needs the name of its database: postgresql://HOST/NAME"
            )
        return cls(tuple(parameters.items()), password)

    @property
    def conninfo(self) -> str:
        """libpq's connection string, without the password."""
        return " ".join(f"{key}={_quoted(value)}" for key, value in self.parameters)

    def __str__(self) -> str:
        parameters = dict(self.parameters)
        port = f":{parameters['port']}" if "port" in parameters else ""
        return f"PostgreSQL {parameters['dbname']} at {parameters.get('host', 'this machine')}{port}"


def _from_url(text: str) -> dict[str, str]:
    try:
        parts = urlsplit(text)
        login, _, hosts = parts.netloc.rpartition("@")
        user, _, password = login.partition(":")
        pairs = [re.fullmatch(r"(\[[^]]*\]|[^:]*)(?::(\d*))?", host) for host in hosts.split(",")]
    except ValueError:
        pairs = [None]
    if None in pairs:
        raise BadLocation("the catalogue's address cannot be read: write postgresql://USER@HOST:PORT/NAME")
    parameters = {
        "host": ",".join(unquote(pair[1]).strip("[]") for pair in pairs if pair),
        "port": ",".join(pair[2] or "" for pair in pairs if pair),
        "user": unquote(user),
        "password": unquote(password),
        "dbname": unquote(parts.path.lstrip("/")),
        **dict(parse_qsl(parts.query)),
    }
    return {key: value for key, value in parameters.items() if value.strip(",")}


def _from_keywords(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    position = 0
    while position < len(text.rstrip()):
        match = _KEYWORD.match(text, position)
        if match is None:
            raise BadLocation(
                "the catalogue's keywords cannot be read: write postgres:dbname=NAME host=HOST user=USER"
            )
        value = match[2]
        parameters[match[1]] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith("'") else value
        position = match.end()
    return parameters


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@dataclass(frozen=True)
class S3Access:
    """How an S3-compatible server is reached, from the variables that AWS's own tools read."""

    key_id: str = ""
    secret: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    region: str = ""
    endpoint: str = ""
    """The server's URL; AWS itself where it is empty."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "S3Access":
        """Read AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL."""

        def first(*names: str) -> str:
            return next((environ[name] for name in names if environ.get(name)), "")

        return cls(
            first("AWS_ACCESS_KEY_ID"),
            first("AWS_SECRET_ACCESS_KEY"),
            first("AWS_SESSION_TOKEN"),
            first("AWS_REGION", "AWS_DEFAULT_REGION"),
            first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        )


@dataclass(frozen=True)
class Bucket:
    """A bucket of S3-compatible storage, or a prefix in one, for the data files."""

    url: str
    """`s3://bucket/prefix`, without a slash at its end."""
    access: S3Access = S3Access()

    @classmethod
    def parse(cls, text: str, access: S3Access) -> "Bucket":
        """Return the bucket that `s3://bucket/prefix` names; BadLocation otherwise."""
        match = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[^/?#]+)*)/*", text)
        if match is None or "/." in match[2]:
            raise BadLocation(f"{text!r} is no bucket: write s3://BUCKET or s3://BUCKET/PREFIX")
        return cls(f"s3://{match[1]}{match[2]}", access)

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class Location:
    """The catalogue, the data files, and the directory for this machine's locks and spilled data.

    Example:
        >>> shared = Location("postgresql://me:secret@db.example/lake", "s3://movies/lake", home="locks")
        >>> str(shared), shared.data_root
        ('PostgreSQL lake at db.example', 's3://movies/lake/')
    """

    catalog: Path | Postgres
    data_path: Path | Bucket
    home: Path
    extensions: str
    """Where DuckDB's extensions come from: "" for their PyPI packages, a directory, `install` for the
    vendor's repository, or `install:` and another one's URL or directory."""

    def __init__(
        self,
        catalog: str | Path | Postgres,
        data_path: str | Path | Bucket,
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
            BadLocation: An address cannot be read, or a PostgreSQL catalogue comes without `home`.
        """
        if isinstance(catalog, str) and re.match(r"postgres(ql)?:", catalog):
            catalog = Postgres.parse(catalog)
        if isinstance(data_path, str) and data_path.startswith("s3:"):
            data_path = Bucket.parse(data_path, s3 or S3Access())
        if not isinstance(catalog, Postgres):
            catalog = Path(catalog).resolve()
        if not isinstance(data_path, Bucket):
            data_path = Path(data_path).resolve()
        if home is None:
            if isinstance(catalog, Postgres):
                raise BadLocation("a lake with its catalogue in PostgreSQL needs a directory of this machine")
            home = catalog.parent
        object.__setattr__(self, "catalog", catalog)
        object.__setattr__(self, "data_path", data_path)
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
        secrets = [self.catalog.password] if isinstance(self.catalog, Postgres) else []
        if isinstance(self.data_path, Bucket):
            secrets += [self.data_path.access.secret, self.data_path.access.session_token]
        return tuple(secret for secret in secrets if secret)

    def require(self) -> None:
        """Raise NoWarehouse where no catalogue has been written; PostgreSQL is asked when it is opened."""
        if isinstance(self.catalog, Path) and not self.catalog.exists():
            raise self.absent()

    def absent(self) -> NoWarehouse:
        """Return the error that says that no catalogue has been written."""
        return NoWarehouse(f"no warehouse at {self} yet: run `reelhouse demo` or `reelhouse nightly` first")

    def __str__(self) -> str:
        return str(self.catalog)
