"""What three readers say of a lake, held against the model."""

# ruff: noqa: S608 — the oracle writes its own SQL

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any

import duckdb

from tests.oracle import questions
from tests.oracle.model import State
from tests.oracle.values import key, row_key
from warehouse import Warehouse
from warehouse.file_reader import FileReader
from warehouse.identifiers import qualified
from warehouse.warehouse import LAKE

States = Mapping[str, State]
TRUSTING = (
    "statistics_propagation,compressed_materialization,filter_pushdown,join_filter_pushdown,row_group_pruner,"
    "top_n,join_order,build_side_probe_side,late_materialization,limit_pushdown,sum_rewriter,join_elimination"
)
"""The optimisers that trust statistics, or hand a filter to what does."""


class Difference(AssertionError):
    """Two readers, or a reader and the model, do not agree."""


def at(table: str, snapshot: int | None) -> str:
    """Return SQL for a table now, or as of a snapshot."""
    name = f"{LAKE}.{qualified(table)}"
    return name if snapshot is None else f"(FROM {name} AT (VERSION => {snapshot}))"


@contextmanager
def asking(wh: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to ask with, as `Warehouse.query` has one."""
    with wh._own() as connection:
        yield connection


@contextmanager
def distrusting(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let the engine use no statistics inside the block."""
    connection.execute(f"SET disabled_optimizers = '{TRUSTING}'")
    try:
        yield
    finally:
        connection.execute("RESET disabled_optimizers")


def ask(
    wh: Warehouse,
    rng: Random,
    states: States,
    table: str,
    snapshot: int | None,
    *,
    without: bool,
    count: int,
) -> None:
    """Ask the engine questions about a table; `without` asks them without its use of statistics as well."""
    other = rng.choice(sorted(states))
    drawn = questions.draw(rng, states[table], states[other], count)
    sql = questions.statement(drawn, at(table, snapshot), at(other, snapshot))
    with asking(wh) as connection:
        _hold(drawn, _answers(connection, sql), "the engine", table, snapshot, other)
        if without:
            with distrusting(connection):
                rows = _answers(connection, sql)
            _hold(drawn, rows, "the engine without statistics", table, snapshot, other)


def _answers(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    try:
        return connection.execute(sql).fetchall()
    except duckdb.Error as error:
        raise Difference(f"the engine cannot answer {sql}: {error}") from error


def _hold(
    drawn: list[questions.Question], rows: list[Any], who: str, table: str, snapshot: int | None, other: str
) -> None:
    for number, answer in rows:
        question = drawn[number]
        if (answer or []) != question.answer:
            sql = question.sql.format(t=at(table, snapshot), u=at(other, snapshot))
            raise Difference(f"{who} answers {answer or []}, not {question.answer}, to {sql}")


def whole_by_engine(wh: Warehouse, state: State, snapshot: int | None) -> None:
    """Compare all rows that the engine reads, in their order where it is known."""
    with asking(wh) as connection:
        order = " ORDER BY snapshot_id, rowid" if state.appended_only else ""
        when = "" if snapshot is None else f" AT (VERSION => {snapshot})"
        sql = f"SELECT * FROM {LAKE}.{qualified(state.name)}{when}{order}"
        rows = connection.execute(sql).to_arrow_table()
    compare_rows("the engine", state, rows, snapshot, ordered=state.appended_only)


def whole_by_files(reader: FileReader, state: State, snapshot: int | None) -> None:
    """Compare all rows that the files hold."""
    rows = reader.read_table(state.name, snapshot, row_ids=state.appended_only)
    if state.appended_only:
        rows = rows.sort_by([("snapshot_id", "ascending"), ("rowid", "ascending")])
        rows = rows.select(rows.column_names[:-2])
    compare_rows("pyarrow", state, rows, snapshot, ordered=state.appended_only)


def compare_rows(who: str, state: State, rows: Any, snapshot: int | None, *, ordered: bool) -> None:
    """Raise Difference where the rows are not those of the model."""
    when = "now" if snapshot is None else f"at snapshot {snapshot}"
    if tuple(rows.column_names) != state.names:
        raise Difference(
            f"{who} sees the columns {rows.column_names} of {state.name} {when}, not {state.names}"
        )
    read = [tuple(row.values()) for row in rows.to_pylist()]
    if ordered and list(map(row_key, read)) != list(map(row_key, state.rows)):
        raise Difference(
            f"{who} reads {state.name} {when} as\n{read}\nnot, in this order, as\n{list(state.rows)}"
        )
    counted = Counter(map(row_key, read))
    if counted != state.counted:
        more, less = counted - state.counted, state.counted - counted
        raise Difference(
            f"{who} reads {state.name} {when} with {more or 'nothing'} more and {less or 'nothing'} less"
        )


def bounds(reader: FileReader, table: str | None = None) -> None:
    """Hold the bounds of each table against those of its files, of every snapshot that is kept."""
    tables = {stats.table: {c.column_id: c for c in stats.columns} for stats in reader.table_statistics()}
    for file in reader.data_files(table):
        for part in file.statistics:
            where = f"{file.table}.{part.column} in {file.path}"
            whole = tables[file.table].get(part.column_id)
            if whole is None:  # a column that was added later; nothing is skipped by what is not there
                continue
            for mine, its, name in (
                (part.minimum, whole.minimum, "minimum"),
                (part.maximum, whole.maximum, "maximum"),
            ):
                if mine is not None and its is None:
                    raise Difference(f"the table forgets its {name}, and {mine!r} is that of {where}")
            if part.minimum is not None and key(whole.low) > key(part.low):
                raise Difference(
                    f"table-level minimum {whole.minimum!r} is above {part.minimum!r} of {where}"
                )
            if part.maximum is not None and key(whole.high) < key(part.high):
                raise Difference(
                    f"table-level maximum {whole.maximum!r} is below {part.maximum!r} of {where}"
                )
            if part.nulls and whole.nulls is False:
                raise Difference(f"the table knows of no NULL, and there is one in {where}")
            if part.nans and whole.nans is False:
                raise Difference(f"the table knows of no NaN, and there is one in {where}")


def changes(wh: Warehouse, earlier: State, later: State, first: int, last: int) -> None:
    """Compare what one snapshot has more than another, each way, with what two states do not share."""
    if earlier.fields != later.fields:
        return
    for more, less, there, here in ((later, earlier, last, first), (earlier, later, first, last)):
        table = later.name
        with asking(wh) as connection:
            sql = f"{at(table, there)} EXCEPT ALL {at(table, here)}"
            rows = connection.execute(sql).to_arrow_table()
        surplus = Counter(row_key(tuple(row.values())) for row in rows.to_pylist())
        if surplus != (expected := more.counted - less.counted):
            raise Difference(
                f"{table} at {there} but not {here}: {surplus - expected} more, {expected - surplus} less"
            )
