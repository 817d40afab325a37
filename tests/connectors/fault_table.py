"""Every fault that a source is known for, and what comes of it: a table.

    python -m tests.connectors.fault_table [DIRECTORY OF REAL RECORDS]

Each case breaks one thing among many good ones, over real HTTP against the mirror, and says what became of
the broken thing and whether all the good ones arrived. Waiting is recorded instead of done. The test of the
same name runs the same cases and compares them with what is expected here.
"""

import gzip
import json
import sys
from pathlib import Path

from connectors.mirror import FaultRule
from tests.connectors.fault_bench import (
    BROKEN,
    IDS,
    MANY_LINES,
    ML_MOVIES,
    MOVIE,
    Case,
    Kind,
    answers,
    asking,
    bench,
    changes,
    claiming,
    connect_timeout,
    discover,
    encrypted,
    export,
    export_lines,
    export_with_rejects,
    imdb,
    movielens,
    movies,
    moving_pages,
    png,
    poster,
    ratings,
    refused_connection,
    status_of,
)
from tests.connectors.sources import archive, jpeg

CASES: dict[str, tuple[Kind, Case]] = {
    "429, Retry-After: 2": ("retried", movies(status_of(429, retry_after=2, first=1))),
    "429, Retry-After: a date 5 s ahead": ("retried", movies(status_of(429, retry_after="date:5", first=1))),
    "429, Retry-After: 0": ("retried", movies(status_of(429, retry_after="0", first=1))),
    "429 without Retry-After": ("retried", movies(status_of(429, first=1))),
    "429, Retry-After: a day (capped)": ("retried", movies(status_of(429, retry_after=86_400, first=1))),
    "429, Retry-After: nonsense": ("retried", movies(status_of(429, retry_after="soon", first=1))),
    "500 once": ("retried", movies(status_of(500, first=1))),
    "503 twice": ("retried", movies(status_of(503, first=2))),
    "504 once": ("retried", movies(status_of(504, first=1))),
    "500 for good": ("quarantined", movies(status_of(500))),
    "401": ("stopped", movies(status_of(401))),
    "404: merged or deleted": ("recorded", movies(status_of(404))),
    "422": ("quarantined", movies(status_of(422))),
    "no one listens": ("stopped", refused_connection),
    "connect timeout": ("stopped", connect_timeout),
    "read timeout": ("retried", movies(FaultRule("hang", match=MOVIE, first=1))),
    "read timeout for good": ("quarantined", movies(FaultRule("hang", match=MOVIE))),
    "reset before the answer": ("retried", movies(FaultRule("reset", match=MOVIE, first=1))),
    "reset within the answer": ("retried", movies(FaultRule("reset", match=MOVIE, first=1, after_bytes=99))),
    "connection closed within": ("retried", movies(FaultRule("cut", match=MOVIE, first=1, after_bytes=99))),
    "JSON cut short once": ("retried", movies(FaultRule("truncate", match=MOVIE, first=1))),
    "JSON cut short for good": ("quarantined", movies(FaultRule("truncate", match=MOVIE))),
    "HTML with status 200": ("quarantined", movies(FaultRule("html", match=MOVIE))),
    "JSON labelled text/plain": ("accepted", movies(FaultRule("content_type", match=MOVIE))),
    "gzip answer cut short": ("quarantined", movies(FaultRule("gzip_cut", match=MOVIE))),
    "the request's headers instead": ("quarantined", movies(FaultRule("echo", match=MOVIE))),
    "a new field": ("accepted", movies(FaultRule("edit", match=MOVIE, set={"softcore": {"deep": [1]}}))),
    "a missing field": ("accepted", movies(FaultRule("edit", match=MOVIE, drop=["title", "runtime"]))),
    "a changed type": ("accepted", movies(FaultRule("edit", match=MOVIE, set={"runtime": "90 min"}))),
    "the id missing": ("quarantined", movies(FaultRule("edit", match=MOVIE, drop=["id"]))),
    "the id a text": ("quarantined", movies(FaultRule("edit", match=MOVIE, set={"id": "7"}))),
    "the answer to another id": ("quarantined", movies(FaultRule("edit", match=MOVIE, set={"id": 8}))),
    "changes: null ids": (
        "accepted",
        asking(
            changes,
            [n for n in IDS if n != 3],
            FaultRule("edit", match="changes", set={"results.2.id": None}),
        ),
    ),
    "changes: a page of HTML for good": (
        "stopped",
        asking(changes, None, FaultRule("html", match="changes")),
    ),
    "discover: total_pages 400 of 1": (
        "accepted",
        asking(discover, list(IDS), FaultRule("edit", match="discover", set={"total_pages": 400})),
    ),
    "discover: total_pages missing": (
        "accepted",
        asking(discover, list(IDS), FaultRule("edit", match="discover", drop=["total_pages"])),
    ),
    "discover: rows move between pages": (
        "accepted",
        asking(discover, [1, 2, 3, 4, 5, 6], transport=moving_pages),
    ),
    "export: not there yet": (
        "accepted",
        asking(export, None, FaultRule("status", match="export", status=403)),
    ),
    "export: cut short once": (
        "retried",
        asking(export, list(IDS), FaultRule("truncate", match="export", first=1)),
    ),
    "export: cut short for good": ("stopped", asking(export, None, FaultRule("truncate", match="export"))),
    "export: lines that are no ids": (
        "accepted",
        asking(export_with_rejects, (list(IDS), 4), transport=export_lines),
    ),
    "image: not there": ("recorded", poster(None)),
    "image: empty": ("recorded", poster(b"")),
    "image: HTML": ("recorded", poster(b"<!DOCTYPE html><title>Sorry</title>")),
    "image: cut short": ("recorded", poster(jpeg()[:3000])),
    "image: 30,000 × 30,000 pixels": ("recorded", poster(png(30_000, 30_000))),
    "image: CMYK": ("accepted", poster(jpeg(mode="CMYK"))),
    "image: connection closed within": (
        "retried",
        poster(b"", FaultRule("cut", match=f"/{BROKEN}.jpg", first=1, after_bytes=500)),
    ),
    "IMDb: download cut": (
        "resumed",
        imdb(ratings(lines=MANY_LINES), FaultRule("cut", first=1, after_bytes=600_000), good=60_000),
    ),
    "IMDb: 503, Retry-After: 9": (
        "retried",
        imdb(ratings(), FaultRule("status", status=503, retry_after=9, first=1)),
    ),
    "IMDb: gzip cut short": ("stopped", imdb(ratings()[:80])),
    "IMDb: HTML with status 200": ("stopped", imdb(ratings(), FaultRule("html"))),
    "IMDb: too few fields": ("quarantined", imdb(ratings(b"tt99\t7\n"))),
    "IMDb: no UTF-8": ("quarantined", imdb(ratings(b"tt\xff\t7.0\t1\n"))),
    "IMDb: a quote": ("accepted", imdb(ratings(b'tt"99\t7.0\t1\n'), good=len(IDS) + 1)),
    "IMDb: a word for a number": ("quarantined", imdb(ratings(b"tt99\tseven\t1\n"))),
    "IMDb: a new column": (
        "accepted",
        imdb(
            ratings(
                header="tconst\tweight\taverageRating\tnumVotes\n",
                lines="".join(f"tt{n}\tx\t6.5\t1\n" for n in IDS),
            )
        ),
    ),
    "IMDb: a missing column": (
        "accepted",
        imdb(ratings(header="tconst\tnumVotes\n", lines="".join(f"tt{n}\t1\n" for n in IDS))),
    ),
    "IMDb: the key column missing": (
        "stopped",
        imdb(ratings(header="title\tnumVotes\n", lines="x\t1\n")),
    ),
    "MovieLens: md5 mismatch once": (
        "retried",
        movielens(archive({"m/movies.csv": ML_MOVIES}), FaultRule("corrupt", match="zip$", first=1)),
    ),
    "MovieLens: md5 mismatch for good": (
        "stopped",
        movielens(archive({"m/movies.csv": ML_MOVIES}), FaultRule("corrupt", match="zip$")),
    ),
    "MovieLens: no .md5 beside it": (
        "accepted",
        movielens(archive({"m/movies.csv": ML_MOVIES}), FaultRule("status", match="md5", status=404)),
    ),
    "MovieLens: ../ in a name": (
        "left aside",
        movielens(archive({"../links.csv": "movieId,imdbId,tmdbId\n", "m/movies.csv": ML_MOVIES})),
    ),
    "MovieLens: a bomb": ("stopped", movielens(archive({"m/movies.csv": b"0" * 70_000_000}))),
    "MovieLens: a bomb of 10 GB": ("stopped", movielens(claiming(10 * 2**30))),
    "MovieLens: a bomb that claims 1 kB": ("stopped", movielens(claiming(1000))),
    "MovieLens: the zip cut short": (
        "stopped",
        movielens(archive({"m/movies.csv": ML_MOVIES})[:150], FaultRule("status", match="md5", status=404)),
    ),
    "MovieLens: a member encrypted": ("stopped", movielens(encrypted())),
    "MovieLens: no tags.csv": (
        "accepted",
        movielens(archive({"m/movies.csv": ML_MOVIES}), table="tags", good=0),
    ),
    "MovieLens: no table at all": ("stopped", movielens(archive({"README.txt": "terms"}))),
    "MovieLens: too many commas": (
        "quarantined",
        movielens(archive({"m/movies.csv": ML_MOVIES + "99,Patrik 1,5 (2008),Comedy\n"})),
    ),
    "MovieLens: an odd quote": (
        "quarantined",
        movielens(archive({"m/movies.csv": ML_MOVIES.replace("5,", '99,"Open (2001),Drama\n5,', 1)})),
    ),
    "MovieLens: Latin-1": (
        "accepted",
        movielens(
            archive(
                {"m/movies.dat": "".join(f"{n}::Café {n} (1999)::Drama\n" for n in IDS).encode("latin-1")}
            ),
            name="ml-1m",
        ),
    ),
}
"""The fault → what is to come of it, and the case that shows it."""


def real_cases(data: Path) -> dict[str, tuple[Kind, Case]]:
    """Cases of the broken input in a directory of real records."""
    lines = data / "dirty" / "movielens"
    movies = gzip.decompress((lines / "ml-25m-movies.csv.gz").read_bytes())
    links = gzip.decompress((lines / "ml-25m-links.csv.gz").read_bytes())
    old = (lines / "ml-1m-movies.dat").read_bytes()
    whole = len(movies.splitlines()) - 1
    cases: dict[str, tuple[Kind, Case]] = {
        "real ml-25m movies.csv": (
            "quarantined",
            movielens(archive({"m/movies.csv": movies}), good=whole - 9),
        ),
        "real ml-25m links.csv": (
            "accepted",
            movielens(archive({"m/links.csv": links}), table="links", good=len(links.splitlines()) - 1),
        ),
        "real ml-1m movies.dat": (
            "accepted",
            movielens(archive({"m/movies.dat": old}), good=len(old.splitlines()), name="ml-1m"),
        ),
    }
    for image in sorted((data / "dirty" / "images").iterdir()):
        decodes = image.name.startswith(("cmyk", "l-"))
        cases[f"real image {image.name}"] = (
            "accepted" if decodes else "recorded",
            poster(image.read_bytes()),
        )
    with gzip.open(data / "tmdb" / "recorded.jsonl.gz", "rt") as recorded:
        cases["real recorded answers"] = ("accepted", answers([json.loads(line) for line in recorded]))
    return cases


def main() -> None:
    """Run all cases and print the table; with a directory of real records, those of its broken ones too."""
    cases = dict(CASES)
    if len(sys.argv) > 1:
        cases |= real_cases(Path(sys.argv[1]))
    print(f"{'fault':36} {'came to':12} {'good rows':10} detail")
    wrong = 0
    for name, (expected, case) in cases.items():
        with bench() as at:
            outcome = case(at)
        wrong += outcome.kind != expected or not outcome.all_good_kept
        kept = "all kept" if outcome.all_good_kept else "LOST"
        detail = outcome.detail.replace(at.mirror.url, "")
        print(f"{name:36} {outcome.kind:12} {kept:10} {detail[:150]}", flush=True)
    print(f"{len(cases)} faults, {wrong} not as expected")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
