"""Steps that change a table's definition."""

# ruff: noqa: S608 — the names are this directory's own

from tests.engine.trial import Trial, insert
from tests.engine.values import KINDS, PLAIN


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
    after = trial.rng.choice(
        (trial.rows(3), f"UPDATE {{t}} SET {name} = {trial.value(kind, 0)} WHERE {trial.where()}")
    )
    trial.do(*([before] if before else []), f"ALTER TABLE {{t}} ADD COLUMN {name} {kind.sql}{default}", after)


def set_default(trial: Trial) -> None:
    name, kind = trial.some_column()
    if name != "k":
        trial.do(f"ALTER TABLE {{t}} ALTER COLUMN {name} SET DEFAULT {trial.literal(kind)}")
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
    """Give a column a wider type without ALTER TYPE: a new column takes the old one's place and name."""
    places = [place for place, (_, kind) in enumerate(trial.columns) if kind.wider and place]
    if not places:
        return insert(trial)
    name, kind = trial.columns.pop(trial.rng.choice(places))
    wider = KINDS[kind.wider]
    others = "".join(f", {other}" for other, _ in trial.columns[1:])
    files = [row[0] for row in trial.lake.ask("a", "SELECT DISTINCT filename FROM {t}")]
    listed = "(" + ", ".join(f"'{file}'" for file in files) + ")"
    moved = (
        f"INSERT INTO {{t}} (k{others}, wider) SELECT k{others}, {name} FROM {{t}} "
        f"WHERE filename IN {listed} ORDER BY rowid",
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
    """Forbid NULL in the key, which never is NULL, and allow it again."""
    trial.do(trial.rows(2))  # refused for a table that never had a row
    trial.only("ALTER TABLE {t} ALTER COLUMN k SET NOT NULL")
    trial.do(trial.rows(2))
    trial.only("ALTER TABLE {t} ALTER COLUMN k DROP NOT NULL")


def partition(trial: Trial) -> None:
    name, _ = trial.some_column()
    ways = (f"SET PARTITIONED BY ({name})", "RESET PARTITIONED BY")
    trial.only(f"ALTER TABLE {{t}} {trial.rng.choice(ways)}")


def partition_by_bucket(trial: Trial) -> None:
    trial.only("ALTER TABLE {t} SET PARTITIONED BY (bucket(3, k))")


def sort_table(trial: Trial) -> None:
    name, _ = trial.some_column()
    ways = (f"SET SORTED BY ({name})", f"SET SORTED BY ({name} DESC, k)", "RESET SORTED BY")
    trial.only(f"ALTER TABLE {{t}} {trial.rng.choice(ways)}")


def comment(trial: Trial) -> None:
    name, _ = trial.some_column()
    trial.only(
        trial.rng.choice(
            (
                "COMMENT ON TABLE {t} IS 'it''s'",
                f"COMMENT ON COLUMN {{t}}.{name} IS 'said'",
                "CREATE OR REPLACE VIEW v AS SELECT count(*) AS n FROM {t}",
            )
        )
    )
