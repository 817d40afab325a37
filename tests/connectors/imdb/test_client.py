"""IMDb's files, over real HTTP."""

import gzip
from pathlib import Path

import pytest

from connectors import BadRequest, IMDb, Malformed, SourceUnreachable
from connectors.imdb import LAYOUTS
from connectors.mirror import FaultRule, Mirror
from tests.connectors.sources import Clock, SmallCatalogue

BASICS = (
    "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n"
    'tt0000001\tmovie\t"Quoted\t\\N\t0\t1894\t\\N\t1\tDocumentary,Short\n'
    "tt0000002\tmovie\tshifted\tone\tfield\n"
    "tt0000003\tmovie\tA\tA\t0\tnineteen\t\\N\t1\t\\N\n"
    "tt10000004\tmovie\tNA\tnull\t1\t2115\t\\N\t51420\t\\N\n"
)


def imdb(mirror: Mirror, directory: Path) -> IMDb:
    return IMDb(f"{mirror.url}/imdb", directory, sleep=Clock().advance)


def test_titles_are_read_without_quoting_and_with_nulls(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    catalogue.imdb["title.basics"] = gzip.compress(BASICS.encode())
    file = imdb(mirror, tmp_path).fetch("title.basics")
    assert file is not None
    assert (file.source, file.dataset, file.tables) == ("imdb", "title.basics", ["title.basics"])
    rows = [row for batch in file.read("title.basics") for row in batch.to_pylist()]
    assert rows == [
        {
            "tconst": "tt0000001",
            "title_type": "movie",
            "primary_title": '"Quoted',
            "original_title": None,
            "is_adult": False,
            "start_year": 1894,
            "end_year": None,
            "runtime_minutes": 1,
            "genres": "Documentary,Short",
        },
        {
            "tconst": "tt10000004",
            "title_type": "movie",
            "primary_title": "NA",
            "original_title": "null",
            "is_adult": True,
            "start_year": 2115,
            "end_year": None,
            "runtime_minutes": 51420,
            "genres": None,
        },
    ]
    assert [reason for _, reason in file.rejects("title.basics")] == [
        "5 fields instead of 9",
        "startYear is not a int32",
    ]
    assert file.rejects("title.basics")[1][0].startswith("tt0000003\tmovie\tA\tA\t0\tnineteen\t\\N")
    assert imdb(mirror, tmp_path).fetch("title.basics", file.cursor) is None


@pytest.mark.parametrize("dataset", sorted(LAYOUTS))
def test_all_seven_files_are_known(
    dataset: str, tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    columns = LAYOUTS[dataset].columns
    values = {"text": "x", "int32": "7", "int64": "8", "double": "6.5", "flag": "1"}
    header = "\t".join(column.header for column in columns)
    line = "\t".join(values[column.kind] for column in columns)
    catalogue.imdb[dataset] = gzip.compress(f"{header}\n{line}\n".encode())
    file = imdb(mirror, tmp_path).fetch(dataset)
    assert file is not None
    (row,) = [row for batch in file.read(dataset) for row in batch.to_pylist()]
    expected = {"text": "x", "int32": 7, "int64": 8, "double": 6.5, "flag": True}
    assert row == {column.name: expected[column.kind] for column in columns}


WHOLE = gzip.compress(BASICS.encode() * 1000)


@pytest.mark.parametrize(
    "damaged",
    [
        WHOLE[: len(WHOLE) // 2],
        WHOLE[:-4],
        WHOLE[:-6] + b"\x00\x01" + WHOLE[-4:],
        WHOLE[:60] + bytes(range(40)) + WHOLE[100:],
        WHOLE + b"more",
    ],
    ids=["cut in half", "its length cut off", "another checksum", "overwritten", "more after its end"],
)
def test_a_damaged_gzip_file_is_refused_with_its_name(
    damaged: bytes, tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    catalogue.imdb["title.basics"] = damaged
    file = imdb(mirror, tmp_path).fetch("title.basics")
    assert file is not None
    with pytest.raises(Malformed, match=r"title\.basics\.tsv\.gz: cannot be read to its end"):
        list(file.read("title.basics"))
    catalogue.imdb["title.basics"] = WHOLE
    again = imdb(mirror, tmp_path).fetch("title.basics")
    assert again is not None
    assert sum(batch.num_rows for batch in again.read("title.basics")) == 2_000


def test_a_page_of_html_instead_of_a_file_is_refused(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    catalogue.imdb["title.basics"] = gzip.compress(BASICS.encode())
    mirror.set_faults(FaultRule("html"))
    with pytest.raises(Exception, match="not a gzip file"):
        imdb(mirror, tmp_path).fetch("title.basics")


def test_a_dataset_that_imdb_does_not_have_is_refused_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"title\.basics, title\.ratings"):
        IMDb("http://127.0.0.1:9", tmp_path).fetch("title.everything")


def test_an_unreachable_host_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match="IMDb cannot be reached"):
        IMDb("http://127.0.0.1:9", tmp_path, sleep=Clock().advance).fetch("title.basics")


@pytest.mark.real_data
def test_the_real_files_are_read_whole(tmp_path: Path, shared_data: Path) -> None:
    from connectors.mirror import DirectoryCatalogue, serve

    with serve(DirectoryCatalogue(shared_data)) as mirror:
        client = imdb(mirror, tmp_path)
        counts = {}
        for dataset in ("title.basics", "title.ratings", "title.crew"):
            file = client.fetch(dataset)
            assert file is not None
            counts[dataset] = sum(batch.num_rows for batch in file.read(dataset))
            assert file.rejects(dataset) == []
    assert counts == {"title.basics": 124_128, "title.ratings": 62_809, "title.crew": 124_128}


@pytest.mark.real_data
def test_imdbs_own_bytes_are_read(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue, shared_data: Path
) -> None:
    rows = {"title.basics": 2_000, "title.principals": 11_576, "name.basics": 10_177}
    for dataset, expected in rows.items():
        sample = shared_data / "imdb" / "genuine-sample" / f"{dataset}.tsv.gz"
        catalogue.imdb[dataset] = sample.read_bytes()
        file = imdb(mirror, tmp_path).fetch(dataset)
        assert file is not None
        assert sum(batch.num_rows for batch in file.read(dataset)) == expected
        assert file.rejects(dataset) == []
