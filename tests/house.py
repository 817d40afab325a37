"""Measures how easily the house is walked through: `python -m tests.house`.

Printed, for the five packages: variables whose names are no nouns, names that two modules or two public
classes share, conditions that belong to the warehouse and stand elsewhere, modules at the root of a package,
docstrings by their form, and the length of the sentences of README and docs.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("connectors", "warehouse", "features", "models", "flows")
NO_NOUNS = frozenset({"found", "told", "said", "seen", "one", "chosen", "asked", "there"})
LIVE = re.compile(r"deleted_at\s+IS\s+NULL", re.I)
OPENINGS = ("Return", "Yield", "Raise")
"""What a function's docstring may begin with besides another verb in the imperative."""


def modules(*packages: str) -> Iterator[Path]:
    """Yield the Python files of packages, all five where none is named."""
    for package in packages or PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def bindings(path: Path) -> Iterator[tuple[str, bool, int]]:
    """Yield (name, whether it is a parameter, line) of each variable that a file binds."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, False, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, True, node.lineno


def no_nouns() -> list[tuple[Path, str, bool, int]]:
    """Return the bindings whose names are no nouns."""
    return [
        (path, name, parameter, line)
        for path in modules()
        for name, parameter, line in bindings(path)
        if name in NO_NOUNS
    ]


def shared_names() -> dict[str, list[str]]:
    """Return module names and public class names that stand more than once, with where."""
    places: dict[str, list[str]] = {}
    for path in modules():
        if path.stem != "__init__":
            places.setdefault(f"module {path.stem}", []).append(str(path.relative_to(ROOT)))
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(f"class {node.name}", []).append(str(path.relative_to(ROOT)))
    return {name: where for name, where in sorted(places.items()) if len(where) > 1}


def live_conditions() -> int:
    """Return how often `deleted_at IS NULL` stands outside the warehouse."""
    packages = [package for package in PACKAGES if package != "warehouse"]
    files = [path for package in packages for path in sorted((ROOT / package).rglob("*.*"))]
    texts = [path.read_text(encoding="utf-8") for path in files if path.suffix in (".py", ".sql")]
    return sum(len(LIVE.findall(text)) for text in texts)


def docstrings() -> Counter[str]:
    """Count the first words of functions' docstrings, as an imperative or something else."""
    forms: Counter[str] = Counter()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_property(node):
                text = ast.get_docstring(node)
                if text:
                    forms["imperative" if _is_imperative(text.split()[0]) else "other"] += 1
    return forms


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {getattr(each, "id", getattr(each, "attr", "")) for each in node.decorator_list}
    return bool(names & {"property", "cached_property"})


def _is_imperative(word: str) -> bool:
    return word in OPENINGS or (
        word[:1].isupper() and word.isalpha() and not word.endswith("s") and word not in _NO_VERBS
    )


_NO_VERBS = frozenset(
    [
        "A",
        "An",
        "The",
        "One",
        "What",
        "Whether",
        "How",
        "Where",
        "Which",
        "Who",
        "Every",
        "Each",
        "All",
        "True",
        "For",
        "It",
        "Of",
        "Rows",
        "Plain",
        "Like",
        "When",
        "Why",
        "Seconds",
        "Hours",
        "Up",
        "From",
        "As",
        "In",
    ]
)


def sentence_lengths() -> list[int]:
    """Return how many words each sentence of README and docs has; code, tables and headings aside."""
    lengths: list[int] = []
    for path in (ROOT / "README.md", *sorted((ROOT / "flows" / "docs").glob("*.md"))):
        if path.name in ("commands.md", "tables.md"):
            continue  # written by a program
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
        lines = [line for line in text.splitlines() if not line.lstrip().startswith(("|", "#", "<"))]
        for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)", "\n".join(lines)):
            sentences = re.split(r"(?<=[.!?:;])\s+", paragraph.strip(" -*\n"))
            lengths += [len(re.findall(r"[\w'`./-]+", sentence)) for sentence in sentences]
    return [length for length in lengths if length > 2]


def main() -> None:
    """Print the table."""
    bound, shared, forms, lengths = no_nouns(), shared_names(), docstrings(), sentence_lengths()
    parameters = sum(parameter for _, _, parameter, _ in bound)
    print(f"variables that are no nouns         {len(bound)}, {parameters} of them parameters")
    for package in PACKAGES:
        print(f"    {package:<32}{sum(path.is_relative_to(ROOT / package) for path, *_ in bound)}")
    print(f"names that stand more than once     {len(shared)}")
    for name, where in shared.items():
        print(f"    {name}: {', '.join(where)}")
    print(f"deleted_at IS NULL outside warehouse {live_conditions()}")
    for package in ("flows", "models"):
        print(f"modules at the root of {package:<13}{len(list((ROOT / package).glob('[!_]*.py')))}")
    print(f"docstrings in the imperative        {forms['imperative']} of {forms.total()}")
    print(f"mean sentence of README and docs    {sum(lengths) / len(lengths):.1f} words of {len(lengths)}")


if __name__ == "__main__":
    main()
