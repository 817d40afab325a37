"""Try an operation of the engine on random lakes: `python -m tests.engine --operation NAME --steps N`."""

import argparse
import sys
import time
from pathlib import Path

from tests.engine.fuzz import Fault, run
from tests.engine.lakes import place
from tests.engine.operations import OPERATIONS


def main() -> int:
    """Print the faults that were found, and the steps that it took; return 1 where there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.engine", description=__doc__)
    parser.add_argument(
        "--operation", action="append", choices=sorted(OPERATIONS), help="all of them by default"
    )
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--faults", type=int, default=3, help="stop an operation after so many")
    parser.add_argument("--output", type=Path, help="write the faults to this file")
    parser.add_argument("--list", action="store_true", help="name the operations")
    arguments = parser.parse_args()
    if arguments.list:
        for operation in OPERATIONS.values():
            print(f"{operation.name:<28}{'used' if operation.used else 'not used'}")
        return 0
    found: list[Fault] = []
    with place(arguments.backend) as where:
        for name in arguments.operation or OPERATIONS:
            started, steps, lakes, mine = time.monotonic(), 0, 0, []
            for result in run(OPERATIONS[name], where, arguments.seed, arguments.steps):
                if isinstance(result, Fault):
                    mine.append(result)
                    if arguments.output:
                        with arguments.output.open("a") as file:
                            file.write(f"{result}\n\n")
                    else:
                        print(result)
                    if len(mine) >= arguments.faults:
                        break
                else:
                    steps, lakes = steps + result, lakes + 1
            seconds = time.monotonic() - started
            print(
                f"{name:<28}{steps:>7} steps{lakes:>6} lakes{len(mine):>4} faults{seconds:>8.0f} s",
                flush=True,
            )
            found += mine
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
