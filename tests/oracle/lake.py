"""One lake and its model: how it is begun, what is drawn for it, and the questions after each step."""

# ruff: noqa: S311, S608 — it draws from seeds, and writes its own SQL

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from tests.oracle import comparison, questions
from tests.oracle.lakes import Place
from tests.oracle.model import Field, Row, State, lands
from tests.oracle.values import BIGINT, BOOLEAN, GROUPS, INTEGER, KEYS, KINDS, VARCHAR
from warehouse import Location, Warehouse

QUESTIONS = (1, 1, 1, 1, 2)
"""How many questions a step asks: one is drawn. A question costs as much as an insert."""
SPARED: tuple[str, ...] = ()
"""What Reelhouse does not do, because the engine cannot."""


def _field(name: str, kind: Any, **more: Any) -> Field:
    return Field(name, kind, **more)


def shapes() -> list[tuple[State, ...]]:
    """Return the tables of lakes: every type, with NULLs and without, partitioned, sorted, appended only."""
    k, g = _field("k", KEYS, required=True), _field("g", GROUPS, required=True)
    found = []
    for number in range(0, len(KINDS), 3):
        some = KINDS[number : number + 3]
        fields = [_field(f"c{i}", kind) for i, kind in enumerate(some)]
        needed = [replace(f, name=f"r{i}", required=True) for i, f in enumerate(fields[:1])]
        plain = State("core.plain", (k, *fields))
        found += [
            (plain, State("core.parted", (k, g, *fields), partitioned_by=("g",))),
            (plain, State("core.ordered", (k, *needed, *fields), sorted_by=("k", needed[0].name))),
            (plain, State("core.log", (k, *fields), appended_only=True)),
        ]
    found.append((State("core.plain", (k, *(_field(f"c{i}", kind) for i, kind in enumerate(KINDS)))),))
    found.append(
        (
            State("core.plain", (k, _field("b", INTEGER))),
            State("core.log", (k, _field("b", INTEGER)), appended_only=True),
        )
    )
    return found


SHAPES = shapes()
LINKS = State(
    "raw.movielens_links",
    (
        _field("movielens_id", KEYS, required=True),
        _field("imdb_id", VARCHAR),
        _field("tmdb_id", BIGINT),
        _field("deleted", BOOLEAN, required=True),
    ),
)
"""What bulk files have brought, without what is noted of each row."""


class Lake(RuleBasedStateMachine):
    """One lake and its model."""

    place: ClassVar[Place]
    steps: ClassVar[int] = 0
    lakes: ClassVar[int] = 0
    buckets: ClassVar[float] = 0.1
    """The share of lakes with their data in S3, where the backend has it."""
    remote: ClassVar[Any] = None
    """Another process that reads, throughout."""
    met: ClassVar[int | None] = None
    """How many steps it took to the first difference, shrinking aside."""
    spared: ClassVar[frozenset[str]] = frozenset(SPARED)
    """What is not done, because the engine is known to fail there:
    "first" (the first file of a column holds NULLs alone), "default" (a column with a default),
    "widen" (a column gets a wider type), "nan" (no number where a number stands),
    "preset" (the catalogue's bounds of tables are mended)."""

    def __init__(self) -> None:
        super().__init__()
        self.locations: list[Location] = []
        self.states: dict[str, State] = {}
        self.history: dict[int, dict[str, State]] = {}
        self.links = LINKS

    # --- the lake

    @initialize(number=st.integers(0, len(SHAPES) - 1), where=st.integers(0, 99))
    def begin(self, number: int, where: int) -> None:
        type(self).lakes += 1
        shape = SHAPES[number]
        bucket = bool(self.place.s3) and where < 100 * self.buckets
        location = self.place.lake(shape, bucket=bucket)
        self.states = {state.name: state for state in shape}
        self.go_to(location)
        self.history = {self.newest(): dict(self.states)}
        for name in self.states if "first" in self.spared else ():
            self.fill(name)

    def fill(self, name: str) -> None:
        """Append a row that has a value in each column."""
        state = self.states[name]
        row = tuple(field.kind.full for field in state.fields)
        self.both[0].commit(lambda tx: tx.append(name, state.arrow([row])))
        self.states[name] = state.appended([row])
        self.remember()

    def go_to(self, location: Location) -> None:
        self.locations.append(location)
        self.both = [engine.open(location) for engine in self.place.engines]
        self.reader = self.place.reader(location)
        for wh in self.both:
            self.know(wh)
            self.spare(wh)
        if self.remote is not None:
            self.remote.go_to(location, self.place.anywhere)

    def spare(self, wh: Warehouse) -> None:
        """Keep bounds from being set in advance, where that fault is not to be met."""
        if "preset" in self.spared:
            wh._mend = lambda: None  # type: ignore[method-assign]

    def know(self, wh: Warehouse) -> None:
        """Tell a warehouse how the tables are declared."""
        wh._tables.update({state.name: state.declared for state in self.states.values()})

    def teardown(self) -> None:
        if self.remote is not None:
            self.remote.leave()
        self.place.lose(self.locations)

    def numbers(self) -> list[int]:
        rows = self.reader._connection.execute(
            "SELECT snapshot_id FROM catalogue.ducklake_snapshot ORDER BY ALL"
        )
        return [row[0] for row in rows.fetchall()]

    def newest(self) -> int:
        return self.numbers()[-1]

    # --- after each step

    def remember(self) -> None:
        """Note what the newest snapshots hold, and forget those that are not kept."""
        kept = self.numbers()
        last = max(self.history)
        for number in kept:
            if number > last:
                self.history[number] = dict(self.states)
        for number in set(self.history) - set(kept):
            del self.history[number]
        for wh in self.both:
            self.know(wh)

    def verify(self, look: int) -> None:
        """Count the step, and ask what the number draws."""
        type(self).steps += 1
        try:
            self._verify(look)
        except Exception:
            type(self).met = self.met or self.steps
            raise

    def _verify(self, look: int) -> None:
        self.remember()
        rng = Random(look)
        table = rng.choice(sorted(self.states))
        snapshot = None if rng.random() < 0.6 else rng.choice(sorted(self.history))
        states = self.states if snapshot is None else self.history[snapshot]
        wh = rng.choice(self.both)
        self.ask(wh, rng, states, table, snapshot)
        if rng.random() < 0.3:
            comparison.whole_by_files(self.reader, states[table], snapshot)
        if rng.random() < 0.15:
            comparison.whole_by_engine(wh, states[table], snapshot)
        if self.links.rows and rng.random() < 0.2:
            names = list(self.links.names)
            comparison.compare_rows(
                "pyarrow",
                self.links,
                self.reader.read_table(self.links.name, columns=names),
                None,
                ordered=False,
            )
            rows = wh.query(f"SELECT {', '.join(names)} FROM {self.links.name}")
            comparison.compare_rows("the engine", self.links, rows, None, ordered=False)
        if rng.random() < 0.2:
            comparison.bounds(self.reader)
        if rng.random() < 0.1:
            first = rng.choice(sorted(self.history))
            comparison.changes(wh, self.history[first][table], self.states[table], first, max(self.history))

    def ask(self, wh: Warehouse, rng: Random, states: Any, table: str, snapshot: int | None) -> None:
        if self.remote is not None and rng.random() < 0.7:
            other = rng.choice(sorted(states))
            drawn = questions.draw(rng, states[table], states[other], rng.choice(QUESTIONS))
            sql = questions.statement(drawn, comparison.at(table, snapshot), comparison.at(other, snapshot))
            comparison._hold(drawn, self.remote.ask(sql), "another process", table, snapshot, other)
            return
        without = rng.random() < 0.25
        comparison.ask(wh, rng, states, table, snapshot, without=without, count=rng.choice(QUESTIONS))

    # --- what is drawn

    def table(self, n: int, *, changing: bool = False) -> State:
        names = sorted(n for n, state in self.states.items() if not (changing and state.appended_only))
        return self.states[names[n % len(names)]]

    def rows(
        self, data: st.DataObject, state: State, names: Sequence[str] | None = None, size: int = 6
    ) -> list[Row]:
        fields = [state.field(name) for name in names or state.names]
        row = st.tuples(*(st.sampled_from(self.pool(field)) for field in fields))
        return data.draw(st.lists(row, max_size=size), label="rows")

    def pool(self, field: Field) -> list[Any]:
        """Return the values that are drawn for a column of rows that go through the door."""
        nested = "nan" in self.spared
        return [
            v for v in field.pool if not (nested and isinstance(v, list) and not lands(dict(enumerate(v))))
        ]
