"""Overviews and taglines: templated English whose words lean on the movie's genres."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from connectors.mirror.synthetic.genres import lean
from connectors.mirror.synthetic.vocabulary import names, words

_TEXT_FIDELITY = 0.48
_PRONOUNS = {
    "male": {"he": "he", "him": "him", "his": "his", "himself": "himself"},
    "female": {"he": "she", "him": "her", "his": "her", "himself": "herself"},
}
_SETUPS = (
    "When {event}, {hero} {full} must {goal}.",
    "When {event}, {a_hero} named {first} {act}.",
    "After {event}, {hero} {full} {act}.",
    "{full}, {a_hero}, {act}.",
    "{full} is {a_hero} {place} who {act}.",
    "{place}, {a_hero} named {first} {act}.",
    "{place}, {hero} {full} {act} when {event}.",
    "{hero} {full} {act} and must {goal}.",
    "{hero} {full} only wants to {goal}, but then {event}.",
    "{year}: {place}, {hero} {full} {act}.",
)
_TURNS = (
    "But {twist}, and {first} must {goal}.",
    "With the help of {other}, {he} sets out to {goal}, but {twist}.",
    "Together with {other}, {first} tries to {goal}.",
    "Soon {he} discovers that {twist}.",
    "There {he} meets {other}, who may be {his} only chance to {goal}.",
    "{other} stands in {his} way, and {twist}.",
    "Then {event}, and {he} has no choice but to {goal}.",
    "When {event}, {first} has to {goal}.",
    "Joined by {other}, {he} {act}.",
    "{first} begins to suspect that {twist}.",
    "What {he} does not know: {twist}.",
)
_DOCUMENTARIES = (
    "A documentary about {topic}.",
    "This film tells of {topic}, and of those who would rather not talk about it.",
    "Shot over four years, this documentary explores {topic}.",
    "An observant and often funny documentary on {topic}.",
    "{topic}: this documentary goes where few cameras have been.",
)
_PORTRAITS = (
    "At its centre is {full}, {a_hero} who wants to {goal}.",
    "{full} is {a_hero} who {act}.",
    "{place}, {a_hero} named {full} tries to {goal}.",
)
_DOCUMENTARY_TURNS = (
    "It begins when {event}.",
    "With the help of {other}, {first} {act}.",
    "Along the way it turns out that {twist}.",
    "The camera is there when {event}.",
    "The film stays with {first}, even when {event}.",
)


@dataclass(frozen=True, slots=True)
class Hero:
    """The person an overview is about: given and family name, gender (`male`, `female`), and trade."""

    first: str
    family: str
    gender: str
    trade: str

    @property
    def full(self) -> str:
        """Return given and family name."""
        return f"{self.first} {self.family}"


def hero(rng: Random, genres: Sequence[str], culture: str, gender: str) -> Hero:
    """Return an invented character whose trade leans on the genres and whose name is of the culture."""
    people = names()[culture]
    while True:
        trade, _, mark = rng.choice(words()[lean(rng, genres, 0.6)]["heroes"]).partition("~")
        if mark in ("", gender[0]):
            break
    return Hero(rng.choice(people[gender]), rng.choice(people["family"]), gender, trade)


def overview(rng: Random, genres: Sequence[str], person: Hero, year: int) -> str:
    """Return two to five sentences of about 30 to 90 words."""
    documentary = genres[0] == "Documentary" and rng.random() < 0.85
    turns = _DOCUMENTARY_TURNS if documentary else _TURNS
    sentences = [rng.choice(_DOCUMENTARIES), rng.choice(_PORTRAITS)] if documentary else [rng.choice(_SETUPS)]
    sentences += rng.sample(turns, rng.choices((1, 2, 3), weights=(2, 5, 3))[0])
    slots = _Slots(rng, genres, person, year)
    text = [slots.fill(sentence) for sentence in sentences]
    if rng.random() < 0.6:
        text.append(slots.fill("{closer}"))
    while sum(len(sentence.split()) for sentence in text) < 30:
        text.insert(len(sentences), slots.fill(rng.choice(turns)))
    return " ".join(text)


def tagline(rng: Random, genres: Sequence[str]) -> str:
    """Return a line for the poster."""
    return rng.choice(words()[lean(rng, genres, 0.55)]["taglines"])


class _Slots:
    """The slots of a sentence: each look-up draws a fresh phrase, never one that this overview has used."""

    _BANKS: Mapping[str, str] = {
        "event": "events",
        "act": "acts",
        "goal": "goals",
        "twist": "twists",
        "other": "others",
        "place": "places",
        "closer": "closers",
        "topic": "topics",
    }

    def __init__(self, rng: Random, genres: Sequence[str], person: Hero, year: int) -> None:
        self._rng = rng
        self._sections = (genres[0], *genres)
        self._stray = lean(rng, genres, 0.0)  # one for the whole text: a film strays in one direction
        self._used: set[str] = set()
        self._fixed = {
            **_PRONOUNS[person.gender],
            "name": person.first,
            "first": person.first,
            "full": person.full,
            "hero": person.trade,
            "a_hero": with_article(person.trade),
            "year": str(year - self._rng.choice((0, 0, 1, 3, 10, 20))),
        }

    def __getitem__(self, slot: str) -> str:
        if slot in self._fixed:
            return self._fixed[slot]
        phrase = ""
        for _ in range(8):
            section = self._rng.choice(self._sections) if self._rng.random() < _TEXT_FIDELITY else self._stray
            phrase = self._rng.choice(words()[section][self._BANKS[slot]])
            if phrase not in self._used:
                break
        self._used.add(phrase)
        return phrase.format_map(self._fixed) if "{" in phrase else phrase

    def fill(self, template: str) -> str:
        """Return the template with its slots filled and a capital at its start."""
        text = template.format_map(self)
        return text[0].upper() + text[1:]


def with_article(noun: str) -> str:
    """Return the noun phrase behind `a` or `an`."""
    vowel = noun[0].lower() in "aeiou" and not noun.lower().startswith(("one", "uni", "eu"))
    return f"{'an' if vowel else 'a'} {noun}"
