"""Small files that unpack to gigabytes are refused in bounded memory, whoever reads them."""

import gzip
import io
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest

from connectors.delimited import LONGEST_LINE, Field, FileLayout, Reader
from connectors.unpacking import (
    MOST_MEMBERS,
    UNREADABLE,
    Inflater,
    TooLarge,
    UnpackingLimits,
    list_members,
    open_file,
    open_member,
    unpacked,
)
from tests.connectors.bombs import gzipped, write_lying_member, write_second_member

SMALL = UnpackingLimits(bytes=10_000, ratio=10, free=1000)


def peak(code: str, *arguments: str | Path) -> int:
    """Run a program; return by how many bytes its peak memory grew from when its imports were done."""
    program = (
        "import resource, sys\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        f"{code}"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout.split()[-1])


@pytest.mark.parametrize("content", [b"", b"plain", b"a\n" * 3000])
def test_what_is_within_the_limits_is_read_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    limits = UnpackingLimits(bytes=6000, ratio=1000, free=0)
    for written in (content, gzip.compress(content), gzip.compress(content[:3]) + gzip.compress(content[3:])):
        file.write_bytes(written)
        with open_file(file, limits) as stream:
            assert stream.read() == content
        assert unpacked(written, limits) == content
        if written[:2] == b"\x1f\x8b":
            inflater = Inflater(6000)
            pieces = [piece for n in range(len(written)) for piece in inflater.feed(written[n : n + 1])]
            inflater.finish()
            assert b"".join(pieces) == content


@pytest.mark.parametrize(
    ("content", "limit"), [(b"a" * 1001, "1,000"), (bytes(range(256)) * 40, "10,000")], ids=["ratio", "bytes"]
)
def test_what_unpacks_to_more_is_refused_with_the_limit(tmp_path: Path, content: bytes, limit: str) -> None:
    packed = gzip.compress(content)
    limits = SMALL if limit == "1,000" else UnpackingLimits(bytes=10_000, ratio=10**6)
    (tmp_path / "file.gz").write_bytes(packed)
    with (
        open_file(tmp_path / "file.gz", limits) as stream,
        pytest.raises(TooLarge, match=f"more than {limit}"),
    ):
        stream.read()
    with pytest.raises(TooLarge, match=f"unpack to more than {limit} bytes"):
        unpacked(packed, limits)
    with pytest.raises(TooLarge, match=f"more than {limit}"):
        list(Inflater(limits.of(len(packed))).feed(packed))


def test_a_file_that_is_not_compressed_may_have_the_most_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a" * 10_000)
    with open_file(tmp_path / "file", SMALL) as stream:
        assert len(stream.read()) == 10_000
    (tmp_path / "file").write_bytes(b"a" * 10_001)
    with open_file(tmp_path / "file", SMALL) as stream, pytest.raises(TooLarge):
        stream.read()


def test_the_member_that_was_judged_is_the_one_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("movies.csv", "first")
            archive.writestr("movies.csv", "second")
    contents = [open_member(path, member).read() for member in list_members(path)]
    assert contents == [b"first", b"second"]


def test_a_member_that_lies_about_its_size_is_not_read_further(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write_lying_member(path, "a", b"a" * 100_000)
    (member,) = list_members(path)
    with open_member(path, member, SMALL) as stream, pytest.raises(UNREADABLE):
        stream.read()


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_zipfile_unpacks_without_a_bound_are_refused(tmp_path: Path, compression: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", compression) as archive:
        archive.writestr("a", "b")
    (member,) = list_members(tmp_path / "a.zip")
    with pytest.raises(zipfile.BadZipFile, match="neither stored nor deflated"):
        open_member(tmp_path / "a.zip", member)


@pytest.mark.parametrize(("members", "name"), [(MOST_MEMBERS + 1, "a"), (20, "a" * 60_000)])
def test_a_list_of_too_many_members_is_refused(tmp_path: Path, members: int, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for n in range(members):
            archive.writestr(f"{name}{n}", "")
    with pytest.raises(TooLarge, match="refused"):
        list_members(tmp_path / "a.zip")


def test_an_endless_line_is_set_aside_and_the_lines_around_it_are_read(tmp_path: Path) -> None:
    layout = FileLayout((Field("id", "id", "int64", required=True),))
    long = b"7" * (LONGEST_LINE + 3 * 2**20)
    for ending in (b"", b"\n2\n3\n"):
        content = b"id\n1\n" + long + ending
        lines = Reader("a.csv", lambda: io.BytesIO(content), layout, block=2**20)  # noqa: B023 - read at once
        ids = [number for batch in lines for number in batch["id"].to_pylist()]
        assert ids == ([1, 2, 3] if ending else [1])
        ((original, reason),) = lines.rejects
        assert original == "7" * 1000 + "…"
        assert "longer than 16,777,216 bytes" in reason


BULK = """
from pathlib import Path
from connectors import Malformed
from connectors.imdb.client import reader
before = peak()
rows = 0
try:
    for batch in reader(Path(sys.argv[1]), "title.ratings"):
        rows += batch.num_rows
except Malformed as error:
    assert "unpack to more than" in str(error), error
else:
    raise SystemExit("it was read to its end")
print(peak() - before)
"""


@pytest.mark.parametrize("piece", [b"a" * 2**20, b"tt0000001\t5.0\t5\n" * 2**16], ids=["one line", "lines"])
def test_a_bulk_file_that_unpacks_to_gigabytes_is_refused_in_bounded_memory(
    tmp_path: Path, piece: bytes
) -> None:
    times = 400 * 2**20 // len(piece)
    bomb = gzipped(tmp_path / "title.ratings.tsv.gz", b"tconst\taverageRating\tnumVotes\n", piece, times)
    assert bomb.stat().st_size < 2**20 * 2
    assert peak(BULK, bomb) < 300 * 2**20


ARCHIVE = """
from pathlib import Path
from connectors import MovieLens
before = peak()
source = MovieLens("http://127.0.0.1:1", Path("."))
members, notes = source._members(Path(sys.argv[1]))
(movies,) = source._reader(Path(sys.argv[1]), "ml-latest-small", members["movies"])()
assert [movie["title"] for movie in movies.to_pylist()] == ["First (1999)"], movies
assert notes == ["m/movies.csv: a second movies.csv; left aside"], notes
print(peak() - before)
"""


def test_a_second_member_of_one_name_is_really_left_aside(tmp_path: Path) -> None:
    path = tmp_path / "ml-latest-small.zip"
    write_second_member(path)
    assert peak(ARCHIVE, path) < 100 * 2**20


ANSWER = """
import asyncio
from pathlib import Path
from connectors import Malformed
from connectors.http import Http, Response
from connectors.limiter import Limiter
body = Path(sys.argv[1]).read_bytes()
async def ask(encoding):
    def handler(request):
        return Response(200, headers={"content-encoding": encoding}, stream=Stream())
    async with Http("Test", limiter=Limiter(1000), concurrency=1, transport=handler) as http:
        try:
            await http.get("http://source.test/", lambda answer: answer)
        except Malformed as error:
            return str(error)
import httpx
class Stream(httpx.AsyncByteStream):
    async def __aiter__(self):
        yield body
before = peak()
long, nested = asyncio.run(ask("gzip")), asyncio.run(ask("gzip, gzip"))
assert "longer than 67,108,864 bytes" in long, long
assert "which was not asked for" in nested, nested
print(peak() - before)
"""


def test_an_answer_that_unpacks_to_gigabytes_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    bomb = gzipped(tmp_path / "answer", b"[", b" " * 2**20, 600)
    assert peak(ANSWER, bomb) < 200 * 2**20
