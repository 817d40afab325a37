"""The page that says what every table, view and column means."""

from collections.abc import Iterable

from warehouse.schema import SCHEMAS, TABLES, VIEWS, Column, Table, View


def reference(tables: Iterable[Table] = TABLES, views: Iterable[View] = VIEWS) -> str:
    """Return the Markdown page of all schemas, tables, views and columns.

    Feature views declare their tables where they are built: pass them too to have them listed.
    """
    tables, views = list(tables), list(views)
    lines = [
        "# Tables and views",
        "",
        "Generated from the declarations in `warehouse/schema/`. The same text is in the lake itself: "
        "`FROM ops.columns`.",
    ]
    for schema, meaning in SCHEMAS.items():
        own_views = [view for view in views if view.schema == schema]
        own_tables = [table for table in tables if table.schema == schema]
        if not own_views and not own_tables:
            continue
        lines += ["", f"## {schema}", "", meaning]
        for view in own_views:
            lines += [
                "",
                f"### {view.name} (view)",
                "",
                view.comment,
                "",
                "| column | meaning |",
                "|---|---|",
            ]
            lines += [f"| `{name}` | {_cell(comment)} |" for name, comment in view.columns]
        for table in own_tables:
            lines += ["", f"### {table.name}", "", table.comment]
            if table.unique:
                lines += ["", "One row per " + ", ".join(f"`{name}`" for name in table.unique) + "."]
            lines += ["", "| column | type | rules | meaning |", "|---|---|---|---|"]
            lines += [
                f"| `{column.name}` | {column.type} | {_cell(rules(column))} | {_cell(column.comment)} |"
                for column in table.columns
            ]
    return "\n".join(lines) + "\n"


def rules(column: Column) -> str:
    """Return in words what a column's values must satisfy; empty where anything goes.

    >>> rules(Column("year", "INTEGER", "Year.", required=True, minimum=1870))
    'required; from 1870'
    """
    phrases = ["required"] if column.required else []
    if column.minimum is not None and column.maximum is not None:
        phrases.append(f"{column.minimum:g} to {column.maximum:g}")
    elif column.minimum is not None:
        phrases.append(f"from {column.minimum:g}")
    elif column.maximum is not None:
        phrases.append(f"up to {column.maximum:g}")
    if column.allowed is not None:
        phrases.append("one of " + ", ".join(column.allowed))
    if column.pattern is not None:
        phrases.append(f"like `{column.pattern}`")
    return "; ".join(phrases)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
