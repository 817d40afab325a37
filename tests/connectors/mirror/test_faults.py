"""The mirror misbehaving over real HTTP."""

import gzip
import json
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from connectors.mirror import DirectoryCatalogue, FaultPlan, FaultRule, Mirror, MirrorError, serve


def get(mirror: Mirror, path: str = "/3/movie/5", timeout: float = 20) -> requests.Response:
    return requests.get(mirror.url + path, headers={"Authorization": "Bearer t"}, timeout=timeout)


def raw(mirror: Mirror, path: str = "/3/movie/5") -> bytes:
    """Return all that comes back until the connection ends; ConnectionResetError if it is reset."""
    host, port = mirror.url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer t\r\n\r\n".encode())
        while chunk := connection.recv(65536):
            received += chunk
    return received


def test_only_matching_requests_are_hit_and_only_the_first_ones(mirror: Mirror) -> None:
    mirror.set_faults(FaultRule("status", match=r"^/3/movie/\d", skip=1, first=2, status=500))
    assert [get(mirror).status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    assert get(mirror, "/3/configuration").status_code == 200
    assert mirror.fault_hits() == [2]
    mirror.set_faults()
    assert get(mirror).status_code == 200


def test_a_pattern_sees_the_query_but_not_the_key(mirror: Mirror) -> None:
    mirror.set_faults(FaultRule("status", match=r"page=2|api_key", status=503))
    assert get(mirror, "/3/discover/movie?page=1&api_key=k").status_code == 200
    assert get(mirror, "/3/discover/movie?page=2").status_code == 503


def test_a_share_of_requests_is_hit_the_same_ones_for_a_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        plan = FaultPlan([FaultRule("hang", probability=0.3, seed=seed)])
        return [plan.draw("/")[1] is not None for _ in range(1000)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 250 < sum(drawn(1)) < 350


@pytest.mark.parametrize(
    ("status", "code"), [(429, 25), (500, 11), (503, 9), (504, 24), (401, 7), (404, 34), (418, 11)]
)
def test_an_error_has_tmdbs_body(mirror: Mirror, status: int, code: int) -> None:
    mirror.set_faults(FaultRule("status", status=status))
    answer = get(mirror)
    assert answer.status_code == status
    assert answer.json()["status_code"] == code
    assert "retry-after" not in answer.headers
    assert get(mirror, "/imdb/title.ratings.tsv.gz").headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("hint", "header"), [(2, "2"), (0, "0"), (1e9, "1000000000"), ("soon", "soon"), (0.5, "0.5")]
)
def test_retry_after_may_be_any_hint(mirror: Mirror, hint: float | str, header: str) -> None:
    mirror.set_faults(FaultRule("status", status=429, retry_after=hint))
    assert get(mirror).headers["retry-after"] == header


def test_retry_after_may_be_a_date_by_the_mirrors_clock(mirror: Mirror) -> None:
    mirror.set_faults(FaultRule("status", status=429, retry_after="date:3600"))
    headers = get(mirror).headers
    ahead = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
    assert ahead.total_seconds() == pytest.approx(3600, abs=1)


def test_latency_delays_the_right_answer_and_adds_up(mirror: Mirror) -> None:
    mirror.set_faults(
        FaultRule("latency", seconds=0.1), FaultRule("status", status=500), FaultRule("latency", seconds=0.1)
    )
    began = time.perf_counter()
    assert get(mirror).status_code == 500
    assert time.perf_counter() - began >= 0.2


def test_a_hanging_request_ends_with_its_client_or_the_mirror(mirror: Mirror) -> None:
    mirror.set_faults(FaultRule("hang"))
    with pytest.raises(requests.ReadTimeout):
        get(mirror, timeout=0.1)
    host, port = mirror.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET /3/movie/5 HTTP/1.1\r\nHost: m\r\n\r\n")
        while mirror.fault_hits() != [2]:
            pass
        mirror.stop()


def test_a_connection_is_reset_before_or_within_an_answer(mirror: Mirror) -> None:
    mirror.set_faults(FaultRule("reset"))
    with pytest.raises(ConnectionResetError):
        raw(mirror)
    with pytest.raises(requests.ConnectionError):
        get(mirror)
    mirror.set_faults(FaultRule("reset", after_bytes=10))
    with pytest.raises(ConnectionResetError):
        raw(mirror)
    assert [status for _, status in mirror.log()["requests"]] == [0, 0, 200]


def test_a_connection_is_closed_after_some_bytes(mirror: Mirror) -> None:
    whole = get(mirror).content
    mirror.set_faults(FaultRule("cut", after_bytes=10))
    head, _, body = raw(mirror).partition(b"\r\n\r\n")
    assert f"content-length: {len(whole)}".encode() in head
    assert body == whole[:10]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(mirror)
    mirror.set_faults(FaultRule("cut"))
    assert raw(mirror) == b""
    mirror.set_faults(FaultRule("cut", after_bytes=10_000_000))
    assert get(mirror).content == whole


def test_a_cut_reaches_into_a_streamed_file(mirror: Mirror) -> None:
    whole = get(mirror, "/imdb/title.ratings.tsv.gz").content
    mirror.set_faults(FaultRule("cut", after_bytes=30))
    assert raw(mirror, "/imdb/title.ratings.tsv.gz").partition(b"\r\n\r\n")[2] == whole[:30]


def test_an_answer_is_truncated_yet_well_formed_http(mirror: Mirror) -> None:
    mirror.set_faults(FaultRule("truncate"))
    answer = get(mirror)
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)
    with pytest.raises(EOFError):
        gzip.decompress(get(mirror, "/imdb/title.ratings.tsv.gz").content)


def test_a_compressed_answer_is_cut_short(mirror: Mirror) -> None:
    mirror.set_faults(FaultRule("gzip_cut"))
    answer = requests.get(mirror.url + "/3/movie/5?api_key=k", timeout=20, stream=True)
    assert answer.headers["content-encoding"] == "gzip"
    with pytest.raises(EOFError):
        gzip.decompress(answer.raw.read(decode_content=False))
    answer.close()


def test_html_comes_with_status_200(mirror: Mirror) -> None:
    mirror.set_faults(FaultRule("html"))
    for path in ("/3/movie/5", "/t/p/w185/tt0000105.jpg", "/movielens/ml-tiny.zip"):
        answer = get(mirror, path)
        assert answer.status_code == 200
        assert answer.content.startswith(b"<!DOCTYPE html>")


def test_the_content_type_is_wrong_and_the_body_right(mirror: Mirror) -> None:
    mirror.set_faults(FaultRule("content_type", content_type="text/plain"))
    answer = get(mirror)
    assert answer.headers["content-type"] == "text/plain"
    assert answer.json()["id"] == 5


def test_a_corrupt_body_keeps_its_length(mirror: Mirror) -> None:
    whole = get(mirror, "/movielens/ml-tiny.zip").content
    mirror.set_faults(FaultRule("corrupt", match=r"\.zip$"))
    spoilt = get(mirror, "/movielens/ml-tiny.zip").content
    assert len(spoilt) == len(whole)
    assert sum(a != b for a, b in zip(spoilt, whole, strict=True)) == 1
    assert get(mirror, "/movielens/ml-tiny.zip.md5").text.startswith("MD5 (ml-tiny.zip) = ")


def test_a_schema_changes(mirror: Mirror) -> None:
    edit: dict[str, Any] = {
        "runtime": "98 min",
        "brand_new": [1],
        "genres.0.id": None,
        "genres.9.id": 1,
        "a.b": 2,
    }
    mirror.set_faults(FaultRule("edit", match="/3/", set=edit, drop=["title", "nothing", "genres.1"]))
    body = get(mirror).json()
    assert (body["runtime"], body["brand_new"]) == ("98 min", [1])
    assert body["genres"] == [{"id": None, "name": "Crime"}]
    assert "title" not in body
    assert "a" not in body
    assert body["overview"]
    assert get(mirror, "/3/discover/movie").json()["results"]


def test_rules_come_and_go_over_http(mirror: Mirror) -> None:
    control = mirror.url + "/_mirror/faults"
    rules = [{"kind": "status", "match": "^/3/", "status": 503, "first": 1}]
    assert requests.post(control, json=rules, timeout=20).json() == {"hits": [0]}
    assert get(mirror).status_code == 503
    assert requests.get(control, timeout=20).json() == {"hits": [1]}
    assert requests.delete(control, timeout=20).json() == {"hits": []}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"kind": "hang"}, "expected a JSON list"),
        ([{"match": "x"}], "expected an object with kind"),
        ([{"kind": "hang", "sometimes": True}], "expected an object with kind"),
        ([{"kind": "meteorite"}], "no fault of kind 'meteorite': choose one of latency"),
        ([{"kind": "hang", "match": "("}], "not a regular expression"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(mirror: Mirror, rules: object, message: str) -> None:
    answer = requests.post(mirror.url + "/_mirror/faults", json=rules, timeout=20)
    assert answer.status_code == 400
    assert message in answer.text
    assert not mirror.app.faults


def test_a_mirror_may_start_with_faults(catalogue: DirectoryCatalogue) -> None:
    with serve(catalogue, faults=FaultPlan([FaultRule("status", status=503)])) as mirror:
        assert get(mirror).status_code == 503
    with pytest.raises(MirrorError, match="no fault of kind"):
        FaultRule("nonsense")  # type: ignore[arg-type]
