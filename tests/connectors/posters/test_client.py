"""Posters, over real HTTP: stored once, verified, or recorded with the reason."""

import asyncio
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import PIL.Image
import pyarrow as pa
import pytest

from connectors import Posters, SourceUnreachable
from connectors.http import Request, Response
from connectors.mirror import FaultRule, Mirror
from connectors.posters import POSTER_COLUMNS
from tests.connectors.sources import Clock, SmallCatalogue, jpeg


def wanted(*rows: tuple[int, str]) -> pa.Table:
    return pa.table(
        {
            "tmdb_id": pa.array([row[0] for row in rows], pa.int64()),
            "poster_path": pa.array([row[1] for row in rows], pa.string()),
        }
    )


def fetch(posters: Posters, table: pa.Table, batch_size: int = 200) -> dict[int, dict[str, Any]]:
    async def run() -> dict[int, dict[str, Any]]:
        async with posters:
            tables = [batch async for batch in posters.fetch(table, batch_size)]
        assert all(t.schema.equals(POSTER_COLUMNS) for t in tables)
        return {row["tmdb_id"]: row for t in tables for row in t.to_pylist()}

    return asyncio.run(run())


def answering(content: bytes, directory: Path, **options: Any) -> Posters:
    return Posters(
        directory,
        "http://images.test/t/p",
        transport=lambda request: Response(200, content=content),
        **options,
    )


def png(size: tuple[int, int], mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new(mode, size).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_poster_is_stored_under_its_hash_in_the_size_asked_for(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    catalogue.posters["/a.jpg"] = jpeg(500, 750)
    posters = Posters(tmp_path, f"{mirror.url}/t/p", size="w92", requests_per_second=1000)
    row = fetch(posters, wanted((1, "/a.jpg")))[1]
    assert (row["state"], row["format"], row["width"], row["height"]) == ("stored", "JPEG", 92, 138)
    file = tmp_path / row["sha256"][:2] / f"{row['sha256']}.jpg"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == row["sha256"]
    assert file.stat().st_size == row["bytes"]
    assert [path for path, _ in mirror.log()["requests"]] == ["/t/p/w92/a.jpg"]
    assert [path.name for path in tmp_path.iterdir()] == [row["sha256"][:2]]


def test_a_path_is_fetched_once_for_all_its_movies_and_equal_bytes_are_one_file(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    catalogue.posters["/a.jpg"] = catalogue.posters["/b.jpg"] = jpeg()
    posters = Posters(tmp_path, f"{mirror.url}/t/p", requests_per_second=1000)
    rows = fetch(posters, wanted((1, "/a.jpg"), (2, "/a.jpg"), (3, "/b.jpg")))
    assert {row["state"] for row in rows.values()} == {"stored"}
    assert rows[1]["sha256"] == rows[2]["sha256"] == rows[3]["sha256"]
    assert len(list(tmp_path.glob("*/*.jpg"))) == 1
    assert len(mirror.log()["requests"]) == 2


def test_a_poster_that_the_host_does_not_have_is_missing(tmp_path: Path, mirror: Mirror) -> None:
    row = fetch(Posters(tmp_path, f"{mirror.url}/t/p"), wanted((1, "/gone.jpg")))[1]
    assert (row["state"], row["sha256"]) == ("missing", None)
    assert "HTTP 404" in row["reason"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"<!DOCTYPE html><title>Not found</title>", "not an image"),
        (jpeg()[:2000], "does not decode"),
        (jpeg()[:100], "does not decode"),
        (png((8000, 6000)), "pixels are more than"),
        (png((30_000, 30_000), "1"), "too many pixels"),
        (b"GIF89a" + bytes(3), "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    ],
)
def test_what_is_no_usable_image_is_bad_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    row = fetch(answering(content, tmp_path), wanted((1, "/a.jpg")))[1]
    assert row["state"] == "bad"
    assert reason in row["reason"]
    assert list(tmp_path.rglob("*.*")) == []


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_grey_and_cmyk_posters_are_as_good_as_any(tmp_path: Path, mode: str) -> None:
    assert fetch(answering(jpeg(mode=mode), tmp_path), wanted((1, "/a.jpg")))[1]["state"] == "stored"


@pytest.mark.parametrize(("format_", "suffix"), [("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif")])
def test_other_formats_keep_their_own_suffix(tmp_path: Path, format_: str, suffix: str) -> None:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (20, 30)).save(buffer, format_)
    row = fetch(answering(buffer.getvalue(), tmp_path), wanted((1, "/a.jpg")))[1]
    assert (row["state"], row["format"]) == ("stored", format_)
    assert len(list(tmp_path.glob(f"*/*.{suffix}"))) == 1


def test_a_file_larger_than_allowed_is_not_read_to_its_end(tmp_path: Path) -> None:
    row = fetch(answering(jpeg() * 100, tmp_path, most_bytes=10_000), wanted((1, "/a.jpg")))[1]
    assert (row["state"], "larger than 10,000 bytes" in row["reason"]) == ("bad", True)
    assert list(tmp_path.iterdir()) == []


def test_a_host_in_trouble_makes_no_poster_bad(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    catalogue.posters["/a.jpg"] = catalogue.posters["/b.jpg"] = jpeg()
    mirror.set_faults(FaultRule("status", match="a.jpg", status=503))
    clock = Clock()

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        await asyncio.sleep(0)

    posters = Posters(tmp_path, f"{mirror.url}/t/p", requests_per_second=1000, sleep=sleep)
    rows = fetch(posters, wanted((1, "/a.jpg"), (2, "/b.jpg")))
    assert list(rows) == [2]
    assert "HTTP 503" in posters.unfetched["/a.jpg"]


def test_a_poster_that_breaks_off_is_fetched_again(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    catalogue.posters["/a.jpg"] = jpeg()
    mirror.set_faults(FaultRule("cut", first=1, after_bytes=500), FaultRule("reset", first=1))
    posters = Posters(tmp_path, f"{mirror.url}/t/p", requests_per_second=1000)
    assert fetch(posters, wanted((1, "/a.jpg")))[1]["state"] == "stored"
    assert len(list(tmp_path.iterdir())) == 1


def test_rows_without_a_path_are_passed_over(tmp_path: Path) -> None:
    table = pa.table({"tmdb_id": [1], "poster_path": pa.array([None], pa.string())})
    assert fetch(answering(b"", tmp_path), table) == {}


def test_strange_paths_stay_within_the_host(tmp_path: Path) -> None:
    seen: list[str] = []

    def handler(request: Request) -> Response:
        seen.append(str(request.url))
        return Response(404)

    posters = Posters(tmp_path, "http://images.test/t/p", transport=handler)
    fetch(posters, wanted((1, "/a b?.jpg"), (2, "//evil.test/x.jpg"), (3, "/../../etc")))
    assert all(url.startswith("http://images.test/") for url in seen)
    assert "http://images.test/t/p/w185/a%20b%3F.jpg" in seen


def test_an_unreachable_host_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match="image host cannot be reached"):
        fetch(Posters(tmp_path, "http://127.0.0.1:9/t/p", sleep=Clock().sleep), wanted((1, "/a.jpg")))


def test_what_a_killed_process_left_behind_is_cleaned(tmp_path: Path) -> None:
    posters = answering(jpeg(), tmp_path)
    left = posters.store.temporary()
    left.write_bytes(b"half")
    at_work = posters.store.temporary()
    os.utime(left, (1, 1))
    assert fetch(posters, wanted((1, "/a.jpg")))[1]["state"] == "stored"
    assert not left.exists()
    assert at_work.exists()
    assert posters.store.clean(older_than=0) == 1


@pytest.mark.real_data
def test_real_broken_images_are_told_from_real_strange_ones(tmp_path: Path, shared_data: Path) -> None:
    states = {}
    for image in sorted((shared_data / "dirty" / "images").glob("*.jpg")):
        states[image.stem] = fetch(answering(image.read_bytes(), tmp_path), wanted((1, "/a.jpg")))[1]["state"]
    bad = {name for name, state in states.items() if state == "bad"}
    assert bad == {"empty", "html-instead", "truncated"}
    assert len(states) == 13
