"""Titles: an English grammar over the genres' words, and combinations in eleven other languages."""

from collections.abc import Sequence
from random import Random

from connectors.mirror.synthetic.genres import lean
from connectors.mirror.synthetic.vocabulary import foreign_titles, names, words

_FIDELITY = 0.55
_SHARED = (  # titles that many films of many years carry
    "Home", "The Visitor", "Legacy", "The Promise", "Exit", "Aftermath", "The Gift", "Homecoming", "Fallen",
    "The Stranger", "Alone", "The Return", "Silence", "Echo", "Shelter", "Crossroads",
)  # fmt: skip
_TOWNS = (
    "Lisbon", "Trieste", "Baltimore", "Marrakesh", "Odessa", "Tangier", "Reno", "Glasgow", "Havana", "Osaka",
    "Santa Fe", "Rotterdam", "Galway", "El Paso", "Brooklyn", "Salzburg", "Nairobi", "Bergen", "Tulsa",
)  # fmt: skip
_NUMBERS = ("Two", "Three", "Five", "Six", "Seven", "Nine", "Twelve", "Forty", "100")
_UNCOUNTED = frozenset(
    (
        "Blood", "Silence", "Bread", "Panic", "Surveillance", "Dust", "Fury", "Earth", "Christmas",
        "Snowfall",
        "Mistletoe", "Velocity", "Vengeance", "Weight", "Retribution", "Absence", "Distance", "Love", "Blues",
        "Harvest", "Paris", "Enchantment", "Rhythm", "Trouble", "Darling", "Summer", "Winter", "Spring",
    )
)  # fmt: skip
_LATIN = frozenset(("fr", "es", "it", "de", "pt", "sv"))

_PATTERNS: Sequence[tuple[float, str]] = (
    (12, "The {adj} {noun}"),
    (12, "{adj} {noun}"),
    (7, "The {noun}"),
    (4, "{noun}"),
    (4, "{noun} of {adj} {other}"),
    (6, "The {noun} of {town}"),
    (4, "{noun} in {town}"),
    (4, "{first}'s {noun}"),
    (3, "{first} {family}"),
    (2, "{family} & {second}"),
    (5, "{number} {nouns}"),
    (5, "{noun} and {other}"),
    (4, "{noun}: The {adj} {other}"),
    (2, "Before the {noun}"),
    (2, "After the {noun}"),
    (2, "Beyond the {adj} {noun}"),
    (2, "Where the {noun} Ends"),
    (2, "What the {noun} Knew"),
    (2, "Night of the {adj} {noun}"),
    (2, "Return to {town}"),
    (2, "Goodbye, {first}"),
    (2, "A {adj} {noun}"),
    (1, "No {noun} for {first}"),
    (1, "Who Stole the {noun}?"),
    (1, "Don't Wake the {noun}!"),
    (1, "The {noun} Next Door"),
    (1, "{first} Goes to {town}"),
    (1, "Meet Me in {town}"),
    (1, "Mr. {family} and the {noun}"),
    (1, "{noun} 19{two}"),
    (1, "...and the {adj} {noun}"),
)
_WEIGHTS = tuple(weight for weight, _ in _PATTERNS)
_FORMS = tuple(form for _, form in _PATTERNS)


def english(rng: Random, genres: Sequence[str]) -> str:
    """Return an English title; one in fifty is one that many films share."""
    if rng.random() < 0.02:
        return rng.choice(_SHARED)
    noun, other = _word(rng, genres, "nouns"), _word(rng, genres, "nouns")
    form = rng.choices(_FORMS, weights=_WEIGHTS)[0]
    for _ in range(4):  # no "A Voices", "Seven Bloods", "Ashes and Ashes"
        plural = _is_plural(noun)
        if (plural and form.startswith(("A ", "Where", "What"))) or noun == other:
            noun = _word(rng, genres, "nouns")
        if "{nouns}" in form and (plural or noun in _UNCOUNTED):
            noun = _word(rng, genres, "nouns")
    if _is_plural(noun) and form.startswith(("A ", "Where", "What")):
        form = "The {adj} {noun}"
    if "{nouns}" in form and (_is_plural(noun) or noun in _UNCOUNTED):
        form = "The {noun}"
    people = names()["en"]
    adjective = next(a for a in iter(lambda: _word(rng, genres, "adjectives"), "") if a != noun)
    title = form.format(
        adj=adjective,
        noun=noun,
        nouns=_plural(noun),
        other=other,
        town=rng.choice(_TOWNS),
        first=rng.choice(people["female"] + people["male"]),
        second=rng.choice(people["family"]).split()[0],
        family=rng.choice(people["family"]),
        number=rng.choice(_NUMBERS),
        two=rng.randint(14, 88),
    )
    if title.startswith("A ") and title[2] in "AEIOU":
        return "An " + title[2:]
    return title


def foreign(rng: Random, language: str) -> tuple[str, str]:
    """Return `(original title, title in TMDb's en-US)` of a film in another language."""
    parts = foreign_titles()[language]
    if rng.random() < 0.12:
        people = names()[language]
        name = rng.choice(people["female"] + people["male"])
        return name, name
    head, head_en = rng.choice(parts["heads"]).split(" = ")
    tail, tail_en = rng.choice(parts["tails"]).split(" = ")
    glue = parts["join"][0].replace("_", " ")
    if "order" in parts:
        original, translated = f"{tail}{glue}{head}", f"{tail_en} {head_en}"
    else:
        original, translated = f"{head}{glue}{tail}", f"{head_en} {tail_en}"
    return original, original if language in _LATIN and rng.random() < 0.25 else translated


def sequel(rng: Random, genres: Sequence[str], base: str, part: int) -> str:
    """Return the title of part 1, 2, 3, … of a series."""
    if part == 1:
        return base
    return rng.choice(
        (
            f"{base} {part}",
            f"{base} {('I', 'II', 'III', 'IV', 'V')[part - 1]}",
            f"{base}: {_word(rng, genres, 'nouns')}",
            f"{base}: The {_word(rng, genres, 'adjectives')} {_word(rng, genres, 'nouns')}",
        )
    )


def series(rng: Random, genres: Sequence[str]) -> str:
    """Return the name of a series: short, so that a number can follow."""
    noun, adjective = _word(rng, genres, "nouns"), _word(rng, genres, "adjectives")
    return rng.choice((f"{adjective} {noun}", f"The {adjective} {noun}", f"The {noun}", noun))


def _word(rng: Random, genres: Sequence[str], kind: str) -> str:
    return rng.choice(words()[lean(rng, genres, _FIDELITY)][kind])


def _is_plural(noun: str) -> bool:
    return noun.endswith("s") and not noun.endswith(("ss", "us", "is", "as"))


def _plural(noun: str) -> str:
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return {"Thief": "Thieves", "Witness": "Witnesses"}.get(noun, noun + "s")
