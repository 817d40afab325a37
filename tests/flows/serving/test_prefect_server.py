"""The Prefect server of a home: who is let in, who is not, and what a browser makes of it."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import websockets

from flows.engine.prefect_api import require_access, running_server, same_server
from flows.errors import AlreadyRunning, FlowError
from flows.serving.orchestration import prefect_environment
from flows.serving.prefect_server import PrefectServer
from tests.flows.report.chromium import Page, browser, installed
from tests.flows.serving.prefect_client import OTHER, OTHER_HOSTS, SOCKETS, Api, refused_headers

Answer = tuple[int, Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def api(home: Path) -> Iterator[Api]:
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    prefect_environment(home)
    server = PrefectServer(home, 0, names=("box.lan",))
    try:
        assert server.wait(threading.Event())
        api = Api(server.port, server.environment["PREFECT_API_AUTH_STRING"])
        flow = api.ask("/flows/", {"name": "nightly"})["id"]
        api.ask("/deployments/", {"name": "reelhouse", "flow_id": flow, "description": "ours"})
        yield api
    finally:
        server.stop()
        os.environ.clear()
        os.environ.update(before)


def deployment(api: Api) -> dict[str, Any]:
    (only,) = api.ask("/deployments/filter", {})
    return dict(only)


@pytest.mark.slow
def test_nobody_changes_a_deployment_without_the_secret_or_from_another_origin(api: Api) -> None:
    path = f"/deployments/{deployment(api)['id']}"
    change = {"description": "changed"}
    ours = api.headers()
    for who, (headers, status) in refused_headers(api).items():
        assert api.request("PATCH", path, change, **headers)[0] == status, who
    assert deployment(api)["description"] == "ours"
    assert api.request("PATCH", path, change, **ours)[0] == 204
    assert deployment(api)["description"] == "changed"
    assert api.request("PATCH", path, {"description": "ours"}, **ours)[0] == 204


@pytest.mark.slow
def test_a_preflight_of_another_origin_allows_nothing(api: Api) -> None:
    headers = {"access-control-request-method": "PATCH", "access-control-request-headers": "content-type"}
    status, text = api.request("OPTIONS", "/deployments/filter", origin=OTHER, **headers)
    assert status == 403
    assert "another origin" in text


@pytest.mark.slow
def test_it_answers_by_each_name_of_this_machine_as_a_tunnel_has_it(api: Api) -> None:
    for host in ("127.0.0.1:9999", "localhost:9999", "localhost", "[::1]:9999", "box.lan"):
        ours = {"host": host, "origin": f"http://{host}"}
        assert api.request("POST", "/flows/filter", {}, **api.headers(), **ours)[0] == 200, host
    for host in OTHER_HOSTS:
        assert api.request("GET", "/health", host=host)[0] == 403, host


@pytest.mark.slow
@pytest.mark.parametrize(
    ("origin", "secret", "opens"),
    SOCKETS,
)
def test_a_websocket_opens_for_our_origin_and_with_the_secret(
    api: Api, origin: str | None, secret: bool, opens: bool
) -> None:
    if opens:
        assert api.listen(origin, secret) == "auth_success"
    else:
        with pytest.raises((websockets.InvalidStatus, websockets.ConnectionClosed)):
            api.listen(origin, secret)


@pytest.mark.slow
def test_prefect_s_own_command_works_with_the_secret_alone(api: Api, tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("prefect"), "--no-prompt", "deployment", "ls"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    kept["PREFECT_HOME"] = str(tmp_path)
    ours = subprocess.run(
        command,
        env={**kept, "PREFECT_API_URL": api.url, "PREFECT_API_AUTH_STRING": api.secret},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "nightly/reelhouse" in ours.stdout, ours.stderr
    stranger = subprocess.run(
        command, env={**kept, "PREFECT_API_URL": api.url}, capture_output=True, text=True, check=False
    )
    assert stranger.returncode != 0
    assert "401" in stranger.stdout + stranger.stderr


@pytest.mark.slow
def test_a_client_is_told_of_the_secret_that_it_lacks(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    with pytest.raises(FlowError, match="wants PREFECT_API_AUTH_STRING"):
        require_access(api.url)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "me:wrong")
    with pytest.raises(FlowError, match="refuses PREFECT_API_AUTH_STRING") as error:
        require_access(api.url)
    assert "wrong" not in str(error.value)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", api.secret)
    require_access(api.url)
    require_access("http://127.0.0.1:9/api")


@pytest.mark.slow
def test_the_secret_goes_to_the_home_s_own_server_only(
    api: Api, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changes:
        changes.setattr(os, "environ", {"PREFECT_API_URL": "http://prefect.example/api"})
        prefect_environment(home)
        assert "PREFECT_API_AUTH_STRING" not in os.environ
        os.environ["PREFECT_API_URL"] = api.url.replace("127.0.0.1", "localhost")
        prefect_environment(home)
        assert os.environ["PREFECT_API_AUTH_STRING"] == api.secret
        os.environ.clear()
        prefect_environment(home)
        assert os.environ["PREFECT_API_URL"] == api.url
        assert os.environ["PREFECT_API_AUTH_STRING"] == api.secret


@pytest.mark.slow
def test_a_home_has_one_server(api: Api, home: Path) -> None:
    with pytest.raises(AlreadyRunning, match="another serve run"):
        PrefectServer(home, 0)
    assert running_server(home) == api.url


@pytest.mark.slow
def test_a_damaged_history_of_prefect_s_runs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "prefect.db").write_bytes(bytes(range(256)) * 80)
    server = PrefectServer(tmp_path, 0)
    with pytest.raises(
        FlowError, match=r"prefect\.db, the history of Prefect's runs, is damaged: move it away"
    ):
        server.wait(threading.Event())
    (tmp_path / "prefect" / "prefect.db").unlink()
    server = PrefectServer(tmp_path, 0)
    try:
        assert server.wait(threading.Event())
    finally:
        server.stop()


def test_addresses_of_one_server_are_known_as_such() -> None:
    own = "http://127.0.0.1:4200/api"
    assert same_server("http://localhost:4200/api/", own)
    for other in ("http://127.0.0.1:4201/api", "http://page.example:4200/api", "https://prefect.example/api"):
        assert not same_server(other, own)


# ---- As a browser has it ----


@contextmanager
def page_of_others() -> Iterator[str]:
    """Serve an empty page from another origin, another port of localhost; yields its address."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>A page</title>")

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    program = installed()
    if program is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with browser(program, tmp_path / "profile", "--host-resolver-rules=MAP page.example 127.0.0.1") as opened:
        yield opened


def text(page: Page, awaited: str) -> str:
    """The text of the page, once it has what is awaited; the last one where that does not come."""
    shown = ""
    for _ in range(300):
        with suppress(AssertionError):  # between two pages there is nothing to evaluate in
            shown = str(page.evaluate("document.body.innerText"))
        if awaited in shown:
            break
        time.sleep(0.1)
    return shown


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_prefect_s_page_asks_for_the_secret_and_shows_the_deployments(
    api: Api, page: Page, name: str
) -> None:
    address = f"http://{name}:{api.port}"
    page.visit(address)
    assert "Login" in text(page, "Login")
    assert "nightly" not in page.evaluate("document.body.innerText")
    page.evaluate("document.querySelector('input[type=password]').focus()")
    page.send("Input.insertText", text=api.secret)
    page.evaluate("document.querySelector('form').requestSubmit()")
    assert "Dashboard" in text(page, "Dashboard")
    page.visit(f"{address}/v2/deployments")
    assert "nightly" in text(page, "nightly")
    assert {url.split("/api/")[0] for url in page.requested() if "/api/" in url} == {address}
    with page_of_others() as other:
        outcome = page.evaluate(f"fetch('{other}', {{mode: 'no-cors'}}).then(() => 'sent', () => 'refused')")
    assert outcome == "refused"  # Prefect's page would ask a host of its vendor's


READ = """fetch('{api}/flows/filter', {{method: 'POST', body: '{{}}', headers: {headers}}})
    .then(answer => answer.text(), () => 'refused')"""
WRITE = """fetch('{api}/flows/', {{method: 'POST', mode: 'no-cors', body: '{{"name": "evil"}}',
    headers: {{'content-type': 'text/plain'}}}}).then(answer => answer.type, () => 'refused')"""
LISTEN = """new Promise(resolve => {{
    const socket = new WebSocket('{socket}/events/out', 'prefect');
    socket.onopen = () => resolve('open');
    socket.onerror = () => resolve('refused');
}})"""
FORM = """(() => {{
    const form = document.createElement('form');
    Object.assign(form, {{method: 'POST', enctype: 'text/plain', action: '{api}/flows/'}});
    const field = document.createElement('input');
    Object.assign(field, {{name: '{{"name": "evil", "x": "', value: '"}}'}});
    form.append(field);
    document.body.append(form);
    form.submit();
}})()"""


@pytest.mark.slow
@pytest.mark.browser
def test_a_page_of_another_origin_reads_and_writes_nothing(api: Api, page: Page) -> None:
    headers = json.dumps({**api.headers(), "content-type": "application/json"})
    parts = {"api": api.url, "socket": api.url.replace("http", "ws"), "headers": headers}
    with page_of_others() as address:
        page.visit(address)
        assert page.evaluate(READ.format(**parts)) == "refused"
        assert page.evaluate(LISTEN.format(**parts)) == "refused"
        page.evaluate(WRITE.format(**parts))
        page.evaluate(FORM.format(**parts))
        assert "refused: the request comes from a page of another origin" in text(page, "refused")
    assert api.flows() == ["nightly"]


@pytest.mark.slow
@pytest.mark.browser
def test_a_name_that_was_pointed_at_this_machine_is_refused(api: Api, page: Page) -> None:
    page.visit(f"http://page.example:{api.port}/")
    assert "refused: the Host header is no name of this server" in text(page, "refused")
