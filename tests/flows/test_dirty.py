"""Real broken files through the mirror and the command line: bad rows are set aside, no good one is lost."""

import csv
import gzip
import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.mirror import DirectoryCatalogue, serve
from tests.flows.commandline import Run, runner
from warehouse import Location, Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.real_data]

COMMAS = {2031, 80584, 102529, 113195, 117845, 128067, 164089, 167482, 185463}
"""Movies of ml-25m whose title holds commas without quotes."""


def text(path: Path, encoding: str = "utf-8") -> str:
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode(encoding)


@pytest.fixture(scope="module")
def served(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dirty files in the layout that `reelhouse mirror` serves."""
    dirty, root = shared_data / "dirty", tmp_path_factory.mktemp("served")
    (root / "movielens").mkdir()
    members = {
        "ml-1m": {"movies.dat": (dirty / "movielens/ml-1m-movies.dat").read_bytes()},
        "ml-25m": {
            "movies.csv": text(dirty / "movielens/ml-25m-movies.csv.gz").encode(),
            "links.csv": text(dirty / "movielens/ml-25m-links.csv.gz").encode(),
        },
    }
    for name, files in members.items():
        with zipfile.ZipFile(root / f"movielens/{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in files.items():
                archive.writestr(f"{name}/{member}", content)
    images = sorted((dirty / "images").iterdir())
    (root / "posters").mkdir()
    for image in images:
        (root / "posters" / image.name).write_bytes(image.read_bytes())
    rows = [["file", "imdb_id", "tmdb_id"]]
    rows += [[image.name, f"tt{9_000_000 + number}", ""] for number, image in enumerate(images)]
    with (root / "posters/manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return root


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dirty") / "home"


@pytest.fixture
def reelhouse(
    served: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """The command line before the mirror; the first test that asks has everything ingested."""
    with serve(DirectoryCatalogue(served)) as mirror:
        changes = {**mirror.env(), "REELHOUSE_CONFIG": os.devnull, "REELHOUSE_MOVIELENS_SETS": "ml-1m,ml-25m"}
        for name, value in changes.items():
            monkeypatch.setenv(name, value)
        run = runner(home, monkeypatch, capfd)
        if not home.exists():
            said = run("ingest", "movielens", "tmdb")
            assert said.code == 0, said.err
        yield run


def rows(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        return [tuple(row.values()) for row in warehouse.query(sql).to_pylist()]


PARTS = "SELECT movielens_id, split_key, bucket FROM core.movies WHERE movielens_id IS NOT NULL"
SET_ASIDE = "SELECT source, table_name, reason, original FROM ops.quarantine ORDER BY original"


def test_the_nine_malformed_lines_are_set_aside_as_they_were(reelhouse: Run, home: Path, shared_data: Path):
    lines = text(shared_data / "dirty/movielens/ml-25m-movies.csv.gz").splitlines()
    bad = sorted(line for line in lines if line.split(",")[0] in {str(number) for number in COMMAS})
    assert len(bad) == 9
    expected = [
        ("movielens", "raw.movielens_movies", f"{len(line.split(','))} fields instead of 3", line)
        for line in bad
    ]
    assert rows(home, SET_ASIDE) == expected
    assert sorted(reason for _, _, reason, _ in expected).count("4 fields instead of 3") == 8


def test_every_other_row_is_in_raw(reelhouse: Run, home: Path):
    counts = "SELECT dataset, count(*), count(DISTINCT movielens_id) FROM raw.{} GROUP BY ALL ORDER BY ALL"
    assert rows(home, counts.format("movielens_movies")) == [
        ("ml-1m", 3_883, 3_883),
        ("ml-25m", 62_414, 62_414),
    ]
    assert rows(home, counts.format("movielens_links")) == [("ml-25m", 62_316, 62_316)]


def test_every_good_row_is_in_core_with_the_ids_that_its_file_gives(
    reelhouse: Run, home: Path, shared_data: Path
):
    folder = shared_data / "dirty/movielens"
    good = {
        int(row["movieId"]): row
        for row in csv.DictReader(io.StringIO(text(folder / "ml-25m-movies.csv.gz")))
        if int(row["movieId"]) not in COMMAS
    }
    old = {int(line.split("::")[0]) for line in text(folder / "ml-1m-movies.dat", "latin-1").splitlines()}
    links = {
        int(row["movieId"]): (f"tt{row['imdbId']}", int(row["tmdbId"]) if row["tmdbId"] else None)
        for row in csv.DictReader(io.StringIO(text(folder / "ml-25m-links.csv.gz")))
    }
    linked: dict[int, list[int]] = {}
    for number, (_, tmdb_id) in sorted(links.items()):
        if tmdb_id is not None and number in good:
            linked.setdefault(tmdb_id, []).append(number)
    expected = {number: links.get(number, (None, None)) for number in {*good, *old}}
    losers = [number for numbers in linked.values() for number in numbers[1:]]
    for number in losers:
        expected[number] = (expected[number][0], None)
    found = {
        movielens_id: (imdb_id, tmdb_id)
        for movielens_id, imdb_id, tmdb_id in rows(
            home, "SELECT movielens_id, imdb_id, tmdb_id FROM core.movies WHERE movielens_id IS NOT NULL"
        )
    }
    assert len(found) == len(expected) == 62_449, "35 movies are in the 1M set only"
    assert {number: ids for number, ids in found.items() if ids != expected.get(number)} == {}
    assert 2031 in found, "the 1M set has it whole"
    eight = [imdb_id for imdb_id, _ in found.values() if imdb_id and len(imdb_id) == 10]
    assert len(eight) == 130
    assert len(losers) == 35
    conflicts = rows(home, "SELECT lost_record, source_id, won_record FROM core.id_conflicts ORDER BY ALL")
    assert conflicts == sorted(
        (f"movielens:{loser}", str(tmdb_id), f"movielens:{winner}")
        for tmdb_id, (winner, *others) in linked.items()
        for loser in others
    )
    placed = {number: part for number, *part in rows(home, PARTS)}
    assert all(placed[loser] == placed[linked[links[loser][1]][0]] for loser in losers)


def test_titles_come_out_clean(reelhouse: Run, home: Path, shared_data: Path):
    titles = dict(rows(home, "SELECT movielens_id, title FROM core.movies WHERE movielens_id IS NOT NULL"))
    assert titles[1] == "Toy Story"
    assert all(title and title == title.strip() and "\ufffd" not in title for title in titles.values())
    assert not [title for title in titles.values() if re.search(r", (The|A|An)$", title)]
    latin = {
        line.split("::")[1]
        for line in text(shared_data / "dirty/movielens/ml-1m-movies.dat", "latin-1").splitlines()
        if re.search("[À-ÿ]", line)
    }
    assert len(latin) == 49
    landed = rows(home, "SELECT title FROM raw.movielens_movies WHERE dataset = 'ml-1m'")
    assert latin <= {title for (title,) in landed}


def test_pictures_are_stored_or_named_with_what_is_wrong_with_them(reelhouse: Run, home: Path):
    found = {
        path.strip("/"): (state, reason)
        for path, state, reason in rows(home, "SELECT poster_path, state, reason FROM ops.poster_files")
    }
    good = {f"{kind}-{number}.jpg" for kind in ("cmyk", "l") for number in range(1, 6)}
    assert {path for path, (state, _) in found.items() if state == "stored"} == good
    bad = {path: reason.split(":")[0] for path, (state, reason) in found.items() if state == "bad"}
    assert bad == {
        "empty.jpg": "empty file",
        "html-instead.jpg": "not an image (starts with b'<html><head><tit')",
        "truncated.jpg": "does not decode",
    }
    assert len(found) == 13
    assert rows(home, "SELECT count(*), count(DISTINCT sha256) FROM core.posters") == [(10, 10)]


def test_a_replay_without_a_fix_leaves_each_bad_line_once(reelhouse: Run, home: Path):
    before = rows(home, SET_ASIDE)
    said = reelhouse("quarantine", "replay")
    assert said.code == 0, said.err
    assert "9 set aside again" in said.err
    assert rows(home, SET_ASIDE) == before
    listed = reelhouse("quarantine", "list").out
    assert re.search(r"\b8  raw.movielens_movies  4 fields instead of 3", listed)
