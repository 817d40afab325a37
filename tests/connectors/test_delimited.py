"""Reading delimited text: every good line becomes a row, every other one a reason."""

import io
import re
import tracemalloc
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import Malformed
from connectors.delimited import Field, FileLayout, Reader

CSV = FileLayout(
    (Field("id", "movieId", "int64", required=True), Field("title", "title"), Field("at", "at", "seconds"))
)
TSV = FileLayout(
    (Field("id", "id", required=True), Field("year", "year", "int32"), Field("adult", "adult", "flag")),
    delimiter=b"\t",
    quoted=False,
    null="\\N",
)


def read(
    text: str | bytes, layout: FileLayout, block: int = 8 * 2**20
) -> tuple[list[dict[str, object]], list[tuple[str, str]]]:
    content = text.encode() if isinstance(text, str) else text
    reader = Reader("a file", lambda: io.BytesIO(content), layout, block=block)
    rows = [row for batch in reader for row in batch.to_pylist()]
    return rows, reader.rejects


def test_types_nulls_and_line_ends() -> None:
    rows, rejects = read(
        'movieId,title,at\r\n1,"Way, The (1973)",0\r\n2,,1445714994\r\n3,"a ""b""",\r\n', CSV
    )
    assert rows == [
        {"id": 1, "title": "Way, The (1973)", "at": datetime(1970, 1, 1, tzinfo=UTC)},
        {"id": 2, "title": None, "at": datetime(2015, 10, 24, 19, 29, 54, tzinfo=UTC)},
        {"id": 3, "title": 'a "b"', "at": None},
    ]
    assert rejects == []


def test_without_quoting_quotes_are_data_and_only_the_null_mark_is_null() -> None:
    rows, rejects = read('id\tyear\tadult\n"a\t1999\t0\nb"\t\\N\t1\nNA\t2000\t\\N\n', TSV)
    assert rows == [
        {"id": '"a', "year": 1999, "adult": False},
        {"id": 'b"', "year": None, "adult": True},
        {"id": "NA", "year": 2000, "adult": None},
    ]
    assert rejects == []


@pytest.mark.parametrize(
    ("line", "original", "reason"),
    [
        (b"2,one, two,5", "2,one, two,5", "4 fields instead of 3"),
        (b"2", "2", "1 fields instead of 3"),
        (b'2,"open,5', '2,"open,5', "a quote that is not closed"),
        (b"x,title,5", "x,title,5", "movieId is not a int64"),
        (b",title,5", ",title,5", "no movieId"),
        (b"2,caf\xe9,5", "2,caf\\xe9,5", "not UTF-8: invalid continuation byte"),
        (b"2,title,yesterday", "2,title,yesterday", "at is not a seconds"),
        (b'x,"one, ""two""",5', 'x,"one, ""two""",5', "movieId is not a int64"),
        (b"99999999999999999999,title,5", "99999999999999999999,title,5", "movieId is not a int64"),
    ],
)
def test_a_line_that_is_no_row_is_set_aside_and_its_neighbours_stay(
    line: bytes, original: str, reason: str
) -> None:
    rows, rejects = read(b"movieId,title,at\n1,before,1\n" + line + b"\n3,after,3\n", CSV)
    assert [row["title"] for row in rows] == ["before", "after"]
    assert rejects == [(original, reason)]


NUMBERS = st.one_of(
    st.integers(-(10**11), 10**11).map(str),
    st.sampled_from(
        [" 5", "5 ", "0x1F", "-0x5", "+5", "5.", "1e3", "007", "-0", "", "\\N", "true", "1", "-", "٣"]
    ),
    st.text(st.characters(exclude_characters="\r\n\t\0", exclude_categories=["Cs"]), max_size=3),
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=6), st.integers(1, 60))
def test_a_number_is_what_its_pattern_says_however_it_is_parsed(
    cells: list[tuple[str, str]], block: int
) -> None:
    text = "".join(f"{number}\t{year}\t{adult}\n" for number, (year, adult) in enumerate(cells))
    rows, rejects = read("id\tyear\tadult\n" + text, TSV, block)
    good = {
        number
        for number, (year, adult) in enumerate(cells)
        if re.fullmatch(r"-?[0-9]{1,9}|\\N", year) and adult in ("0", "1", "\\N")
    }
    assert {int(str(row["id"])) for row in rows} == good
    for row in rows:
        year, adult = cells[int(str(row["id"]))]
        assert row["year"] == (None if year == "\\N" else int(year))
        assert row["adult"] == (None if adult == "\\N" else adult == "1")
    assert {original for original, _ in rejects} <= {*text.split("\n")}
    assert len(rejects) == len(cells) - len(good)


def test_columns_are_found_by_name_whatever_their_order_and_company() -> None:
    rows, rejects = read("\ufeffnew,at,movieId\nx,5,1\n", CSV)
    assert rows == [{"id": 1, "title": None, "at": datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)}]
    assert rejects == []


@pytest.mark.parametrize("text", ["", "title,at\nx,5\n", "movieId,movieId\n1,1\n", "<html>\n</html>\n"])
def test_a_file_without_the_key_column_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="a file"):
        read(text, CSV)


def test_a_header_alone_is_an_empty_table() -> None:
    assert read("movieId,title,at\n", CSV) == ([], [])


@settings(deadline=None)  # a busy machine is no failure
@given(
    titles=st.lists(
        st.text(st.characters(exclude_characters='\r\n\0"', exclude_categories=["Cs"])), max_size=30
    ),
    block=st.integers(1, 100),
)
def test_blocks_never_split_or_lose_a_line(titles: list[str], block: int) -> None:
    text = "movieId,title,at\n" + "".join(f'{number},"{title}",\n' for number, title in enumerate(titles))
    rows, rejects = read(text, CSV, block)
    assert [row["id"] for row in rows] == list(range(len(titles)))
    assert [row["title"] or "" for row in rows] == titles
    assert rejects == []


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_bytes_break_the_reading(garbage: bytes, block: int) -> None:
    rows, rejects = read(b"movieId,title,at\n1,x,1\n" + garbage, CSV, block)
    assert rows[:1] == [{"id": 1, "title": "x", "at": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)}] or rejects


def test_two_colons_separate_and_latin_1_is_decoded() -> None:
    layout = FileLayout(
        (Field("id", "movieId", "int64"), Field("title", "title")),
        b"::",
        quoted=False,
        encoding="latin-1",
        header=("movieId", "title", "genres"),
    )
    rows, rejects = read("1::Misérables, Les (1995)::Drama\n2::a::b::c\n".encode("latin-1"), layout)
    assert rows == [{"id": 1, "title": "Misérables, Les (1995)"}]
    assert rejects == [("2::a::b::c", "4 fields instead of 3")]


def test_a_stream_that_breaks_off_is_refused_with_its_name() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise EOFError("Compressed file ended before the end-of-stream marker was reached")

    with pytest.raises(Malformed, match=r"a file: cannot be read to its end"):
        list(Reader("a file", Broken, CSV))


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(lines: int) -> int:
        class Endless(io.BytesIO):
            left = lines

            def read(self, size: int | None = -1, /) -> bytes:
                first = self.left == lines
                count = min(self.left, (size or 0) // 31)
                self.left -= count
                return b"movieId,title,at\n" * first + b"1,abcdefghijklmnopqrstuvwxyz,5\n" * count

        tracemalloc.start()
        pool = pa.default_memory_pool()
        most = 0
        for batch in Reader("a file", Endless, CSV, block=2**16):
            most = max(most, pool.bytes_allocated() + batch.nbytes)
        most += tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    small, large = peak(20_000), peak(100_000)
    assert large < 1.5 * small


def test_a_file_of_which_nothing_fits_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connectors.delimited.MOST_REJECTS", 10)
    with pytest.raises(Malformed, match="over 10 lines"):
        read("movieId,title,at\n" + "x,y,z\n" * 20, CSV)


LINES = st.lists(st.text(st.sampled_from('"",\ra1 '), max_size=12), min_size=1, max_size=4)


@settings(deadline=None)  # a busy machine is no failure
@given(LINES)
def test_no_broken_line_costs_the_good_lines_around_it(broken: list[str]) -> None:
    good = ['900001,"Way, The",0', "900002,b,1", '900003,"c ""c""",2']
    rows, _ = read("\n".join(["movieId,title,at", good[0], *broken, *good[1:], ""]), CSV)
    assert {row["id"] for row in rows} >= {900001, 900002, 900003}


@pytest.mark.parametrize("line", ['7,12" floppy,0', '7,a "b" c,0'])
def test_a_quote_within_a_field_is_data(line: str) -> None:
    rows, rejects = read(f"movieId,title,at\n{line}\n8,x,0\n", CSV)
    assert [row["id"] for row in rows] == [7, 8]
    assert rejects == []
