"""MovieLens' titles, as people write them."""

import hashlib
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from warehouse.statements import statements


@pytest.fixture(scope="module")
def macros() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the conform's small functions."""
    with duckdb.connect() as connection:
        for statement in statements("warehouse.conform", "macros"):
            connection.execute(statement)
        yield connection


def first(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> tuple[Any, ...]:
    row = connection.execute(sql, values).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("written", "title", "year"),
    [
        ("Way We Were, The (1973)", "The Way We Were", 1973),
        ("Four Rooms (1995)", "Four Rooms", 1995),
        (
            "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
            "The City of Lost Children",
            1995,
        ),
        ("Twelve Monkeys (a.k.a. 12 Monkeys) (1995)", "Twelve Monkeys", 1995),
        ("Yes, Madam (a.k.a. Police Assassins) (a.k.a. Line (2)) (Huang gu) (1985)", "Yes, Madam", 1985),
        ("Babe Ruth Story, The (1948) ", "The Babe Ruth Story", 1948),
        ("Skokie\u00a0(1981)", "Skokie", 1981),
        ("Deadly Advice(1994)", "Deadly Advice", 1994),
        ("Mystics in Bali (Leák)(1981)", "Mystics in Bali", 1981),
        ("Death Note: Desu nôto (2006–2007)", "Death Note: Desu nôto", 2006),
        ("Fawlty Towers (1975-1979)", "Fawlty Towers", 1975),
        ("Still Running (2001-)", "Still Running", 2001),
        ("Ready Player One", "Ready Player One", None),
        ("Millions Game, The (Das Millionenspiel)", "The Millions Game", None),
        ("Avventura, L' (Adventure, The) (1960)", "L'Avventura", 1960),
        ("Miserables, Les (1998)", "Les Miserables", 1998),
        ("Dolce Vita, La (1960)", "La Dolce Vita", 1960),
        ("Grand bleu, Le (1988)", "Le Grand bleu", 1988),
        ("Mariachi, El (1992)", "El Mariachi", 1992),
        ("Olvidados, Los (1950)", "Los Olvidados", 1950),
        ("Boot, Das (Boat, The) (1981)", "Das Boot", 1981),
        ("Himmel über Berlin, Der (1987)", "Der Himmel über Berlin", 1987),
        ("Blechtrommel, Die (1979)", "Die Blechtrommel", 1979),
        ("Postino, Il (1994)", "Il Postino", 1994),
        ("Femme est une femme, Une (1961)", "Une Femme est une femme", 1961),
        ("Clockwork Orange, A (1971)", "A Clockwork Orange", 1971),
        ("American in Paris, An (1951)", "An American in Paris", 1951),
        ("Sjunde inseglet, Det (1957)", "Det Sjunde inseglet", 1957),
        ("Good, the Bad and the Ugly, The (1966)", "The Good, the Bad and the Ugly", 1966),
        ("I, the Worst of All (Yo, la peor de todas) (1990)", "I, the Worst of All", 1990),
        ("Girl, Interrupted (1999)", "Girl, Interrupted", 1999),
        ("Kill, Baby... Kill!, Die! (1966)", "Kill, Baby... Kill!, Die!", 1966),
        ("(500) Days of Summer (2009)", "(500) Days of Summer", 2009),
        ("(Untitled) (2009)", "(Untitled)", 2009),
        ("1984 (Nineteen Eighty-Four) (1984)", "1984", 1984),
        ("2012 (2009)", "2012", 2009),
        ("", None, None),
        ("(1999)", "(1999)", 1999),
    ],
)
def test_a_title_loses_its_year_and_gets_its_article_back(
    macros: duckdb.DuckDBPyConnection, written: str, title: str | None, year: int | None
) -> None:
    assert first(macros, "SELECT movielens_title($1), movielens_year($1)", written) == (title, year)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("cat &amp; mouse", "cat & mouse"),
        ("&quot;Hi&quot; &lt;b&gt; it&#39;s", '"Hi" <b> it\'s'),
        ("&amp;lt;", "&lt;"),
        ("  ", None),
        ("", None),
        (None, None),
    ],
)
def test_entities_are_unescaped_once_and_nothing_is_unknown(
    macros: duckdb.DuckDBPyConnection, sent: str | None, text: str | None
) -> None:
    assert first(macros, "SELECT plain($1)", sent) == (text,)


@pytest.mark.parametrize(
    ("sent", "imdb_id"),
    [
        ("0113228", "tt0113228"),
        ("10384606", "tt10384606"),
        ("113228", "tt0113228"),
        (" 0113228 ", "tt0113228"),
        ("0000000", None),
        ("tt0113228", None),
        ("", None),
        (None, None),
    ],
)
def test_linked_imdb_ids_get_their_prefix(
    macros: duckdb.DuckDBPyConnection, sent: str | None, imdb_id: str | None
) -> None:
    assert first(macros, "SELECT linked_imdb_id($1)", sent) == (imdb_id,)


def test_ids_and_buckets_are_those_of_python(macros: duckdb.DuckDBPyConnection) -> None:
    keys = [f"tt{n:07d}" for n in range(1, 2_000)] + ["tmdb:5", "movielens:7", "tt0113101#1", ""]
    macros.execute("CREATE OR REPLACE TEMP TABLE keys AS SELECT unnest($1) AS key", [keys])
    found = macros.execute("SELECT key, hashed_id(key), split_bucket(key) FROM keys").fetchall()
    assert sorted(found) == sorted(
        (key, int(digest[:13], 16), int(digest, 16) % 10)
        for key in keys
        for digest in [hashlib.sha256(key.encode()).hexdigest()]
    )


@pytest.mark.parametrize("digest", ["0" * 64, "f" * 64, "9" * 64, "0" * 63 + "a", "a" + "0" * 63, "1" * 64])
def test_the_bucket_is_the_last_decimal_digit_of_any_hash(
    macros: duckdb.DuckDBPyConnection, digest: str
) -> None:
    assert first(macros, "SELECT hexadecimal_bucket($1)", digest) == (int(digest, 16) % 10,)
