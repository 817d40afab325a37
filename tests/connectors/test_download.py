"""Downloads over real HTTP: resumed, conditional, verified."""

import hashlib
from pathlib import Path

import pytest

from connectors import Damaged, NotFound, RetryPolicy, ServerFailed, SourceUnreachable
from connectors.download import Downloader
from connectors.mirror import FaultRule, Mirror
from tests.connectors.sources import Clock, SmallCatalogue

CONTENT = bytes(range(256)) * 20_000


def downloader(directory: Path, clock: Clock | None = None) -> Downloader:
    return Downloader("IMDb", directory, sleep=(clock or Clock()).advance, read_timeout=0.5)


@pytest.fixture
def url(catalogue: SmallCatalogue, mirror: Mirror) -> str:
    catalogue.imdb["title.basics"] = CONTENT
    return f"{mirror.url}/imdb/title.basics.tsv.gz"


def requests_of(mirror: Mirror) -> list[int]:
    return [status for _, status in mirror.log()["requests"]]


def test_a_file_arrives_whole_with_its_hash_and_version(tmp_path: Path, url: str) -> None:
    found = downloader(tmp_path).file(url)
    assert found is not None
    assert found.path == tmp_path / "title.basics.tsv.gz"
    assert found.path.read_bytes() == CONTENT
    assert found.version.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert found.version.etag
    assert found.version.last_modified
    assert not list(tmp_path.glob("*.part*"))


def test_an_unchanged_file_is_not_fetched_again(tmp_path: Path, url: str, mirror: Mirror) -> None:
    first = downloader(tmp_path).file(url)
    assert first is not None
    assert downloader(tmp_path).file(url, cursor=first.version.cursor()) is None
    first.path.unlink()  # even when it was tidied away
    assert downloader(tmp_path).file(url, cursor=first.version.cursor()) is None
    assert requests_of(mirror) == [200, 304, 304]


def test_a_file_that_arrived_but_never_landed_is_taken_from_disk(
    tmp_path: Path, url: str, mirror: Mirror
) -> None:
    downloader(tmp_path).file(url)
    again = downloader(tmp_path).file(url, cursor=None)
    assert again is not None
    assert again.path.read_bytes() == CONTENT
    assert requests_of(mirror) == [200, 304]


def test_a_new_version_replaces_the_old_one(tmp_path: Path, url: str, catalogue: SmallCatalogue) -> None:
    first = downloader(tmp_path).file(url)
    assert first is not None
    catalogue.imdb["title.basics"] = CONTENT + b"more"
    second = downloader(tmp_path).file(url, cursor=first.version.cursor())
    assert second is not None
    assert second.path.read_bytes() == CONTENT + b"more"


def test_the_same_bytes_under_a_new_name_are_not_a_new_version(tmp_path: Path, url: str) -> None:
    first = downloader(tmp_path).file(url)
    assert first is not None
    cursor = {**first.version.cursor(), "etag": '"of another server"', "last_modified": None}
    downloader(tmp_path).forget(url)
    assert downloader(tmp_path).file(url, cursor=cursor) is None


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_a_download_that_breaks_off_continues_where_it_stopped(
    tmp_path: Path, url: str, mirror: Mirror, kind: str
) -> None:
    mirror.set_faults(FaultRule(kind, first=2, after_bytes=1_500_000))  # type: ignore[arg-type]
    found = downloader(tmp_path).file(url)
    assert found is not None
    assert found.path.read_bytes() == CONTENT
    if kind == "cut":  # a reset may take with it what had arrived but was not yet read
        assert requests_of(mirror)[-1] == 206


def test_another_run_continues_what_this_one_could_not_finish(
    tmp_path: Path, url: str, mirror: Mirror
) -> None:
    mirror.set_faults(FaultRule("cut", after_bytes=1_500_000))
    short = Downloader("IMDb", tmp_path, retry=RetryPolicy(attempts=1))
    with pytest.raises(Exception, match=r"title\.basics"):
        short.file(url)
    assert (tmp_path / "title.basics.tsv.gz.part").stat().st_size >= 1_000_000
    mirror.set_faults()
    mirror.clear_log()
    found = downloader(tmp_path).file(url)
    assert found is not None
    assert found.path.read_bytes() == CONTENT
    assert requests_of(mirror) == [206]


def test_a_file_that_changed_meanwhile_is_not_glued_together(
    tmp_path: Path, url: str, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    mirror.set_faults(FaultRule("cut", after_bytes=1_500_000))
    with pytest.raises(Exception, match=r"title\.basics"):
        Downloader("IMDb", tmp_path, retry=RetryPolicy(attempts=1)).file(url)
    mirror.set_faults()
    catalogue.imdb["title.basics"] = CONTENT[::-1]
    found = downloader(tmp_path).file(url)
    assert found is not None
    assert found.path.read_bytes() == CONTENT[::-1]


def test_what_does_not_verify_is_fetched_afresh_and_then_refused(
    tmp_path: Path, url: str, mirror: Mirror
) -> None:
    def never(path: Path) -> None:
        raise Damaged(f"{path.name} is not what was announced")

    with pytest.raises(Damaged, match="announced"):
        downloader(tmp_path).file(url, verify=never)
    assert requests_of(mirror) == [200, 200, 200]
    assert not list(tmp_path.iterdir()) or [p.name for p in tmp_path.iterdir()] == [
        "title.basics.tsv.gz.part.json"
    ]


def test_a_server_that_recovers_costs_waiting_only(tmp_path: Path, url: str, mirror: Mirror) -> None:
    clock = Clock()
    mirror.set_faults(FaultRule("status", status=503, retry_after=7, first=1), FaultRule("hang", first=1))
    assert downloader(tmp_path, clock).file(url) is not None
    assert clock.slept[0] == 7
    assert len(clock.slept) == 2


def test_a_server_that_does_not_recover_is_named(tmp_path: Path, url: str, mirror: Mirror) -> None:
    mirror.set_faults(FaultRule("status", status=500))
    with pytest.raises(ServerFailed, match=r"title\.basics\.tsv\.gz: HTTP 500"):
        downloader(tmp_path).file(url)


def test_a_file_that_does_not_exist_is_said_so(tmp_path: Path, mirror: Mirror) -> None:
    with pytest.raises(NotFound, match="no such file"):
        downloader(tmp_path).file(f"{mirror.url}/imdb/title.nothing.tsv.gz")
    assert downloader(tmp_path).text(f"{mirror.url}/imdb/title.nothing.tsv.gz") is None


def test_an_address_where_nobody_listens_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match=r"IMDb cannot be reached: http://127\.0\.0\.1:9/x\.gz"):
        downloader(tmp_path).file("http://user:secret@127.0.0.1:9/x.gz")


def test_what_is_no_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="not a usable address"):
        downloader(tmp_path).file("nowhere/x.gz")
