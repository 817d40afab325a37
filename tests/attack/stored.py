"""Views and macros that somebody else left in a lake: no command runs one that reaches out of it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.attack.ground import Ground, Outcome, Result
from tests.warehouse.stored_code import DROPPED, WAYS, plant, reading
from warehouse import Location

REPLACED = "CREATE OR REPLACE VIEW predictions.current AS FROM {reach}"
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("export", "OUT", "core.plain"),
    ("export", "OUT.duckdb", "core.plain"),
    ("features", "dataset", "--sql", "FROM core.plain", "--out", "OUT.parquet"),
)


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of each way to read outside, and of the product's own commands on such a lake."""
    home = ground.copy("stored")
    reach = reading(ground.secret_table)
    dropped = {}
    for statement in WAYS:
        parts = statement.format(reach=reach).split("; ")
        dropped[statement] = plant(Location.under(home), *parts) - 1
    for statement in ground.part(WAYS, 6):
        query = WAYS[statement].format(dropped=dropped[statement], reach=reach)
        yield ground.attempt(f"sql {query[:60]}", partial(_refused, ground, home, "sql", query))
        yield ground.attempt(
            f"sql --files {query[:52]}", partial(_refused, ground, home, "sql", query, "--files")
        )
    pinned = ("sql", "FROM core.dropped", "--as-of", str(dropped[DROPPED]))
    yield ground.attempt("sql --as-of", partial(_refused, ground, home, *pinned))
    for command in COMMANDS:
        yield ground.attempt(" ".join(command[:2]), partial(_refused, ground, home, *command))
    replaced = ground.copy("replaced")
    ground.homes.remove(replaced)  # which no command may open until its view is mended
    plant(Location.under(replaced), REPLACED.format(reach=reach))
    for own in (("sql", "FROM predictions.current"), ("status",), ("upkeep",), ("nightly", "--local")):
        name = f"{' '.join(own)}, with a view replaced"
        yield ground.attempt(name, partial(_refused, ground, replaced, *own))


def _refused(ground: Ground, home: Path, *command: str) -> Outcome:
    with ground.directory() as place:
        ended = ground.reelhouse(
            *(part.replace("OUT", f"{place}/out") for part in command), home=home, REELHOUSE_TMDB_TOKEN="none"
        )
        assert not list(place.iterdir()), "it wrote something"
    return ended.refused("refused")
