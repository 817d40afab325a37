"""No circle of imports, nouns for variables, few modules at the root, short sentences: by `tests.house`."""

from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from tests import house


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph(*house.PACKAGES)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(list(TopologicalSorter(imports).static_order())) == len(imports)


def test_variables_are_nouns() -> None:
    names = {(path.name, name) for path, name, _, _ in house.no_nouns()}
    assert names == {("check.py", "found")}, "the key of a check in JSON, which scripts read"
    assert not any(parameter for _, _, parameter, _ in house.no_nouns())


def test_no_two_public_classes_share_a_name() -> None:
    classes = {name: places for name, places in house.shared_names().items() if name.startswith("class ")}
    assert not classes


def test_few_modules_stand_at_the_root() -> None:
    for package in ("flows", "models"):
        roots = list((house.ROOT / package).glob("[!_]*.py"))
        assert len(roots) <= 10, sorted(path.name for path in roots)


def test_docstrings_begin_with_a_verb() -> None:
    forms = house.docstrings()
    assert forms["other"] <= 6, forms


def test_the_warehouse_alone_says_what_a_live_movie_is() -> None:
    assert house.live_conditions() == 0, "read `LIVE_MOVIES` of warehouse/live.py"


@pytest.mark.parametrize("document", house.documents(), ids=lambda path: path.name)
def test_sentences_of_documents_are_short(document: Path) -> None:
    assert house.mean_sentence(document) <= house.LONGEST_MEAN


def test_a_sentence_ends_at_a_full_stop_and_not_at_a_colon() -> None:
    text = "**Late.** A night starts: it waits; it\nis late. So [it](a/b.md) ends.\n\n- One more item"
    assert house.sentence_lengths(text) == [8, 3, 3]
