"""What Reelhouse does to a lake, in any order, each step followed by questions to three readers."""

# ruff: noqa: S311, S608 — the oracle writes its own SQL, and draws from seeds

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.stateful import rule

import warehouse.upkeep
from tests.oracle import comparison, questions
from tests.oracle.lake import Lake
from tests.oracle.model import Field, Row, State, lands
from tests.oracle.values import BOOLEAN, INTEGER, KEYS, KINDS, VARCHAR, WIDER, key
from tests.warehouse.landing import land_rows
from warehouse import Transaction
from warehouse.backup import backup, restore
from warehouse.errors import Conflict
from warehouse.identifiers import qualified, quote
from warehouse.upkeep import GRACE, KEEP, WHOLE, upkeep

LOOK = st.integers(0, 2**31 - 1)
NONE = timedelta(0)
MERGE = "merge"
CLEAN = "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)"
FAR = 11
"""Drawn, it sends the lake to another place: not a number that hypothesis prefers, because it takes long."""
ORPHANS = "CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)"


class Undone(Exception):
    """Breaks a transaction off."""


class Machine(Lake):
    """What is done to it."""

    @rule(data=st.data(), n=st.integers(0, 1), who=st.integers(0, 1), parts=st.integers(1, 3), look=LOOK)
    def append(self, data: st.DataObject, n: int, who: int, parts: int, look: int) -> None:
        state = self.table(n)
        absent = data.draw(
            st.sets(st.sampled_from([f.name for f in state.fields if not f.required] or ["k"]), max_size=1)
        )
        names = [name for name in state.names if name not in absent or name == "k"]
        rows = self.rows(data, state, names)
        whole = state.arrow(rows, names)
        batches = whole.to_batches(max_chunksize=max(1, -(-len(rows) // parts)))

        def work(tx: Transaction) -> None:
            tx.append(
                state.name, pa.RecordBatchReader.from_batches(whole.schema, batches) if parts > 1 else whole
            )

        self.both[who].commit(work)
        self.states[state.name] = state.appended(rows, names)
        self.verify(look)

    @rule(data=st.data(), n=st.integers(0, 1), who=st.integers(0, 1), some=st.booleans(), look=LOOK)
    def replace(self, data: st.DataObject, n: int, who: int, some: bool, look: int) -> None:
        state = self.table(n, changing=True)
        rows = self.rows(data, state)
        where: dict[str, Any] = {}
        if some:
            field = state.field(data.draw(st.sampled_from(["k", "g"] if "g" in state.names else ["k"])))
            where = {field.name: data.draw(st.sampled_from(field.kind.pool))}
        self.both[who].commit(lambda tx: tx.replace(state.name, state.arrow(rows), where))
        kept = state.without(lambda row: all(row[name] == value for name, value in where.items()))
        self.states[state.name] = kept.appended(rows)
        self.verify(look)

    @rule(data=st.data(), n=st.integers(0, 1), who=st.integers(0, 1), look=LOOK)
    def replace_keys(self, data: st.DataObject, n: int, who: int, look: int) -> None:
        state = self.table(n, changing=True)
        rows = self.rows(data, state)
        keys = ["k", "g"] if "g" in state.names and data.draw(st.booleans()) else ["k"]
        self.both[who].commit(lambda tx: tx.replace_keys(state.name, state.arrow(rows), keys))
        fresh = {tuple(state.named(row)[name] for name in keys) for row in rows if lands(state.named(row))}
        kept = state.without(lambda row: tuple(row[name] for name in keys) in fresh)
        self.states[state.name] = kept.appended(rows)
        self.verify(look)

    @rule(data=st.data(), n=st.integers(0, 1), who=st.integers(0, 1), look=LOOK)
    def delete_keys(self, data: st.DataObject, n: int, who: int, look: int) -> None:
        state = self.table(n, changing=True)
        ks = data.draw(st.lists(st.sampled_from(KEYS.pool), max_size=5))
        self.both[who].commit(
            lambda tx: tx.delete_keys(state.name, pa.table({"k": pa.array(ks, pa.int64())}))
        )
        self.states[state.name] = state.without(lambda row: row["k"] in ks)
        self.verify(look)

    @rule(n=st.integers(0, 1), who=st.integers(0, 1), draw=LOOK, look=LOOK)
    def delete(self, n: int, who: int, draw: int, look: int) -> None:
        state = self.table(n, changing=True)
        self.both[who].commit(self.deletion(state, draw))
        self.states[state.name] = state.without(questions.condition(Random(draw), state)[1])
        self.verify(look)

    def deletion(self, state: State, draw: int) -> Callable[[Transaction], int]:
        sql, _ = questions.condition(Random(draw), state)
        return lambda tx: tx.execute(f"DELETE FROM {qualified(state.name)} WHERE {sql}")

    @rule(data=st.data(), n=st.integers(0, 1), who=st.integers(0, 1), draw=LOOK, look=LOOK)
    def update(self, data: st.DataObject, n: int, who: int, draw: int, look: int) -> None:
        state = self.table(n, changing=True)
        sql, holds = questions.condition(Random(draw), state)
        field = data.draw(st.sampled_from(state.fields))
        value = data.draw(st.sampled_from(self.pool(field)))
        if "nan" in self.spared and not lands({"value": value}):
            value = None if not field.required else 7.0
        setting = f"{quote(field.name)} = {field.kind.literal(value)}"
        change = f"UPDATE {qualified(state.name)} SET {setting} WHERE {sql}"
        self.both[who].commit(lambda tx: tx.execute(change))
        self.states[state.name] = state.updated(holds, field.name, value)
        self.verify(look)

    @rule(
        data=st.data(), n=st.integers(0, 1), who=st.integers(0, 1), undone=st.booleans(), draw=LOOK, look=LOOK
    )
    def several(self, data: st.DataObject, n: int, who: int, undone: bool, draw: int, look: int) -> None:
        """Append, delete and append again in one transaction, which may be broken off."""
        state = self.table(n, changing=True)
        before, after = self.rows(data, state, size=3), self.rows(data, state, size=3)
        other = self.table(n + 1)
        rest = self.rows(data, other, size=2)

        def work(tx: Transaction) -> None:
            tx.append(state.name, state.arrow(before))
            self.deletion(state, draw)(tx)
            tx.append(state.name, state.arrow(after))
            if other.name != state.name:
                tx.append(other.name, other.arrow(rest))
            if undone:
                raise Undone

        with suppress(Undone):
            self.both[who].commit(work)
        if not undone:
            _, holds = questions.condition(Random(draw), state)
            self.states[state.name] = state.appended(before).without(holds).appended(after)
            if other.name != state.name:
                self.states[other.name] = other.appended(rest)
        self.verify(look)

    @rule(data=st.data(), n=st.integers(0, 1), who=st.integers(0, 1), how=st.integers(0, 3), look=LOOK)
    def grow(self, data: st.DataObject, n: int, who: int, how: int, look: int) -> None:
        """Add a column (with data, by declaration, with a default), or widen one."""
        state = self.table(n)
        name = f"n{len(state.fields)}"
        wh = self.both[who]
        if len(state.fields) > 9 and len(state.fields) < len(KINDS):
            return
        if how == 0:
            kind = data.draw(st.sampled_from([INTEGER, BOOLEAN, VARCHAR, *KINDS[:10]]))
            grown = state.gained(Field(name, kind))
            rows = self.rows(data, grown, size=3)
            if "first" in self.spared:
                rows = [tuple(field.kind.full for field in grown.fields)]
            wh.commit(lambda tx: tx.append(state.name, grown.arrow(rows)))
            self.states[state.name] = grown.appended(rows)
        elif how == 1:
            kind = data.draw(st.sampled_from(KINDS))
            self.states[state.name] = grown = state.gained(Field(name, kind))
            wh.declare(grown.declared)
            self.remember()
            if "first" in self.spared:
                self.fill(state.name)
        elif how == 2 and "default" not in self.spared:
            kind = data.draw(st.sampled_from([k for k in KINDS[:10] if k is not BOOLEAN]))
            value = data.draw(st.sampled_from(kind.pool))
            said = kind.literal(value).rpartition("::")[0].strip("()")
            add = f"ALTER TABLE {qualified(state.name)} ADD COLUMN {name} {kind.sql} DEFAULT {said}"
            wh.commit(lambda tx: tx.execute(add))
            self.states[state.name] = state.gained(Field(name, kind, default=value))
        else:
            narrow = [
                f
                for f in state.fields
                if f.kind in WIDER and f.name not in (*state.sorted_by, *state.partitioned_by)
            ]
            if not narrow or state.appended_only or "widen" in self.spared:
                return
            field = data.draw(st.sampled_from(narrow))
            wider = data.draw(st.sampled_from(WIDER[field.kind]))
            grown = state.widened(field.name, wider)
            rows = self.rows(data, grown, size=3)
            wh.commit(lambda tx: tx.append(state.name, grown.arrow(rows)))
            self.states[state.name] = grown.appended(rows)
        self.verify(look)

    @rule(n=st.integers(0, 1), who=st.integers(0, 1), look=LOOK)
    def rename(self, n: int, who: int, look: int) -> None:
        state = self.table(n)
        field = state.fields[-1]
        if field.name in (*state.sorted_by, *state.partitioned_by, "k"):
            return
        name = field.name + "x"
        if len(name) > 6:
            return
        sql = f"ALTER TABLE {qualified(state.name)} RENAME {quote(field.name)} TO {quote(name)}"
        self.both[who].commit(lambda tx: tx.execute(sql))
        self.states[state.name] = state.changed(field.name, name=name)
        self.verify(look)

    @rule(
        data=st.data(),
        n=st.integers(0, 1),
        first=st.integers(0, 2),
        second=st.integers(0, 2),
        draw=LOOK,
        look=LOOK,
    )
    def conflict(self, data: st.DataObject, n: int, first: int, second: int, draw: int, look: int) -> None:
        """Change a table from two warehouses at once: the later commit is refused, or both are there."""
        state = self.table(n, changing=True)
        outer, middle = self.change(data, state, first, draw), self.change(data, state, second, draw + 1)
        try:
            with self.both[0].transaction() as tx:
                outer[0](tx)
                self.both[1].commit(middle[0])
                self.states[state.name] = middle[1](state)
                self.remember()
            done = True
        except Conflict:
            done = False
        if done:
            now, was, then = self.states[state.name].counted, state.counted, outer[1](state).counted
            lost, won = was - then, then - was
            if lost - now:
                raise comparison.Difference(f"two transactions both deleted {lost - now}")
            held = {tuple(key_): row for row in (*state.rows, *outer[1](state).rows, *middle[1](state).rows)
                    for key_ in [_key(row)]}  # fmt: skip
            rows = tuple(held[k] for k in ((now - lost) + won).elements())
            self.states[state.name] = replace(state, rows=rows)
        self.verify(look)

    def change(
        self, data: st.DataObject, state: State, kind: int, draw: int
    ) -> tuple[Callable[[Transaction], Any], Callable[[State], State]]:
        """Return one change as the lake and as the model make it."""
        if kind == 0:
            rows = self.rows(data, state, size=3)
            return lambda tx: tx.append(state.name, state.arrow(rows)), lambda before: before.appended(rows)
        if kind == 1:
            _, holds = questions.condition(Random(draw), state)
            return self.deletion(state, draw), lambda before: before.without(holds)
        rows = self.rows(data, state, size=3)
        ks = {row[0] for row in rows if lands(state.named(row))}
        return (
            lambda tx: tx.replace_keys(state.name, state.arrow(rows), ["k"]),
            lambda before: before.without(lambda row: row["k"] in ks).appended(rows),
        )

    @rule(data=st.data(), who=st.integers(0, 1), look=LOOK)
    def bulk(self, data: st.DataObject, who: int, look: int) -> None:
        """Land a bulk file: what is new in it or has changed, and what it no longer has."""
        numbers = st.sampled_from([None, 1, 862, 2**40])
        texts = st.sampled_from(["0114709", "0000001", "é" * 200])
        file = data.draw(
            st.dictionaries(st.sampled_from(KEYS.pool[1:]), st.tuples(texts, numbers), min_size=1, max_size=6)
        )
        land_rows(self.both[who], "movielens", "small", "links", [(k, *row) for k, row in file.items()])
        latest = {row[0]: row for row in self.links.rows}
        fresh = [(k, *row, False) for k, row in file.items()]
        changed = [row for row in fresh if latest.get(row[0]) != row]
        gone = [(*row[:-1], True) for row in latest.values() if row[0] not in file and not row[-1]]
        self.links = self.links.appended(changed + gone)
        self.verify(look)

    # --- upkeep

    @rule(who=st.integers(0, 1), how=st.integers(0, 3), pack=st.integers(0, 19), look=LOOK)
    def keep_up(self, who: int, how: int, pack: int, look: int) -> None:
        """Run upkeep as nights do, and as one who wants space back."""
        keep, whole, grace = (
            (KEEP, WHOLE, GRACE),
            (NONE, NONE, NONE),
            (NONE, NONE, GRACE),
            (KEEP, WHOLE, NONE),
        )[how]
        packed = warehouse.upkeep.catalogue_copies.pack
        if pack != FAR:  # it starts a process, so not every time
            warehouse.upkeep.catalogue_copies.pack = lambda location: False
        try:
            upkeep(self.both[who], keep=keep, whole=whole, grace=grace)
        finally:
            warehouse.upkeep.catalogue_copies.pack = packed
        self.verify(look)

    @rule(who=st.integers(0, 1), sql=st.sampled_from((MERGE, MERGE, CLEAN, ORPHANS)), look=LOOK)
    def one_kind(self, who: int, sql: str, look: int) -> None:
        if sql == MERGE:
            self.both[who].merge_files()
        else:
            self.both[who].call(sql)
        self.verify(look)

    @rule(who=st.integers(0, 1), draw=LOOK, look=LOOK)
    def expire(self, who: int, draw: int, look: int) -> None:
        old = self.numbers()[:-1]
        if not old:
            return
        rng = Random(draw)
        some = sorted(rng.sample(old, rng.randint(1, len(old))))
        self.both[who].call(f"CALL ducklake_expire_snapshots('lake', versions => {some})")
        self.verify(look)

    @rule(who=st.integers(0, 1), far=st.integers(0, 15), look=LOOK)
    def attach_again(self, who: int, far: int, look: int) -> None:
        """Attach the lake anew, or a restored backup of it, at another place."""
        location = self.locations[-1]
        if far != FAR:
            self.both[who] = self.place.engines[who].open(location)
            self.know(self.both[who])
            self.spare(self.both[who])
        else:
            directory = location.home.with_name(location.home.name + "-backup")
            backup(location, directory)
            elsewhere = self.place.empty(location)
            restore(directory, elsewhere)
            shutil.rmtree(directory)
            self.go_to(elsewhere)
        self.verify(look)


def _key(row: Row) -> tuple[Any, ...]:
    return tuple((1,) if value is None else (0, key(value)) for value in row)
