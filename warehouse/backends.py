"""The kinds of catalogue and of storage that a lake may have, and what is different with each.

The catalogue is a `SqliteFile` or a database of `Postgres`, the data files lie in a `Directory` or in a
`Bucket`. The two of a pair have the same attributes, so that hardly anything asks which of them it has.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from warehouse.errors import BadLocation

_KEYWORD = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s']*)")
_PLAIN = re.compile(r"[\w.,:/@+-]+")


@dataclass(frozen=True)
class SqliteFile:
    """A SQLite file for the catalogue, which one machine uses."""

    path: Path
    kind: ClassVar[str] = "sqlite"
    """DuckDB's name for databases of this kind."""
    is_server: ClassVar[bool] = False
    """Whether several machines may use it at once, which a server keeps apart."""

    @property
    def address(self) -> str:
        """What DuckDB attaches."""
        return str(self.path)

    @property
    def secret(self) -> dict[str, str]:
        """The options of DuckDB's secret for it; empty where none is needed."""
        return {}

    @property
    def passwords(self) -> tuple[str, ...]:
        """What must not be shown to anybody."""
        return ()

    @property
    def is_absent(self) -> bool:
        """Whether it is certain, without opening it, that nothing has been written."""
        return not self.path.exists() or (self.path.is_file() and not self.path.stat().st_size)

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL database for the catalogue."""

    parameters: tuple[tuple[str, str], ...]
    """libpq's keywords and values, without the password."""
    password: str = field(default="", repr=False)
    kind: ClassVar[str] = "postgres"
    is_server: ClassVar[bool] = True

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

    @property
    def address(self) -> str:
        """What DuckDB attaches."""
        return self.conninfo

    @property
    def secret(self) -> dict[str, str]:
        """The options of DuckDB's secret for it; without a password too: DuckDB would look for one itself."""
        return {"TYPE": "postgres", **({"PASSWORD": self.password} if self.password else {})}

    @property
    def passwords(self) -> tuple[str, ...]:
        """What must not be shown to anybody."""
        return (self.password,) if self.password else ()

    @property
    def is_absent(self) -> bool:
        """Whether it is certain, without opening it, that nothing has been written: it never is."""
        return False

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
class Directory:
    """A directory of this machine for the data files."""

    path: Path
    is_remote: ClassVar[bool] = False
    """Whether it is reached over HTTP."""
    extensions: ClassVar[tuple[str, ...]] = ()
    """The extensions of DuckDB that it takes."""

    @property
    def secret(self) -> dict[str, str]:
        """The options of DuckDB's secret for it; empty where none is needed."""
        return {}

    @property
    def passwords(self) -> tuple[str, ...]:
        """What must not be shown to anybody."""
        return ()

    def make(self) -> None:
        """Make the directory where it is missing."""
        self.path.mkdir(parents=True, exist_ok=True)

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class Bucket:
    """A bucket of S3-compatible storage, or a prefix in one, for the data files."""

    url: str
    """`s3://bucket/prefix`, without a slash at its end."""
    access: S3Access = S3Access()
    is_remote: ClassVar[bool] = True
    extensions: ClassVar[tuple[str, ...]] = ("httpfs",)

    @classmethod
    def parse(cls, text: str, access: S3Access) -> "Bucket":
        """Return the bucket that `s3://bucket/prefix` names; BadLocation otherwise."""
        match = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[^/?#]+)*)/*", text)
        if match is None or "/." in match[2]:
            raise BadLocation(f"{text!r} is no bucket: write s3://BUCKET or s3://BUCKET/PREFIX")
        return cls(f"s3://{match[1]}{match[2]}", access)

    @property
    def secret(self) -> dict[str, str]:
        """The options of DuckDB's secret for it."""
        scheme, _, server = self.access.endpoint.rpartition("://")
        values = {
            "TYPE": "s3",
            "SCOPE": self.url,
            "KEY_ID": self.access.key_id,
            "SECRET": self.access.secret,
            "SESSION_TOKEN": self.access.session_token,
            "REGION": self.access.region or "us-east-1",
            "ENDPOINT": server.rstrip("/"),
            # Servers other than AWS rarely have a host name per bucket.
            "URL_STYLE": "path" if server else "",
            "USE_SSL": "false" if scheme == "http" else "",
        }
        return {key: value for key, value in values.items() if value}

    @property
    def passwords(self) -> tuple[str, ...]:
        """What must not be shown to anybody."""
        return tuple(word for word in (self.access.secret, self.access.session_token) if word)

    def make(self) -> None:
        """Do nothing: a bucket is made by its owner."""

    def __str__(self) -> str:
        return self.url
