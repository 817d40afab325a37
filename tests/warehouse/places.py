"""Lakes on either backend, by a text that a test can hand to a process of its own."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests import servers
from warehouse import Location
from warehouse.backends import Directory, S3Access, SqliteFile

ROOT = Path(__file__).resolve().parents[2]
LOCAL, SERVERS = "sqlite+local", "postgres+s3"


@dataclass
class Backend:
    """Where lakes can be made: on this machine, or with a PostgreSQL and an S3 server."""

    name: str
    postgres: servers.Postgres | None = None
    s3: str = ""
    empty: Path | str = ""
    """An empty lake to copy: a home, or the name of a database and of its prefix in the bucket."""
    objects: tuple[str, ...] = ()
    """The data files of the empty lake."""

    def environment(self, home: Path) -> dict[str, str]:
        """Return the settings of a lake that is not there yet, as a process takes them."""
        found = {"REELHOUSE_HOME": str(home)}
        if self.postgres:
            catalog = self.postgres.create()
            found |= {
                "REELHOUSE_CATALOG": catalog,
                "REELHOUSE_DATA": f"s3://{servers.BUCKET}/{catalog.rpartition('/')[2]}",
                "AWS_ENDPOINT_URL": self.s3,
                **servers.KEYS,
            }
        return found

    def place(self, home: Path, *, template: str = "template1") -> Location:
        """Return where a lake can be made; nothing is there yet, or a copy of the template."""
        if self.postgres is None:
            return Location.under(home)
        catalog = self.postgres.create(template)
        prefix = catalog.rpartition("/")[2]
        data = f"s3://{servers.BUCKET}/{prefix}"
        if template == self.empty:
            bucket = servers.bucket(self.s3)
            for name in self.objects:
                bucket.copy({"Bucket": bucket.name, "Key": f"{template}/{name}"}, f"{prefix}/{name}")
        access = S3Access.from_environment({**servers.KEYS, "AWS_ENDPOINT_URL": self.s3})
        return Location(catalog, data, home=home, s3=access)

    def lose(self, location: Location) -> None:
        """Delete a lake: its catalogue, its data files and its home."""
        shutil.rmtree(location.home, ignore_errors=True)
        if self.postgres:
            name = dict(location.catalog.parameters)["dbname"]  # type: ignore[union-attr]
            self.postgres.run(f"DROP DATABASE {name} WITH (FORCE)")
            self.postgres.run(f"CREATE DATABASE {name}")
            servers.bucket(self.s3).objects.filter(Prefix=f"{name}/").delete()


def told(location: Location) -> str:
    """Return a location, its secrets included, as one word for `place`."""
    if isinstance(location.catalog, SqliteFile):
        return json.dumps({"home": str(location.home), "extensions": location.extensions})
    data = location.data_path
    access = S3Access() if isinstance(data, Directory) else data.access
    return json.dumps(
        {
            "catalog": f"postgres:{location.catalog.conninfo} password={location.catalog.password}",
            "data": str(data),
            "home": str(location.home),
            "s3": [access.key_id, access.secret, "", "", access.endpoint],
            "extensions": location.extensions,
        }
    )


def place(text: str) -> Location:
    """Return the location that `told` has told."""
    found = json.loads(text)
    if "catalog" not in found:
        home = Path(found["home"])
        return Location(home / "catalog.sqlite", home / "lake", extensions=found["extensions"])
    return Location(
        found["catalog"],
        found["data"],
        home=found["home"],
        s3=S3Access(*found["s3"]),
        extensions=found["extensions"],
    )
