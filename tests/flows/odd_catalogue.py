"""An invented catalogue in which every place of every source holds every odd value."""

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.imdb import LAYOUTS
from connectors.mirror import SyntheticCatalogue
from tests.warehouse.odd import JSON, answers_with

FIRST_ODD = 50_000_000
ODD_ANSWERS = JSON[::3]
"""`tests/warehouse/test_odd_values.py` conforms all of them."""
ODD = (
    "99999", "0", "-1", "-5", "0.5", "1e30", "1e400", "-1e400", "99999999999999999999", "999999999",
    "-99999999999999999999", "999999999999999999", "99999999999", "-99999999999", "inf", "-inf", "nan", "NaN",
    "", " ", "\\N", "x", "true", "null", "[]", "{}", "\x00", "a\x07\x1b[31m", "\u202e\u2028", "0000", "||",
    ",",     '"', "Odd (0000)", "Odd (99999)", "a" * 20_000, "9" * 400,
)  # fmt: skip


class OddCatalogue(SyntheticCatalogue):
    """An invented catalogue whose files have, for each column and odd value, a line more."""

    def ids(self) -> Sequence[int]:
        """Return all ids: an export without those that were landed before would not be believed."""
        return (*super().ids(), *(row["tmdb_id"] for row in answers_with(FIRST_ODD, ODD_ANSWERS)))

    def movie(self, tmdb_id: int) -> dict[str, Any] | None:
        if tmdb_id < FIRST_ODD:
            return super().movie(tmdb_id)
        record = super().movie(super().ids()[0])
        return record and {**record, "id": tmdb_id, "imdb_id": None, "poster_path": None}

    def imdb_file(self, name: str) -> bytes | None:
        content = super().imdb_file(name)
        return content and gzip.compress(gzip.decompress(content) + "".join(self._imdb_lines(name)).encode())

    def _imdb_lines(self, name: str) -> Iterator[str]:
        headers = [column.header for column in LAYOUTS[name].columns]
        good = {"titleType": "movie", "primaryTitle": "Odd", "startYear": "1999", "averageRating": "5.0"}
        ids = iter(range(9_000_000, 9_900_000))
        for header in headers:
            for odd in ODD:
                number = next(ids)
                row = {"tconst": f"tt{number}", "titleId": f"tt{number}", "nconst": f"nm{number}", **good}
                yield "\t".join({**row, header: odd}.get(name, "\\N") for name in headers) + "\n"

    def movielens_zip(self, name: str) -> bytes | None:
        content = super().movielens_zip(name)
        if content is None:
            return None
        odd = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(content)) as old,
            zipfile.ZipFile(odd, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for member in old.infolist():
                text = old.read(member).decode()
                odd_lines = self._movielens_lines(text) if member.filename.endswith(".csv") else ""
                new.writestr(member, text + odd_lines)
        return odd.getvalue()

    def _movielens_lines(self, text: str) -> str:
        headers, good, *_ = csv.reader(io.StringIO(text))
        lines = io.StringIO()
        ids = iter(range(9_000_000, 9_900_000))
        for place in range(len(headers)):
            for value in ODD:
                row = [
                    str(next(ids)) if header == "movieId" else old
                    for header, old in zip(headers, good, strict=True)
                ]
                csv.writer(lines, lineterminator="\n").writerow([*row[:place], value, *row[place + 1 :]])
        return lines.getvalue()
