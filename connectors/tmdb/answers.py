"""Reading what TMDb answers: ids, pages, single movies, the id export, and any other answer as rows."""

import io
import json
import re
from collections.abc import Callable
from typing import Any, TypeGuard

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from connectors.errors import (
    BadRequest,
    ConnectorError,
    Damaged,
    Malformed,
    NotFound,
    RateLimited,
    ServerFailed,
    Unauthorized,
)
from connectors.http import Answer, JsonAnswer, as_json
from connectors.unpacking import UNREADABLE, UnpackingLimits, unpacked

EXPORT_COLUMNS = pa.schema(
    [("tmdb_id", pa.int64()), ("adult", pa.bool_()), ("popularity", pa.float64()), ("video", pa.bool_())]
)
ROW_COLUMNS = pa.schema(
    [
        pa.field("part", pa.string(), nullable=False),
        pa.field("key", pa.string()),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("id", pa.int64()),
        pa.field("payload", pa.string(), nullable=False),
    ]
)
_REFUSALS: dict[int, type[ConnectorError]] = {
    6: NotFound,
    34: NotFound,
    7: Unauthorized,
    10: Unauthorized,
    9: ServerFailed,
    11: ServerFailed,
    24: ServerFailed,
    25: RateLimited,
}
"""TMDb's own status codes (developer.themoviedb.org/docs/errors); any other is a bad request."""
EXPORT_LIMITS = UnpackingLimits(bytes=2**30)
"""The export of 1.2 million movies has 0.1 GB, unpacked."""
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_EXPORT_LINE = pa.schema([("id", pa.int64()), *list(EXPORT_COLUMNS)[1:]])


def json_of(answer: Answer) -> JsonAnswer:
    """Return the answer as JSON; raise Damaged if it is not, or the error of a refusal with status 200."""
    read = as_json(answer)
    if isinstance(read.value, dict) and read.value.get("success") is False:
        code = read.value.get("status_code")
        kind = _REFUSALS.get(code, BadRequest) if isinstance(code, int) else BadRequest
        message = str(read.value.get("status_message", ""))[:300]
        raise kind(f"{answer.url}: refused with code {code}, {message!r}")
    return read


def object_of(answer: JsonAnswer) -> dict[str, Any]:
    """Return the answer as an object; raise Malformed where it is something else."""
    if not isinstance(answer.value, dict):
        raise Malformed(f"{answer.url}: not an object but {type(answer.value).__name__}")
    return answer.value


def list_of(answer: JsonAnswer, key: str) -> list[Any]:
    """Return the list under `key`; raise Malformed where there is none."""
    listed = object_of(answer).get(key)
    if not isinstance(listed, list):
        raise Malformed(f"{answer.url}: {key!r} is not a list but {type(listed).__name__}")
    return listed


def ids_of(listed: list[Any]) -> list[int]:
    """Return the ids of the entries in order, without those that are null or not a positive number."""
    ids = (entry.get("id") for entry in listed if isinstance(entry, dict))
    return [value for value in ids if _is_id(value)]


def pages_of(answer: JsonAnswer, per_page: int) -> int:
    """Return the number of pages: `total_pages`, or more if `total_results` needs more; at least 1.

    TMDb has sent a `total_pages` that is larger than it serves, and none at all. Raises Malformed where both
    are missing.
    """
    body = object_of(answer)
    pages, results = body.get("total_pages"), body.get("total_results")
    counts = [
        pages if type(pages) is int else None,
        -(-results // per_page) if type(results) is int else None,
    ]
    known = [number for number in counts if number is not None]
    if not known:
        raise Malformed(f"{answer.url}: total_pages is {pages!r}, and there is no total_results")
    return max(1, *known)


def movie_of(answer: JsonAnswer, tmdb_id: int) -> str | None:
    """Return what is wrong with the details of a movie, or None."""
    if not isinstance(answer.value, dict):
        return f"movie {tmdb_id}: the answer is not an object but {type(answer.value).__name__}"
    answered_id = answer.value.get("id")
    if not _is_id(answered_id) or answered_id != tmdb_id:
        return f"movie {tmdb_id}: the answer has id {answered_id!r}"
    return None


def export_of(answer: Answer) -> tuple[pa.Table, list[tuple[str, str]]]:
    """Return the id export as `EXPORT_COLUMNS`, and (line, reason) of what is not an id; raise Damaged."""
    try:
        body = unpacked(answer.body, EXPORT_LIMITS)
    except UNREADABLE as error:
        what = str(error)
    else:
        rejects: list[tuple[str, str]] = []
        table = _lines(body)
        if table is None or not pc.all(_are_ids(table), min_count=0).as_py():
            table = _readable(body, rejects)
        if table.num_rows == 0 and rejects:
            start = answer.body[:1000].decode(errors="backslashreplace")
            raise Damaged(f"{answer.url}: not an id export", start)
        return table.rename_columns(EXPORT_COLUMNS.names), rejects
    raise Damaged(f"{answer.url}: the id export is damaged ({what})")


def _lines(body: bytes) -> pa.Table | None:
    if not body.strip():
        return pa.Table.from_pylist([], _EXPORT_LINE)
    options = pyarrow.json.ParseOptions(_EXPORT_LINE, unexpected_field_behavior="ignore")
    try:
        return pyarrow.json.read_json(io.BytesIO(body), parse_options=options).select(_EXPORT_LINE.names)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError):
        return None


def _are_ids(table: pa.Table) -> pa.ChunkedArray:
    return pc.fill_null(pc.greater(table.column("id"), 0), False)


def _readable(body: bytes, rejects: list[tuple[str, str]]) -> pa.Table:
    """Return the lines that are ids, read one by one; append the others to `rejects`."""
    good = []
    for line in body.splitlines():
        if not line.strip():
            continue
        try:
            good.append(_listed(json.loads(line)))
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
            rejects.append((line.decode(errors="backslashreplace"), f"{type(error).__name__}: {error}"))
    return pa.Table.from_pylist(good, _EXPORT_LINE)


def _listed(record: Any) -> dict[str, Any]:
    if not _is_id(record["id"]):
        raise ValueError(f"id is {record['id']!r}")
    if not all(isinstance(record.get(name), bool | None) for name in ("adult", "video")):
        raise ValueError("adult or video is neither true nor false")
    popularity = record.get("popularity")
    if isinstance(popularity, bool | str | list | dict):
        raise ValueError("popularity is no number")
    known = None if popularity is None else float(popularity)
    return {
        "id": record["id"],
        "adult": record.get("adult"),
        "popularity": known,
        "video": record.get("video"),
    }


def rows_of(answer: JsonAnswer) -> pa.Table:
    """Return the answer of any endpoint as rows: `ROW_COLUMNS`, one row per thing that it lists.

    `part` is the name of the list (`results`, `cast`, `movie_results`, `genres`, …); it is empty for an
    answer that is itself a list. `key` is the name where a part is an object of things (the country of
    `watch/providers`). `position` counts within the part from 0. `id` is the thing's own id where it has one,
    and `payload` its JSON. What is left of an answer without its lists is one row of part `answer`.

    Raises Malformed where the values cannot be written as JSON.
    """
    rows: list[tuple[str, str | None, int, int | None, str]] = []

    def add(part: str, key: str | None, position: int, value: Any) -> None:
        own_id = value.get("id") if isinstance(value, dict) else None
        name = None if key is None else _text(key)
        rows.append((_text(part), name, position, own_id if _is_id(own_id) else None, _json(value)))

    try:
        _list(answer, add)
    except (ValueError, RecursionError) as error:
        what = f"{error}"
    else:
        columns = list(zip(*rows, strict=True)) or [()] * len(ROW_COLUMNS)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, ROW_COLUMNS, strict=True)]
        return pa.Table.from_arrays(arrays, schema=ROW_COLUMNS)
    raise Malformed(f"{answer.url}: its values cannot be written as JSON ({what})")


def _list(answer: JsonAnswer, add: Callable[[str, str | None, int, Any], None]) -> None:
    if isinstance(answer.value, dict):
        rest: dict[str, Any] = {}
        for part, value in answer.value.items():
            if isinstance(value, list):
                for position, entry in enumerate(value):
                    add(part, None, position, entry)
            elif (
                isinstance(value, dict) and value and all(isinstance(v, dict | list) for v in value.values())
            ):
                for position, (key, entry) in enumerate(value.items()):
                    add(part, key, position, entry)
            else:
                rest[part] = value
        add("answer", None, 0, rest)
    elif isinstance(answer.value, list):
        for position, entry in enumerate(answer.value):
            add("", None, position, entry)
    else:
        raise Malformed(f"{answer.url}: neither an object nor a list but {type(answer.value).__name__}")


def _json(value: Any) -> str:
    """Return the value as JSON; half of a surrogate pair, which UTF-8 cannot encode, stays an escape.

    Raises ValueError for what JSON does not have, such as the infinity that 1e999 is read as.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if _LONE_SURROGATE.search(text):
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text


def _text(value: str) -> str:
    return _LONE_SURROGATE.sub("\ufffd", value)


def _is_id(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value < 2**63
