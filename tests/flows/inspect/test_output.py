"""Query results as table, csv, json and parquet."""

import csv
import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.errors import FlowError
from flows.inspect.output import write

TABLE = pa.table(
    {
        "id": pa.array([1, 2], pa.int64()),
        "title": pa.array(['She said "no", twice', None]),
        "flag": pa.array([True, False]),
        "at": pa.array([datetime(2026, 1, 2, tzinfo=UTC), None], pa.timestamp("us", tz="UTC")),
        "tags": pa.array([["a", "b"], None], pa.list_(pa.string())),
    }
)


def rendered(form: str, table: pa.Table = TABLE) -> str:
    stream = io.StringIO()
    write(table.to_reader(), form, stream)
    return stream.getvalue()


def test_csv_is_plain_with_a_header_and_survives_a_round_trip():
    rows = list(csv.reader(io.StringIO(rendered("csv"))))
    assert rows[0] == ["id", "title", "flag", "at", "tags"]
    assert rows[1] == ["1", 'She said "no", twice', "true", "2026-01-02T00:00:00+00:00", '["a", "b"]']
    assert rows[2] == ["2", "", "false", "", ""]


def test_csv_of_no_rows_is_its_header():
    assert rendered("csv", TABLE.slice(0, 0)) == "id,title,flag,at,tags\n"


def test_json_is_a_list_of_objects():
    first, second = json.loads(rendered("json"))
    assert first["tags"] == ["a", "b"]
    assert first["at"] == "2026-01-02T00:00:00+00:00"
    assert second["title"] is None
    assert json.loads(rendered("json", TABLE.slice(0, 0))) == []


def test_a_table_shows_no_more_than_200_rows_and_says_so():
    text = rendered("table", pa.table({"n": list(range(1000))}))
    assert "first 200 rows" in text
    assert text.count("\n") < 210


def test_a_table_prints_markup_as_it_is():
    assert "[red]x[/red]" in rendered("table", pa.table({"title": ["[red]x[/red]"]}))


def test_parquet_needs_a_file(tmp_path):
    with pytest.raises(FlowError, match="--output"):
        write(TABLE.to_reader(), "parquet", io.StringIO())
    write(TABLE.to_reader(), "parquet", io.StringIO(), tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").equals(TABLE)


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_times_that_python_does_not_have_are_text(form: str):
    micros = pa.array([-99_999_999_999_000_000, 2**62, 0], pa.int64())
    days = pa.array([2_000_000, -800_000, 0], pa.int32())
    table = pa.table(
        {
            "at": micros.cast(pa.timestamp("us", "UTC")),
            "day": days.cast(pa.date32()),
            "list": pa.array([[n] for n in micros.to_pylist()], pa.list_(pa.int64())).cast(
                pa.list_(pa.timestamp("us"))
            ),
        }
    )
    text = rendered(form, table)
    assert "-1199-02-15" in text
    assert "-0221-09-04" in text
    assert "1970-01-01" in text
