"""The comparison: what runs, what is kept, what is listed with a reason."""

import importlib
import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.baselines import (
    SYSTEMS,
    UnknownSystem,
    compare,
    cs109b,
    keras_course,
    published,
    render,
)
from models.baselines import measurement as comparing
from models.baselines.measurement import page_rows, revision
from models.baselines.published_rows import ALIASES, NOT_HERE, NOTES, REPORT, ROWS, STEPS
from models.baselines.scores import AS_PUBLISHED, HONEST, Scored, Scores
from models.baselines.systems import select
from models.baselines.table import COLUMNS
from warehouse import Warehouse

MEASURED = """
    A16 A18 A20 A21 A26 A27
    B07 B08 B09 B10 B11 B12 B13 B14 B15 B16 B17 B18 B19 B20 B21 B22 B28
    C06 C07 C12 D07 D08 D09 D10 D12 E03 E04 E05 E06 E07 E08 E09 E11
"""
"""Rows of the documents that are systems."""
CANNOT = "A13 A17 A19 B02 C01 C02 C08 E01 E15"
"""Rows whose data or weights cannot be had; a row that comes to be had leaves this list."""
TRIVIAL = ["A21", "B07", "B08", "B09", "E09"]


def _run(wh: Warehouse, home: Path, **options: Any) -> comparing.Comparison:
    return compare(wh, poster_dir=home / "posters", threads=1, **options)


def test_every_row_of_the_documents_is_somewhere() -> None:
    measured = {system.row for system in SYSTEMS}
    places = (
        STEPS,
        REPORT,
        ALIASES,
        NOT_HERE,
        measured,
    )
    assert {row: sum(row in place for place in places) for row in ROWS} == dict.fromkeys(ROWS, 1)
    assert {row for place in places for row in place} - set(ROWS) == {
        "L1",
        "L2",
        "L3",
        "L4",
        "R",
    }


def test_the_registry_covers_the_documents_by_their_published_numbers() -> None:
    """Against lists written down here, not against what the page module says of itself."""
    last = {"A": 38, "B": 32, "C": 13, "D": 13, "E": 16}
    documents = {f"{letter}{n:02}" for letter, n in last.items() for n in range(1, n + 1)}
    assert len(documents) == 112
    measured = {system.row for system in SYSTEMS if system.document in last}
    assert measured == set(MEASURED.split())
    assert set(NOT_HERE) == set(CANNOT.split())
    named = set(STEPS) | set(REPORT) | set(ALIASES)
    assert measured | set(NOT_HERE) | named == documents


def test_whole_output_names_every_row_once(
    monkeypatch: pytest.MonkeyPatch, wh: Warehouse, home: Path
) -> None:
    """What `compare` gives without arguments, with systems that only say that they ran."""

    def ran(data: Any, rng: Any, progress: Any) -> Scores:
        y = np.array([[1.0], [0.0]], np.float32)
        return Scores({HONEST: Scored(y, y, y, ("Drama",))})

    systems = tuple(replace(one, run=ran) for one in SYSTEMS)
    monkeypatch.setattr("models.baselines.systems.SYSTEMS", systems)
    found = _run(wh, home)
    told = [{row.row for row in found.rows}, set(found.not_runnable), set(found.elsewhere)]
    for letter, last in (("A", 38), ("B", 32), ("C", 13), ("D", 13), ("E", 16)):
        for number in range(1, last + 1):
            assert sum(f"{letter}{number:02}" in rows for rows in told) == 1, (letter, number)
    text = render(found)
    assert all(
        f"  {row} " in text
        for row in (
            *NOT_HERE,
            *STEPS,
            *REPORT,
            *ALIASES,
        )
    )


def test_the_functions_that_steps_name_are_there() -> None:
    named = {
        (module, name)
        for what in STEPS.values()
        for module, name in re.findall(r"\b([a-z_.]+)\.([A-Za-z_]+)", what)
    }
    assert len(named) > 20
    for module, name in sorted(named):
        room = module.partition(".")[0] in ("connectors", "warehouse", "features", "flows")
        found = importlib.import_module(module if room else f"models.baselines.{module.partition('.')[0]}")
        for part in module.partition(".")[2].split(".") if not room and "." in module else ():
            found = getattr(found, part)
        assert hasattr(found, name) or importlib.util.find_spec(f"{module}.{name}"), (module, name)


def test_what_is_trained_less_than_its_document_says_so() -> None:
    notes = {system.id: system.note for system in SYSTEMS}
    assert "40 at 1e-4" in notes["C06"]
    assert "48 words" in notes["C07"]
    assert "4 epochs" in notes["B17 one"] and "4 epochs" in notes["B17 six"]
    assert set(NOTES) <= {system.row for system in SYSTEMS}
    assert (keras_course.POSTER_EPOCHS, keras_course.OVERVIEW_EPOCHS, keras_course.LENGTH) == (10, 20, 48)
    assert (cs109b.SCRATCH_EPOCHS, cs109b.SIDE) == (4, 48)


def test_ids_are_unique_and_published_figures_belong_to_systems() -> None:
    ids = [system.id for system in SYSTEMS]
    assert len(set(ids)) == len(ids)
    assert {figure.system for figure in published.FIGURES} <= set(ids)
    keys = [(figure.system, figure.protocol, figure.metric) for figure in published.FIGURES]
    assert len(set(keys)) == len(keys)
    metrics = {name for _, name in COLUMNS}
    assert {figure.metric for figure in published.FIGURES} <= metrics


def test_rows_carry_both_protocols_and_the_published_figure(wh: Warehouse, home: Path) -> None:
    found = _run(wh, home, systems=TRIVIAL)
    assert [row.system for row in found.rows if row.document == "A"] == ["A21", "A21", "A21 all", "A21 all"]
    assert {row.protocol for row in found.rows} == {AS_PUBLISHED, HONEST}
    honest = next(row for row in found.rows if row.system == "A21 all" and row.protocol == HONEST)
    assert honest.published == {"auc": 0.5, "accuracy": 0.79171}
    assert honest.values["auc"] == 0.5
    assert honest.n > 10 and honest.seconds >= 0 and honest.peak_mib > 10
    assert not found.not_runnable


def test_a_finished_result_is_found_again(
    wh: Warehouse, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _run(wh, home, systems=TRIVIAL, cache_dir=tmp_path)

    def fails(*_: Any) -> None:
        raise AssertionError("a finished system must not run again")

    monkeypatch.setattr(comparing, "_measure", fails)
    again = _run(wh, home, systems=TRIVIAL, cache_dir=tmp_path)
    assert again.rows == first.rows


def test_other_movies_and_other_code_make_new_results(
    wh: Warehouse, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _run(wh, home, systems=["B08"], cache_dir=tmp_path)
    fewer = _run(wh, home, systems=["B08"], cache_dir=tmp_path, movies_at_most=200)
    assert fewer.rows[0].n != first.rows[0].n
    ran: list[str] = []
    measure = comparing._measure
    monkeypatch.setattr(comparing, "_measure", lambda *a: (ran.append(a[0].id), measure(*a))[1])
    _run(wh, home, systems=["B08"], cache_dir=tmp_path, movies_at_most=200)
    assert ran == []
    monkeypatch.setattr(comparing, "revision", lambda system: "of another day")
    _run(wh, home, systems=["B08"], cache_dir=tmp_path, movies_at_most=200)
    assert ran == ["B08"]


def test_a_damaged_result_is_measured_again(wh: Warehouse, home: Path, tmp_path: Path) -> None:
    first = _run(wh, home, systems=["B08"], cache_dir=tmp_path)
    file = next((tmp_path / "results").iterdir())
    file.write_text(file.read_text()[:-40])
    assert _run(wh, home, systems=["B08"], cache_dir=tmp_path).rows[0].values == first.rows[0].values


def test_an_interrupted_comparison_resumes_where_it_stopped(
    wh: Warehouse, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(BaseException):
        pass

    def stop(name: str) -> None:
        if name.startswith("B09"):
            raise Interrupted

    with pytest.raises(Interrupted):
        _run(wh, home, systems=TRIVIAL, cache_dir=tmp_path, announce=stop)
    ran: list[str] = []
    measure = comparing._measure
    monkeypatch.setattr(comparing, "_measure", lambda *a: (ran.append(a[0].id), measure(*a))[1])
    _run(wh, home, systems=TRIVIAL, cache_dir=tmp_path)
    assert ran == ["B09 ones", "B09 zeros", "E09"]


def test_what_cannot_run_is_listed_with_its_reason(wh: Warehouse, home: Path) -> None:
    found = _run(wh, home, systems=["D07", "B20"])
    assert not found.rows
    assert "final_data.csv.gz" in found.not_runnable["D07"]
    assert "REELHOUSE_POSTER_ENCODER" in found.not_runnable["B20"]


def test_too_few_movies_is_a_reason_and_no_crash(wh: Warehouse, home: Path) -> None:
    found = _run(wh, home, systems=["B10"], movies_at_most=30)
    assert "it needs 10" in found.not_runnable["B10"]


def test_a_broken_system_costs_no_other(wh: Warehouse, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("no luck\nmore")

    systems = [replace(one, run=broken) if one.id == "B08" else one for one in SYSTEMS]
    monkeypatch.setattr("models.baselines.systems.SYSTEMS", tuple(systems))
    found = _run(wh, home, systems=["B08", "E09"])
    assert found.not_runnable == {"B08": "failed: ZeroDivisionError: no luck"}
    assert {row.system for row in found.rows} == {"E09"}


def test_progress_rises_to_its_end_and_names_are_announced(wh: Warehouse, home: Path) -> None:
    told: list[tuple[int, int | None]] = []
    names: list[str] = []
    _run(wh, home, systems=["B08", "E07"], progress=lambda *a: told.append(a), announce=names.append)
    assert names == ["B08 most common label set", "E07 box-shaped network, 8 x 64"]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (200, 200) and len(told) > 10


def test_documents_and_systems_are_chosen_by_name() -> None:
    assert {system.document for system in select(["D"])} == {"D"}
    assert [system.id for system in select(systems=["A21 all"])] == ["A21 all"]
    assert [system.id for system in select(systems=["A21"])] == ["A21", "A21 all"]
    assert not select(["D"], ["A21"])
    with pytest.raises(UnknownSystem, match="there are A, B, C, D, E, L, R"):
        select(["Z"])
    with pytest.raises(UnknownSystem, match="no system 'A99'"):
        select(systems=["A99"])


def test_page_rows_of_one_document() -> None:
    elsewhere, not_here = page_rows(["C"])
    assert elsewhere["C13"] and not_here["C01"]
    assert {row[0] for row in (*elsewhere, *not_here)} == {"C"}


def test_a_family_has_a_revision_of_its_own() -> None:
    by_family = {system.family: revision(system) for system in SYSTEMS}
    assert len(set(by_family.values())) == len(by_family)


def test_the_table_shows_every_metric_and_reason(wh: Warehouse, home: Path) -> None:
    found = _run(wh, home, documents=["D"])
    found = replace(found, rows=_run(wh, home, systems=["B08", "E09"]).rows)
    text = render(found)
    head = text.splitlines()[0].split()
    assert [heading for heading, _ in COLUMNS if heading not in head] == []
    line = next(line for line in text.splitlines() if line.startswith("B08") and AS_PUBLISHED in line)
    assert "Hamming .180 Jacc .083 exact .062" in line
    assert "Cannot be run here:" in text and "D07" in text
    assert "D02  preprocessing.anova" in text
    assert len({len(line) for line in text.splitlines()[2:4]}) <= 2


def test_the_json_holds_everything(wh: Warehouse, home: Path) -> None:
    found = _run(wh, home, systems=["E07"])
    parsed = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert parsed["rows"][0]["system"] == "E07"
    assert parsed["rows"][0]["parameters"] > 1_000
    assert len(parsed["curves"]["E07"]["training loss"]) == 30


def test_nothing_to_show_is_said() -> None:
    assert "nothing could be run" in render(comparing.Comparison((), {}))
