"""Reads that name Arrow tables, and reads of several statements at one snapshot."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from tests.warehouse.landing import genres
from warehouse import Warehouse
from warehouse.errors import QueryFailed
from warehouse.reading import Reading

WANTED = pa.table({"movie_id": [1, 3]})
SQL = "SELECT genre FROM core.movie_genres SEMI JOIN wanted USING (movie_id) ORDER BY movie_id"
COUNT = "SELECT count(*) FROM core.movie_genres"


@pytest.fixture
def filled(wh: Warehouse) -> Warehouse:
    """Has the genres of four movies."""
    wh.commit(lambda tx: tx.append("core.movie_genres", genres(0, 4, "Drama")))
    return wh


def test_a_query_names_tables_that_are_gone_afterwards(filled: Warehouse) -> None:
    before = filled.snapshot_id
    assert filled.query(SQL, tables={"wanted": WANTED})["genre"].to_pylist() == ["Drama", "Drama"]
    assert filled.query(f"{SQL} LIMIT ?", [1], {"wanted": WANTED}).num_rows == 1
    with pytest.raises(QueryFailed, match="wanted"):
        filled.query(SQL)
    assert filled.snapshot_id == before, "a read makes no snapshot"


@pytest.mark.parametrize(
    "failing", ["SELECT nothing FROM wanted", "SELECT error('no') FROM wanted", "SELECT 1 / FROM wanted"]
)
def test_tables_are_gone_after_an_error_too(filled: Warehouse, failing: str) -> None:
    def read(reading: Reading) -> None:
        with pytest.raises(QueryFailed):
            reading.query(failing, tables={"wanted": WANTED})
        with pytest.raises(QueryFailed, match=r"wanted|aborted"):
            reading.query(SQL)

    with pytest.raises(QueryFailed):
        filled.query(failing, tables={"wanted": WANTED})
    filled.read(read)
    with pytest.raises(QueryFailed, match="wanted"):
        filled.query(SQL)


def test_tables_do_not_shadow_those_of_other_threads(filled: Warehouse) -> None:
    def movies(n: int) -> int:
        return filled.query(SQL, tables={"wanted": pa.table({"movie_id": range(n % 5)})}).num_rows

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(movies, range(20))) == [n % 5 for n in range(20)]


def test_a_reading_sees_one_snapshot_and_makes_none(filled: Warehouse) -> None:
    def read(reading: Reading) -> tuple[int, int, int]:
        count = reading.scalar(COUNT)
        filled.commit(lambda tx: tx.append("core.movie_genres", genres(10, 2, "War")))
        rows = reading.query(SQL, tables={"wanted": pa.table({"movie_id": [1, 10]})})
        return count, reading.scalar(COUNT), rows.num_rows

    before = filled.snapshot_id
    assert filled.read(read) == (4, 4, 1)
    assert filled.snapshot_id == before + 1, "the commit's own"
    assert filled.scalar(COUNT) == 6


def test_a_reading_writes_nothing(filled: Warehouse) -> None:
    before = filled.snapshot_id
    with pytest.raises(QueryFailed, match="read-only"):
        filled.read(lambda reading: reading.query("DELETE FROM core.movie_genres"))
    assert filled.snapshot_id == before
    assert filled.scalar(COUNT) == 4


def test_a_reader_reads_several_statements(filled: Warehouse) -> None:
    with Warehouse.open(filled.location, read_only=True) as reader:
        assert reader.read(
            lambda reading: (
                reading.scalar(COUNT),
                reading.query(SQL, (), {"wanted": WANTED})["genre"].to_pylist(),
            )
        ) == (4, ["Drama"] * 2)


def test_errors_of_the_work_pass_as_they_are(filled: Warehouse) -> None:
    def work(reading: Reading) -> None:
        raise FileNotFoundError("mine")

    with pytest.raises(FileNotFoundError, match="mine"):
        filled.read(work)
