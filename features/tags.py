"""The `tags` view: a bag of words from MovieLens tags and TMDb keywords, without those that name a genre."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.leaks import BOOKKEEPING, PHRASES, WHOLE, WORDS, genre_named, is_bookkeeping
from features.view import FeatureView
from warehouse.schema import Column

_APOSTROPHES = re.compile(r"['’‘`´]")
_NOT_WORD = re.compile(r"[\W_]+")
_IE_NOUNS = frozenset(
    (
        *(
            "birdies",
            "boogies",
            "brownies",
            "calories",
            "cookies",
            "foodies",
            "genies",
            "goalies",
            "groupies",
        ),
        *("hippies", "hoodies", "indies", "junkies", "movies", "newbies", "pixies", "prairies", "quickies"),
        *("rookies", "selfies", "talkies", "yuppies", "zombies"),
    )
)
_F_NOUNS = {
    **{f"{stem}ves": f"{stem}f" for stem in ("dwar", "el", "hal", "shel", "thie", "werewol", "wol")},
    **{f"{stem}ves": f"{stem}fe" for stem in ("housewi", "kni", "li", "midwi", "wi")},
}
_NO_PLURALS = frozenset(
    (
        *("adams", "always", "angeles", "athens", "beatles", "brussels", "cannes", "charles", "dickens"),
        *(
            "hercules",
            "holmes",
            "james",
            "jones",
            "naples",
            "news",
            "olympics",
            "perhaps",
            "series",
            "simpsons",
        ),
        *("sometimes", "species", "stones", "united", "wales", "williams"),
    )
)


@lru_cache(maxsize=262_144)
def normalise(tag: str) -> str:
    """Return a tag in small letters, without punctuation and accents, and its last word in the singular.

    Words are separated by one space.

    >>> [normalise(t) for t in ("Zombies!", "Post-Apocalyptic", "new year's eve", "Amélie")]
    ['zombie', 'post apocalyptic', 'new years eve', 'amelie']
    """
    text = unicodedata.normalize("NFKD", tag).casefold()
    text = "".join(char for char in text if not unicodedata.combining(char))
    words = _NOT_WORD.sub(" ", _APOSTROPHES.sub("", text)).split()
    if words:
        words[-1] = _singular(words[-1])
    return " ".join(words)


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word in _NO_PLURALS:
        return word
    if word.endswith(("ss", "us", "is", "as", "ics")):
        return word
    if word in _F_NOUNS:
        return _F_NOUNS[word]
    if word.endswith("ies"):
        return word[:-1] if word in _IE_NOUNS or len(word) == 4 else word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zzes")) or (word.endswith("oes") and len(word) > 5):
        return word[:-2]
    return word[:-1]


class Tags(FeatureView):
    """One row for every movie with a MovieLens tag or TMDb keyword.

    `tags` is sorted; `weights` (float32) lines up with it: ``1 + ln(n)`` for n users of any spelling, the
    keyword counting as one user. A movie with nothing left but genre names or bookkeeping is present with
    false and two empty lists. `min_users` drops a tag that fewer users gave the movie (a keyword counts as
    one); ``leaks=True`` keeps the tags that name genres, which no model of this project may use: it exists
    for the ablation.
    """

    name: ClassVar[str] = "tags"
    comment: ClassVar[str] = (
        "MovieLens tags and TMDb keywords in normal form, without those that name a genre."
    )
    columns: ClassVar[tuple[Column, ...]] = (
        Column("tags", "VARCHAR[]", "The tags in normal form, sorted."),
        Column(
            "weights", "FLOAT[]", "Weight of each tag: 1 + ln(number of users), a keyword being one user."
        ),
    )
    inputs: ClassVar[str] = """
        WITH given AS (
            SELECT movie_id, list({tag: tag, n: n_users::BIGINT} ORDER BY tag, n_users) AS tags
            FROM core.movie_tags SEMI JOIN wanted USING (movie_id)
            WHERE tag IS NOT NULL GROUP BY movie_id
        ), keywords AS (
            SELECT movie_id, list(DISTINCT keyword ORDER BY keyword) AS keywords
            FROM core.movie_keywords SEMI JOIN wanted USING (movie_id)
            WHERE keyword IS NOT NULL GROUP BY movie_id
        )
        SELECT movie_id, coalesce(tags, []) AS tags, coalesce(keywords, []) AS keywords
        FROM core.movies SEMI JOIN wanted USING (movie_id)
        LEFT JOIN given USING (movie_id) LEFT JOIN keywords USING (movie_id)
        WHERE tags IS NOT NULL OR keywords IS NOT NULL
    """

    def __init__(self, *, min_users: int = 1, leaks: bool = False) -> None:
        self.min_users = min_users
        self.leaks = leaks

    @classmethod
    def document_a(cls) -> "Tags":
        """Return the view with document A's rule: a tag counts if it was applied twice or more to a movie.

        Its other rule, the 400 most frequent, concerns the training rows: `vocabulary(tags, size=400)` or
        `Layout.learn(made, rows, size=400)`. (`models.baselines` has both to the letter.)
        """
        return cls(min_users=2)

    def parameters(self) -> Mapping[str, object]:
        lists = {"words": WORDS, "phrases": PHRASES, "whole": WHOLE} if not self.leaks else {}
        return {"min_users": self.min_users, "leaks": self.leaks, "bookkeeping": BOOKKEEPING, **lists}

    def compute(self, inputs: pa.Table) -> pa.Table:
        """Return `tags` and `weights` per movie; normalise each distinct tag once for the whole table."""
        movies = inputs["movie_id"].to_numpy()
        rows, tags, users = _flatten(inputs)
        encoded = tags.dictionary_encode()
        raw = encoded.dictionary.to_pylist()
        normal = [self._kept(tag) for tag in raw]
        vocabulary = sorted({tag for tag in normal if tag})
        number = {tag: i for i, tag in enumerate(vocabulary)}
        code_of = np.array([number[tag] if tag else -1 for tag in normal], dtype=np.int64)
        codes = code_of[encoded.indices.to_numpy()] if len(raw) else np.empty(0, np.int64)

        kept = codes >= 0
        key = rows[kept] * max(len(vocabulary), 1) + codes[kept]  # sorts by movie, then alphabetically
        key, where = np.unique(key, return_inverse=True)
        total = np.bincount(where, weights=users[kept], minlength=len(key))
        enough = total >= self.min_users
        key, total = key[enough], total[enough]
        row, code = np.divmod(key, max(len(vocabulary), 1))

        offsets = pa.array(np.searchsorted(row, np.arange(len(movies) + 1)), pa.int32())
        words = pa.array(vocabulary, pa.string()).take(pa.array(code, pa.int64()))
        weights = pa.array((1 + np.log(total)).astype(np.float32), pa.float32())
        return pa.table(
            {
                "movie_id": inputs["movie_id"],
                "present": pa.array(np.diff(offsets.to_numpy()) > 0, pa.bool_()),
                "tags": pa.ListArray.from_arrays(offsets, words),
                "weights": pa.ListArray.from_arrays(offsets, weights),
            }
        )

    def _kept(self, tag: str) -> str | None:
        """Return a raw tag's normal form, or None where it is not to be kept."""
        normal = normalise(tag)
        if not normal or is_bookkeeping(normal):
            return None
        return normal if self.leaks or genre_named(normal) is None else None


def _flatten(inputs: pa.Table) -> tuple[np.ndarray, pa.Array, np.ndarray]:
    """Return (row, tag, users) of every tag and keyword of the table, as three arrays of one length."""
    given = inputs["tags"].combine_chunks()
    keywords = inputs["keywords"].combine_chunks()
    pairs = pc.list_flatten(given)
    words = pc.list_flatten(keywords)
    rows = np.concatenate([pc.list_parent_indices(column).to_numpy() for column in (given, keywords)])
    tags = pa.concat_arrays([pairs.field("tag").cast(pa.string()), words.cast(pa.string())])
    users = np.concatenate([pairs.field("n").to_numpy(zero_copy_only=False), np.ones(len(words))])
    return rows.astype(np.int64), tags, users
