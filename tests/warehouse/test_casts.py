"""Casts of what sources sent are TRY_CASTs: this engine casts also what a CASE or a WHERE leaves out."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("warehouse/conform", "warehouse/land", "features")
"""The SQL that reads what sources sent, or rows made of it."""
READERS_OF_RAW = re.compile(r"\braw\.[a-z]")
NEVER_FAILS = re.compile(r"^(VARCHAR|JSON|TEXT)$")
"""Any value is a text."""
ALLOWED = {
    # our own numbers and texts
    r"'0x' \|\| .*": "hexadecimal digits of a hash",
    r"\( CAST\('0x'.*": "a sum of digits of a hash",
    r"row_number\(\) .*": "a count",
    r"'1970-01-01 00:00:00\+00'": "a constant",
    r"\$retry": "a setting",
    r"\$\{?column.name\}?": "a constant of the batch, which is ours",
    r"\?": "a bound value of ours",
    r"NULL": "nothing",
    r"len\(.*|length\(.*|n_users|nullif\(.*": "a length or a count",
    r"sum\(.*": "a sum of rows, or of numbers that a TRY_CAST bounds",
    # typed columns of bounds that the table's contract holds
    r"day": "a DATE is a TIMESTAMPTZ",
    r"epoch_us\(event_time\)": "microseconds of a time fit 64 bits",
    r"extract\(year FROM last_rated_at AT TIME ZONE 'UTC'\)": "the year of a time",
    r"isodow\(release_date\)|month_of|released|\(released // 10 \* 10\)": "parts of a day of core.movies",
    r"rating|relevance": "DOUBLE in bounds to FLOAT",
    r"CAST\(sources AS JSON\)": "JSON that conforming wrote",
    r"list_avg\(.*|\{quote\(name\)\}": "numbers of a feature view to DOUBLE",
}
"""What may be cast → why that cannot fail."""
OPENING = re.compile(r"(?<![A-Za-z_.])CAST\(", re.IGNORECASE)
SHORT = re.compile(r"::([A-Z][A-Z0-9_]*)")


def casts(text: str) -> Iterator[tuple[str, str]]:
    """Yield (what is cast, to which type) of each CAST and each `::` in a file."""
    for opening in OPENING.finditer(text):
        depth, end = 1, opening.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        inside, _, kind = text[opening.end() : end - 1].rpartition(" AS ")
        yield " ".join(inside.split()), kind.strip()
    for short in SHORT.finditer(text):
        yield _before(text[: short.start()]), short[1]


def _before(text: str) -> str:
    """Return the expression at the end of a text: a name, a call or what is in parentheses."""
    at = len(text)
    while text[at - 1] in ")}]":
        depth = 1
        while depth:
            at -= 1
            depth += text[at - 1] in ")}]"
            depth -= text[at - 1] in "({["
        at -= 1
    while at and (text[at - 1].isalnum() or text[at - 1] in "_.?$"):
        at -= 1
    return " ".join(text[at:].split())


def foreign_casts() -> Iterator[tuple[str, str, str]]:
    """Yield (file, what is cast, to which type) of all SQL that reads what sources sent."""
    files = [
        path
        for package in ("warehouse", "features", "models", "flows")
        for path in (ROOT / package).rglob("*")
    ]
    for path in sorted(files):
        if path.suffix not in (".sql", ".py"):
            continue
        text = path.read_text()
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(FOLDERS) or name == "warehouse/contracts.py" or READERS_OF_RAW.search(text):
            text = re.sub(r"^\s*(--|#).*$", "", text, flags=re.MULTILINE)
            yield from (
                (name, value, kind) for value, kind in casts(text) if kind and not NEVER_FAILS.match(kind)
            )


def test_what_sources_sent_is_cast_by_try_cast_alone() -> None:
    every_cast = list(foreign_casts())
    assert len(every_cast) > 20, "the scan reads the SQL"
    others = [cast for cast in every_cast if not any(re.fullmatch(allowed, cast[1]) for allowed in ALLOWED)]
    assert others == [], "make it a TRY_CAST, or say in ALLOWED why it cannot fail"


def test_the_scan_finds_both_ways_to_write_a_cast() -> None:
    text = "CAST(f(a, 'x') AS BIGINT), try_cast(b AS DATE), c::INTEGER, lower(d)::DOUBLE, (e + 1)::INTEGER"
    assert list(casts(text)) == [
        ("f(a, 'x')", "BIGINT"),
        ("c", "INTEGER"),
        ("lower(d)", "DOUBLE"),
        ("(e + 1)", "INTEGER"),
    ]
