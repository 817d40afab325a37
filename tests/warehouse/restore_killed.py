"""A restore that is killed at a chosen moment: `python -m tests.warehouse.restore_killed BACKUP HOME MOMENT`.

The moment is a number of files that are in their places, or a name: `catalogue`, while its copy is written, or
`renamed`, when it is in its place.
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
        if Path(target).name == "catalog.sqlite":
            if moment == "catalogue":
                os.kill(os.getpid(), signal.SIGKILL)
            replace(self, target)
            if moment == "renamed":
                os.kill(os.getpid(), signal.SIGKILL)
            return Path(target)
        places.append(target)
        if str(len(places)) == moment:
            self.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    whole_file.Path.replace = replace_or_die  # type: ignore[method-assign]


if __name__ == "__main__":
    backup, home, moment = sys.argv[1:]
    kill_at(moment)
    sys.argv = ["reelhouse", "restore", backup, "--home", home]
    main()
