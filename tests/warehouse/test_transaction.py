"""Batches, cursors and ledger entries that commit together."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from warehouse import Warehouse, WriteResult
from warehouse.errors import SchemaMismatch
from warehouse.transaction import chunks

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
RAW = {"source": "imdb", "fetched_at": NOW, "request": "title.crew", "batch_id": "b1"}


def genres(*rows: tuple[int, str, str]) -> pa.Table:
    movie_id, source, genre = zip(*rows, strict=True)
    return pa.table({"movie_id": movie_id, "source": source, "genre": genre})


def stored(wh: Warehouse) -> set[tuple[int, str, str]]:
    rows = wh.query("FROM core.movie_genres").to_pylist()
    assert len(rows) == len({tuple(row.values()) for row in rows})
    return {(row["movie_id"], row["source"], row["genre"]) for row in rows}


def test_rows_cursor_and_ledger_are_there_together(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        batch_id = tx.batch("run", "tmdb", "movies", "GET /movie", "abc")
        tx.append("core.movie_genres", genres((1, "tmdb", "Drama"), (-1, "tmdb", "Drama")))
        tx.set_cursor("tmdb", "movies", {"day": "2026-11-21"})
    assert wh.cursor("tmdb", "movies") == {"day": "2026-11-21"}
    (batch,) = wh.query("FROM ops.batches").to_pylist()
    assert batch["batch_id"] == batch_id
    assert (batch["rows_landed"], batch["rows_quarantined"], batch["source_hash"]) == (1, 1, "abc")
    (bad,) = wh.query("FROM ops.quarantine").to_pylist()
    assert (bad["batch_id"], bad["source"], bad["reason"]) == (batch_id, "tmdb", "movie_id is below 0")


def test_an_exception_leaves_nothing(wh: Warehouse) -> None:
    before = wh.snapshot_id
    with pytest.raises(RuntimeError, match="half way"), wh.transaction() as tx:
        tx.batch("run", "tmdb", "movies")
        tx.append("core.movie_genres", genres((1, "tmdb", "Drama"), (-1, "tmdb", "Drama")))
        tx.set_cursor("tmdb", "movies", {})
        raise RuntimeError("half way")
    assert wh.snapshot_id == before
    assert stored(wh) == set()
    assert wh.cursor("tmdb", "movies") is None
    assert wh.table_counts()["ops.quarantine"] == 0


def test_a_transaction_sees_what_it_wrote_and_others_do_not(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append("core.movie_genres", genres((1, "tmdb", "Drama")))
        tx.set_cursor("tmdb", "movies", {"n": 1})
        assert tx.scalar("SELECT count(*) FROM core.movie_genres") == 1
        assert tx.cursor("tmdb", "movies") == {"n": 1}
        assert stored(wh) == set()
        assert wh.cursor("tmdb", "movies") is None


def test_columns_are_matched_by_name_and_absent_ones_become_null(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append(
            "raw.imdb_title_crew", pa.table({"writers": ["nm2"], "tconst": ["tt0000001"]}), constants=RAW
        )
    (row,) = wh.query("FROM raw.imdb_title_crew").to_pylist()
    assert row["tconst"] == "tt0000001"
    assert row["writers"] == "nm2"
    assert row["directors"] is None
    assert row["batch_id"] == "b1"
    assert row["fetched_at"] == NOW


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            pa.table({"movie_id": [1], "source": ["tmdb"], "genre": ["x"], "extra": [1]}),
            "has no column extra",
        ),
        (pa.table({"movie_id": [1], "source": ["tmdb"]}), "requires genre"),
    ],
)
def test_data_of_another_shape_is_refused(wh: Warehouse, data: pa.Table, message: str) -> None:
    with pytest.raises(SchemaMismatch, match=message), wh.transaction() as tx:
        tx.append("core.movie_genres", data)


def test_replace_exchanges_one_partition(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append("core.movie_genres", genres((1, "tmdb", "Drama"), (1, "imdb", "Drama"), (2, "imdb", "War")))
    with wh.transaction() as tx:
        result = tx.replace("core.movie_genres", genres((3, "imdb", "Crime")), {"source": "imdb"})
    assert result == WriteResult(1, 1, 0)
    assert stored(wh) == {(1, "tmdb", "Drama"), (3, "imdb", "Crime")}
    with wh.transaction() as tx:
        tx.replace("core.movie_genres", genres((4, "tmdb", "War")), {})
    assert stored(wh) == {(4, "tmdb", "War")}


def test_replace_keys_exchanges_the_rows_of_those_keys(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append("core.movie_genres", genres((1, "tmdb", "Drama"), (1, "tmdb", "War"), (2, "tmdb", "War")))
    with wh.transaction() as tx:
        tx.replace_keys("core.movie_genres", genres((1, "tmdb", "Crime"), (3, "tmdb", "War")), ["movie_id"])
    assert stored(wh) == {(1, "tmdb", "Crime"), (2, "tmdb", "War"), (3, "tmdb", "War")}
    with wh.transaction() as tx:
        key = ["movie_id", "source"]
        tx.replace_keys("core.movie_genres", genres((2, "imdb", "Film-Noir")), key)
    assert (2, "tmdb", "War") in stored(wh)


def test_replace_keys_keeps_the_old_row_where_the_new_one_is_bad(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append("core.movie_genres", genres((1, "tmdb", "Drama"), (2, "tmdb", "War")))
    with wh.transaction() as tx:
        result = tx.replace_keys(
            "core.movie_genres", genres((1, "netflix", "Crime"), (2, "tmdb", "Crime")), ["movie_id"]
        )
    assert result == WriteResult(2, 1, 1)
    assert stored(wh) == {(1, "tmdb", "Drama"), (2, "tmdb", "Crime")}


def test_replace_keys_of_a_stream_keeps_every_row_of_a_key(wh: Warehouse) -> None:
    """A key whose rows arrive in two record batches must not lose those of the first."""
    batches = [genres((1, "tmdb", name)).to_batches()[0] for name in ("Drama", "War", "Crime")]
    with wh.transaction() as tx:
        tx.replace_keys("core.movie_genres", iter(batches), ["movie_id"])
    assert stored(wh) == {(1, "tmdb", "Drama"), (1, "tmdb", "War"), (1, "tmdb", "Crime")}


def test_delete_keys_takes_null_for_a_value(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append(
            "raw.imdb_title_crew",
            pa.table({"tconst": ["tt0000001", "tt0000001", "tt0000002"], "writers": ["nm1", None, None]}),
            constants=RAW,
        )
        gone = tx.delete_keys("raw.imdb_title_crew", pa.table({"tconst": ["tt0000001"], "writers": [None]}))
    assert gone == 1
    assert wh.scalar("SELECT count(*) FROM raw.imdb_title_crew") == 2


def test_readers_iterators_and_tables_land_alike(wh: Warehouse) -> None:
    table = genres((1, "tmdb", "Drama"), (2, "tmdb", "War"))

    def batches() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches(max_chunksize=1)

    for data in (table, table.to_reader(), batches(), table.to_batches()[0]):
        with wh.transaction() as tx:
            assert tx.replace("core.movie_genres", data, {}) == WriteResult(2, 2, 0)
        assert stored(wh) == {(1, "tmdb", "Drama"), (2, "tmdb", "War")}


def test_nothing_at_all_lands_as_nothing(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        assert tx.append("core.movie_genres", iter(())) == WriteResult()
        assert tx.append("core.movie_genres", genres((1, "tmdb", "x")).slice(0, 0)) == WriteResult()
        assert tx.replace_keys("core.movie_genres", iter(()), ["movie_id"]) == WriteResult()


def test_streams_are_cut_by_rows_and_by_bytes() -> None:
    batches = pa.table({"n": range(100)}).to_batches(max_chunksize=10)
    assert [t.num_rows for t in chunks(iter(batches), rows=25)] == [30, 30, 30, 10]
    assert [t.num_rows for t in chunks(iter(batches), size=80)] == [10] * 10
    assert [t.num_rows for t in chunks(pa.table({"n": range(100)}), rows=25)] == [100]


def test_registered_data_can_be_joined(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append("core.movie_genres", genres((1, "tmdb", "Drama"), (2, "tmdb", "War")))
        assert tx.register("wanted", pa.table({"movie_id": [2]})) == '"wanted"'
        joined = tx.query("SELECT genre FROM core.movie_genres JOIN wanted USING (movie_id)")
        assert joined["genre"].to_pylist() == ["War"]
        assert tx.execute("DELETE FROM core.movie_genres WHERE movie_id IN (FROM wanted)") == 1


def test_two_batches_of_one_transaction_count_their_own_rows(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        first = tx.batch("run", "tmdb", "movies")
        tx.append("core.movie_genres", genres((1, "tmdb", "Drama")))
        second = tx.batch("run", "imdb", "basics")
        tx.append("core.movie_genres", genres((1, "imdb", "Drama"), (2, "imdb", "War")))
        tx.quarantine("imdb", "raw.imdb_title_basics", pa.table({"original": ["x"], "reason": ["y"]}), second)
    counts = {
        row["batch_id"]: (row["rows_landed"], row["rows_quarantined"])
        for row in wh.query("FROM ops.batches").to_pylist()
    }
    assert counts == {first: (1, 0), second: (2, 1)}
