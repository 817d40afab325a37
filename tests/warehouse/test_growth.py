"""A lake that outgrew one machine: its catalogue in PostgreSQL, its data files in S3."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pytest

from flows.engine.context import location as location_of
from flows.settings import load_settings
from tests import servers
from tests.warehouse.landing import genres
from tests.warehouse.places import ROOT, SERVERS, Backend, told
from warehouse import Location, Warehouse, backup, extensions, lake_lock, storage
from warehouse.backends import Bucket, Postgres, S3Access
from warehouse.connection import attach_lines
from warehouse.errors import BadLocation, Conflict, NoWarehouse, QueryFailed, Refused, Unreachable, Unwritable
from warehouse.export import export_parquet
from warehouse.snapshots import diff
from warehouse.sql import open_read_only
from warehouse.upkeep import upkeep

PAGE = ROOT / "flows" / "docs" / "growing.md"
RIGHTS = re.findall(r"^(GRANT SELECT .*|ALTER DEFAULT .*);$", PAGE.read_text(encoding="utf-8"), re.M)
"""What the page gives an analyst's role."""
FILLED = ("core.movie_genres", "ops.batches", "ops.cursors", "ops.columns", "ops.migrations")
DESCRIBED = ("databases", "secrets", "settings")
SECRETS = (servers.PASSWORD, servers.KEYS["AWS_SECRET_ACCESS_KEY"])


def fill(wh: Warehouse) -> None:
    """Rows in data files, rows in the catalogue, deleted ones of both, and nested values."""
    for night in range(2):
        with wh.transaction() as tx:
            tx.batch("run", "tmdb", "movies")
            tx.append("core.movie_genres", genres(100 * night))
            tx.set_cursor("tmdb", "movies", {"night": night})
    with wh.transaction() as tx:
        tx.delete_keys("core.movie_genres", pa.table({"movie_id": list(range(50))}))
        tx.set_cursor("imdb", "title.basics", {"etag": "'quoted' \\ and \u00fc"})


def content(wh: Warehouse) -> dict[str, pa.Table]:
    return {name: wh.query(f"FROM {name} ORDER BY ALL") for name in FILLED}


def test_a_lake_is_written_read_pinned_compacted_exported_and_restored(
    wh: Warehouse, backend: Backend, tmp_path: Path
) -> None:
    fill(wh)
    then, before = wh.snapshot_id, content(wh)
    wh.commit(lambda tx: tx.append("core.movie_genres", genres(500, 7)))
    with open_read_only(wh.location) as now, open_read_only(wh.location, then) as past:
        count = "SELECT count(*) FROM core.movie_genres"
        assert now.execute(count).fetchone() == (157,)
        assert past.execute(count).fetchone() == (150,)
    assert [row["inserted"] for row in diff(wh.location, then).tables.to_pylist()] == [7]
    assert export_parquet(wh.location, tmp_path / "out", ["core.movie_genres"], as_of=then) == {
        "core.movie_genres": 150
    }
    report = upkeep(wh, keep=timedelta(0), grace=timedelta(0))
    assert report.postponed == []
    assert report.files_merged > 1
    assert len([name for name in storage.sizes(wh.location) if "movie_genres" in name]) == 1
    assert wh.scalar("SELECT count(*) FROM core.movie_genres") == 157
    after = content(wh)
    assert after["ops.cursors"].equals(before["ops.cursors"])
    assert backup.backup(wh.location, tmp_path / "backup").snapshot_id == wh.snapshot_id
    wh.close()
    backend.lose(wh.location)
    backup.restore(tmp_path / "backup", wh.location)
    with Warehouse.open(wh.location) as restored:
        assert content(restored) == after
        restored.commit(lambda tx: tx.set_cursor("tmdb", "next", {}))


def test_a_lake_moves_from_one_machine_to_the_servers_with_its_history(
    started_servers: Backend, empty_home: Path, tmp_path: Path
) -> None:
    local, grown = Location.under(tmp_path / "home"), started_servers.place(tmp_path / "grown")
    with Warehouse.open(local) as wh:
        fill(wh)
        then, before = wh.snapshot_id, content(wh)
        wh.commit(lambda tx: tx.append("core.movie_genres", genres(500, 7)))
        wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"night": 9}))
        newest, after = wh.snapshot_id, content(wh)
    backup.backup(local, tmp_path / "backup")
    assert backup.restore(tmp_path / "backup", grown) >= newest
    with Warehouse.open(grown) as wh:
        assert content(wh) == after
        with open_read_only(grown, then) as past:
            for name in ("core.movie_genres", "ops.cursors", "ops.batches"):
                assert past.execute(f"FROM {name} ORDER BY ALL").to_arrow_table() == before[name], name
        wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"night": 10}))
        assert wh.cursor("tmdb", "movies") == {"night": 10}
        assert upkeep(wh, grace=timedelta(0)).orphans_removed == 0
        assert content(wh)["core.movie_genres"].equals(after["core.movie_genres"])


@pytest.mark.parametrize("backend", [SERVERS], indirect=True)
class TestServers:
    """What only a lake with a catalogue in PostgreSQL and data in S3 has."""

    def test_what_is_not_there_yet_is_said_and_not_made(self, location: Location) -> None:
        with pytest.raises(NoWarehouse, match="reelhouse nightly"):
            Warehouse.open(location, read_only=True)
        with pytest.raises(NoWarehouse):
            open_read_only(location)
        assert storage.sizes(location) == {}

    def test_the_attach_lines_work_in_a_plain_client_that_knows_the_secrets(
        self, wh: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(wh)
        text = attach_lines(wh.location, "reelhouse")
        assert not any(secret in text for secret in SECRETS)
        lines = text.replace("***'", f"{SECRETS[1]}'").splitlines()
        assert lines[0] == "INSTALL ducklake; INSTALL postgres; INSTALL httpfs;"
        monkeypatch.setenv("PGPASSWORD", SECRETS[0])
        with duckdb.connect() as client:
            # What those two lines fetch.
            extensions.load(client, wh.location, ["ducklake", "postgres_scanner", "httpfs"])
            client.execute("\n".join(lines[2:]))
            assert client.execute("SELECT count(*) FROM core.movie_genres").fetchone() == (150,)
            with pytest.raises(duckdb.InvalidInputException, match="read-only"):
                client.execute("DROP TABLE core.movies")

    @pytest.mark.parametrize(
        "statement",
        [
            "FROM postgres_query('__ducklake_metadata_lake', 'SELECT pg_read_file(''/etc/passwd'')')",
            "CALL postgres_execute('__ducklake_metadata_lake', 'DROP TABLE ducklake_snapshot')",
            "DELETE FROM __ducklake_metadata_lake.ducklake_snapshot",
            "SELECT content FROM read_blob('s3://reelhouse/**')",
            "SELECT content FROM read_text('http://127.0.0.1/')",
            "COPY (SELECT 1) TO 's3://reelhouse/evil.parquet'",
            "ATTACH 'postgres:dbname=postgres' AS other",
            "CREATE SECRET other (TYPE s3, KEY_ID 'a', SECRET 'b')",
        ],
    )
    def test_a_query_reaches_neither_the_database_nor_the_rest_of_the_storage(
        self, wh: Warehouse, statement: str
    ) -> None:
        with open_read_only(wh.location) as sql:
            with pytest.raises(QueryFailed, match=r"read-only|only reads|disabled by configuration"):
                sql.execute(statement)
            assert sql.execute("SELECT count(*) FROM core.movies").fetchone() == (0,)

    def test_secrets_show_nowhere(self, wh: Warehouse, tmp_path: Path) -> None:
        run_id = wh.start_run("nightly", {"home": str(wh.location.home)})
        wh.finish_run(run_id, "failed", error=str(wh.location))
        shown = [repr(wh.location), str(wh.location), str(wh.query("FROM ops.runs").to_pylist())]
        with open_read_only(wh.location) as sql:
            shown += [str(sql.execute(f"FROM duckdb_{what}()").fetchall()) for what in DESCRIBED]
        wrong = Location(
            f"postgresql://nobody:{SECRETS[0]}@127.0.0.1:{servers.free_port()}/lake",
            wh.location.data_path,
            home=tmp_path,
        )
        lost = Location(wh.location.catalog, Bucket("s3://no-such-bucket", S3Access(
            "k", SECRETS[1], endpoint=f"http://127.0.0.1:{servers.free_port()}")), home=tmp_path)  # fmt: skip
        for place in (wrong, lost):
            with pytest.raises(Unreachable, match="check REELHOUSE_") as caught, Warehouse.open(place) as far:
                far.commit(lambda tx: tx.append("core.movie_genres", genres(0, 5000)))
            shown.append(str(caught.value))
            assert "\n" not in str(caught.value)
        for text in shown:
            assert not any(secret in text for secret in SECRETS), text

    def test_one_turn_at_a_time_also_for_another_machine(self, wh: Warehouse, tmp_path: Path) -> None:
        other = Location(wh.location.catalog, wh.location.data_path, home=tmp_path / "other machine")
        with lake_lock.hold(wh.location, "upkeep", timeout=0):
            with pytest.raises(lake_lock.Taken), lake_lock.hold(other, "upkeep", timeout=0):
                pass
            with lake_lock.hold(other, "layout", timeout=0):
                pass
        with lake_lock.hold(other, "upkeep", timeout=0):
            pass
        told_of: list[str] = []
        with lake_lock.among_machines(other, "conform", told_of.append):
            pass
        assert told_of == []

    def test_a_turn_ends_with_the_process_that_had_it(self, wh: Warehouse) -> None:
        script = (
            "import os, signal, sys\nfrom tests.warehouse.places import place\n"
            "from warehouse import lake_lock\n"
            "with lake_lock.hold(place(sys.argv[1]), 'upkeep', timeout=0):\n"
            "    os.kill(os.getpid(), signal.SIGKILL)"
        )
        command = [sys.executable, "-c", script, told(wh.location)]
        assert subprocess.run(command, check=False, cwd=ROOT).returncode == -9
        with lake_lock.hold(wh.location, "upkeep", timeout=10):
            pass

    def test_two_writers_of_one_row_conflict_by_name(self, wh: Warehouse) -> None:
        wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 0}))
        with pytest.raises(Conflict, match="another process changed"), wh.transaction() as tx:
            tx.set_cursor("tmdb", "movies", {"n": 1})
            wh.commit(lambda other: other.set_cursor("tmdb", "movies", {"n": 2}))
        assert wh.cursor("tmdb", "movies") == {"n": 2}

    def test_an_analysts_own_role_reads_and_cannot_write(
        self, wh: Warehouse, backend: Backend, tmp_path: Path
    ) -> None:
        assert backend.postgres is not None
        assert isinstance(wh.location.catalog, Postgres)
        found = dict(wh.location.catalog.parameters)
        with psycopg.connect(backend.postgres.url(found["dbname"]), autocommit=True) as owner:
            owner.execute("DROP ROLE IF EXISTS analyst")
            owner.execute("CREATE ROLE analyst LOGIN PASSWORD 'read'")
            for grant in RIGHTS:
                owner.execute(grant)
        fill(wh)
        url = f"postgresql://analyst:read@{found['host']}:{found['port']}/{found['dbname']}"
        theirs = Location(url, wh.location.data_path, home=tmp_path / "theirs")
        with open_read_only(theirs) as sql:
            assert sql.execute("SELECT count(*) FROM ops.cursors").fetchone() == (2,), "rows in the catalogue"
        with pytest.raises(Unwritable, match="permission denied"), Warehouse.open(theirs) as opened:
            opened.commit(lambda tx: tx.set_cursor("tmdb", "movies", {}))
        with psycopg.connect(backend.postgres.url(found["dbname"]), autocommit=True) as owner:
            owner.execute("DROP OWNED BY analyst")
            owner.execute("DROP ROLE analyst")

    def test_two_settings_move_the_whole_command_line(self, backend: Backend, tmp_path: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REELHOUSE_")}
        environment = {**kept, "REELHOUSE_CONFIG": os.devnull, **backend.environment(tmp_path / "home")}
        # The password may also be where libpq looks for it.
        environment["REELHOUSE_CATALOG"] = environment["REELHOUSE_CATALOG"].replace(f":{SECRETS[0]}@", "@")
        environment["PGPASSWORD"] = SECRETS[0]

        def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
            return subprocess.run(
                [sys.executable, "-m", "flows.cli", *arguments],
                env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
            )  # fmt: skip

        early = run("sql", "SELECT 1")
        assert early.returncode == 1
        assert "no warehouse" in early.stderr
        assert run("upkeep").returncode == 0
        asked = run("sql", "SELECT flow, state FROM ops.runs", "--format", "csv")
        assert asked.stdout == "flow,state\nupkeep,completed\n", asked.stderr
        assert not (tmp_path / "home" / "catalog.sqlite").exists()
        assert not (tmp_path / "home" / "lake").exists()


def test_settings_take_an_address_and_hide_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    settings = load_settings(
        home=tmp_path,
        catalog="postgresql://me:hush@db.example:5433/lake?sslmode=require",
        data="s3://b-u/p/q/",
    )
    found = location_of(settings)
    assert isinstance(found.catalog, Postgres)
    assert found.catalog.conninfo == "host=db.example port=5433 user=me dbname=lake sslmode=require"
    assert found.data_root == "s3://b-u/p/q/"
    assert "hush" not in repr(settings) + repr(found) + str(found)
    assert found.secrets == ("hush", "hush")


@pytest.mark.parametrize(
    ("text", "conninfo", "password"),
    [
        ("postgresql://u:p%40ss@h/d", "host=h user=u dbname=d", "p@ss"),
        ("postgres://h1:1,h2:2/d?target_session_attrs=read-write",
         "host=h1,h2 port=1,2 dbname=d target_session_attrs=read-write", ""),
        ("postgresql:///d?host=/run/pg", "host=/run/pg dbname=d", ""),
        ("postgresql://[::1]:5/d", "host=::1 port=5 dbname=d", ""),
        (r"postgres:dbname=d user='a b' password='it\'s'", "dbname=d user='a b'", "it's"),
    ],
)  # fmt: skip
def test_addresses_in_either_form_are_read(text: str, conninfo: str, password: str) -> None:
    found = Postgres.parse(text)
    assert (found.conninfo, found.password) == (conninfo, password)
    again = Postgres.parse(f"postgres:{found.conninfo}")
    assert again.parameters == found.parameters


@pytest.mark.parametrize(
    ("catalog", "data"),
    [
        ("postgresql://u:hush@h", "s3://bucket"),
        ("postgres:hush", "s3://bucket"),
        ("postgresql://u:hush@h:port/d", "s3://bucket"),
        ("postgresql://h/d", "s3://Bucket_"),
        ("postgresql://h/d", "s3://"),
        ("postgresql://h/d", "s3://bucket/../other"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_without_being_repeated(catalog: str, data: str) -> None:
    with pytest.raises(BadLocation) as caught:
        Location(catalog, data, home="x")
    assert "hush" not in str(caught.value)


def test_a_read_only_lake_refuses_writes(wh: Warehouse) -> None:
    with (
        Warehouse.open(wh.location, read_only=True) as reader,
        pytest.raises(Refused, match="read-only"),
        reader.transaction() as tx,
    ):
        tx.append("core.movie_genres", genres(0))
