"""TMDb's discover: filters and orders over a catalogue's movies."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from connectors.mirror.tmdb_errors import Refusal

_SORT_KEYS = {
    "popularity": "popularity",
    "release_date": "release_date",
    "primary_release_date": "release_date",
    "revenue": "revenue",
    "title": "title",
    "original_title": "original_title",
    "vote_average": "vote_average",
    "vote_count": "vote_count",
}
_RANGES = {
    "primary_release_date": "release_date",
    "release_date": "release_date",
    "vote_count": "vote_count",
    "vote_average": "vote_average",
    "with_runtime": "runtime",
}
HELD = frozenset({"id", "adult", "video", "imdb_id", "original_language", "runtime", *_SORT_KEYS.values()})
"""The fields of a record that a row holds, besides `genres`: a frozenset of ids."""


def discover(rows: list[dict[str, Any]], params: Mapping[str, str]) -> list[int]:
    """Return the ids that TMDb's discover parameters select, in the order asked for."""
    if params.get("include_adult", "false") != "true":
        rows = [row for row in rows if not row["adult"]]
    for name, wanted_kind in (("with_genres", True), ("without_genres", False)):
        if wanted := params.get(name):
            either = "|" in wanted  # a comma asks for all of them, a bar for any
            try:
                genres = frozenset(int(part) for part in re.split(r"[,|]", wanted))
            except ValueError:
                raise Refusal(5) from None
            if either or not wanted_kind:
                rows = [row for row in rows if bool(genres & row["genres"]) == wanted_kind]
            else:
                rows = [row for row in rows if genres <= row["genres"]]
    if language := params.get("with_original_language"):
        rows = [row for row in rows if row["original_language"] in language.split("|")]
    if year := params.get("primary_release_year") or params.get("year"):
        rows = [row for row in rows if row["release_date"].startswith(f"{year}-")]
    for name, key in _RANGES.items():
        for side in ("gte", "lte"):
            if (bound := params.get(f"{name}.{side}")) is not None:
                limit = _bound(bound, key)
                rows = [r for r in rows if r[key] not in ("", None) and _within(r[key], limit, side)]
    field, _, order = params.get("sort_by", "popularity.desc").partition(".")
    if field not in _SORT_KEYS or order not in ("asc", "desc"):
        raise Refusal(5)
    by = _SORT_KEYS[field]
    return [row["id"] for row in sorted(rows, key=lambda row: (row[by], row["id"]), reverse=order == "desc")]


def _bound(text: str, key: str) -> Any:
    try:
        return date.fromisoformat(text[:10]).isoformat() if key == "release_date" else float(text)
    except ValueError:
        raise Refusal(5) from None


def _within(value: Any, limit: Any, side: str) -> bool:
    return bool(value >= limit) if side == "gte" else bool(value <= limit)
