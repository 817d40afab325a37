"""Which tags name a genre, and which say only what one user did with a disc.

Genres are what the models predict, so a tag that names one hands them the answer. The rule, over normalised
tags:

1. *words*: a tag is a leak when one of its words is a genre's name or a listed inflection, in any place
   (``dark comedy``, ``world war ii``, ``film noir``);
2. *phrases*: a tag is a leak when it contains a listed phrase (``science fiction``, ``tv movie``): for names
   made of words that are ordinary by themselves;
3. *whole*: a tag is a leak when it is the name as a whole (``short``, ``adult``): for names that are ordinary
   words.

The rule is strict on purpose. It also costs tags like ``family reunion`` that do not speak of a genre;
telling the two apart would need a judgement per tag, and a leak that is left is worse than a tag that is
lost. Names that imply a genre without naming it (``superhero``, ``slasher``, ``pixar``) stay: those are what
a tag model is for.
"""

import re
from functools import lru_cache

WORDS: dict[str, tuple[str, ...]] = {
    "action": ("action", "actioner"),
    "adventure": ("adventure", "adventurer", "adventurous", "adventuresome", "misadventure"),
    "animation": (
        "animation",
        "animated",
        "animate",
        "animator",
        "anime",
        "cartoon",
        "cartoonish",
        "claymation",
    ),
    "biography": (
        *("biography", "biographical", "biographic", "biopic", "bio"),
        *("autobiography", "autobiographical", "semiautobiographical"),
    ),
    "children": ("child", "children", "childrens", "kid", "kiddie"),
    "comedy": (
        "comedy",
        "comedic",
        "comedian",
        "comedienne",
        "romcom",
        "sitcom",
        "dramedy",
        "tragicomedy",
        "tragicomic",
    ),
    "crime": ("crime", "criminal", "criminality", "cybercrime"),
    "documentary": (
        *("documentary", "docu", "docudrama", "docufiction", "docuseries"),
        *("mockumentary", "rockumentary", "shockumentary", "pseudodocumentary"),
    ),
    "drama": (
        "drama",
        "dramatic",
        "dramatization",
        "dramatisation",
        "melodrama",
        "melodramatic",
        "psychodrama",
    ),
    "family": ("family", "familial"),
    "fantasy": ("fantasy", "fantastical"),
    "film-noir": ("noir", "filmnoir", "neonoir"),
    "history": ("history", "historical", "historic"),
    "horror": ("horror", "horrorcomedy"),
    "imax": ("imax",),
    "music": ("music", "musical", "musician", "musicals"),
    "mystery": ("mystery", "mysterious"),
    "news": ("news",),
    "romance": ("romance", "romantic", "romantically", "romanticism", "bromance", "bromantic", "romcom"),
    "science fiction": ("scifi", "syfy", "sf"),
    "sport": ("sport", "sporting", "sporty", "motorsport", "motorsports"),
    "thriller": ("thriller", "thrilling", "technothriller"),
    "war": ("war", "wartime", "warfare", "antiwar", "postwar", "prewar", "wwi", "wwii", "ww1", "ww2", "ww"),
    "western": ("western",),
}
"""Rule 1, by genre of any label set (MovieLens, TMDb, IMDb)."""

PHRASES: dict[str, tuple[str, ...]] = {
    "adult": ("adult film", "adult movie", "adult cinema"),
    "game-show": ("game show", "gameshow", "quiz show"),
    "reality-tv": ("reality tv", "reality show", "reality television", "reality series"),
    "science fiction": ("science fiction", "sci fi", "sci fy", "sy fy", "science fantasy"),
    "short": ("short film", "short movie"),
    "talk-show": ("talk show", "talkshow"),
    "tv movie": (
        "tv movie",
        "tv film",
        "television movie",
        "television film",
        "made for tv",
        "made for television",
    ),
    "romance": ("rom com",),
}
"""Rule 2."""

WHOLE: dict[str, tuple[str, ...]] = {
    "adult": ("adult",),
    "documentary": ("doc",),
    "short": ("short",),
    "tv movie": ("made for cable tv", "tv"),
}
"""Rule 3."""

BOOKKEEPING: tuple[str, ...] = (
    r"\b(netflix|tivo|hulu|movielens|grouplens|ipod)\b",
    r"\bqueued?\b",
    r"\b(dvd|dvds|blu ray|bluray|vhs|laserdisc|laser disc|betamax|divx|dvr|bd video|bd r|clv|vcr)\b",
    r"^(own|owned|unowned|borrowed|bought|lent|rent|rental|rented|to rent|library|on hold)\b",
    r"^(seen|unseen|saw|watched|not seen|have seen|rewatch|rewatched|see again|watch (it )?again)\b",
    r"^(to (see|watch|buy)|must (see|watch)|want to (see|watch|own|buy))\b",
    r"^(wanna see|(see|watch) soon|watchlist)\b",
    r"^my (movie|dvd|collection|favou?rite|list|library|wishlist)\b",
    r"\b(less|fewer|more) than \d+ rating\b",
    r"^(ei muista|tumey|erlend|eric)\b",
    r"^(todo|to do|unknown|unrated|untagged|tagged|tag|test|n a|none|misc|x+)$",
)
"""Patterns over normalised tags that describe a user's shelf or diary instead of the movie."""


def _index(table: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {entry: genre for genre, entries in table.items() for entry in entries}


_WORD_OF = _index(WORDS)
_WHOLE_OF = _index(WHOLE)
_PHRASES = re.compile(r"\b(" + "|".join(sorted(_index(PHRASES), key=len, reverse=True)) + r")\b")
_PHRASE_OF = _index(PHRASES)
_BOOKKEEPING = re.compile("|".join(f"(?:{pattern})" for pattern in BOOKKEEPING))


def genre_named(tag: str) -> str | None:
    """Return the genre that a normalised tag names, or None.

    >>> genre_named("dark comedy"), genre_named("classic sci fi"), genre_named("superhero")
    ('comedy', 'science fiction', None)
    """
    if tag in _WHOLE_OF:
        return _WHOLE_OF[tag]
    phrase = _PHRASES.search(tag)
    if phrase:
        return _PHRASE_OF[phrase.group()]
    return next((_WORD_OF[form] for word in tag.split() for form in _forms(word) if form in _WORD_OF), None)


def is_bookkeeping(tag: str) -> bool:
    """Return whether a normalised tag describes a user's shelf or diary instead of the movie.

    >>> is_bookkeeping("in netflix queue"), is_bookkeeping("seen at the cinema")
    (True, True)
    >>> is_bookkeeping("heist")
    False
    """
    return _BOOKKEEPING.search(tag) is not None


@lru_cache(maxsize=65_536)
def _forms(word: str) -> tuple[str, ...]:
    """Return a word and the singulars that it may have."""
    forms = [word]
    if word.endswith("ies"):
        forms.append(word[:-3] + "y")
    if word.endswith("es"):
        forms.append(word[:-2])
    if word.endswith("s"):
        forms.append(word[:-1])
    return tuple(forms)
