"""A process that has the lake open while another writes, and answers questions to it."""

import json
import subprocess
import sys
from typing import Any

from tests.oracle.lakes import Engine
from tests.warehouse.places import ROOT, place, told
from warehouse import Location
from warehouse.connection import session


class Remote:
    """The other process, as the one that asks it has it."""

    def __enter__(self) -> "Remote":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.oracle.remote"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _call(self, **message: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def go_to(self, location: Location, anywhere: Location) -> None:
        """Open a lake; the other location has the keys to all lakes that this process will open."""
        self._call(place=told(location), anywhere=told(anywhere))

    def leave(self) -> None:
        """Let go of it."""
        self._call(leave=True)

    def ask(self, sql: str) -> list[Any]:
        """Return the rows of a query; an error as a row that equals no answer."""
        rows: list[Any] = self._call(sql=sql)
        return rows


def main() -> None:
    """Answer until the input ends."""
    engine: Engine | None = None
    for line in sys.stdin:
        message = json.loads(line)
        answer: Any = None
        if "place" in message:
            engine = engine or Engine(session(place(message["anywhere"]), threads=1))
            engine.open(place(message["place"]))
        elif "leave" in message and engine is not None:
            engine.leave()
        elif "sql" in message and engine is not None and engine.warehouse is not None:
            try:
                with engine.warehouse._own() as connection:
                    answer = connection.execute(message["sql"]).fetchall()
            except Exception as error:
                answer = [(0, [repr(error)])]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
