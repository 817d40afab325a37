"""Steps that move rows and files and change no answer."""

# ruff: noqa: S608 — the names are this directory's own

from tests.engine.trial import Trial, insert


def merge_adjacent(trial: Trial) -> None:
    trial.only("CALL ducklake_merge_adjacent_files('lake')")


def engine_rewrite(trial: Trial) -> None:
    trial.only(
        f"CALL ducklake_rewrite_data_files('lake', delete_threshold => {trial.rng.choice((0, 0.1, 0.5))})"
    )


def own_rewrite(trial: Trial) -> None:
    """Insert the live rows of some files anew, then delete them from where they were."""
    files = [row[0] for row in trial.lake.ask("a", "SELECT DISTINCT filename FROM {t}")]
    chosen = trial.rng.sample(files, trial.rng.randrange(1, len(files) + 1)) if files else []
    inside = "WHERE filename IN (" + ", ".join(f"'{name}'" for name in chosen) + ")"
    if chosen:
        trial.only(
            f"INSERT INTO {{t}} ({trial.names}) SELECT {trial.names} FROM {{t}} "
            f"{'' if len(chosen) == len(files) else inside}",
            f"DELETE FROM {{t}} {inside}",
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


def inline(trial: Trial) -> None:
    trial.only("CALL ducklake_set_option('lake', 'data_inlining_row_limit', '4')")
    insert(trial)


def flush(trial: Trial) -> None:
    trial.only("CALL ducklake_set_option('lake', 'data_inlining_row_limit', '4')")
    insert(trial)
    if trial.rng.random() < 0.5:
        trial.only("CALL ducklake_flush_inlined_data('lake')")


def reconnect(trial: Trial) -> None:
    trial.lake.reopen(trial.rng.choice(("a", "b", "reader")))
