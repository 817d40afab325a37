"""Reading answers that nobody has seen yet: any JSON is rows or a refusal of ours, and never a traceback."""

import gzip
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import ConnectorError, Damaged
from connectors.http import Answer, as_json
from connectors.tmdb import ROW_COLUMNS, answers
from connectors.unpacking import UnpackingLimits

NAMES = st.sampled_from(
    [
        "id",
        "results",
        "total_pages",
        "total_results",
        "success",
        "status_code",
        "genres",
        "page",
        "media_type",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES | st.text(), inner, max_size=5),
    max_leaves=25,
)


def answer(body: bytes) -> Answer:
    return Answer("http://tmdb.test/3/x?api_key=seen", body, None, "application/json")


@settings(deadline=None)  # a busy machine is no failure
@given(JSON)
def test_any_json_is_rows_or_a_typed_refusal(value: Any) -> None:
    body = json.dumps(value).encode()
    try:
        read = answers.json_of(answer(body))
        table = answers.rows_of(read)
    except ConnectorError as refusal:
        assert "seen" not in str(refusal)
        return
    assert table.schema.equals(ROW_COLUMNS)
    listed = value if isinstance(value, list) else value.values()
    entries = [entry for part in listed if isinstance(part, list) for entry in part]
    expected = value if isinstance(value, list) else entries
    payloads = [json.loads(payload) for payload in table.column("payload").to_pylist()]
    assert all(entry in payloads for entry in expected)


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_by_every_reader_or_refused(body: bytes) -> None:
    readers = (
        answers.object_of,
        lambda read: answers.ids_of(answers.list_of(read, "results")),
        lambda read: answers.pages_of(read, 20),
        lambda read: answers.movie_of(read, 5),
    )
    for reader in readers:
        try:
            reader(answers.json_of(answer(body)))
        except ConnectorError:
            continue


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5000,
        b'{"id": 1e999}',
        b'{"id": -Infinity}',
        b"\xff\xfe{\x00}\x00",
    ],
)
def test_what_json_readers_trip_over_is_refused(body: bytes) -> None:
    with pytest.raises(ConnectorError):
        answers.rows_of(answers.json_of(answer(body)))


def test_a_byte_order_mark_is_no_damage() -> None:
    assert as_json(answer(b'\xef\xbb\xbf{"id": 5}')).value == {"id": 5}


def test_half_a_surrogate_pair_is_kept_as_it_was_sent() -> None:
    (row,) = answers.rows_of(as_json(answer(b'{"title": "\\ud83d", "\\udc00": 1}'))).to_pylist()
    assert json.loads(row["payload"]) == {"title": "\ud83d", "\udc00": 1}


GOOD = b'{"id": 5, "adult": false, "popularity": 1.5}\n'


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": 6, "popularity": "1"}',
        b'{"id": 18446744073709551616}',
        b'{"id": "6"}',
        b'{"id": 6, "adult": "no"}',
        b'{"adult": false}',
        b'{"id": 6.5}',
        b"[[[[",
        b"null",
        b"\xff",
    ],
)
def test_a_line_of_the_export_that_is_no_id_costs_no_other(line: bytes) -> None:
    table, rejects = answers.export_of(answer(gzip.compress(GOOD + line + b"\n" + GOOD)))
    assert table.column("tmdb_id").to_pylist() == [5, 5]
    assert len(rejects) == 1


def test_an_export_that_would_fill_the_memory_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "EXPORT_LIMITS", UnpackingLimits(bytes=1000))
    with pytest.raises(Damaged, match="more than 1,000 bytes"):
        answers.export_of(answer(gzip.compress(GOOD * 1000)))


def test_an_empty_export_is_an_empty_table() -> None:
    table, rejects = answers.export_of(answer(gzip.compress(b"")))
    assert (table.num_rows, rejects) == (0, [])
    assert isinstance(table, pa.Table)
