"""Steps that change rows in other ways than by one statement."""

# ruff: noqa: S608 — the names are this directory's own

from collections.abc import Callable

import duckdb

from tests.engine.trial import Trial


def empty(trial: Trial) -> None:
    trial.do(
        trial.rng.choice(
            (
                f"INSERT INTO {{t}} SELECT {trial.names} FROM {{t}} WHERE false",
                "DELETE FROM {t} WHERE false",
                "DELETE FROM {t}",
                "UPDATE {t} SET k = k WHERE false",
            )
        )
    )


def transaction(trial: Trial) -> None:
    """Several statements of any kind, in one transaction."""
    name, kind = trial.some_column()
    makers: tuple[Callable[[], str], ...] = (
        lambda: trial.rows(trial.rng.randrange(1, 4)),
        lambda: f"DELETE FROM {{t}} WHERE {trial.where()}",
        lambda: f"UPDATE {{t}} SET {name} = {trial.value(kind, 0.2)} WHERE {trial.where()}",
    )
    trial.do(*(trial.rng.choice(makers)() for _ in range(trial.rng.randrange(2, 6))))


def rollback(trial: Trial) -> None:
    trial.only("BEGIN", who="a")
    trial.only(trial.rows(3), who="a")
    trial.only(f"DELETE FROM {{t}} WHERE {trial.where()}", who="a")
    trial.only("ROLLBACK", who="a")


def merge_into(trial: Trial) -> None:
    keys = trial.rng.sample(range(max(8, trial.next_key + 2)), 4)
    trial.next_key = max(trial.next_key + 2, 8)
    shares = trial.rng.choice((0.0, 0.3, 1.0))
    others = trial.columns[1:]
    rows = ", ".join(
        f"({', '.join((str(key), *(trial.value(kind, shares) for _, kind in others)))})" for key in keys
    )
    sets = ", ".join(f"{name} = s.{name}" for name, _ in others)
    matched = trial.rng.choice((f"UPDATE SET {sets}", "DELETE"))
    values = ", ".join(f"s.{name}" for name, _ in trial.columns)
    trial.do(
        f"MERGE INTO {{t}} AS t USING (VALUES {rows}) AS s({trial.names}) ON t.k = s.k "
        f"WHEN MATCHED THEN {matched} WHEN NOT MATCHED THEN INSERT ({trial.names}) VALUES ({values})"
    )


def conflict(trial: Trial) -> None:
    """Two writers overlap, on even keys and on odd ones; the later may be refused, and did nothing then."""
    rng = trial.rng

    def statement(parity: int) -> str:
        name, kind = trial.some_column()
        even = f"k % 2 = {parity}"
        made = rng.choice(("insert", "delete", "update"))
        if made == "insert":
            keys = [trial.next_key + (trial.next_key + parity) % 2 + 2 * i for i in range(3)]
            trial.next_key += 8
            return trial.rows(0, keys=keys)
        if made == "delete":
            return f"DELETE FROM {{t}} WHERE {even} AND k >= {rng.randrange(0, max(1, trial.next_key))}"
        if name == "k":
            return "DELETE FROM {t} WHERE false"
        return (
            f"UPDATE {{t}} SET {name} = {trial.value(kind, 0.2)} WHERE {even} AND k < {rng.randrange(0, 40)}"
        )

    first, second = statement(0), statement(1)
    trial.only("BEGIN", who="a")
    trial.only(first, who="a")
    trial.do(second, who="b")
    try:
        trial.only("COMMIT", who="a")
    except duckdb.Error:
        return
    trial.lake.twin(first)


def one_file_emptied(trial: Trial) -> None:
    """Delete every row of one file."""
    files = [row[0] for row in trial.lake.ask("a", "SELECT DISTINCT filename FROM {t}")]
    if files:
        keys = trial.lake.ask("a", f"SELECT k FROM {{t}} WHERE filename = '{trial.rng.choice(files)}'")
        trial.do(f"DELETE FROM {{t}} WHERE k IN ({', '.join(str(key) for (key,) in keys)})")


def by_rowid(trial: Trial) -> None:
    """Delete by rowid, and the same keys from the plain table."""
    rows = trial.lake.ask("a", "SELECT rowid, k FROM {t}")
    if not rows:
        return
    chosen = trial.rng.sample(rows, trial.rng.randrange(1, len(rows) + 1))
    trial.only(f"DELETE FROM {{t}} WHERE rowid IN ({', '.join(str(row) for row, _ in chosen)})")
    trial.lake.twin(f"DELETE FROM {{t}} WHERE k IN ({', '.join(str(key) for _, key in chosen)})")
