"""The command line. Exit code 0 done, 1 failed, 2 wrong usage; every error is one line.

Wrong usage is what the arguments alone show. What follows from the files and the warehouse that they name has
failed.
"""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from flows.commands import featuring, keeping, modelling, nights, queries, watching
from flows.commands.options import READ, note
from flows.engine.interruption import CLOSING, was_interrupted
from flows.errors import QueryStopped, SettingsError, WrongUsage

TYPER_INTERRUPTED = 130
"""What Typer makes of a KeyboardInterrupt: it does not pass it on."""

app = typer.Typer(
    name="reelhouse",
    help="A movie warehouse: nightly ingest of TMDb, IMDb and MovieLens, genre models, predictions in SQL.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for group in (nights, featuring, modelling, queries, keeping, watching):
    app.add_typer(group.app)


def main() -> NoReturn:
    """Run the command; turn every error into one line and an exit code."""
    _keep_numbers()
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(_guarded())


def _keep_numbers() -> None:
    """Open the null device for each closed standard stream: the next file would get its number."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is None:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:  # print() would take standard output instead
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the process runs


def _terminated(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _guarded() -> int:
    try:
        code = app(standalone_mode=False, prog_name="reelhouse")
    except TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "reelhouse"
        note(f"{command}: {' '.join(error.format_message().split())} (see {command} --help)")
        return 2
    except (SettingsError, WrongUsage) as error:
        note(f"reelhouse: {error}")
        return 2
    except QueryStopped as error:
        note(f"reelhouse: {error}")
        return 1
    except (KeyboardInterrupt, typer.Abort):  # before or after Typer's own part
        note(f"reelhouse: {CLOSING}")
        return 1
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the interpreter flushes it at exit
        return 0
    except Exception as error:
        if was_interrupted(error):
            note(f"reelhouse: {CLOSING}")
            return 1
        from flows.engine.failure import explain

        note(f"reelhouse: {explain(error, READ[-1].home if READ else None)}")
        return 1
    if code == TYPER_INTERRUPTED:
        note(f"reelhouse: {CLOSING}")
        return 1
    return int(code or 0)


if __name__ == "__main__":
    main()
