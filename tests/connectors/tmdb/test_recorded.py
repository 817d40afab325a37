"""Real answers of TMDb, recorded in 2025-26, through the connector."""

import asyncio
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors import ConnectorError, TMDb
from connectors.http import Request, Response
from connectors.tmdb import ROW_COLUMNS

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> list[dict[str, Any]]:
    with gzip.open(shared_data / "tmdb" / "recorded.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def replaying(answer: dict[str, Any]) -> TMDb:
    def handler(request: Request) -> Response:
        headers = {k: v for k, v in answer["headers"].items() if k.lower() == "content-type"}
        return Response(answer["status"], content=json.dumps(answer["body"]).encode(), headers=headers)

    return TMDb("http://tmdb.test/3", "token", export_url="http://files.test", transport=handler)


async def _as_rows(answer: dict[str, Any]) -> pa.Table:
    async with replaying(answer) as tmdb:
        return await tmdb.get(answer["path"].removeprefix("/3/"), **answer["params"])


def test_every_recorded_answer_becomes_rows_or_a_typed_refusal(recorded: list[dict[str, Any]]) -> None:
    outcomes: Counter[str] = Counter()
    for answer in recorded:
        try:
            table = asyncio.run(_as_rows(answer))
        except ConnectorError as refusal:
            outcomes[f"{answer['status']} {type(refusal).__name__}"] += 1
        else:
            assert table.schema.equals(ROW_COLUMNS)
            assert answer["status"] == 200
            outcomes["rows" if table.num_rows else "no rows"] += 1
    assert outcomes == {"rows": 104, "404 NotFound": 3, "401 Unauthorized": 2}


def test_nothing_that_an_answer_lists_is_lost(recorded: list[dict[str, Any]]) -> None:
    for answer in recorded:
        if answer["status"] != 200:
            continue
        table = asyncio.run(_as_rows(answer))
        body = answer["body"]
        listed = body.items() if isinstance(body, dict) else [("", body)]
        for part, value in listed:
            if isinstance(value, list):
                rows = table.filter(pa.compute.equal(table["part"], part)).column("payload").to_pylist()
                assert [json.loads(row) for row in rows] == value


def test_recorded_details_become_movies(recorded: list[dict[str, Any]]) -> None:
    async def movie(answer: dict[str, Any]) -> dict[str, Any]:
        async with replaying(answer) as tmdb:
            (batch,) = [batch async for batch in tmdb.movies([answer["body"].get("id", 999999999)])]
            (row,) = batch.table.to_pylist()
            return row  # type: ignore[no-any-return]

    details = [a for a in recorded if a["path"].count("/") == 3 and a["path"].startswith("/3/movie/")]
    details = [a for a in details if "imdb_id" in a["body"] or a["status"] == 404]
    assert len(details) >= 4
    for answer in details:
        row = asyncio.run(movie(answer))
        assert row["status"] == answer["status"]
        assert row["reason"] is None
        if row["payload"] is not None:
            assert json.loads(row["payload"]) == answer["body"]


def test_recorded_lists_are_read_by_their_own_methods(recorded: list[dict[str, Any]]) -> None:
    async def run() -> Counter[str]:
        read: Counter[str] = Counter()
        for answer in recorded:
            path, body = answer["path"].removeprefix("/3/"), answer["body"]
            async with replaying(answer) as tmdb:
                if path == "configuration":
                    assert (await tmdb.configuration())["images"]["secure_base_url"].startswith("https://")
                elif path.startswith("find/"):
                    found = [movie["id"] for movie in body["movie_results"]]
                    assert await tmdb.find(path.removeprefix("find/")) == (found[0] if found else None)
                elif path == "discover/movie":
                    ids = [i async for i in tmdb.discover(limit=20, **answer["params"])]
                    assert ids == [movie["id"] for movie in body["results"]][:20]
                else:
                    continue
            read[path.split("/")[0]] += 1
        return read

    assert asyncio.run(run()) == {"configuration": 1, "find": 5, "discover": 9}
