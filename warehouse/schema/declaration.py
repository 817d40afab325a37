"""How a table is declared: its columns, what they mean, and what a row must satisfy.

The declaration is the contract. `Transaction.append` checks each batch against it, `migrations` creates the
table from it, and the generated reference page prints it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum


class Mode(Enum):
    """What happens to data that the declaration does not foresee."""

    EVOLVE = "evolve"
    """The lake follows: the table or column is added, a number's type is widened.

    Rows of a table that is `append_only` stay as they are: there a row whose number does not fit is
    discarded, as where it would widen a column that orders the table's files."""
    FREEZE = "freeze"
    """The batch is refused as a whole."""
    DISCARD_ROW = "discard row"
    """The row goes to quarantine, the others land."""
    DISCARD_VALUE = "discard value"
    """The row lands without that value; what was discarded is counted in ops.contract_results."""


@dataclass(frozen=True)
class Contract:
    """How a table meets columns that it does not have, and values that break their rules."""

    columns: Mode = Mode.FREEZE
    types: Mode = Mode.DISCARD_ROW


@dataclass(frozen=True)
class Reference:
    """Values of these columns must occur together in the columns of another table."""

    columns: tuple[str, ...]
    table: str
    target: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """One column: DuckDB type, meaning, and what its values must satisfy.

    Example:
        >>> from warehouse.dictionary import rules
        >>> rules(Column("stars", "INTEGER", "A viewer's stars.", required=True, minimum=1, maximum=5))
        'required; 1 to 5'
    """

    name: str
    type: str
    comment: str
    required: bool = False
    """NULL is a breach."""
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    """The only values that may occur (NULL aside)."""
    pattern: str | None = None
    """A regular expression that the whole text must match."""


@dataclass(frozen=True)
class Table:
    """One table of the lake, with its contract.

    `Warehouse.declare` creates it. `Transaction.append` then checks each row against it.

    Example:
        >>> import pyarrow as pa
        >>> movie = Column("movie_id", "BIGINT", "The movie, as in core.movies.", required=True)
        >>> stars = Column("stars", "INTEGER", "The viewer's stars.", minimum=1, maximum=5)
        >>> warehouse.declare(Table("core.seen", "Movies that I have seen.", (movie, stars)))
        >>> rows = pa.table({"movie_id": [1, 2], "stars": [5, 9]})
        >>> warehouse.commit(lambda tx: tx.append("core.seen", rows))
        WriteResult(rows_in=2, rows_landed=1, rows_quarantined=1)
        >>> warehouse.scalar("SELECT reason FROM ops.quarantine WHERE table_name = 'core.seen'")
        'stars is above 5'
    """

    name: str
    """`schema.table`."""
    comment: str
    columns: tuple[Column, ...]
    unique: tuple[str, ...] | None = None
    """Columns whose values together occur once."""
    unique_live: tuple[str, ...] = ()
    """Columns each of whose values occurs once among the rows without a `deleted_at`."""
    references: tuple[Reference, ...] = ()
    min_rows: int = 0
    """A table with fewer rows is suspicious."""
    keeps: float = 0.0
    """So is one with less than this share of the rows that it had a day before."""
    fresh: tuple[str, timedelta] | None = None
    """A time column, and how old its newest value may be in a table that has rows."""
    contract: Contract = Contract()
    append_only: bool = False
    """Rows are added and never replaced, so that DuckLake's `rowid` is the order in which they arrived, and
    `snapshot_id` the commit that brought them. Compaction leaves such rows where they are."""
    partitioned_by: tuple[str, ...] = ()
    sorted_by: tuple[str, ...] = ()

    @property
    def schema(self) -> str:
        """The part before the dot."""
        return self.name.partition(".")[0]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names in their declared order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return the column of that name; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")


@dataclass(frozen=True)
class View:
    """A persisted view: its SQL and the meaning of its columns.

    DuckLake keeps comments on views and on tables' columns, not on views' columns: those go to ops.columns.
    """

    name: str
    comment: str
    sql: str
    columns: tuple[tuple[str, str], ...] = field(default=())
    """(name, comment) in the order of the SELECT list."""

    @property
    def schema(self) -> str:
        """The part before the dot."""
        return self.name.partition(".")[0]


def feature_table(view: str, comment: str, columns: Sequence[Column]) -> Table:
    """Return the declaration of `features.<view>`: the columns that every feature view has, then its own."""
    return Table(
        f"features.{view}",
        comment,
        (
            Column("movie_id", "BIGINT", "The movie, as in core.movies.", required=True, minimum=0),
            Column("view_version", "VARCHAR", "Hash of the view's definition.", required=True),
            Column("event_time", "TIMESTAMPTZ", "When the value became true at the source.", required=True),
            Column("known_time", "TIMESTAMPTZ", "When this warehouse learnt it.", required=True),
            Column(
                "input_hash", "VARCHAR", "Hash of the inputs that the value was computed from.", required=True
            ),
            Column("present", "BOOLEAN", "False: from then on the movie lacks this modality.", required=True),
            *columns,
        ),
    )
