"""The shell of `reelhouse sql`: line editing, completion, a history kept in the home, and dot commands."""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import ModuleType

from flows.engine.context import location
from flows.engine.terminal import note, print_line, print_lines, printable
from flows.errors import FlowError
from flows.inspect.query import answer_all, one_line
from flows.settings import Settings
from warehouse.errors import QueryFailed
from warehouse.sql import ReadOnlyConnection, is_complete, open_read_only

HISTORY = "sql_history"
HISTORY_LINES = 2_000
PROMPT, MORE = "reelhouse> ", "      ...> "
HELP = """\
End a query with ';'. It may take several lines. Tab completes names, the arrows recall earlier queries.
Ctrl-C stops the query that is running or drops the lines typed so far; Ctrl-D leaves.

.tables [PART]   the tables and views, or those whose name contains PART
.schema NAME     the columns of a table or view: their types, and what they mean
.help            this text
.quit            leave"""
_DELIMITERS = " \t\n,;()[]{}=<>!+-*/%|&^'\""


def shell(
    settings: Settings,
    form: str = "table",
    as_of: int | datetime | None = None,
    *,
    files: bool = False,
    memory: str | None = None,
) -> bool:
    """Answer queries until the input ends; return whether all were answered.

    On a terminal each query is edited, completed and remembered; from a pipe they are read as they come.
    """
    if sys.stdin is None:
        raise FlowError("standard input is closed: give the query as an argument")
    with open_read_only(location(settings), as_of, files=files, memory_limit=memory) as connection:
        if not sys.stdin.isatty():
            return _read_all(connection, _lines(sys.stdin), form)
        print_line("Read-only SQL; end a query with ';'. Try: FROM predictions.current LIMIT 5;  or .help")
        with _editing(connection, settings.home / HISTORY) as readline:
            return _converse(connection, form, readline)


def _lines(stream: Iterable[str]) -> Iterator[str]:
    return (line.rstrip("\n") for line in stream)


def _read_all(connection: ReadOnlyConnection, lines: Iterable[str], form: str) -> bool:
    """Answer what a pipe holds; the last query needs no semicolon."""
    good, pending = True, ""
    for line in lines:
        if not pending and line.lstrip().startswith("."):
            if line.strip() in (".quit", ".exit"):
                return good
            good &= _command(connection, line.strip())
            continue
        pending = f"{pending}\n{line}" if pending else line
        if is_complete(pending):
            good &= _answer(connection, pending, form)
            pending = ""
    if pending.strip():
        good &= _answer(connection, pending, form)
    return good


def _converse(connection: ReadOnlyConnection, form: str, readline: ModuleType | None) -> bool:
    pending = ""
    while True:
        try:
            line = input(MORE if pending else PROMPT)
        except EOFError:
            print_line()
            return True
        except KeyboardInterrupt:
            print_line()
            pending = ""
            continue
        if not pending and line.strip() in (".quit", ".exit", "quit", "exit"):
            return True
        if not pending and line.lstrip().startswith("."):
            _remember(readline, line)
            _command(connection, line.strip())
            continue
        pending = f"{pending}\n{line}" if pending else line
        if not pending.strip():
            pending = ""
        elif is_complete(pending):
            _remember(readline, pending)
            _answer(connection, pending, form)
            pending = ""


def _answer(connection: ReadOnlyConnection, query: str, form: str) -> bool:
    try:
        answer_all(connection, query, form)
    except FlowError as error:
        note(error)
    except KeyboardInterrupt:
        note("the query was stopped")
    else:
        return True
    return False


# --- dot commands

_TABLES = """
SELECT schema_name || '.' || table_name AS name, 'table' AS kind, comment
FROM duckdb_tables() WHERE database_name = 'lake'
UNION ALL
SELECT schema_name || '.' || view_name, 'view', comment
FROM duckdb_views() WHERE database_name = 'lake' AND NOT internal
ORDER BY name
"""
_COLUMNS = """
SELECT c.column_name, c.data_type, coalesce(c.comment, o.comment, '') AS comment
FROM duckdb_columns() c
LEFT JOIN ops.columns o
    ON o.table_name = c.schema_name || '.' || c.table_name AND o.column_name = c.column_name
WHERE c.database_name = 'lake' AND c.schema_name || '.' || c.table_name = ?
ORDER BY c.column_index
"""


def _command(connection: ReadOnlyConnection, line: str) -> bool:
    """Run a line that begins with a dot."""
    word, _, rest = line.rstrip("; ").partition(" ")
    rest = rest.strip()
    try:
        if word == ".help":
            print_lines(HELP)
        elif word == ".tables":
            return _print_tables(connection, rest)
        elif word == ".schema":
            return _print_schema(connection, rest)
        else:
            note(f"no command {word}: .help lists them")
            return False
    except QueryFailed as error:
        note(one_line(error))
        return False
    except KeyboardInterrupt:
        note("stopped")
    return True


def _print_tables(connection: ReadOnlyConnection, part: str) -> bool:
    rows = [row for row in connection.execute(_TABLES).fetchall() if part.lower() in row[0].lower()]
    if not rows:
        note(f"no table or view is named like {part!r}")
        return False
    width = max(len(name) for name, *_ in rows)
    for name, kind, comment in rows:
        print_line(f"{name:<{width}}  {kind:<5}  {comment or ''}")
    return True


def _print_schema(connection: ReadOnlyConnection, name: str) -> bool:
    if not name:
        note("name a table or view, such as .schema core.movies (.tables lists them)")
        return False
    rows = connection.execute(_COLUMNS, [name.lower().replace('"', "")]).fetchall()
    if not rows:
        note(f"no table or view {name}: .tables lists them, with their schemas")
        return False
    widths = [max(len(row[place]) for row in rows) for place in (0, 1)]
    for column, kind, comment in rows:
        print_line(f"{column:<{widths[0]}}  {kind:<{min(widths[1], 40)}}  {comment}")
    return True


# --- completion and history


class Completer:
    """Completes keywords, functions, schemas, tables and columns, as `readline` asks for them."""

    def __init__(self, connection: ReadOnlyConnection) -> None:
        columns = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() "
            "WHERE database_name = 'lake' AND NOT internal ORDER BY ALL"
        ).fetchall()
        self._columns: dict[str, list[str]] = {}
        for table, column in columns:
            if printable(table + column) == table + column:
                self._columns.setdefault(table, []).append(column)
        self._keywords = _words(connection, "SELECT keyword_name FROM duckdb_keywords() ORDER BY ALL")
        functions = _words(
            connection,
            "SELECT DISTINCT function_name FROM duckdb_functions() "
            "WHERE regexp_full_match(function_name, '[a-z_0-9]+') ORDER BY ALL",
        )
        self._functions = [name + "(" for name in functions]
        self._completions: list[str] = []

    def __call__(self, text: str, state: int) -> str | None:
        """Return the completion of that number, None after the last; `text` is the word before the cursor."""
        if state == 0:
            import readline

            self._completions = self.candidates(text, readline.get_line_buffer())
        return self._completions[state] if state < len(self._completions) else None

    def candidates(self, text: str, line: str) -> list[str]:
        """Return what `text` may become in this line, the likeliest kinds first."""
        if line.lstrip().startswith("."):
            commands = [".tables", ".schema ", ".help", ".quit"]
            names = commands if " " not in line.strip() and text.startswith(".") else list(self._columns)
            return [name for name in names if name.startswith(text)]
        owner, dot, start = text.rpartition(".")
        if dot:
            return self._qualified(owner, start, line)
        low = text.lower()
        named = [table for table in self._columns if re.search(rf"\b{re.escape(table)}\b", line, re.I)]
        near = sorted({column for table in named for column in self._columns[table]})
        schemas = sorted({table.partition(".")[0] + "." for table in self._columns})
        completions = [word for word in (*near, *schemas) if word.lower().startswith(low)]
        if text:
            upper = not text.islower()
            keywords = [word.upper() if upper else word for word in self._keywords if word.startswith(low)]
            completions += keywords + [name for name in self._functions if name.startswith(low)]
            if not named:
                every = sorted({column for columns in self._columns.values() for column in columns})
                completions += [column for column in every if column.lower().startswith(low)]
        return list(dict.fromkeys(completions))

    def _qualified(self, owner: str, start: str, line: str) -> list[str]:
        """Complete what follows a dot: a table of a schema, or a column of a table or of its alias."""
        tables = [
            table
            for table in self._columns
            if table.lower().startswith(f"{owner}.{start}".lower()) and "." not in owner
        ]
        if tables:
            return tables
        if owner.lower() in self._columns:
            holders = [owner.lower()]
        else:
            alias = re.search(rf"\b(\w+\.\w+)\s+(?:as\s+)?{re.escape(owner)}\b", line, re.I)
            holders = [alias[1].lower()] if alias and alias[1].lower() in self._columns else []
        return [
            f"{owner}.{column}"
            for holder in holders
            for column in self._columns[holder]
            if column.startswith(start.lower())
        ]


def _words(connection: ReadOnlyConnection, sql: str) -> list[str]:
    return [row[0] for row in connection.execute(sql).fetchall()]


@contextmanager
def _editing(connection: ReadOnlyConnection, history: Path) -> Iterator[ModuleType | None]:
    """Give input() its line editing; without the module (some builds lack it) lines are plain."""
    try:
        import readline
    except ImportError:
        yield None
        return
    readline.set_completer(Completer(connection))
    readline.set_completer_delims(_DELIMITERS)
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
    readline.set_auto_history(False)
    with suppress(OSError):  # none yet, or not ours to read
        readline.read_history_file(history)
    readline.set_history_length(HISTORY_LINES)
    try:
        yield readline
    finally:
        readline.set_completer(None)
        with suppress(OSError):  # a home that only others may write to
            history.touch(mode=0o600)
            readline.write_history_file(history)


def _remember(readline: ModuleType | None, query: str) -> None:
    """Add a query to the history as one line, so that it is recalled whole."""
    if readline is None:
        return
    lines = query.split("\n")
    for entry in lines if "--" in query else [" ".join(line.strip() for line in lines)]:
        if entry.strip() and readline.get_history_item(readline.get_current_history_length()) != entry:
            readline.add_history(entry)
