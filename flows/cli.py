"""The command line. Exit code 0 done, 1 failed, 2 wrong usage; every error is one line.

Wrong usage is what the arguments alone show. What follows from the files and the warehouse that they name has
failed.
"""

import signal
import sys
from types import FrameType
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from flows.commands import featuring, keeping, modelling, nights, queries, watching
from flows.commands.options import READ
from flows.engine.interruption import CLOSING, was_interrupted
from flows.engine.streams import OutputLost, prepare_streams
from flows.engine.terminal import note
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
    prepare_streams()
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(_flushed(_guarded()))


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


def _flushed(code: int) -> int:
    """Return the exit code once all is printed: 1 where that fails, unless nobody reads it any more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return code
    except OutputLost as error:
        note(f"reelhouse: {error}")
        return code or 1
    return code


if __name__ == "__main__":
    main()
