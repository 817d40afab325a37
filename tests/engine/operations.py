"""The engine's operations by name: what a step of each does to a lake and to the plain table beside it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import duckdb

from tests.engine.lakes import Lake, Statement
from tests.engine.questions import Column
from tests.engine.values import KINDS, PLAIN, Kind
from warehouse.connection import CATALOGUE


@dataclass
class Trial:
    """A lake in the middle of a random life."""

    rng: random.Random
    lake: Lake
    columns: list[Column]
    next_key: int = 0
    made: int = 0
    """Columns so far, for their names."""
    deletes: bool = True

    @property
    def names(self) -> str:
        return ", ".join(name for name, _ in self.columns)

    def writer(self) -> str:
        return "a" if self.rng.random() < 0.7 else "b"

    def do(self, *sqls: str, who: str = "") -> None:
        """Tell both tables, in one transaction where there are several statements."""
        who = who or self.writer()
        if len(sqls) > 1:
            sqls = ("BEGIN", *sqls, "COMMIT")
        for sql in sqls:
            self.lake.tell(Statement(who, sql))

    def only(self, *sqls: str, who: str = "") -> list[object]:
        """Tell the lake alone, in one transaction where there are several statements; return the last answer."""
        who = who or self.writer()
        if len(sqls) > 1:
            sqls = ("BEGIN", *sqls, "COMMIT")
        answers = [self.lake.tell(Statement(who, sql, both=False)) for sql in sqls]
        return answers[-1]

    def value(self, kind: Kind, nulls: float) -> str:
        return kind.literal("NULL" if self.rng.random() < nulls else self.rng.choice(kind.pool))

    def literal(self, kind: Kind) -> str:
        """Return a value that the parser takes for a literal: a negative number is an expression."""
        return self.rng.choice([value for value in kind.pool if not value.startswith("-")])

    def rows(self, count: int, nulls: float | None = None, keys: list[int] | None = None) -> str:
        """Return an INSERT of new rows; with which share of NULLs is drawn by chance."""
        rng = self.rng
        shares = {name: rng.choice((0.0, 0.3, 1.0)) if nulls is None else nulls for name, _ in self.columns}
        if keys is None:
            keys = list(range(self.next_key, self.next_key + count))
            self.next_key += count
        rows = []
        for key in keys:
            values = (self.value(kind, shares[name]) for name, kind in self.columns if name != "k")
            rows.append(f"({', '.join((str(key), *values))})")
        return f"INSERT INTO {{t}} ({self.names}) VALUES {', '.join(rows)}"

    def some_column(self) -> Column:
        others = self.columns[1:]
        return self.rng.choice(others or self.columns)

    def where(self) -> str:
        """Return a condition that a few rows, or many, meet."""
        rng = self.rng
        low = rng.randrange(0, max(1, self.next_key))
        name, kind = self.some_column()
        value = kind.literal(rng.choice(kind.pool))
        return rng.choice((f"k = {low}", f"k >= {low}", f"k BETWEEN {low} AND {low + 4}", f"k % 3 = {low % 3}", "true",
                           f"{name} = {value}", f"{name} IS NULL", f"{name} IS NOT NULL", "false"))  # fmt: skip

    def live_keys(self) -> list[int]:
        return sorted(row[0] for row in self.lake.ask("a", "SELECT k FROM {t}"))


def insert(trial: Trial) -> None:
    trial.do(trial.rows(trial.rng.randrange(1, 7)))


def delete(trial: Trial) -> None:
    trial.do(f"DELETE FROM {{t}} WHERE {trial.where()}")


def update(trial: Trial) -> None:
    name, kind = trial.some_column()
    if name == "k":
        return insert(trial)
    trial.do(f"UPDATE {{t}} SET {name} = {trial.value(kind, 0.2)} WHERE {trial.where()}")


def replace(trial: Trial) -> None:
    """Delete some keys and insert them anew in one transaction."""
    keys = trial.rng.sample(range(max(6, trial.next_key)), 4)
    trial.next_key = max(trial.next_key, 6)
    listed = ", ".join(map(str, keys))
    trial.do(f"DELETE FROM {{t}} WHERE k IN ({listed})", trial.rows(0, keys=keys))


BASE: tuple[Callable[[Trial], None], ...] = (insert, insert, insert, delete, update, replace)


def merge_adjacent(trial: Trial) -> None:
    trial.only("CALL ducklake_merge_adjacent_files('lake')")


def engine_rewrite(trial: Trial) -> None:
    trial.only(f"CALL ducklake_rewrite_data_files('lake', delete_threshold => {trial.rng.choice((0, 0.1, 0.5))})")


def own_rewrite(trial: Trial) -> None:
    """Insert the live rows of some files anew, then delete them from where they were."""
    files = [row[0] for row in trial.lake.ask("a", "SELECT DISTINCT filename FROM {t}")]
    chosen = trial.rng.sample(files, trial.rng.randrange(1, len(files) + 1)) if files else []
    listed = "(" + ", ".join(f"'{name}'" for name in chosen) + ")"
    if chosen:
        trial.only(
            f"INSERT INTO {{t}} ({trial.names}) SELECT {trial.names} FROM {{t}} WHERE filename IN {listed} ORDER BY rowid",
            f"DELETE FROM {{t}} WHERE filename IN {listed}",
        )


def own_rewrite_whole(trial: Trial) -> None:
    """Delete every row and insert what a temporary table kept of them."""
    trial.only(
        f"CREATE OR REPLACE TEMP TABLE kept AS SELECT rowid AS r, {trial.names} FROM {{t}}",
        "DELETE FROM {t}",
        f"INSERT INTO {{t}} ({trial.names}) SELECT {trial.names} FROM kept ORDER BY r",
    )


def expire(trial: Trial) -> None:
    """Forget some snapshots, never the newest."""
    old = trial.lake.versions[:-1]
    if not old:
        return
    gone = trial.rng.sample(old, trial.rng.randrange(1, len(old) + 1))
    listed = ", ".join(str(version.number) for version in gone)
    trial.only(f"CALL ducklake_expire_snapshots('lake', versions => [{listed}])")
    trial.lake.versions = [version for version in trial.lake.versions if version not in gone]


def expire_all(trial: Trial) -> None:
    trial.only("CALL ducklake_expire_snapshots('lake', older_than => now() + INTERVAL 2 DAY)")
    trial.lake.versions = trial.lake.versions[-1:]


def cleanup(trial: Trial) -> None:
    expire(trial)
    trial.only("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")


def orphans(trial: Trial) -> None:
    if trial.rng.random() < 0.5:
        expire(trial)
    trial.only("CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)")


def compaction(trial: Trial) -> None:
    trial.rng.choice((merge_adjacent, merge_adjacent, own_rewrite, cleanup, orphans))(trial)


def add_column(trial: Trial) -> None:
    if len(trial.columns) > 7:
        return insert(trial)
    kind = KINDS[trial.rng.choice(PLAIN)]
    name = f"c{trial.made}"
    trial.made += 1
    trial.do(f"ALTER TABLE {{t}} ADD COLUMN {name} {kind.sql}")
    trial.columns.append((name, kind))


def add_column_default(trial: Trial) -> None:
    if len(trial.columns) > 7:
        return insert(trial)
    kind = KINDS[trial.rng.choice(PLAIN)]
    name = f"c{trial.made}"
    trial.made += 1
    trial.do(f"ALTER TABLE {{t}} ADD COLUMN {name} {kind.sql} DEFAULT {trial.literal(kind)}")
    trial.columns.append((name, kind))


def add_and_fill(trial: Trial) -> None:
    """Add a column and insert or update in the same transaction."""
    if len(trial.columns) > 7:
        return insert(trial)
    kind = KINDS[trial.rng.choice(PLAIN)]
    name = f"c{trial.made}"
    trial.made += 1
    default = f" DEFAULT {trial.literal(kind)}" if trial.rng.random() < 0.5 else ""
    before = trial.rows(3) if trial.rng.random() < 0.5 else ""
    trial.columns.append((name, kind))
    after = trial.rng.choice((trial.rows(3), f"UPDATE {{t}} SET {name} = {trial.value(kind, 0)} WHERE {trial.where()}"))
    trial.do(*([before] if before else []), f"ALTER TABLE {{t}} ADD COLUMN {name} {kind.sql}{default}", after)


def set_default(trial: Trial) -> None:
    name, kind = trial.some_column()
    if name != "k":
        trial.do(f"ALTER TABLE {{t}} ALTER COLUMN {name} SET DEFAULT {trial.value(kind, 0)}")
    trial.do(f"INSERT INTO {{t}} (k) VALUES ({trial.next_key}), ({trial.next_key + 1})")
    trial.next_key += 2


def rename_column(trial: Trial) -> None:
    place = trial.rng.randrange(1, len(trial.columns))
    name, kind = trial.columns[place]
    new = f"c{trial.made}"
    trial.made += 1
    trial.do(f"ALTER TABLE {{t}} RENAME COLUMN {name} TO {new}")
    trial.columns[place] = (new, kind)


def rename_table(trial: Trial) -> None:
    new = f"t{trial.made}"
    trial.made += 1
    trial.only(f"ALTER TABLE {{t}} RENAME TO {new}")
    trial.lake.name = new


def drop_column(trial: Trial) -> None:
    if len(trial.columns) < 3:
        return add_column(trial)
    place = trial.rng.randrange(1, len(trial.columns))
    name, kind = trial.columns.pop(place)
    trial.do(f"ALTER TABLE {{t}} DROP COLUMN {name}")
    if trial.rng.random() < 0.5:
        # A column of the same name and another life.
        trial.do(f"ALTER TABLE {{t}} ADD COLUMN {name} {kind.sql}")
        trial.columns.append((name, kind))


def widen(trial: Trial) -> None:
    places = [place for place, (_, kind) in enumerate(trial.columns) if kind.wider]
    if not places:
        return insert(trial)
    place = trial.rng.choice(places)
    name, kind = trial.columns[place]
    wider = KINDS[kind.wider]
    alter = f"ALTER TABLE {{t}} ALTER COLUMN {name} SET DATA TYPE {wider.sql}"
    trial.columns[place] = (name, wider)
    if trial.rng.random() < 0.3:
        trial.do(alter, trial.rows(3))
    else:
        trial.do(alter)


def own_widen(trial: Trial) -> None:
    """Give a column a wider type without ALTER TYPE: a new column takes the place and the name of the old one."""
    places = [place for place, (_, kind) in enumerate(trial.columns) if kind.wider and place]
    if not places:
        return insert(trial)
    name, kind = trial.columns.pop(trial.rng.choice(places))
    wider = KINDS[kind.wider]
    others = "".join(f", {other}" for other, _ in trial.columns[1:])
    files = [row[0] for row in trial.lake.ask("a", "SELECT DISTINCT filename FROM {t}")]
    listed = "(" + ", ".join(f"'{file}'" for file in files) + ")"
    moved = (
        f"INSERT INTO {{t}} (k{others}, wider) SELECT k{others}, {name} FROM {{t}} WHERE filename IN {listed} ORDER BY rowid",
        f"DELETE FROM {{t}} WHERE filename IN {listed}",
    )
    trial.only(
        f"ALTER TABLE {{t}} ADD COLUMN wider {wider.sql}",
        *(moved if files else ()),
        f"ALTER TABLE {{t}} DROP COLUMN {name}",
        f"ALTER TABLE {{t}} RENAME COLUMN wider TO {name}",
    )
    for sql in (f"ADD COLUMN wider {wider.sql}", f"DROP COLUMN {name}", f"RENAME COLUMN wider TO {name}"):
        trial.lake.twin(f"ALTER TABLE {{t}} {sql}")
        if sql.startswith("ADD"):
            trial.lake.twin(f"UPDATE {{t}} SET wider = {name}")
    trial.columns.append((name, wider))


def not_null(trial: Trial) -> None:
    """Set or drop NOT NULL on the key, which never is NULL."""
    verb = trial.rng.choice(("SET", "DROP"))
    trial.only(f"ALTER TABLE {{t}} ALTER COLUMN k {verb} NOT NULL")


def empty(trial: Trial) -> None:
    trial.do(trial.rng.choice((f"INSERT INTO {{t}} SELECT {trial.names} FROM {{t}} WHERE false", "DELETE FROM {t} WHERE false",
                               "DELETE FROM {t}", "UPDATE {t} SET k = k WHERE false")))  # fmt: skip


def transaction(trial: Trial) -> None:
    """Several statements of any kind, in one transaction."""
    name, kind = trial.some_column()
    makers: tuple[Callable[[], str], ...] = (
        lambda: trial.rows(trial.rng.randrange(1, 4)), lambda: f"DELETE FROM {{t}} WHERE {trial.where()}",
        lambda: f"UPDATE {{t}} SET {name} = {trial.value(kind, 0.2)} WHERE {trial.where()}")  # fmt: skip
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
    rows = ", ".join(f"({', '.join((str(key), *(trial.value(kind, shares) for _, kind in others)))})" for key in keys)
    sets = ", ".join(f"{name} = s.{name}" for name, _ in others)
    matched = trial.rng.choice((f"UPDATE SET {sets}", "DELETE"))
    values = ", ".join(f"s.{name}" for name, _ in trial.columns)
    trial.do(f"MERGE INTO {{t}} AS t USING (VALUES {rows}) AS s({trial.names}) ON t.k = s.k WHEN MATCHED THEN {matched} "
             f"WHEN NOT MATCHED THEN INSERT ({trial.names}) VALUES ({values})")  # fmt: skip


def conflict(trial: Trial) -> None:
    """Two writers overlap, one on even keys and one on odd ones; the later one may be refused, and then did nothing."""
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
        return f"UPDATE {{t}} SET {name} = {trial.value(kind, 0.2)} WHERE {even} AND k < {rng.randrange(0, 40)}"

    first, second = statement(0), statement(1)
    trial.only("BEGIN", who="a")
    trial.only(first, who="a")
    trial.do(second, who="b")
    try:
        trial.only("COMMIT", who="a")
    except duckdb.Error:
        return
    trial.lake.twin(first)


def reconnect(trial: Trial) -> None:
    trial.lake.reopen(trial.rng.choice(("a", "b", "reader")))


def partition(trial: Trial) -> None:
    name, kind = trial.some_column()
    trial.only(f"ALTER TABLE {{t}} {trial.rng.choice((f'SET PARTITIONED BY ({name})', 'RESET PARTITIONED BY', 'SET PARTITIONED BY (bucket(3, k))'))}")


def sort_table(trial: Trial) -> None:
    name, _ = trial.some_column()
    trial.only(f"ALTER TABLE {{t}} {trial.rng.choice((f'SET SORTED BY ({name})', f'SET SORTED BY ({name} DESC, k)', 'RESET SORTED BY'))}")


def comment(trial: Trial) -> None:
    name, _ = trial.some_column()
    trial.only(trial.rng.choice(("COMMENT ON TABLE {t} IS 'it''s'", f"COMMENT ON COLUMN {{t}}.{name} IS 'said'",
                                 "CREATE OR REPLACE VIEW v AS SELECT count(*) AS n FROM {t}")))  # fmt: skip


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


def inline(trial: Trial) -> None:
    trial.only("CALL ducklake_set_option('lake', 'data_inlining_row_limit', '4')")
    insert(trial)


def flush(trial: Trial) -> None:
    trial.only("CALL ducklake_set_option('lake', 'data_inlining_row_limit', '4')")
    insert(trial)
    if trial.rng.random() < 0.5:
        trial.only("CALL ducklake_flush_inlined_data('lake')")


@dataclass(frozen=True)
class Operation:
    """An operation that is tried among inserts, deletions and updates."""

    name: str
    steps: tuple[Callable[[Trial], None], ...] = ()
    """What the operation does; one of them is drawn."""
    kinds: tuple[str, ...] = PLAIN
    used: bool = True
    """Whether Reelhouse does this."""
    share: float = 0.35
    """How many of the steps are the operation's own."""
    base: tuple[Callable[[Trial], None], ...] = field(default=BASE)


def _listed() -> Iterator[Operation]:
    yield Operation("plain")
    yield Operation("merge_adjacent_files", (merge_adjacent,))
    yield Operation("rewrite_data_files", (engine_rewrite,), used=False)
    yield Operation("own_rewrite", (own_rewrite,))
    yield Operation("own_rewrite_whole", (own_rewrite_whole,))
    yield Operation("expire_snapshots", (expire,))
    yield Operation("expire_older_than", (expire_all,), used=False, share=0.1)
    yield Operation("cleanup_old_files", (cleanup, own_rewrite, merge_adjacent))
    yield Operation("delete_orphaned_files", (orphans, own_rewrite, merge_adjacent))
    yield Operation("compaction", (compaction,), share=0.5)
    yield Operation("compaction_after_growth", (compaction, add_column, merge_adjacent), share=0.5)
    yield Operation("inlining", (inline,), used=False)
    yield Operation("flush_inlined_data", (flush,), used=False)
    yield Operation("add_column", (add_column,))
    yield Operation("add_column_default", (add_column_default,), used=False)
    yield Operation("add_and_fill", (add_and_fill,), used=False)
    yield Operation("set_default", (set_default,), used=False)
    yield Operation("rename_column", (rename_column,), used=False)
    yield Operation("rename_table", (rename_table,), used=False, share=0.15)
    yield Operation("drop_column", (drop_column,), used=False)
    yield Operation("widen", (widen,), kinds=("tinyint", "smallint", "integer", "float"), used=False)
    yield Operation("own_widen", (own_widen,), kinds=("tinyint", "smallint", "integer", "float"))
    yield Operation("not_null", (not_null,), used=False)
    yield Operation("empty", (empty,))
    yield Operation("transaction", (transaction,), share=0.6)
    yield Operation("rollback", (rollback,))
    yield Operation("merge_into", (merge_into,), used=False)
    yield Operation("conflict", (conflict,))
    yield Operation("reconnect", (reconnect,))
    yield Operation("partitioned", (partition,), share=0.15)
    yield Operation("partitioned_compaction", (partition, compaction, compaction, compaction), share=0.5)
    yield Operation("sorted", (sort_table,), share=0.15)
    yield Operation("sorted_compaction", (sort_table, compaction, compaction, compaction), share=0.5)
    yield Operation("comments_and_views", (comment,))
    yield Operation("file_emptied", (one_file_emptied,))
    yield Operation("delete_by_rowid", (by_rowid,))
    for kind in KINDS:
        yield Operation(f"type_{kind}", (compaction, transaction), kinds=(kind,), used=kind not in _UNUSED)


_UNUSED = {"hugeint", "decimal", "decimal_wide", "timestamp", "time", "blob", "uuid", "infinite_time", "infinite_date"}

OPERATIONS = {operation.name: operation for operation in _listed()}
