"""The engine's operations by name, and which of them Reelhouse uses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.engine import maintenance, rows, schema
from tests.engine.trial import BASE, Trial
from tests.engine.values import KINDS, PLAIN


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
    yield Operation("merge_adjacent_files", (maintenance.merge_adjacent,))
    yield Operation("rewrite_data_files", (maintenance.engine_rewrite,), used=False)
    yield Operation("own_rewrite", (maintenance.own_rewrite,))
    yield Operation("own_rewrite_whole", (maintenance.own_rewrite_whole,))
    yield Operation("expire_snapshots", (maintenance.expire,))
    yield Operation("expire_older_than", (maintenance.expire_all,), used=False, share=0.1)
    yield Operation(
        "cleanup_old_files", (maintenance.cleanup, maintenance.own_rewrite, maintenance.merge_adjacent)
    )
    yield Operation(
        "delete_orphaned_files", (maintenance.orphans, maintenance.own_rewrite, maintenance.merge_adjacent)
    )
    yield Operation("compaction", (maintenance.compaction,), share=0.5)
    yield Operation(
        "compaction_after_growth",
        (maintenance.compaction, schema.add_column, maintenance.merge_adjacent),
        share=0.5,
    )
    yield Operation("inlining", (maintenance.inline,), used=False)
    yield Operation("flush_inlined_data", (maintenance.flush,), used=False)
    yield Operation("add_column", (schema.add_column,))
    yield Operation("add_column_default", (schema.add_column_default,), used=False)
    yield Operation("add_and_fill", (schema.add_and_fill,), used=False)
    yield Operation("set_default", (schema.set_default,), used=False)
    yield Operation("rename_column", (schema.rename_column,), used=False)
    yield Operation("rename_table", (schema.rename_table,), used=False, share=0.15)
    yield Operation("drop_column", (schema.drop_column,), used=False)
    yield Operation("widen", (schema.widen,), kinds=("tinyint", "smallint", "integer", "float"), used=False)
    yield Operation("own_widen", (schema.own_widen,), kinds=("tinyint", "smallint", "integer", "float"))
    yield Operation("not_null", (schema.not_null,), used=False)
    yield Operation("empty", (rows.empty,))
    yield Operation("transaction", (rows.transaction,), share=0.6)
    yield Operation("rollback", (rows.rollback,))
    yield Operation("merge_into", (rows.merge_into,), used=False)
    yield Operation("conflict", (rows.conflict,))
    yield Operation("reconnect", (maintenance.reconnect,))
    # Reelhouse partitions a table when it makes it.
    yield Operation("partitioned", (schema.partition,), share=0.15, used=False)
    yield Operation("partitioned_by_bucket", (schema.partition_by_bucket,), share=0.15, used=False)
    yield Operation(
        "partitioned_compaction",
        (schema.partition, maintenance.compaction, maintenance.compaction, maintenance.compaction),
        share=0.5,
        used=False,
    )
    yield Operation("sorted", (schema.sort_table,), share=0.15)
    yield Operation(
        "sorted_compaction",
        (schema.sort_table, maintenance.compaction, maintenance.compaction, maintenance.compaction),
        share=0.5,
    )
    yield Operation("comments_and_views", (schema.comment,))
    yield Operation("file_emptied", (rows.one_file_emptied,))
    yield Operation("delete_by_rowid", (rows.by_rowid,))
    for kind in KINDS:
        yield Operation(
            f"type_{kind}",
            (maintenance.compaction, rows.transaction),
            kinds=(kind,),
            used=kind not in _UNUSED,
        )


_UNUSED = {
    "hugeint",
    "decimal",
    "decimal_wide",
    "timestamp",
    "time",
    "blob",
    "uuid",
    "infinite_time",
    "infinite_date",
}


KNOWN = {
    "type_float_with_exponent": "test_a_small_float_is_not_found",
    "type_long_text": "test_a_long_text_that_is_not_ascii_unsets_the_bounds_and_the_next_insert_sets_them",
    "type_odd_text": "test_a_text_with_a_nul_character_cannot_be_asked_for",
}
"""Operations that Reelhouse uses although the engine answers wrongly, and the test that says how."""

OPERATIONS = {operation.name: operation for operation in _listed()}
