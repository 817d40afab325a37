"""The references of settings, commands and tables, generated from what declares them.

`python -m flows.reference` writes `flows/docs/configuration.md`, `commands.md` and `tables.md`; a test fails
while one of them is out of date, or while a setting, command, option, table, view or column says nothing
about itself.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from flows.settings import PREFIX, Settings

PAGES = Path(__file__).parent / "docs"
HEAD = """# Configuration

Every setting of Reelhouse. An environment variable wins over `reelhouse.toml`, which wins over the default.
The file is read from the working directory, or from `$REELHOUSE_CONFIG`; in it, a setting is named as the
variable without `REELHOUSE_`, in lower case: `tmdb_batch = 200`. Lists are separated by commas in a variable,
and are arrays in the file.

This page is written by `python -m flows.reference`.

| variable | default | what it is |
|---|---|---|
"""


def configuration_page() -> str:
    """Return the page of settings in Markdown: a row per setting, in the order of the class."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return HEAD + "".join(rows)


def _row(name: str, field: FieldInfo) -> str:
    described = f"{_line(field.description)}{_bounds(field)}"
    return f"| `{PREFIX}{name.upper()}` | {_default(field)} | {described} |\n"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or isinstance(value, SecretStr):
        return ""
    if isinstance(value, tuple):
        value = ",".join(value)
    return f"`{value}`" if str(value) else ""


def _bounds(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return f" One of {', '.join(f'`{choice}`' for choice in get_args(field.annotation))}."
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    bounds = [
        f"{word} {value:,}"
        for limit in field.metadata
        for attribute, word in words.items()
        if (value := getattr(limit, attribute, None)) is not None
    ]
    return f" {', '.join(bounds).capitalize()}." if bounds else ""


COMMANDS_HEAD = """# Commands

`reelhouse COMMAND --help` says the same. Exit codes: 0 done, 1 failed, 2 wrong usage. Progress and errors go
to standard error, results to standard output.

This page is written by `python -m flows.reference`.
"""


def command_line() -> Any:
    """Return the command line as its parser's group: `commands` by name, each with its `params`."""
    from flows.cli import app

    return typer.main.get_command(app)


def commands() -> dict[str, Any]:
    """Return every command by its words, such as `nightly` or `quarantine list`, in alphabetical order."""
    return dict(sorted(_commands(command_line(), ())))


def _commands(group: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def commands_page() -> str:
    """Return the page of commands in Markdown: a section each, with example, arguments and options."""
    parts = [COMMANDS_HEAD]
    for name, command in commands().items():
        example = str(command.epilog or "").strip().removeprefix("Example: ")
        parts += [f"\n## reelhouse {name}\n\n{_line(command.help)}\n\n```\n{example}\n```\n"]
        parameters = [parameter for parameter in command.params if parameter.name != "help"]
        if parameters:
            parts += ["\n| argument or option | default | what it is |\n|---|---|---|\n"]
            parts += [_parameter(parameter) for parameter in parameters]
    return "".join(parts)


def _parameter(parameter: Any) -> str:
    flags = [f"`{option}`" for option in parameter.opts if option.startswith("-")]
    shown = ", ".join(flags) or f"`{str(parameter.name).upper()}`"
    default = parameter.default
    known = default not in (None, False, ()) and not callable(default)
    return f"| {shown} | {f'`{default}`' if known else ''} | {_line(parameter.help)} |\n"


def _line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def tables_page() -> str:
    """Return the page of tables in Markdown: all tables and views of the warehouse and the features."""
    from features import FeatureSettings, views
    from warehouse import feature_table, reference
    from warehouse.schema import TABLES, VIEWS

    built = views(FeatureSettings(poster_dir=Path("posters"))).values()
    own = {view.name: feature_table(view.name, view.comment, view.columns) for view in built}
    return reference((*TABLES, *own.values()), VIEWS)


GENERATED = {
    "configuration.md": configuration_page,
    "commands.md": commands_page,
    "tables.md": tables_page,
}


def main() -> None:
    """Write the pages."""
    PAGES.mkdir(exist_ok=True)
    for name, page in GENERATED.items():
        (PAGES / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
