"""The lake in files that other tools read."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.warehouse.stored_code import plant
from warehouse import Warehouse
from warehouse.errors import QueryFailed, WarehouseError
from warehouse.export import export_duckdb, export_parquet
from warehouse.schema import VIEWS
from warehouse.whole_file import PART

GENRES = pa.table({"movie_id": [1, 2], "source": ["tmdb"] * 2, "genre": ["Drama", "War"]})


@pytest.fixture
def filled(wh: Warehouse) -> Warehouse:
    with wh.transaction() as tx:
        tx.append("core.movie_genres", GENRES)
    return wh


def test_every_table_and_view_becomes_a_parquet_file(filled: Warehouse, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    rows = export_parquet(filled.location, tmp_path / "out", progress=lambda n, of: seen.append((n, of)))
    assert rows["core.movie_genres"] == 2
    assert {view.name for view in VIEWS} <= set(rows)
    assert set(filled.table_counts()) <= set(rows)
    assert (
        pq.read_table(tmp_path / "out/core/movie_genres.parquet").sort_by("movie_id").to_pydict()
        == GENRES.to_pydict()
    )
    assert seen[-1] == (len(rows), len(rows))


def test_named_tables_as_of_a_snapshot(filled: Warehouse, tmp_path: Path) -> None:
    then = filled.snapshot_id
    with filled.transaction() as tx:
        tx.append("core.movie_genres", GENRES)
    rows = export_parquet(filled.location, tmp_path / "out", ["core.movie_genres"], as_of=then)
    assert rows == {"core.movie_genres": 2}
    assert [path.name for path in (tmp_path / "out").rglob("*.parquet")] == ["movie_genres.parquet"]
    with pytest.raises(QueryFailed, match=r"no table or view core\.nothing"):
        export_parquet(filled.location, tmp_path / "out", ["core.nothing"])


def test_one_duckdb_file_has_tables_views_and_comments(filled: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "reelhouse.duckdb"
    rows = export_duckdb(filled.location, path)
    assert rows["core.movie_genres"] == 2
    with duckdb.connect(str(path), read_only=True) as plain:
        assert plain.execute("SELECT count(*) FROM core.movie_genres").fetchone() == (2,)
        for view in VIEWS:
            columns = [column[0] for column in plain.execute(f"FROM {view.name}").description or []]
            assert columns == [name for name, _ in view.columns]
        said = plain.execute(
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'movies' AND column_name = 'title'"
        ).fetchone()
        assert said == ("Title for display.",)
        said = plain.execute("SELECT comment FROM duckdb_views() WHERE view_name = 'wide'").fetchone()
        assert said is not None
        assert said[0].startswith("The champion's latest scores")


def test_named_views_are_written_as_rows(filled: Warehouse, tmp_path: Path) -> None:
    rows = export_duckdb(
        filled.location, tmp_path / "some.duckdb", ["predictions.current", "core.movie_genres"]
    )
    assert rows == {"predictions.current": 0, "core.movie_genres": 2}


def test_a_file_that_exists_is_left_alone(filled: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "mine.duckdb"
    path.write_text("mine")
    with pytest.raises(WarehouseError, match="exists: name another file"):
        export_duckdb(filled.location, path)
    assert path.read_text() == "mine"


READ_FILE = "CREATE VIEW core.reading AS FROM read_csv('/etc/hostname')"
OVER = "CREATE VIEW core.over AS FROM core.reading"
FAILING = "CREATE VIEW core.failing AS SELECT CAST(genre AS INTEGER) AS n FROM core.movie_genres"


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (export_parquet, {"core.reading", "core.over", "core.failing"}),
        (export_duckdb, {"core.reading", "core.over"}),
    ],
)
def test_a_view_that_cannot_be_read_is_left_out_and_named(
    filled: Warehouse, tmp_path: Path, make: Callable[..., dict[str, int]], names: set[str]
) -> None:
    plant(filled.location, READ_FILE, OVER, FAILING)
    left_out: dict[str, str] = {}
    rows = make(filled.location, tmp_path / "out.duckdb", left_out=left_out.__setitem__)
    assert left_out.keys() == names
    assert "the view core.reading is refused: it calls read_csv()" in left_out["core.reading"]
    assert rows["core.movie_genres"] == 2
    assert not names & rows.keys()
    assert not [path for path in tmp_path.rglob("*") if PART in path.name or path.stem in ("reading", "over")]
    with pytest.raises(QueryFailed, match=r"the view core\.reading is refused"):
        make(filled.location, tmp_path / "named.duckdb", ["core.reading"], left_out=left_out.__setitem__)
    assert not (tmp_path / "named.duckdb").exists()
