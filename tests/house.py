"""Measures how easily the house is walked through: `python -m tests.house`.

Printed, for the five packages: variables whose names are no nouns, names that two modules or two public
classes share, conditions that belong to the warehouse and stand elsewhere, modules at the root of a package,
docstrings by their form, and the mean length of a sentence in each document.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from flows.reference import GENERATED

ROOT = Path(__file__).parents[1]
PACKAGES = ("connectors", "warehouse", "features", "models", "flows")
NO_NOUNS = frozenset({"found", "told", "said", "seen", "one", "chosen", "asked", "there"})
LIVE = re.compile(r"deleted_at\s+IS\s+NULL", re.I)
OPENINGS = ("Return", "Yield", "Raise")
"""What a function's docstring may begin with besides another verb in the imperative."""
LONGEST_MEAN = 20
"""The words that a sentence of a document may have on average."""


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


def documents() -> list[Path]:
    """Return the documents that somebody wrote, and no program."""
    pages = sorted((ROOT / "flows" / "docs").glob("*.md"))
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
        *(page for page in pages if page.name not in GENERATED),
    ]


def sentence_lengths(text: str) -> list[int]:
    """Return how many words each sentence of a Markdown text has.

    Code blocks, tables, headings and labels of one or two words do not count. A colon or a semicolon does not
    end a sentence; the end of a paragraph or of an item of a list does.
    """
    text = re.sub(r"```.*?```", "\n\n", text, flags=re.S)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("|", "#"))]
    sentences: list[str] = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:-|\d+\.)\s)", "\n".join(lines)):
        without_bullet = re.sub(r"^\s*(?:-|\d+\.)\s", "", paragraph)
        sentences += re.split(r"(?<=[.!?])[)\"*]*\s+", without_bullet.strip())
    lengths = [sum(any(map(str.isalnum, word)) for word in sentence.split()) for sentence in sentences]
    return [length for length in lengths if length > 2]


def mean_sentence(path: Path) -> float:
    """Return the mean number of words in a document's sentences."""
    lengths = sentence_lengths(path.read_text(encoding="utf-8"))
    return sum(lengths) / len(lengths)


def main() -> None:
    """Print the table."""
    bound, shared, forms = no_nouns(), shared_names(), docstrings()
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
    print("words of a sentence, on average")
    for path in documents():
        print(f"    {path.relative_to(ROOT)!s:<40}{mean_sentence(path):.1f}")


if __name__ == "__main__":
    main()
