"""SQL that lies in `.sql` files beside the code."""

import functools
import importlib.resources
import re
from collections.abc import Mapping
from typing import Any

from warehouse.transaction import Transaction

_NAME = re.compile(r"\$([a-z_]+)")


@functools.cache
def statements(package: str, name: str) -> tuple[str, ...]:
    """Return the statements of `package`'s file `name`.sql; each ends with `;` at the end of a line."""
    text = importlib.resources.files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return tuple(part.strip() for part in re.split(r";[ \t]*(?:\n|$)", code) if part.strip())


def run_file(tx: Transaction, package: str, name: str, params: Mapping[str, Any] | None = None) -> int:
    """Run a file's statements in `tx`; return the rows that the last one changed.

    Each statement is given those of `params` that it names (`$name`).
    """
    changed = 0
    for statement in statements(package, name):
        changed = tx.execute(statement, bound(statement, params or {}))
    return changed


def bound(statement: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of `params` that a statement names; KeyError where one is missing."""
    return {name: params[name] for name in set(_NAME.findall(statement))}
