"""What the mirror serves: the `Catalogue` protocol, and the shape of a movie record.

A catalogue is a small world with a clock: it answers for one day, and `advance` moves it to a later one. The
server (`connectors.mirror.server`) turns it into TMDb's, IMDb's and MovieLens' wire formats.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

APPENDABLE = ("keywords", "credits", "release_dates", "external_ids", "alternative_titles")
"""The keys of a record that `/movie/{id}` sends only when `append_to_response` asks for them."""

Record = dict[str, Any]
"""One TMDb movie as `Catalogue.movie` returns it."""


class MirrorError(Exception):
    """The mirror cannot do what it was asked; the message is one line: what, where, and what to do."""


@runtime_checkable
class Catalogue(Protocol):
    """The movies, posters and bulk files of one day.

    The server calls a catalogue from one thread at a time, and `movie` for every request: it should answer in
    tens of microseconds. Everything but `advance` is a pure question.
    """

    def today(self) -> date:
        """Return the catalogue's own date (UTC): every `Date` header that the mirror sends carries it."""
        ...

    def advance(self, days: int) -> None:
        """Move the date `days` >= 1 days on and apply, in order, what happens on each (deterministically)."""
        ...

    def movie(self, tmdb_id: int) -> Record | None:
        """Return all that TMDb knows of one movie; None for an id that never was, or was merged or deleted.

        The dict is the caller's to change. Its keys are those of TMDb's `/3/movie/{id}` plus the appendable
        parts (each without its own `id`), in the shapes of answers recorded in 2025-26:

        - `adult` bool, `video` bool, `id` int, `imdb_id` str or None, `status` str ("Released", …)
        - `title`, `original_title`, `tagline`, `homepage` str; `overview` str ("" = unknown)
        - `original_language` str (ISO 639-1), `origin_country` `["US"]`
        - `release_date` `"YYYY-MM-DD"` ("" = unknown), `runtime` int (minutes, 0 = unknown)
        - `budget`, `revenue` int (USD, 0 = unknown)
        - `popularity`, `vote_average` float, `vote_count` int
        - `poster_path`, `backdrop_path` `"/name.jpg"` or None
        - `genres` `[{"id": int, "name": str}]` (may be empty)
        - `belongs_to_collection` None or `{"id": int, "name": str, "poster_path": str | None,
          "backdrop_path": str | None}`
        - `production_companies` `[{"id": int, "logo_path": str | None, "name": str, "origin_country": str}]`
        - `production_countries` `[{"iso_3166_1": "US", "name": str}]`
        - `spoken_languages` `[{"english_name": str, "iso_639_1": "en", "name": str}]`

        and the parts:

        - `keywords`: `{"keywords": [{"id": int, "name": str}]}`
        - `credits`: `{"cast": [{"id": int, "name": str, "character": str, "order": int, …}],
          "crew": [{"id": int, "name": str, "department": str, "job": str, …}]}`; a person may lack `id`
          in a directory of records
        - `release_dates`: `{"results": [{"iso_3166_1": "US", "release_dates": [{"certification": "R",
          "descriptors": [], "iso_639_1": "", "note": "", "release_date": "YYYY-MM-DDT00:00:00.000Z",
          "type": 3}]}]}` (type 3 = in cinemas)
        - `external_ids`: `{"imdb_id": str | None, "wikidata_id": str | None, "facebook_id": …,
          "instagram_id": …, "twitter_id": …}`
        - `alternative_titles`: `{"titles": [{"iso_3166_1": str, "title": str, "type": str}]}`
        """
        ...

    def ids(self) -> Sequence[int]:
        """Return the ids that `movie` answers today, ascending, each once."""
        ...

    def changed(self, start: date, end: date) -> list[int]:
        """Return the ids added or edited on a day of `start`..`end` (both included), ascending, each once.

        As at TMDb, merged and deleted ids may be missing from it: only the daily export tells.
        """
        ...

    def poster(self, path: str) -> bytes | None:
        """Return the bytes of the original image behind a `poster_path` (leading slash included), or None."""
        ...

    def imdb_datasets(self) -> list[str]:
        """Return the names of the IMDb files at hand, such as `title.basics`, sorted."""
        ...

    def imdb_file(self, name: str) -> Path | bytes | None:
        """Return one IMDb dataset (its name without suffix) as a `.tsv.gz` file or its bytes, or None."""
        ...

    def movielens_sets(self) -> list[str]:
        """Return the names of the MovieLens sets at hand, such as `ml-latest-small`, sorted."""
        ...

    def movielens_zip(self, name: str) -> Path | bytes | None:
        """Return one MovieLens set (its name without suffix) as a zip file or its bytes, or None."""
        ...
