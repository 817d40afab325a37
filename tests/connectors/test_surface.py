"""What the package promises: its examples run, its names are documented, httpx stays behind one module."""

import ast
import doctest
import gzip
import importlib
import inspect
from pathlib import Path

import pytest

import connectors
from connectors.mirror import Mirror
from tests.connectors.sources import SmallCatalogue, archive, jpeg

PACKAGE = Path(connectors.__file__).parent
SOURCES = ("tmdb", "posters", "imdb", "movielens")


@pytest.mark.parametrize("source", SOURCES)
def test_the_example_of_a_source_runs(
    source: str,
    mirror: Mirror,
    catalogue: SmallCatalogue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    catalogue.add(862, 8844)
    catalogue.posters["/uXDfjJbdP4ijW5hWSBrPrlKpxab.jpg"] = jpeg()
    catalogue.imdb["title.ratings"] = gzip.compress(b"tconst\taverageRating\tnumVotes\ntt0114709\t8.3\t9\n")
    catalogue.movielens["ml-latest-small"] = archive({"m/movies.csv": "movieId,title,genres\n1,a,b\n"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REELHOUSE_TMDB_TOKEN", "token")
    text = importlib.import_module(f"connectors.{source}").__doc__ or ""
    for real, here in {
        "https://api.themoviedb.org/3": f"{mirror.url}/3",
        "https://files.tmdb.org/p/exports": f"{mirror.url}/p/exports",
        "https://image.tmdb.org/t/p": f"{mirror.url}/t/p",
        "https://datasets.imdbws.com": f"{mirror.url}/imdb",
        "https://files.grouplens.org/datasets/movielens": f"{mirror.url}/movielens",
    }.items():
        text = text.replace(real, here)
    examples = doctest.DocTestParser().get_examples(text)
    exec(  # noqa: S102  our own documentation
        compile("".join(example.source for example in examples), source, "exec"), {}
    )
    printed = capsys.readouterr().out
    expected = {"tmdb": "Movie 8844", "posters": "stored", "imdb": "1 ratings", "movielens": "movies 1"}
    assert expected[source] in printed


def test_httpx_is_imported_in_one_module() -> None:
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(name.name.startswith("httpx") for name in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("httpx"))
    }
    assert importers == {"http.py"}


@pytest.mark.parametrize("module", ["connectors", *(f"connectors.{source}" for source in SOURCES)])
def test_every_public_name_exists_and_says_what_it_does(module: str) -> None:
    loaded = importlib.import_module(module)
    assert loaded.__doc__
    for name in loaded.__all__:
        thing = getattr(loaded, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), name
            members = inspect.getmembers(thing, inspect.isfunction) if inspect.isclass(thing) else []
            for method, function in members:
                if not method.startswith("_") and function.__module__.startswith("connectors"):
                    assert inspect.getdoc(function), f"{name}.{method}"


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    errors = importlib.import_module("connectors.errors")
    drawn = [line.lstrip(" │├└─").split()[0] for line in (errors.__doc__ or "").splitlines() if "──" in line]
    defined = {
        name
        for name, thing in vars(errors).items()
        if inspect.isclass(thing) and issubclass(thing, Exception)
    }
    assert {*drawn, "ConnectorError"} == defined
