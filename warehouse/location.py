"""Where a warehouse lies: its catalogue and its data files."""

from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import NoWarehouse


@dataclass(frozen=True)
class Location:
    """The catalogue (a SQLite file) and the directory of Parquet files."""

    catalog: Path
    data_path: Path

    def __init__(self, catalog: str | Path, data_path: str | Path) -> None:
        object.__setattr__(self, "catalog", Path(catalog).resolve())
        object.__setattr__(self, "data_path", Path(data_path).resolve())

    @classmethod
    def under(cls, home: Path) -> "Location":
        """Return the usual places below Reelhouse's home directory."""
        return cls(home / "catalog.sqlite", home / "lake")

    @property
    def exists(self) -> bool:
        """Whether a catalogue has been written there."""
        return self.catalog.exists()

    def require(self) -> None:
        """Raise NoWarehouse where no catalogue has been written."""
        if not self.exists:
            raise NoWarehouse(
                f"no warehouse at {self} yet: run `reelhouse demo` or `reelhouse nightly` first"
            )

    @property
    def lock(self) -> Path:
        """The file that processes lock while they change the layout."""
        return self.catalog.with_name(self.catalog.name + ".lock")

    @property
    def upkeep_lock(self) -> Path:
        """The file that upkeep and backup lock against each other."""
        return self.catalog.with_name(self.catalog.name + ".upkeep.lock")

    def __str__(self) -> str:
        return str(self.catalog)
