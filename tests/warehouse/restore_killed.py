"""A restore that is killed at a chosen moment: `python -m tests.warehouse.restore_killed BACKUP HOME MOMENT`.

The moment is a number of files that were moved to their places, or `catalogue`: before it is moved there.
"""

import os
import signal
import sys
from pathlib import Path

from flows.cli import main
from warehouse import whole_file

KILLED = -signal.SIGKILL


def kill_at(moment: str) -> None:
    """Make this process kill itself at that moment of moving files to their places."""
    replace, places = Path.replace, []

    def replace_or_die(self: Path, target: Path) -> Path:
        is_catalogue = Path(target).name == "catalog.sqlite"
        places.append(target)
        if moment == ("catalogue" if is_catalogue else str(len(places))):
            self.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    whole_file.Path.replace = replace_or_die  # type: ignore[method-assign]


if __name__ == "__main__":
    backup, home, moment = sys.argv[1:]
    kill_at(moment)
    sys.argv = ["reelhouse", "restore", backup, "--home", home]
    main()
