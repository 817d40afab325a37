"""The people and companies that make the synthetic movies: invented names, careers, and genres they lean to.

The pool depends on the seed alone, so that a person keeps name and ids however many movies there are.
"""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from connectors.mirror.synthetic.genres import TMDB_GENRES, latent
from connectors.mirror.synthetic.vocabulary import names

_LEAN = 0.55
_PER_CULTURE = {"director": (170, 16), "writer": (190, 16), "actor": (480, 40)}  # English, any other
_KNOWN_FOR = {"director": "Directing", "writer": "Writing", "actor": "Acting"}
_COMPANY_FIRST = (
    "Northlight", "Blue Heron", "Tall Order", "Kestrel", "Paper Moon Lane", "Ironwood", "Second Avenue",
    "Halcyon", "Copper Kettle", "Meridian", "Saltwater", "Long Shadow", "Red Door", "Vantage Point",
    "Wild Acre",
    "Lantern", "Old Mill", "Silver Birch", "Fourth Wall", "Harbour", "Nightjar", "Magnolia Street",
    "Black Anvil", "Polaris", "Tin Drum Row", "Evergreen", "Cobalt", "Windmill", "Starling", "Granite Peak",
    "Lucky Penny", "Aurora",
)  # fmt: skip
_COMPANY_LAST = {
    "US": ("Pictures", "Entertainment", "Productions", "Films", "Studios"),
    "GB": ("Films", "Productions", "Film & Television"),
    "FR": ("Films", "Cinéma", "Productions"),
    "DE": ("Filmproduktion", "Film GmbH"),
    "ES": ("Producciones", "Cine"),
    "IT": ("Cinematografica", "Film"),
    "SE": ("Film AB", "Filmproduktion"),
    "BR": ("Filmes", "Produções"),
}
_COUNTRY_WEIGHTS = {
    "US": 90, "GB": 25, "FR": 14, "DE": 10, "ES": 9, "IT": 9, "JP": 12, "KR": 7, "CN": 7, "IN": 9,
    "SE": 6, "RU": 6, "BR": 5, "CA": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person; `leaning` is the one or two genres of most of their films."""

    tmdb_id: int
    nconst: str
    name: str
    gender: str
    job: str
    culture: str
    leaning: tuple[str, ...]
    first_year: int
    last_year: int

    def credit(self) -> dict[str, Any]:
        """Return the part of TMDb's credit that cast and crew have in common."""
        return {
            "adult": False,
            "gender": 2 if self.gender == "male" else 1,
            "id": self.tmdb_id,
            "known_for_department": _KNOWN_FOR[self.job],
            "name": self.name,
            "original_name": self.name,
            "popularity": round(0.1 + (self.tmdb_id * 7919 % 1000) / 180, 4),
            "profile_path": None,
        }


@dataclass(frozen=True, slots=True)
class Company:
    """One invented production company and the genre of most of its films."""

    tmdb_id: int
    name: str
    country: str
    leaning: str


class Pool:
    """Everyone who works on the movies of one seed."""

    def __init__(self, seed: int) -> None:
        rng = Random(f"{seed}:people")  # noqa: S311  # invented data, not a secret
        self._by_lean: dict[tuple[str, str, str], list[Person]] = defaultdict(list)
        self._by_job: dict[tuple[str, str], list[Person]] = defaultdict(list)
        taken: set[str] = set()
        number = 0
        for culture in names():
            for job, (english, other) in _PER_CULTURE.items():
                for _ in range(english if culture == "en" else other):
                    number += 1
                    self._add(_person(rng, number, job, culture, taken))
        self._companies: dict[str, list[Company]] = defaultdict(list)
        taken.clear()
        for i, country in enumerate(
            rng.choices(tuple(_COUNTRY_WEIGHTS), tuple(_COUNTRY_WEIGHTS.values()), k=220)
        ):
            name = _company_name(rng, country)
            if name not in taken:
                taken.add(name)
                self._companies[country].append(Company(40 + i * 137, name, country, latent(rng)[0]))

    def _add(self, person: Person) -> None:
        self._by_job[person.job, person.culture].append(person)
        for genre in person.leaning:
            self._by_lean[person.job, person.culture, genre].append(person)

    def cast(
        self, rng: Random, job: str, count: int, genres: Sequence[str], culture: str, year: int
    ) -> list[Person]:
        """Return up to `count` different people of a job, working in that year where possible."""
        people: list[Person] = []
        for _ in range(count):
            home = culture if rng.random() < 0.93 else "en"
            pool = self._by_job[job, home]
            if rng.random() < _LEAN:
                pool = self._by_lean.get((job, home, rng.choice(genres))) or pool
            for _ in range(10):
                person = rng.choice(pool)
                if person.first_year <= year <= person.last_year and person not in people:
                    people.append(person)
                    break
        if not people:  # nobody of that year: better an anachronism than a film that nobody made
            people.append(rng.choice(self._by_job[job, culture]))
        return people

    def companies(self, rng: Random, count: int, genres: Sequence[str], country: str) -> list[Company]:
        """Return up to `count` different companies, most of them of the country and leaning to the genres."""
        companies: list[Company] = []
        for i in range(count):
            pool = self._companies[country if i == 0 or rng.random() < 0.6 else "US"] or self._companies["US"]
            leaning = [company for company in pool if company.leaning in genres]
            company = rng.choice(leaning if leaning and rng.random() < _LEAN else pool)
            if company not in companies:
                companies.append(company)
        return companies


def _person(rng: Random, number: int, job: str, culture: str, taken: set[str]) -> Person:
    people = names()[culture]
    gender = rng.choices(("male", "female"), weights=(60, 40) if job == "actor" else (75, 25))[0]
    for attempt in itertools.count():
        family = rng.choice(people["family"])
        initial = f"{rng.choice('ABCDEFGHJKLMNPRSTW')}. " if attempt > 4 else ""
        name = f"{rng.choice(people[gender])} {initial}{family}"
        if name not in taken:
            break
    taken.add(name)
    first_year = rng.randint(1924, 2016)
    leaning = latent(rng)[:2] if rng.random() < 0.7 else (rng.choice(tuple(TMDB_GENRES)),)
    return Person(
        tmdb_id=100 + number * 1009 + rng.randrange(1000),
        nconst=f"nm{number * 4721 + rng.randrange(4000):07d}",
        name=name,
        gender=gender,
        job=job,
        culture=culture,
        leaning=leaning,
        first_year=first_year,
        last_year=first_year + rng.randint(12, 48),
    )


def _company_name(rng: Random, country: str) -> str:
    last = rng.choice(_COMPANY_LAST.get(country, _COMPANY_LAST["US"]))
    if country in ("US", "GB", "CA"):
        return f"{rng.choice(_COMPANY_FIRST)} {last}"
    culture = {"JP": "ja", "KR": "ko", "CN": "zh", "IN": "hi", "SE": "sv", "BR": "pt"}.get(
        country, country.lower()
    )
    return f"{rng.choice(names()[culture]['family'])} {last}"
