"""Views and macros that reach out of the lake, and the queries that run them."""

import sqlite3
from pathlib import Path

from warehouse import Location
from warehouse.connection import attach, session

SECRET = "kept outside"
# A way to read outside, and the query that takes it.
ANY = "SELECT any_value(a) FROM {reach} t(a)"
DROPPED = "CREATE VIEW core.dropped AS FROM {reach}; DROP VIEW core.dropped"
WAYS = {
    "CREATE VIEW core.plain AS FROM {reach}": "FROM core.plain",
    "CREATE VIEW main.unqualified AS FROM {reach}": "FROM unqualified",
    "CREATE VIEW core.over AS SELECT 1 AS a, * FROM core.plain": "SELECT * FROM core.over",
    f"CREATE VIEW core.counted AS SELECT ({ANY}) AS a": "SELECT a FROM core.counted",
    "CREATE VIEW core.aliased(x) AS FROM {reach}": "SELECT x FROM core.aliased",
    "CREATE VIEW core.inner_with AS WITH q AS (FROM {reach}) FROM q": "FROM core.inner_with",
    DROPPED: "FROM core.dropped AT (VERSION => {dropped})",
    "CREATE MACRO core.scalar_way() AS (SELECT any_value(a) FROM {reach} t(a))": "SELECT core.scalar_way()",
    "CREATE MACRO core.table_way() AS TABLE FROM {reach}": "FROM core.table_way()",
    "CREATE MACRO main.upper(x) AS (SELECT any_value(a) FROM {reach} t(a))": "SELECT upper('a')",
    "CREATE VIEW core.by_macro AS SELECT core.scalar_way() AS a": "FROM core.by_macro",
    "CREATE SCHEMA hidden; CREATE VIEW hidden.elsewhere AS FROM {reach}": "FROM hidden.elsewhere",
    "CREATE VIEW core.named AS FROM query('FROM core.' || 'plain')": "FROM core.named",
    "CREATE VIEW core.by_name AS FROM query_table('core.' || 'plain')": "FROM query_table('core.by_name')",
    "CREATE VIEW core.summed AS SELECT count(*) AS n FROM {reach}": "SELECT n FROM core.summed",
}


def keep(path: Path, secret: str) -> Path:
    """Write a SQLite file whose table `t` holds the secret, and return its path."""
    with sqlite3.connect(path) as outside:
        outside.execute("CREATE TABLE t (a)")
        outside.execute("INSERT INTO t VALUES (?)", [secret])
    outside.close()
    return path


def reading(path: Path) -> str:
    """Return a call that reads the table `t` of a SQLite file."""
    return f"sqlite_scan('{path}', 't')"


def plant(location: Location, *statements: str) -> int:
    """Run statements as any other program would that may write to the lake; return its newest snapshot."""
    with session(location) as client:
        attach(client, location, "lake")
        client.execute("USE lake")
        for statement in statements:
            client.execute(statement)
        row = client.execute("SELECT id FROM lake.current_snapshot()").fetchall()[0]
    return int(row[0])
