"""IMDb's and MovieLens' files over real HTTP: validators, ranges, checksums."""

import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.mirror import DirectoryCatalogue, serve
from tests.connectors.mirror.conftest import Client
from tests.connectors.mirror.records import DAY

BULK = ["/imdb/title.ratings.tsv.gz", "/movielens/ml-tiny.zip"]


@pytest.mark.parametrize("path", BULK)
def test_a_bulk_file_unchanged_answers_304(client: Client, path: str) -> None:
    whole = client.get(path)
    assert whole.status_code == 200
    assert int(whole.headers["content-length"]) == len(whole.content)
    tag, modified = whole.headers["etag"], whole.headers["last-modified"]
    for headers, status in (
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": f'"other", {tag}'}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Modified-Since": "Mon, 01 Jan 1990 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "long ago"}, 200),
    ):
        answer = client.get(path, headers=headers)
        assert answer.status_code == status, headers
        assert answer.headers["etag"] == tag
        assert answer.content == (whole.content if status == 200 else b"")


@pytest.mark.parametrize("path", BULK)
def test_a_bulk_file_changed_has_other_validators(client: Client, tmp_path: Path, path: str) -> None:
    before = client.get(path)
    file = tmp_path / "records" / path.lstrip("/")
    file.write_bytes(file.read_bytes() + b"more")
    answer = client.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert answer.status_code == 200
    assert answer.content == before.content + b"more"


@pytest.mark.parametrize("path", BULK)
def test_a_download_can_be_resumed(client: Client, path: str) -> None:
    whole = client.get(path)
    body, size = whole.content, len(whole.content)
    for wanted, start, stop in (
        ("10-", 10, size),
        ("0-4", 0, 5),
        ("-7", size - 7, size),
        ("5-99999", 5, size),
    ):
        answer = client.get(path, headers={"Range": f"bytes={wanted}"})
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
        assert answer.content == body[start:stop]
    tag = whole.headers["etag"]
    assert client.get(path, headers={"Range": "bytes=10-", "If-Range": tag}).status_code == 206
    assert client.get(path, headers={"Range": "bytes=10-", "If-Range": '"older"'}).content == body
    beyond = client.get(path, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert client.get(path, headers={"Range": "bytes=1-2,4-5"}).content == body


def test_a_movielens_set_has_its_md5_beside_it(client: Client) -> None:
    archive = client.get("/movielens/ml-tiny.zip").content
    assert zipfile.ZipFile(io.BytesIO(archive)).namelist() == ["ml-tiny/movies.csv"]
    digest = hashlib.md5(archive, usedforsecurity=False).hexdigest()
    assert client.get("/movielens/ml-tiny.zip.md5").text == f"MD5 (ml-tiny.zip) = {digest}\n"


@pytest.mark.parametrize(
    "path",
    ["/imdb/title.basics.tsv.gz", "/imdb/title.ratings", "/movielens/ml-25m.zip", "/movielens/ml-tiny"],
)
def test_a_file_that_is_not_there_answers_404(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


class BytesCatalogue(DirectoryCatalogue):
    """A catalogue whose bulk files are bytes that change with its days, as a generated one's are."""

    def imdb_file(self, name: str) -> Any:
        return gzip.compress(str(self.today()).encode(), mtime=0)

    def movielens_zip(self, name: str) -> Any:
        return b"zip" * 200_000


def test_bulk_files_may_be_bytes(write_directory: Callable[..., Path]) -> None:
    with serve(BytesCatalogue(write_directory(), today=DAY)) as mirror:
        client = Client(mirror)
        with client.session:
            first = client.get("/imdb/title.ratings.tsv.gz")
            assert gzip.decompress(first.content) == str(DAY).encode()
            fresh = {"If-None-Match": first.headers["etag"]}
            assert client.get("/imdb/title.ratings.tsv.gz", headers=fresh).status_code == 304
            since = {"If-Modified-Since": first.headers["last-modified"]}
            assert client.get("/imdb/title.ratings.tsv.gz", headers=since).status_code == 304
            mirror.advance(1)
            assert client.get("/imdb/title.ratings.tsv.gz", headers=fresh).status_code == 200
            later = client.get("/imdb/title.ratings.tsv.gz", headers=since)
            assert later.status_code == 200
            assert parsedate_to_datetime(later.headers["last-modified"]).date() == DAY + timedelta(days=1)
            assert client.get("/movielens/ml-32m.zip").content == b"zip" * 200_000
            assert client.get("/movielens/ml-32m.zip.md5").text.endswith("  ml-32m.zip\n")
