"""Looks at the views and macros that a lake holds: who may write to the lake, wrote them.

A view is a text in the catalogue, and DuckDB runs it with the rights of whoever reads it. So does a macro,
and one in the schema `main` even takes the place of DuckDB's own function of that name. DuckDB's parser
turns each text into a tree, of which every function is compared with those that are known to be harmless.
"""

# ruff: noqa: S608 — names pass through warehouse.identifiers

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import duckdb

from warehouse import functions
from warehouse.errors import DamagedLake, Refused
from warehouse.identifiers import literal, quote
from warehouse.schema import VIEWS

_FILE = re.compile(
    r"[/\\:*?]|\.(csv|tsv|json|jsonl|ndjson|geojson|parquet|db|ddb|duckdb|sqlite|gz|zst|xlsx|arrow|avro)\b",
    re.I,
)
"""In the name of a table: DuckDB reads a file of that name where no table has it."""
# By its full name: a macro of the session cannot take its place.
_TREE = "system.main.json_serialize_sql(CAST({} AS VARCHAR))"
_INLINED = re.compile(r"ducklake_inlined_data_\d+_\d+")


class _View(NamedTuple):
    view_id: int
    name: str
    """With its schema."""
    sql: str
    tree: str
    """The text as DuckDB's parser reads it, in JSON."""
    lives: bool


class _Macro(NamedTuple):
    macro_id: int
    name: str
    """With its schema."""
    short_name: str
    sql: str
    tree: str
    kind: str
    lives: bool


def disarm(connection: duckdb.DuckDBPyConnection, catalogue: str) -> None:
    """Replace each harmful view and macro of a copied catalogue by one that fails with a line that names it.

    All snapshots' are looked at, for a query may go back to each. Raises DamagedLake where a table of small
    rows has a name that is none: DuckLake would put that into SQL of its own.
    """
    prefix = quote(catalogue)
    try:
        is_left = _replace_harmful(connection, prefix) and _replace_harmful(connection, prefix)
    except duckdb.CatalogException as error:
        raise DamagedLake(f"the catalogue lacks a table ({error}): restore a backup") from None
    if is_left:
        raise DamagedLake("a view or macro of the lake cannot be taken out: restore a backup")
    tables = connection.execute(f"SELECT table_name FROM {prefix}.ducklake_inlined_data_tables").fetchall()
    for (table,) in tables:
        if not _INLINED.fullmatch(table):
            raise DamagedLake(
                f"the catalogue names a table {table!r}, which DuckLake never makes: restore a backup"
            )


def _replace_harmful(connection: duckdb.DuckDBPyConnection, prefix: str) -> int:
    macros = _macros(connection, prefix)
    names = _names(connection, macros)
    replaced = 0
    for view in _views(connection, prefix):
        if reason := _reason(view.tree, names):
            replaced += 1
            connection.execute(
                f"UPDATE {prefix}.ducklake_view SET sql = ?, column_aliases = '' "
                "WHERE sql = ? AND view_id = ?",
                [_failing_query(f"the view {view.name} is refused: {reason}"), view.sql, view.view_id],
            )
    for macro in macros:
        if reason := _macro_reason(macro, names):
            message = f"the macro {macro.name} is refused: {reason}"
            failing = f"CAST({_error(message)} AS VARCHAR)"
            body = _failing_query(message) if macro.kind == "table" else failing
            replaced += 1
            connection.execute(
                f"UPDATE {prefix}.ducklake_macro_impl SET sql = ? WHERE sql = ? AND macro_id = ?",
                [body, macro.sql, macro.macro_id],
            )
    return replaced


def _failing_query(message: str) -> str:
    # What a table function is called with is computed first: also where no row or no such column is wanted.
    return f"SELECT * FROM system.main.range(CAST({_error(message)} AS BIGINT))"


def _error(message: str) -> str:
    return f"system.main.error({literal(message)})"


def require_harmless(connection: duckdb.DuckDBPyConnection, catalogue: str) -> None:
    """Raise Refused where code of the lake would take part in Reelhouse's own statements.

    Those are macros that would be called in the place of DuckDB's own functions, and declared views that call
    other functions than harmless ones. Reelhouse itself names no other views and macros.
    """
    prefix = quote(catalogue)
    living = [macro for macro in _macros(connection, prefix) if macro.lives]
    known = functions.known(connection) if living else frozenset()
    for macro in living:
        if macro.short_name.lower() in known:
            raise Refused(
                f"the lake's macro {macro.name} would be called in the place of DuckDB's own function: "
                "drop it in the program that made it"
            )
    declared = {view.name for view in VIEWS}
    for view in _views(connection, prefix):
        if view.lives and view.name in declared and (reason := _reason(view.tree, frozenset())):
            raise Refused(
                f"the lake's view {view.name} is not as Reelhouse made it, and is refused: {reason}; "
                "restore a backup, or make the view again in the program that changed it"
            )


def refusal(connection: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    """Return why SQL that a lake stores may not run, where it has no macros; None where it may."""
    rows = connection.execute(f"SELECT {_TREE.format('?')}", [sql]).fetchall()
    return _reason(rows[0][0], frozenset())


def _views(connection: duckdb.DuckDBPyConnection, prefix: str) -> list[_View]:
    rows = connection.execute(
        f"""
        SELECT v.view_id, s.schema_name || '.' || v.view_name, v.sql, {_TREE.format("v.sql")},
               v.end_snapshot IS NULL
        FROM {prefix}.ducklake_view v LEFT JOIN {prefix}.ducklake_schema s ON s.schema_id = v.schema_id
        """
    ).fetchall()
    return [_View(*row) for row in rows]


def _macros(connection: duckdb.DuckDBPyConnection, prefix: str) -> list[_Macro]:
    try:
        rows = connection.execute(
            f"""
            SELECT i.macro_id, s.schema_name || '.' || m.macro_name, m.macro_name, i.sql,
                   {_TREE.format("CASE i.type WHEN 'table' THEN i.sql ELSE 'SELECT ' || i.sql END")},
                   i.type, m.end_snapshot IS NULL
            FROM {prefix}.ducklake_macro_impl i JOIN {prefix}.ducklake_macro m ON m.macro_id = i.macro_id
            LEFT JOIN {prefix}.ducklake_schema s ON s.schema_id = m.schema_id
            """
        ).fetchall()
    except duckdb.CatalogException:  # DuckLake's formats before 1.0 have none
        return []
    return [_Macro(*row) for row in rows]


def _names(connection: duckdb.DuckDBPyConnection, macros: Iterable[_Macro]) -> frozenset[str]:
    """Return the names of macros that can only be the lake's own: none is that of a function."""
    names = {macro.short_name.lower() for macro in macros}
    return frozenset(names - functions.known(connection)) if names else frozenset()


def _macro_reason(macro: _Macro, macros: frozenset[str]) -> str | None:
    if macro.kind not in ("table", "scalar"):
        return f"it is of the kind {macro.kind}, which this release does not know"
    return _reason(macro.tree, macros)


def _reason(parsed: str | None, macros: frozenset[str]) -> str | None:
    """Return why a stored text may not run; None where it may."""
    tree = json.loads(parsed or "{}")
    if tree.get("error") or len(tree.get("statements", ())) != 1:
        return "it is not one SELECT"
    for node in _nodes(tree):
        if isinstance(function := node.get("function_name"), str):
            name = function.lower()
            if not functions.is_harmless(name) and name not in macros:
                return f"it calls {function}(), and what a lake stores may not"
        if isinstance(table := node.get("table_name"), str):
            path = (
                ".".join(str(node.get(part) or "") for part in ("catalog_name", "schema_name")) + f".{table}"
            )
            if _FILE.search(path):
                return f"it reads {path.strip('.')}, which is the name of a file"
    return None


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
