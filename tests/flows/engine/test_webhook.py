"""The webhook: what it is sent, what it is not, and that its failure is only told."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from flows.engine.webhook import LONGEST, masked, run_failed, send
from flows.settings import Settings


class WithWebhook(Settings):
    webhook_url: SecretStr | None = None


class Receiver:
    """A chat service: keeps what it was sent, and answers with `status`."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                receiver.bodies.append(json.loads(self.rfile.read(length)))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/sesame"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def settings(tmp_path, url: str) -> Settings:
    return WithWebhook(home=tmp_path, webhook_url=SecretStr(url), tmdb_token=SecretStr("open-barley"))


def test_a_failed_run_is_told_with_its_steps_and_without_secrets(receiver, tmp_path):
    lines: list[str] = []
    run_failed(
        settings(tmp_path, receiver.url),
        run_id="r1",
        flow="nightly",
        state="failed",
        failures={"ingest tmdb movies": f"401 for open-barley at {receiver.url}?api_key=abc"},
        say=lines.append,
    )
    (body,) = receiver.bodies
    assert (body["event"], body["run_id"], body["state"]) == ("run failed", "r1", "failed")
    assert body["text"] == "reelhouse nightly r1 is failed: ingest tmdb movies"
    assert body["failed"] == {"ingest tmdb movies": "401 for *** at ***?api_key=***"}
    assert lines == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_refuses_is_told_in_one_line_without_its_url(receiver, tmp_path, status):
    receiver.status, lines = status, []
    assert not send(settings(tmp_path, receiver.url), {"text": "x"}, lines.append)
    assert lines == [f"the webhook answered {status}: see REELHOUSE_WEBHOOK_URL"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/sesame", "not a url", "file:///etc/passwd"])
def test_a_webhook_that_is_not_there_raises_nothing(tmp_path, url):
    lines: list[str] = []
    assert not send(settings(tmp_path, url), {"text": "x"}, lines.append)
    assert len(lines) == 1
    assert url not in lines[0]


def test_an_answer_that_never_ends_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("flows.engine.webhook.LONGEST_SECONDS", 0.2)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def dribble() -> None:
            connection, _ = listening.accept()
            with connection:
                while not ended.wait(0.01):
                    connection.sendall(b"H")

        thread = threading.Thread(target=dribble)
        thread.start()
        lines: list[str] = []
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/sesame"
        assert not send(settings(tmp_path, url), {"text": "x"}, lines.append)
        ended.set()
        thread.join()
    assert lines == ["the webhook has not answered within 0.2 s: see REELHOUSE_WEBHOOK_URL"]


def test_without_a_webhook_nothing_is_sent(tmp_path):
    assert not send(Settings(home=tmp_path), {"text": "x"}, pytest.fail)


def test_long_messages_are_cut():
    assert len(masked("x" * 10_000, [])) == LONGEST + 1
