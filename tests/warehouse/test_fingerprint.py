"""What a table of `core` depends on, as the hash of its SQL has it, is what the engine's own parser reads."""

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from warehouse.conform import fingerprint as under_test
from warehouse.conform.fingerprint import RECORDED, changed_tables, fingerprint
from warehouse.schema import TABLES

FILES = under_test._files()
MADE = under_test._made(FILES)
QUERY = re.compile(
    r"(?:CREATE OR REPLACE TEMP TABLE \w+ AS|INSERT INTO [\w.]+(?: BY NAME| \([^)]*\))?)\s+(.*)", re.S
)
MACRO = re.compile(r"CREATE OR REPLACE TEMP MACRO \w+\([^)]*\) AS\s+(.*)", re.S)


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of the engine's syntax tree."""
    if isinstance(tree, dict):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from nodes(part)


def parsed(connection: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    """Return the tables that a query reads and the functions that it calls, by the engine's parser."""
    tree = json.loads(connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()[0][0])
    assert not tree["error"], (tree, query)
    names = set()
    own = {each["key"] for node in nodes(tree) for each in node.get("cte_map", {}).get("map", [])}
    for node in nodes(tree):
        if node.get("type") == "BASE_TABLE" and node["table_name"] not in own:
            names.add(".".join(filter(None, (node["schema_name"], node["table_name"]))))
        if node.get("type") == "FUNCTION":
            names.add(node["function_name"])
    return names


def query_of(statement: str) -> str | None:
    """Return the query in a statement; None for an UPDATE or DELETE, of which there is no syntax tree."""
    if statement.startswith(("UPDATE", "DELETE")):
        return None
    if macro := MACRO.match(statement):
        return f"SELECT {macro[1]}"
    written = QUERY.match(statement)
    return written[1] if written else statement


def test_statements_read_what_the_engine_s_parser_says() -> None:
    parsed_statements = 0
    with duckdb.connect() as connection:
        for statement in (statement for _, statements in FILES for statement in statements):
            if query := query_of(statement):
                tokens = under_test._tokens(statement)
                target = under_test._TARGET.match(" ".join(tokens))
                known = MADE.keys() - {target and target[1]}
                assert known & set(under_test._read(tokens)) == known & parsed(connection, query), statement
                parsed_statements += 1
    assert parsed_statements > 90


def test_every_table_that_conforming_writes_is_recorded() -> None:
    tables = [table.name for table in TABLES if table.name.startswith("core.")]
    assert {table for table in tables if fingerprint(table)} == RECORDED.keys()
    assert [table for table in tables if not fingerprint(table)] == ["core.id_decisions"]


def test_what_is_left_aside_is_still_there() -> None:
    assert under_test._ASIDE.keys() - {"core.movies"} <= MADE.keys()


def test_tables_that_are_as_recorded_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    query = (
        'SELECT * FROM "core"."movies" JOIN lake.core.ratings USING (movie_id) JOIN core.id_decisions ON true'
    )
    assert changed_tables(query) == {}
    monkeypatch.setattr(under_test, "RECORDED", {})
    assert changed_tables(query) == {name: fingerprint(name) for name in ("core.movies", "core.ratings")}
