"""Random lives of one-table lakes, compared with a plain table after each step."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb

from tests.engine import audit
from tests.engine.lakes import SIZE, Lake, Place, Rows, Statement, Version
from tests.engine.operations import Operation
from tests.engine.questions import Question, questions
from tests.engine.trial import Trial
from tests.engine.values import KINDS

AUDITED = 4
"""After so many steps the statistics are compared with each other: wrong ones stay."""
WHO = ("a", "a", "b", "reader", "reader", "fresh", "pinned")


@dataclass
class Fault:
    """An answer that is not the plain table's, or an error that nobody asked for."""

    operation: str
    seed: int
    message: str
    question: Question | None
    version: Version | None
    who: str
    log: list[Statement]
    right: Rows = field(default_factory=list)
    got: dict[str, Rows] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"-- {self.operation}, seed {self.seed}: {self.message}"]
        lines += [f"{statement.who}: {statement.sql}" for statement in self.log]
        if self.question:
            at = f" at {self.version.number}" if self.version else ""
            lines += [f"asked{at} by {self.who}: {self.question.sql}", f"right: {self.right}"]
        lines += [f"{name}: {rows}" for name, rows in self.got.items()]
        return "\n".join(lines)


def run(operation: Operation, where: Place, seed: int, steps: int, asked: int = 5) -> Iterator[Fault | int]:
    """Yield each fault, and at the end of each lake its number of steps, until there were `steps`."""
    done = 0
    while done < steps:
        lake = Lake(where)
        try:
            count = 0
            for result in _life(operation, lake, seed, asked):
                if isinstance(result, Fault):
                    yield result
                else:
                    count = result
            done += count
            yield count
        finally:
            lake.close()
        seed += 1


def _life(operation: Operation, lake: Lake, seed: int, asked: int) -> Iterator[Fault | int]:
    rng = random.Random(f"{operation.name} {seed}")  # noqa: S311 - repeatable on purpose
    kinds = [rng.choice(operation.kinds) for _ in range(rng.randrange(1, 4))]
    columns = [("k", KINDS["integer"]), *((f"c{place}", KINDS[kind]) for place, kind in enumerate(kinds))]
    trial = Trial(rng, lake, columns, made=len(kinds))
    defined = ", ".join(f"{name} {kind.sql}" for name, kind in columns)
    lake.tell(Statement("a", f"CREATE TABLE {{t}} ({defined})"))
    lake.remember(columns)
    step = 0
    for step in range(1, SIZE + 1):
        makers = operation.steps if operation.steps and rng.random() < operation.share else operation.base
        try:
            rng.choice(makers)(trial)
            lake.remember(trial.columns)
        except duckdb.Error as error:
            yield Fault(
                operation.name, seed, f"{type(error).__name__}: {error}", None, None, "", list(lake.log)
            )
            break
        fault = _compare(operation, trial, seed, step, asked)
        if fault:
            yield fault
            break
    yield step


def _compare(operation: Operation, trial: Trial, seed: int, step: int, asked: int) -> Fault | None:
    lake, rng = trial.lake, trial.rng
    version = rng.choice(lake.versions[:-1]) if rng.random() < 0.5 and len(lake.versions) > 1 else None
    columns = version.columns if version else trial.columns
    who, statistics = rng.choice(WHO), rng.random() < 0.85
    chosen = questions(rng, columns, asked)
    for question, answer in zip(
        chosen, lake.answers(who, chosen, version, statistics=statistics), strict=True
    ):
        right = lake.right(question, version)
        if answer != right:
            readers = ("a", "b", "reader", "fresh", *(("pinned",) if version else ()))
            got = {
                f"{name} with{'' if on else 'out'} statistics": lake.answers(
                    name, [question], version, statistics=on
                )[0]
                for name in readers
                for on in (True, False)
            }
            return Fault(
                operation.name, seed, "a wrong answer", question, version, who, list(lake.log), right, got
            )
    wrong = audit.narrow(lake) if step % AUDITED == 0 else []
    if wrong:
        return Fault(operation.name, seed, f"wrong statistics: {wrong}", None, None, "", list(lake.log))
    return None
