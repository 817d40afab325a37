"""Metrics and health, over HTTP from a real warehouse."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.engine.context import location
from flows.errors import FlowError
from flows.serving.metrics import MetricsServer, collect, held_out_auc
from flows.settings import Settings
from warehouse import Warehouse


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def server(settings) -> Iterator[MetricsServer]:
    started = MetricsServer(settings, 0, lambda: None)
    yield started
    started.stop()


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def status(port: int, method: str = "GET", **headers: str) -> int:
    """The status of an answer to a request with these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, "/healthz", headers=names)
        return connection.getresponse().status
    finally:
        connection.close()


def samples(text: str) -> dict[str, float]:
    """Each sample of a scrape, with its labels."""
    return {
        ",".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_home_without_a_warehouse_says_so_and_is_left_without_one(settings, server):
    status, text = get(server.port, "/metrics")
    assert status == 200
    assert samples(text) == {"reelhouse_warehouse_up": 0}
    assert not settings.home.exists()


def test_runs_rows_and_freshness_are_given(settings, server):
    with Warehouse.open(location(settings)) as warehouse:
        run_id = warehouse.start_run("nightly")
        with warehouse.step(run_id, "ingest", source="imdb", subject="title.basics"):
            pass
        warehouse.finish_run(run_id, "completed")
        warehouse.finish_run(warehouse.start_run("train"), "failed", "no labels")
    found = samples(get(server.port, "/metrics")[1])
    assert found["reelhouse_warehouse_up"] == 1
    assert found["reelhouse_last_run_state,nightly,completed"] == 1
    assert found["reelhouse_last_run_state,train,failed"] == 1
    assert "reelhouse_last_completed_timestamp_seconds,train" not in found
    assert 0 <= found["reelhouse_source_freshness_seconds,imdb"] < 600
    assert found["reelhouse_rows,ops,runs"] == 2
    assert found["reelhouse_rows,core,movies"] == 0
    assert found["reelhouse_snapshot_id"] > 0


def test_every_metric_has_its_line_on_the_page(settings):
    from flows.reference import PAGES

    page = (PAGES / "nightly-on-a-server.md").read_text()
    with Warehouse.open(location(settings)):
        pass
    for metric in collect(settings):
        assert f"`{metric.name}" in page, metric.name


def test_health_is_503_with_the_reason(settings):
    server = MetricsServer(settings, 0, lambda: "no Prefect server answers")
    try:
        assert get(server.port, "/healthz") == (503, "no Prefect server answers\n")
    finally:
        server.stop()


def test_health_is_200_when_nothing_is_wrong(server):
    assert get(server.port, "/healthz") == (200, "ok\n")


def test_a_loopback_name_is_answered_on_any_port_and_another_name_refused(server):
    for host in ("127.0.0.1:9", "LOCALHOST:4200", "localhost", "[::1]:80", "127.8.9.10"):
        assert status(server.port, host=host) == 200, host
        assert status(server.port, host=host, origin=f"http://{host}") == 200, host
    for host in (
        "page.example", "127.0.0.1.page.example", "localhost.page.example:80", "", "10.0.0.1", "[::2]",
        "127.0.0.1@page.example", "page.example@127.0.0.1", "127.0.0.1:80:80", "127.0.0.1/x", "box.lan",
    ):  # fmt: skip
        assert status(server.port, host=host) == 403, host


def test_a_name_of_the_settings_is_answered(tmp_path):
    server = MetricsServer(Settings(home=tmp_path, host_names=("Box.lan",)), 0, lambda: None)
    try:
        assert status(server.port, host="box.LAN:9464") == 200
        assert status(server.port, host="boxxlan") == 403
    finally:
        server.stop()


def test_a_page_of_another_origin_is_refused(server):
    for origin in ("http://page.example", f"http://localhost:{server.port}", "null", "http://127.0.0.1", ""):
        for method in ("GET", "POST", "OPTIONS"):
            assert status(server.port, method, origin=origin) == 403, (origin, method)


def test_what_a_page_of_another_site_embeds_is_refused_and_a_link_is_followed(server):
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert status(server.port, **link) == 200
    assert status(server.port, "POST", **link) == 403
    assert status(server.port, **{**link, "sec_fetch_dest": "iframe"}) == 403
    assert status(server.port, sec_fetch_site="same-site", sec_fetch_mode="no-cors") == 403
    assert status(server.port, sec_fetch_site="same-origin", sec_fetch_mode="cors") == 200
    assert status(server.port, sec_fetch_site="none", sec_fetch_mode="navigate") == 200


def test_a_port_in_use_is_one_line(settings, server):
    with pytest.raises(FlowError, match="REELHOUSE_METRICS_PORT"):
        MetricsServer(settings, server.port, lambda: None)


def test_a_model_that_was_not_measured_has_no_auc():
    assert held_out_auc({}) is None
    assert held_out_auc({"auc": 0.75}) == 0.75
