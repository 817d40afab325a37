"""The mirror itself, over real HTTP: its clock, its log, its controls, starting and stopping."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from connectors.mirror import DirectoryCatalogue, Mirror, MirrorApp, MirrorError, serve
from tests.connectors.mirror.conftest import Client
from tests.connectors.mirror.records import DAY

PATHS = [
    "/3/movie/5",
    "/3/movie/8",
    "/t/p/w185/tt0000105.jpg",
    "/imdb/title.ratings.tsv.gz",
    "/movielens/ml-tiny.zip",
    "/_mirror/log",
    "/nowhere",
]


def test_every_answer_carries_the_mirrors_own_date(client: Client) -> None:
    for day in (DAY, DAY + timedelta(days=2)):
        for path in PATHS:
            stamp = client.get(path).headers["date"]
            assert "," not in stamp.split(" GMT")[1]  # one Date header, not two joined
            assert parsedate_to_datetime(stamp).date() == day, path
        if day == DAY:
            answer = requests.post(client.mirror.url + "/_mirror/advance", params={"days": 2}, timeout=20)
            assert answer.json() == {"today": "2026-03-12"}


@pytest.mark.parametrize("days", ["0", "-1", "x", "9999"])
def test_a_wrong_number_of_days_is_refused(client: Client, days: str) -> None:
    answer = requests.post(client.mirror.url + "/_mirror/advance", params={"days": days}, timeout=20)
    assert answer.status_code == 400
    assert client.mirror.app.catalogue.today() == DAY


def test_the_clock_never_goes_back_over_a_real_midnight(catalogue: DirectoryCatalogue) -> None:
    real = datetime(2026, 7, 1, 23, 59, 50, tzinfo=UTC)
    app = MirrorApp(catalogue, clock=lambda: real)
    before = app.now()
    assert before == datetime(DAY.year, DAY.month, DAY.day, 23, 59, 50, tzinfo=UTC)
    real += timedelta(hours=1)
    assert before < app.now() < datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(days=1)


def test_the_log_counts_requests_and_never_holds_the_key(client: Client) -> None:
    client.get("/3/movie/5", params={"api_key": "secret-key", "append_to_response": "keywords"})
    client.get("/3/movie/8")
    client.get("/3/movie/5/keywords")
    client.get("/t/p/w185/tt0000105.jpg")
    client.session.head(client.mirror.url + "/movielens/ml-tiny.zip", timeout=20)
    counts = client.json("/_mirror/log")
    expected = {"GET details": 2, "GET part": 1, "GET image": 1, "HEAD movielens": 1}
    assert counts == {"counts": expected}
    full = client.json("/_mirror/log", full=1)
    assert full["requests"][:2] == [["/3/movie/5?append_to_response=keywords", 200], ["/3/movie/8", 404]]
    assert sorted(full["seconds"]) == full["seconds"]
    assert "secret-key" not in json.dumps(full)
    assert client.mirror.log()["counts"] == expected
    requests.delete(client.mirror.url + "/_mirror/log", timeout=20)
    assert client.mirror.log()["counts"] == {}


def test_the_environment_points_at_the_mirror(mirror: Mirror) -> None:
    env = mirror.env()
    assert mirror.env() == env
    token = env.pop("REELHOUSE_TMDB_TOKEN")
    assert re.fullmatch("[0-9a-f]{64}", token), "no text holds it"
    assert env == {
        "REELHOUSE_TMDB_URL": f"{mirror.url}/3",
        "REELHOUSE_TMDB_EXPORT_URL": f"{mirror.url}/p/exports",
        "REELHOUSE_TMDB_REQUESTS_PER_SECOND": "1000",
        "REELHOUSE_IMAGE_REQUESTS_PER_SECOND": "1000",
        "REELHOUSE_IMDB_URL": f"{mirror.url}/imdb",
        "REELHOUSE_IMDB_DATASETS": "title.ratings",
        "REELHOUSE_MOVIELENS_URL": f"{mirror.url}/movielens",
        "REELHOUSE_MOVIELENS_SETS": "ml-tiny",
    }


def test_each_mirror_has_a_token_of_its_own(catalogue: DirectoryCatalogue, mirror: Mirror) -> None:
    with serve(catalogue) as other:
        assert other.env()["REELHOUSE_TMDB_TOKEN"] != mirror.env()["REELHOUSE_TMDB_TOKEN"]


def test_a_stopped_mirror_listens_no_more(catalogue: DirectoryCatalogue) -> None:
    with serve(catalogue) as mirror:
        requests.get(mirror.url + "/_mirror/log", timeout=20)
    with pytest.raises(requests.ConnectionError):
        requests.get(mirror.url + "/_mirror/log", timeout=20)
    mirror.stop()  # a second time does no harm


def test_a_port_that_is_taken_is_one_clear_line(catalogue: DirectoryCatalogue) -> None:
    with serve(catalogue) as mirror:
        port = int(mirror.url.rsplit(":", 1)[1])
        with pytest.raises(MirrorError, match=f"port {port} on 127.0.0.1 is taken"):
            serve(catalogue, port=port)
    with serve(catalogue, port=port) as again:
        assert again.url == mirror.url
    with pytest.raises(MirrorError, match="cannot listen"):
        serve(catalogue, port=99_999)


def test_answers_do_not_wait_for_delayed_acknowledgements(client: Client) -> None:
    """Without TCP_NODELAY on its connections, each answer would take the kernel's 40 ms."""
    host, port = client.mirror.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        taken = []
        for _ in range(20):
            began = time.perf_counter()
            connection.sendall(
                b"GET /3/genre/movie/list HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer t\r\n\r\n"
            )
            received = b""
            while not received.endswith(b"]}"):
                received += connection.recv(65536)
            taken.append(time.perf_counter() - began)
    assert min(taken) < 0.03


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_says_when_it_listens_and_stops_on_a_signal(
    write_directory: Callable[..., Path], number: signal.Signals
) -> None:
    program = (
        "import sys\n"
        "from connectors.mirror import DirectoryCatalogue, run\n"
        "run(DirectoryCatalogue(sys.argv[1]), on_listening=lambda mirror: print(mirror.url, flush=True))\n"
        "print('stopped', flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(write_directory())]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONWARNINGS": "default"},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        assert requests.get(url + "/_mirror/log", timeout=20).status_code == 200
        process.send_signal(number)
        assert process.stdout.read() == "stopped\n"
        assert process.stderr.read() == ""
        assert process.wait(20) == 0
