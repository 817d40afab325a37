"""What the `ops` schema tells of runs, steps, batches and the quarantine."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from tests.warehouse.landing import genres
from warehouse import Warehouse, operations


def _aside(table: str, n: int) -> pa.Table:
    return pa.table({"original": [f"{table} {i}" for i in range(n)], "reason": ["odd"] * n})


def test_an_empty_lake_has_nothing_to_tell(wh: Warehouse) -> None:
    assert operations.last_night(wh) is None
    assert operations.latest_runs(wh, 5) == operations.flow_histories(wh) == operations.quarantined(wh) == []
    assert operations.sources_asked(wh) == operations.sources_landed(wh) == {}
    assert operations.views_built(wh) == operations.view_versions(wh) == {}
    moment = datetime(2000, 1, 1, tzinfo=UTC)
    assert operations.intake_since(wh, moment) == operations.Arrivals(0, 0)
    assert operations.recorded_run(wh, "none") is operations.newest_run(wh) is None
    assert operations.recorded_steps(wh, "none") == operations.landed_rows(wh, "none") == []
    assert operations.refused_rows(wh, moment, moment, 5) == operations.runs_with_rows(wh, moment, 5) == []
    assert operations.latest_measurements(wh) == []


def test_what_one_run_did(wh: Warehouse) -> None:
    first = wh.start_run("nightly")
    with wh.step(first, "ingest tmdb genres") as step:
        step.counts["fetched"] = 3
        with wh.transaction() as tx:
            tx.batch(first, "tmdb", "genres")
            tx.append("core.movie_genres", genres(0, 3))
            tx.quarantine("tmdb", "core.movies", _aside("movies", 2))
            tx.batch(first, "reelhouse", "derived")
            tx.append("core.movie_genres", genres(3, 2))
    wh.finish_run(first, "completed")
    second = wh.start_run("nightly")
    other = wh.start_run("upkeep")
    run = operations.recorded_run(wh, first)
    assert run is not None
    assert (run.run_id, run.flow, run.state) == (first, "nightly", "completed")
    newest = operations.newest_run(wh)
    assert newest is not None
    assert newest.run_id == second, "a night before the run of another flow that began later"
    (recorded,) = operations.recorded_steps(wh, first)
    assert (recorded.state, recorded.counts, recorded.attempt) == ("completed", {"fetched": 3}, 1)
    assert recorded.seconds is not None
    assert operations.run_start(wh, first).snapshot_id == recorded.snapshot_before
    assert operations.earlier_run(wh, run) is None
    assert operations.earlier_run(wh, newest) == operations.EarlierRun(
        first, run.started_at, recorded.snapshot_after or -1
    )
    streams = [(each.source, each.landed, each.set_aside) for each in operations.landed_rows(wh, first)]
    assert streams == [("tmdb", 3, 2), ("reelhouse", 2, 0)]
    counts = {each.run_id: (each.landed, each.set_aside) for each in
              operations.runs_with_rows(wh, wh.clock(), 10)}  # fmt: skip
    assert counts == {first: (3, 2), second: (0, 0), other: (0, 0)}
    (refused,) = operations.refused_rows(wh, run.started_at, wh.clock(), 5)
    assert (refused.table_name, refused.reason, refused.tonight, refused.in_all) == (
        "core.movies",
        "odd",
        2,
        2,
    )


def test_runs_and_steps_are_told_by_flow_source_and_view(wh: Warehouse) -> None:
    first = wh.start_run("nightly")
    for source, subject in (("tmdb", "movies"), ("imdb", "basics"), ("imdb", "ratings")):
        with wh.step(first, "ingest", source=source, subject=subject):
            pass
    with wh.step(first, "features", subject="tags"):
        pass
    wh.finish_run(first, "completed")
    second = wh.start_run("backfill")
    with wh.step(second, "features", subject="text"):
        pass
    wh.finish_run(second, "completed")
    third = wh.start_run("nightly")
    wh.finish_run(third, "failed", "no network")
    assert [run.run_id for run in operations.latest_runs(wh, 2)] == [third, second]
    night = operations.last_night(wh)
    assert night is not None
    assert (night.run_id, night.state, night.error) == (third, "failed", "no network")
    completed = {run.run_id: run.ended_at for run in operations.latest_runs(wh, 5)}[first]
    assert night.completed_at == completed
    histories = {history.flow: history for history in operations.flow_histories(wh)}
    assert list(histories) == ["backfill", "nightly"]
    assert (histories["nightly"].state, histories["nightly"].completed_at) == ("failed", completed)
    oldest = wh.scalar("SELECT ended_at FROM ops.steps WHERE step = 'ingest imdb basics'")
    assert operations.sources_asked(wh)["imdb"] == oldest, "the stream that was asked longest ago"
    assert operations.views_built(wh).keys() == {"tags"}, "a backfill looks at its own movies alone"


def test_what_landed_and_what_was_refused(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.batch(None, "tmdb", "genres")
        tx.append("core.movie_genres", genres(0, 3))
        tx.quarantine("tmdb", "core.movie_genres", _aside("genres", 2))
        tx.quarantine("imdb", "core.movies", _aside("movies", 3))
    assert operations.quarantined(wh) == [
        operations.QuarantinedRows("imdb", "core.movies", 3),
        operations.QuarantinedRows("tmdb", "core.movie_genres", 2),
    ]
    landed = operations.sources_landed(wh)
    assert landed.keys() == {"tmdb"}
    assert operations.intake_since(wh, landed["tmdb"] - timedelta(minutes=1)) == operations.Arrivals(5, 3)
    assert operations.intake_since(wh, landed["tmdb"] + timedelta(minutes=1)) == operations.Arrivals(0, 0)
