"""Commands that keep the data: backup, restore, rows in quarantine, contradictions about ids."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, parse_path, read_settings, run_flow

app = typer.Typer()
quarantine = typer.Typer(no_args_is_help=True, help="Rows that broke a contract: count, show, land them.")
app.add_typer(quarantine, name="quarantine")
conflicts = typer.Typer(
    no_args_is_help=True, help="Ids about which the sources contradict each other: list them, decide."
)
app.add_typer(conflicts, name="conflicts")

IdsArgument = Annotated[
    list[int] | None, typer.Argument(help="Rows by the numbers that `quarantine show` gives.", min=0)
]
SourceOption = Annotated[str | None, typer.Option("--source", help="Only rows of this source.")]
TableOption = Annotated[
    str | None, typer.Option("--table", help="Only rows meant for this table, such as raw.imdb_title_basics.")
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only rows whose reason contains this.")]
BatchOption = Annotated[str | None, typer.Option("--batch", help="Only rows of this batch.")]

SubjectArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The id to decide about: tmdb:5, movielens:7 or tt0113101.")
]
AuthorOption = Annotated[
    str | None, typer.Option("--author", help="Who decides; without it, who is logged in.")
]


@app.command("import", epilog="Example: reelhouse import movie_metadata.csv.gz")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            parser=parse_path,
            help="A CSV, plain or gzipped, with columns of titles and of IMDb ids or years.",
        ),
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Land a table of movies from elsewhere, as far as it says which IMDb titles they are, and conform it."""
    settings = read_settings(home)
    from flows.steps.importing import import_steps

    run_flow("import", settings, import_steps(settings, file), as_json, {"file": file.name})


@app.command(epilog="Example: reelhouse backup /backups/reelhouse")
def backup(
    directory: Annotated[
        Path, typer.Argument(parser=parse_path, help="Where to; a second backup copies only what is new.")
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the warehouse, with posters and models, while others go on using it."""
    from flows.inspect.backup import run_backup

    run_backup(read_settings(home), directory, as_json)


@app.command(epilog="Example: reelhouse restore /backups/reelhouse --home /srv/reelhouse")
def restore(
    directory: Annotated[Path, typer.Argument(parser=parse_path, help="The directory of the backup.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup into a home that has no warehouse, after checking every file of it."""
    from flows.inspect.backup import run_restore

    run_restore(read_settings(home), directory, as_json)


@quarantine.command("list", epilog="Example: reelhouse quarantine list")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Count the rows in quarantine by source, table and reason."""
    from flows.inspect.quarantine import print_summary

    print_summary(read_settings(home), as_json)


@quarantine.command(epilog="Example: reelhouse quarantine show --table raw.movielens_movies --limit 5")
def show(
    ids: IdsArgument = None,
    source: SourceOption = None,
    table: TableOption = None,
    reason: ReasonOption = None,
    batch: BatchOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 20,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show rows in quarantine as they came, with the reason and the batch."""
    from flows.inspect.quarantine import print_rows
    from flows.steps.replay import which

    print_rows(read_settings(home), which(ids, source, table, reason, batch), limit, as_json)


@quarantine.command(epilog="Example: reelhouse quarantine replay --table raw.imdb_title_basics")
def replay(
    ids: IdsArgument = None,
    source: SourceOption = None,
    table: TableOption = None,
    reason: ReasonOption = None,
    batch: BatchOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Land rows again after a fix, and conform what landed; what still breaks a contract stays."""
    from flows.steps.replay import replay_steps, which

    settings, selection = read_settings(home), which(ids, source, table, reason, batch)
    run_flow("replay", settings, replay_steps(settings, selection), as_json, {"which": selection.arguments})


@conflicts.command("list", epilog="Example: reelhouse conflicts list")
def list_conflicts(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the claims about ids that lost, each beside the one that won, and what was decided."""
    from flows.inspect.conflicts import print_conflicts

    print_conflicts(read_settings(home), as_json)


@conflicts.command(
    "overrule", epilog="Example: reelhouse conflicts overrule tmdb:19666 tt0282674 --reason 'the 2001 film'"
)
def overrule_(
    subject: SubjectArgument,
    target: Annotated[
        str, typer.Argument(help="Another id of its movie, or the id itself: it is a movie of its own.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
    author: AuthorOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide which movie an id is, whatever the sources say, from now on; conform at once."""
    settings = read_settings(home)
    from flows.inspect.conflicts import overrule
    from flows.steps.catalogue import conform_steps

    overrule(settings, subject, target, author, reason)
    parameters = {"id": subject, "target": target, "reason": reason}
    run_flow("overrule", settings, conform_steps(settings, sources=()), as_json, parameters)


@conflicts.command(
    "undo", epilog="Example: reelhouse conflicts undo tmdb:19666 --reason 'TMDb has mended it'"
)
def undo_(
    subject: SubjectArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
    author: AuthorOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back what was decided about an id: the sources have the word again; conform at once."""
    settings = read_settings(home)
    from flows.inspect.conflicts import undo
    from flows.steps.catalogue import conform_steps

    undo(settings, subject, author, reason)
    parameters = {"id": subject, "reason": reason}
    run_flow("undo", settings, conform_steps(settings, sources=()), as_json, parameters)
