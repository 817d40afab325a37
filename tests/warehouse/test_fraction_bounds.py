"""Every fraction is found, also one that is the least or greatest of its file."""

import random

import pyarrow as pa
import pytest

from tests.warehouse.planted import write_catalogue
from warehouse import Column, Location, Table, Warehouse, fraction_bounds, sqlite_file
from warehouse.backends import SqliteFile
from warehouse.connection import attach, session

MEASURES = Table(
    "core.measures",
    "Numbers of many digits.",
    (
        Column("k", "BIGINT", "Which one.", required=True),
        Column("x", "DOUBLE", "The number."),
        Column("f", "FLOAT", "The same, in fewer digits."),
    ),
)
FORMS = ("{c} = {x}", "{c} IN ({x}, 2)", "{c} >= {x}", "{c} <= {x}", "{c} BETWEEN {x} AND {x}")
TRIGGER = fraction_bounds.TRIGGER
LONG = 0.9647201946472019
"""A number that the engine does not find by a decimal constant of its digits."""


def numbers(seed: int, n: int) -> list[float]:
    """Return numbers of all sizes, most of them of sixteen or seventeen digits."""
    rng = random.Random(seed)  # noqa: S311 - the same numbers each time
    makers = (rng.random, lambda: rng.randint(1, 40) / rng.randint(1, 40), lambda: rng.gauss(0, 1e6),
              lambda: rng.random() * 10 ** rng.randint(-8, 3))  # fmt: skip
    return [rng.choice(makers)() for _ in range(n)]


def append(wh: Warehouse, values: list[float], first: int = 0) -> None:
    """Append each number as a file of its own, which it bounds."""
    for k, x in enumerate(values, start=first):
        wh.commit(lambda tx, k=k, x=x: tx.append(  # type: ignore[misc]
            MEASURES.name, pa.table({"k": [k], "x": [x], "f": pa.array([x], pa.float32())})
        ))  # fmt: skip


def lost(wh: Warehouse, values: list[float]) -> list[tuple[int, str]]:
    """Return each number that a condition does not find, with the condition."""
    texts = wh.query("SELECT k, f::VARCHAR AS f FROM core.measures ORDER BY k")["f"].to_pylist()
    return [
        (k, form)
        for k, x in enumerate(values)
        for column, constant in (("x", f"'{x!r}'::DOUBLE"), ("x", "$x"), ("f", f"'{texts[k]}'::FLOAT"))
        for form in FORMS
        if k
        not in wh.query(
            f"SELECT k FROM core.measures WHERE {form.format(c=column, x=constant)}",  # noqa: S608 - numbers
            {"x": x} if constant == "$x" else (),
        )["k"].to_pylist()
    ]


def test_every_fraction_is_found(wh: Warehouse) -> None:
    wh.declare(MEASURES)
    values = [LONG, *numbers(1, 7)]
    append(wh, values)
    assert lost(wh, values) == []
    joined = "SELECT count(*) FROM core.measures a JOIN core.measures b USING (x)"
    assert wh.scalar(joined) >= len(values)
    most = "SELECT count(*) FROM core.measures WHERE x = (SELECT max(x) FROM core.measures)"
    assert wh.scalar(most) == 1


def test_fractions_of_an_older_lake_are_found(wh: Warehouse) -> None:
    wh.declare(MEASURES)
    values = [LONG, *numbers(2, 5)]
    forget_trigger(wh.location)
    append(wh, values)
    assert (0, FORMS[0]) in lost(wh, values)
    with Warehouse.open(wh.location) as opened:
        opened.declare(MEASURES)
        assert fraction_bounds.are_forgotten(opened._connection, opened.location)
        assert lost(opened, values) == []
        append(opened, numbers(3, 3), first=6)
        assert lost(opened, [*values, *numbers(3, 3)]) == []


def forget_trigger(location: Location) -> None:
    """Leave the catalogue as an earlier release did."""
    if isinstance(location.catalog, SqliteFile):
        sqlite_file.execute(location.catalog.path, f"DROP TRIGGER {TRIGGER}")
    else:
        drop = f"DROP TRIGGER {TRIGGER} ON ducklake_file_column_stats"
        write_catalogue(location, "CALL postgres_execute('c', ?)", drop)


@pytest.mark.parametrize("seed", range(2))
def test_what_another_client_writes_is_found(wh: Warehouse, seed: int) -> None:
    wh.declare(MEASURES)
    values = numbers(10 + seed, 5)
    with session(wh.location) as client:
        attach(client, wh.location, "lake")
        for k, x in enumerate(values):
            client.execute("INSERT INTO lake.core.measures VALUES (?, ?, ?)", [k, x, x])
    assert lost(wh, values) == []
