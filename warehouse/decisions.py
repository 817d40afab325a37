"""What a person decides about ids, and the contradictions of the sources that call for it.

A decision says of one source's id which movie it is, by any other id of that movie. It is a row of
core.id_decisions that nothing deletes. The latest row of an id is in force, and one without a target takes
back what was decided. The next conform follows it, and every later one.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from warehouse.conform.conform import RULES, SOURCE, STREAM
from warehouse.errors import BadDecision, MeaninglessDecision
from warehouse.schema.identity import NODE
from warehouse.transaction import Transaction
from warehouse.warehouse import Warehouse

IN_FORCE = """
    SELECT * FROM (
        SELECT * FROM core.id_decisions
        QUALIFY row_number() OVER (
            PARTITION BY source, source_id ORDER BY decided_at DESC, decision_id DESC
        ) = 1
    ) WHERE target IS NOT NULL ORDER BY decided_at, decision_id
"""
_KNOWN = """
    SELECT EXISTS (FROM core.id_map WHERE source = $source AND source_id = $source_id)
        OR ($source = 'tmdb' AND EXISTS (
            FROM raw.movielens_links WHERE tmdb_id = try_cast($source_id AS BIGINT)))
        OR ($source = 'imdb' AND EXISTS (FROM raw.imdb_title_basics WHERE tconst = $source_id))
"""
_CONFLICTS = """
    SELECT c.*, lost.title AS lost_title, lost.year AS lost_year, won.title AS won_title, won.year AS won_year
    FROM core.id_conflicts AS c
    LEFT JOIN core.movies AS lost ON lost.movie_id = c.lost_movie_id
    LEFT JOIN core.movies AS won ON won.movie_id = c.won_movie_id
    ORDER BY c.source, length(c.source_id), c.source_id, c.lost_record, c.lost_target
"""


@dataclass(frozen=True)
class Decision:
    """One row of core.id_decisions."""

    decision_id: str
    source: str
    source_id: str
    target: str | None
    """The id that names the movie, as `tt0113101`, `tmdb:5` or `movielens:7`; None: taken back."""
    author: str
    reason: str
    decided_at: datetime


def parse_id(text: str) -> tuple[str, str]:
    """Return (source, the id there) of `tt0113101`, `imdb:tt0113101`, `tmdb:5` or `movielens:7`.

    Raises `BadDecision` for a text that is no such id.

    Example:
        >>> parse_id("tmdb:5"), parse_id("tt0113101")
        (('tmdb', '5'), ('imdb', 'tt0113101'))
    """
    node = text.strip().removeprefix("imdb:")
    if not re.fullmatch(NODE, node):
        raise MeaninglessDecision(f"{text!r} is no id: write it as tt0113101, tmdb:5 or movielens:7")
    if node.startswith("tt"):
        return "imdb", node
    source, _, number = node.partition(":")
    return source, str(int(number))


def node_of(source: str, source_id: str) -> str:
    """Return the id as one text, such as `tmdb:5`; an IMDb id is one already."""
    return source_id if source == "imdb" else f"{source}:{source_id}"


def decide(warehouse: Warehouse, subject: str, target: str, *, author: str, reason: str) -> Decision:
    """Decide that the id `subject` is the movie which `target` names, whatever the sources say of it.

    Args:
        warehouse: The warehouse.
        subject: The id that is decided about, such as `tmdb:19666`.
        target: Another id of its movie, such as `tt0169102`; the subject itself makes it a movie of its own.
        author: Who decides.
        reason: Why, in a few words.

    Returns:
        The row that was written. It shows in core from the next conform on.

    Raises:
        BadDecision: An id is malformed or unknown, there is no reason, the same is decided already, or the
            decisions would go in a circle.
    """
    source, source_id = parse_id(subject)
    named = parse_id(target)
    if named == (source, source_id) == ("imdb", source_id):
        raise MeaninglessDecision(
            f"{source_id} is a movie of its own already; to take a decision back, undo it"
        )
    if source == "imdb" and named[0] != "imdb":
        raise MeaninglessDecision(
            f"{source_id} can only be decided to be another IMDb title: decide about {target} instead"
        )
    decision = (source, source_id, node_of(*named), author, reason)
    return warehouse.commit(lambda tx: _decide(tx, warehouse, *decision))


def _decide(
    tx: Transaction, warehouse: Warehouse, source: str, source_id: str, target: str, author: str, reason: str
) -> Decision:
    subject = node_of(source, source_id)
    for node in (subject, target):
        # A title that no source has named yet may be right all the same: IMDb's ids are public.
        if not (node == target and target.startswith("tt")) and not _is_named(tx.scalar, node):
            raise BadDecision(f"no source has named {node} so far: check the id")
    targets = {node_of(row["source"], row["source_id"]): row["target"] for row in _in_force(tx)}
    if targets.get(subject) == target:
        raise BadDecision(f"{subject} is decided to be {target} already")
    node, passed = target, {target}
    while node != subject and targets.get(node, node) not in passed:
        node = targets[node]
        passed.add(node)
    if node == subject and target != subject:
        raise BadDecision(f"{target} is decided to be {targets[target]}: take that back first")
    return _write(tx, warehouse, source, source_id, target, author, reason)


def take_back(warehouse: Warehouse, subject: str, *, author: str, reason: str) -> Decision:
    """Take back what is decided about an id, by another row, and return that row.

    The sources have the word again from the next conform on. Raises `BadDecision` where nothing is decided
    about it.
    """
    source, source_id = parse_id(subject)

    def write(tx: Transaction) -> Decision:
        if not any((row["source"], row["source_id"]) == (source, source_id) for row in _in_force(tx)):
            node = node_of(source, source_id)
            raise BadDecision(f"nothing is decided about {node}: reelhouse conflicts list shows what is")
        return _write(tx, warehouse, source, source_id, None, author, reason)

    return warehouse.commit(write)


def decisions(warehouse: Warehouse) -> pa.Table:
    """Return the decisions in force, oldest first, in the columns of core.id_decisions."""
    return warehouse.query(IN_FORCE)


def is_named(warehouse: Warehouse, node: str) -> bool:
    """Return whether any source has named an id so far. Raises `BadDecision` for a text that is not an id."""
    return _is_named(warehouse.scalar, node)


def are_noticed(warehouse: Warehouse) -> bool:
    """Return whether conform has looked for contradictions; that of earlier releases did not."""
    cursor = warehouse.cursor(SOURCE, STREAM)
    return cursor is None or cursor.get("rules", 0) >= RULES


def conflicts(warehouse: Warehouse) -> pa.Table:
    """Return core.id_conflicts with title and year of both movies (lost_title, won_title and so on)."""
    return warehouse.query(_CONFLICTS)


def _in_force(tx: Transaction) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tx.query(IN_FORCE).to_pylist()
    return rows


def _is_named(scalar: Callable[[str, object], Any], node: str) -> bool:
    source, source_id = parse_id(node)
    return bool(scalar(_KNOWN, {"source": source, "source_id": source_id}))


def _write(
    tx: Transaction,
    warehouse: Warehouse,
    source: str,
    source_id: str,
    target: str | None,
    author: str,
    reason: str,
) -> Decision:
    if not reason.strip():
        raise MeaninglessDecision("a decision needs a reason: say in a few words how you know")
    before = tx.scalar(
        "SELECT max(decided_at) FROM core.id_decisions WHERE source = ? AND source_id = ?",
        [source, source_id],
    )
    now = warehouse.clock()
    # A clock that runs behind must not make the latest word an earlier one.
    at = now if before is None else max(now, before + timedelta(microseconds=1))
    decision = Decision(secrets.token_hex(8), source, source_id, target, author, reason, at)
    tx.append("core.id_decisions", pa.Table.from_pylist([vars(decision)], _SCHEMA))
    return decision


_SCHEMA = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("decision_id", "source", "source_id", "target", "author", "reason")
        ),
        ("decided_at", pa.timestamp("us", tz="UTC")),
    ]
)
