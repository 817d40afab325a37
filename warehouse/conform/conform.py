"""Brings `core` up to date with `raw`, movie by movie that something arrived for."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.compute as pc

from warehouse.conform.fingerprint import changed_tables
from warehouse.conform.precedence import filled
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import qualified, quote
from warehouse.schema import TABLES
from warehouse.statements import bound, run_file, statements
from warehouse.transaction import Transaction
from warehouse.warehouse import Warehouse

Progress = Callable[[int, int | None], None]

SOURCE, STREAM = "reelhouse", "core"
_PACKAGE = "warehouse.conform"
_AROUND = (
    "movie_genres",
    "movie_keywords",
    "movie_tags",
    "movie_people",
    "movie_companies",
    "movie_countries",
    "movie_languages",
    "ratings",
    "posters",
)
_STAGES = 8
RULES = 1
"""Raised when the rules of identity change: the next conform then looks at all that contradicts them."""
_SLICE = 200_000
"""Movies that pass through memory at once on their way into core.movies."""


@dataclass(frozen=True)
class ConformResult:
    """What a conform did, in movies."""

    affected: int = 0
    """Looked at, because something arrived about them."""
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    """Of the changed or added ones, those that no source has any more; their row stays, with deleted_at."""
    merged: int = 0
    """Rows taken out because all their ids belong to other movies now; core.id_map says to which."""
    quarantined: int = 0
    """Values or rows that were set aside."""
    batch_id: str | None = None
    """None where nothing had arrived: then nothing was written."""
    remade: tuple[str, ...] = ()
    """Tables that other SQL makes than at the last conform: for that, all movies were looked at."""


def conform(warehouse: Warehouse, run_id: str | None, progress: Progress | None = None) -> ConformResult:
    """Bring `core` up to date with `raw` in one transaction, and return what changed.

    Only movies are computed again that a raw row, a poster or a new export arrived for since the last
    conform, and those that share an id with them. A movie is written only when its row or its rows around it
    differ; others keep their event_time and known_time. The cursor ("reelhouse", "core") holds the last
    snapshot whose rows were read, and the hashes of the SQL that made `core`: where that is another now, all
    movies are computed again. Claims about ids that lost are in core.id_conflicts; what a person
    decided about ids, in core.id_decisions, wins over what the sources say.
    """
    return warehouse.commit(
        lambda tx: _conform(tx, warehouse, run_id, progress or (lambda done, total: None))
    )


def _conform(tx: Transaction, warehouse: Warehouse, run_id: str | None, progress: Progress) -> ConformResult:
    cursor = tx.cursor(SOURCE, STREAM) or {}
    last_snapshot = cursor.get("snapshot", -1)
    is_older = last_snapshot >= 0 and cursor.get("rules", 0) < RULES
    hashes = changed_tables(" ".join(table.name for table in TABLES))
    earlier = cursor.get("sql", {})  # without it, an earlier release made core, with the recorded SQL
    remade = {name for name, _ in hashes.items() ^ earlier.items()} if last_snapshot >= 0 else set()
    snapshot = tx.scalar("SELECT id FROM lake.current_snapshot()")
    year = warehouse.table("core.movies").column("year")
    params: dict[str, Any] = {
        "since": -1 if remade else last_snapshot,
        "now": warehouse.clock(),
        "year_min": int(year.minimum or 0),
        "year_max": int(year.maximum or 9999),
    }
    if snapshot == last_snapshot and not is_older and not remade:
        return ConformResult()

    def stage(done: int, *names: str) -> None:
        for name in names:
            run_file(tx, _PACKAGE, name, params)
        progress(done, _STAGES)

    stage(1, "readable", "macros", "touched", *(["contradictions"] if is_older else []))
    if not tx.scalar("SELECT count(*) FROM touched"):
        progress(_STAGES, _STAGES)
        return ConformResult()
    stage(2, "affected")
    while run_file(tx, _PACKAGE, "spread"):
        pass
    stage(3, "records", "decided")
    stage(4, "groups")
    while run_file(tx, _PACKAGE, "collide"):
        pass
    run_file(tx, _PACKAGE, "used")
    while run_file(tx, _PACKAGE, "owners"):
        pass
    stage(5, "values", "around")
    for statement in statements(_PACKAGE, "movies"):
        tx.execute(filled(statement))
    progress(6, _STAGES)
    result = _write(tx, warehouse, run_id, params)
    progress(7, _STAGES)
    tx.set_cursor(SOURCE, STREAM, {"snapshot": snapshot, "rules": RULES, "sql": hashes})
    progress(8, _STAGES)
    return replace(result, remade=tuple(sorted(remade)))


def _write(
    tx: Transaction, warehouse: Warehouse, run_id: str | None, params: dict[str, Any]
) -> ConformResult:
    batch_id = tx.batch(run_id, SOURCE, STREAM, request=f"raw after snapshot {params['since']}")
    set_aside = _set_aside(tx, batch_id, params)
    stale = "SELECT movie_id FROM changed WHERE NOT is_new UNION ALL SELECT movie_id FROM merged"
    if tx.scalar(f"SELECT count(*) FROM ({stale})"):
        for name in ("movies", *_AROUND):
            tx.execute(f"DELETE FROM {qualified('core.' + name)} WHERE movie_id IN ({stale})")
    (rows,) = statements(_PACKAGE, "changed_movies")
    params = {**params, "batch_id": batch_id}
    refused = 0
    total = tx.scalar("SELECT count(*) FROM changed")
    for offset in range(0, total, _SLICE):
        page = f"{rows} LIMIT {_SLICE} OFFSET {offset}"
        refused += tx.append("core.movies", tx.query(page, bound(rows, params))).rows_quarantined
    if refused:  # a movie that broke its contract leaves nothing around it either
        tx.execute("DELETE FROM changed WHERE movie_id NOT IN (SELECT movie_id FROM core.movies)")
    for name in _AROUND:
        names = column_list(warehouse.table(f"core.{name}").column_names)
        tx.execute(
            f"INSERT INTO {qualified('core.' + name)} ({names}) SELECT {names} FROM {quote('new_' + name)} "
            "SEMI JOIN changed USING (movie_id) ORDER BY movie_id"
        )
    run_file(tx, _PACKAGE, "identities", params)
    run_file(tx, _PACKAGE, "conflicts", params)
    counts = tx.query(
        "SELECT (SELECT count(*) FROM new_movies) AS affected, count(*) FILTER (WHERE is_new) AS added, "
        "count(*) FILTER (WHERE NOT is_new) AS changed, count(*) FILTER (WHERE is_deleted) AS deleted, "
        "(SELECT count(*) FROM merged) AS merged FROM changed"
    ).to_pylist()[0]
    return ConformResult(
        **counts,
        unchanged=counts["affected"] - counts["added"] - counts["changed"],
        quarantined=set_aside + refused,
        batch_id=batch_id,
    )


def _set_aside(tx: Transaction, batch_id: str, params: dict[str, Any]) -> int:
    """Put the odd values that arrived into quarantine; return how many."""
    *preparing, odd_values = statements(_PACKAGE, "odd_values")
    for statement in preparing:
        tx.execute(statement, bound(statement, params))
    rows = tx.query(odd_values, bound(odd_values, params))
    return sum(
        tx.quarantine(
            source, "core.movies", rows.filter(pc.equal(rows["source"], source)).drop(["source"]), batch_id
        )
        for source in ("tmdb", "imdb", "movielens")
    )
