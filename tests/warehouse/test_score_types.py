"""Scores are DOUBLE: small probabilities are found, and older lakes are converted without a change."""

# ruff: noqa: S608 — the tests write SQL

import pyarrow as pa

from tests.warehouse.planted import write_catalogue
from tests.warehouse.test_widening import types
from warehouse import Location, Warehouse
from warehouse.file_reader import opened, read_table
from warehouse.migrations import MIGRATIONS

SCORE = {
    "label_set": "tmdb",
    "model": "text",
    "model_version": "v",
    "genre": "Drama",
    "threshold": 0.4,
    "predicted": False,
    "input_hash": "h",
    "run_id": "r",
}


def score(wh: Warehouse, **probabilities: float) -> None:
    rows = [
        {**SCORE, "movie_id": int(name[1:]), "probability": p, "scored_at": wh.clock(), "snapshot_id": 70_000}
        for name, p in probabilities.items()
    ]
    wh.commit(lambda tx: tx.append("predictions.scores", pa.Table.from_pylist(rows)))


def scored(wh: Warehouse, condition: str) -> list[int]:
    sql = f"SELECT movie_id FROM predictions.scores WHERE {condition} ORDER BY movie_id"
    found: list[int] = wh.query(sql)["movie_id"].to_pylist()
    return found


def test_small_probabilities_are_found_and_joined(wh: Warehouse) -> None:
    """DuckLake 1.5.5 compares a FLOAT below 0.0001 as a DOUBLE with the bounds of the file."""
    score(wh, m1=0.00001, m2=0.5)
    score(wh, m5=0.00007)
    assert scored(wh, "probability = 0.00007") == [5]
    assert scored(wh, "probability = 0.00001") == [1]
    joined = "FROM predictions.scores x JOIN predictions.scores y USING (probability)"
    assert wh.query(f"SELECT x.movie_id {joined} ORDER BY ALL")["movie_id"].to_pylist() == [1, 2, 5]


def older(wh: Warehouse) -> Location:
    """Make the lake one of the release before, whose scores were FLOAT."""
    for table in ("scores", "superseded", "doubted"):
        columns = wh.query(f"DESCRIBE predictions.{table}").to_pylist()
        body = ", ".join(
            f"{c['column_name']} "
            f"{'FLOAT' if c['column_name'] in ('probability', 'threshold') else c['column_type']}"
            f"{' NOT NULL' if c['null'] == 'NO' else ''}"
            for c in columns
        )
        wh.call(f"DROP TABLE predictions.{table}")
        wh.call(f"CREATE TABLE predictions.{table} ({body})")
        if table != "doubted":
            wh.call(f"ALTER TABLE predictions.{table} SET PARTITIONED BY (label_set, model)")
    wh.commit(lambda tx: tx.execute("DELETE FROM ops.migrations WHERE version >= 4"))
    return wh.location


def test_scores_of_an_older_lake_become_double_with_their_decimals(wh: Warehouse) -> None:
    location = older(wh)
    score(wh, m1=0.00001, m2=0.5, m3=0.1)
    score(wh, m4=0.00007, m5=0.123456)
    before = wh.snapshot_id
    with Warehouse.open(location) as migrated:
        assert migrated.scalar("SELECT max(version) FROM ops.migrations") == MIGRATIONS[-1].version
        rows = migrated.query(
            "SELECT movie_id, probability, threshold FROM predictions.scores ORDER BY movie_id"
        )
        assert rows["probability"].to_pylist() == [0.00001, 0.5, 0.1, 0.00007, 0.123456]
        assert set(rows["threshold"].to_pylist()) == {0.4}
        assert scored(migrated, "probability = 0.00007") == [4]
        assert scored(migrated, "predicted <> (probability >= threshold)") == [2]
        held = types(migrated, "scores")
        assert held["probability"] == (
            "DOUBLE",
            False,
            "Calibrated probability that the movie has the genre.",
        )
        for table in ("superseded", "doubted"):
            assert types(migrated, table)["probability"][0] == "DOUBLE"
        score(migrated, m6=0.00002)
        assert scored(migrated, "probability < 0.0001") == [1, 4, 6]
        newest = migrated.snapshot_id
    with Warehouse.open(location) as again:
        assert again.snapshot_id == newest
    old = read_table(location, "predictions.scores", before)
    assert (old.num_rows, old.schema.field("probability").type) == (5, pa.float32())
    with opened(location) as lake:
        assert lake.wrong_statistics() == []


def test_wrong_bounds_of_an_older_lake_change_no_value_on_the_way(wh: Warehouse) -> None:
    """A sort packs values by the bounds that the catalogue has."""
    location = older(wh)
    for movie in range(0, 2_000, 500):
        rows = [
            {
                **SCORE,
                "movie_id": movie + n,
                "probability": 0.1,
                "scored_at": wh.clock(),
                "snapshot_id": 70_000 * n,
            }
            for n in range(500)
        ]
        wh.commit(lambda tx: tx.append("predictions.scores", pa.Table.from_pylist(rows)))  # noqa: B023
    write_catalogue(
        location,
        "UPDATE c.ducklake_table_column_stats SET min_value = '7', max_value = '9' WHERE column_id = "
        "(SELECT any_value(column_id) FROM c.ducklake_column WHERE column_name = 'snapshot_id' AND "
        "table_id = (SELECT max(table_id) FROM c.ducklake_table WHERE table_name = 'scores')) "
        "AND table_id = (SELECT max(table_id) FROM c.ducklake_table WHERE table_name = 'scores')",
    )
    with Warehouse.open(location) as migrated:
        found = migrated.query("SELECT movie_id, snapshot_id FROM predictions.scores ORDER BY movie_id")
        assert found["snapshot_id"].to_pylist() == [70_000 * n for n in range(500)] * 4
