"""What must hold when all attacks are over: nothing outside changed, no secret got out, each home answers."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from tests.attack.ground import Ground, Outcome, Result
from warehouse import Location
from warehouse.file_reader import opened


def breaches(ground: Ground) -> set[str]:
    """Return the names of the checks that the home does not pass."""
    checks = json.loads(ground.reelhouse("check", "--json").out)
    return {each["name"] for each in checks if not each["ok"]}


def attacks(ground: Ground, before: set[str]) -> Iterator[Result]:
    """Yield what the checks come to; `before` are the breaches from before the attacks."""
    for home in ground.homes:
        name = home.name if home == ground.home else f"the copy {home.name}"
        yield ground.attempt(f"{name}: sql", partial(_answers, ground, home))
        yield ground.attempt(f"{name}: pyarrow reads every table", partial(_reads, ground, home))
    yield ground.attempt("home: check names nothing new", partial(_checks, ground, before))
    yield ground.attempt("no file holds a secret", partial(_scan, ground))


def _answers(ground: Ground, home: Path) -> Outcome:
    ended = ground.reelhouse("sql", "SELECT count(*) FROM core.movies", "--format", "csv", home=home).done()
    assert int(ended.out.split()[1]) > 0, ended.out
    return "survived"


def _reads(ground: Ground, home: Path) -> Outcome:
    with opened(Location.under(home)) as reader:
        for name in reader.tables():
            table = reader.read_table(name)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as stream:  # Python has no value for some odd dates
                stream.write_table(table)
            ground.hides(sink.getvalue().to_pybytes().decode("latin-1"), name)
    return "survived"


def _checks(ground: Ground, before: set[str]) -> Outcome:
    new = breaches(ground) - before
    assert not new, f"new: {', '.join(sorted(new))}"
    return "survived"


def _scan(ground: Ground) -> Outcome:
    """Look for the secrets in every file that was written; a home's own is where the home keeps it."""
    for path in ground.root.rglob("*"):
        inside = path.is_relative_to(ground.outside) or path.match("prefect/auth")
        if inside or path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        for secret in ground.secrets:
            assert secret.encode() not in content, f"a secret in {path.relative_to(ground.root)}"
    return "survived"
