"""Runs the documents' systems on the warehouse's movies, keeps what is finished, and lists what cannot
run."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.baselines import published_rows
from models.baselines.data import PROBLEMS, Data
from models.baselines.errors import NotRunnable
from models.baselines.known import known_answers
from models.baselines.memory import Watch
from models.baselines.published import figures
from models.baselines.registry import System
from models.baselines.row import Row
from models.baselines.scores import Progress, Scores
from models.baselines.systems import SYSTEMS, select
from warehouse import Warehouse
from warehouse.whole_file import write_text

SEED = 1
_HERE = Path(__file__).parent
_LATE = (
    "measurement.py",
    "known.py",
    "memory.py",
    "published_rows.py",
    "plain.py",
    "published.py",
    "row.py",
    "systems.py",
    "table.py",
)
"""Modules that come after the measuring: a change in them leaves finished results valid."""
_FAMILIES = (
    "trivial",
    "classic",
    "multilabel",
    "terentiev",
    "cs109b",
    "keras_course",
    "uvg",
    "epfl",
    "ours",
    "ratings",
)
_BUILT_ON = {"multilabel": ("classic",), "cs109b": ("classic",), "epfl": ("classic",)}
_STEPS = 100
_LOG = logging.getLogger("reelhouse.compare")


@dataclass(frozen=True)
class Comparison:
    """The rows that ran, in order of system and protocol; systems and page rows that cannot, with the reason.

    `elsewhere` says of every other row of the documents where it is done. `curves` are figures per epoch by
    system.
    """

    rows: tuple[Row, ...]
    not_runnable: Mapping[str, str]
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    curves: Mapping[str, Mapping[str, list[float]]] = field(default_factory=dict)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values, and under `known` the known answers (see `known_answers`)."""
        return asdict(self) | {"known": [asdict(answer) for answer in known_answers(self.rows)]}


def compare(
    warehouse: Warehouse,
    *,
    poster_dir: Path,
    documents: Collection[str] | None = None,
    systems: Collection[str] | None = None,
    cache_dir: Path | None = None,
    seeds_dir: Path | None = None,
    backbone: str = "statistics",
    threads: int = 2,
    movies_at_most: int | None = None,
    progress: Progress | None = None,
    announce: Callable[[str], None] | None = None,
) -> Comparison:
    """Run the chosen systems (all by default), each with a fixed seed of its own, and compare.

    `poster_dir` is the content-addressed poster store; `cache_dir` is where finished results are kept and
    found again, under the system, its movies' fingerprint and its code; `seeds_dir` holds the documents' own
    files (``uvg/final_data.csv.gz``); `backbone` is a poster encoder; `announce` hears each system's name.
    Raises UnknownSystem. A system that fails is listed with its error and does not stop the others.
    """
    began = time.monotonic()
    selection = select(documents, systems)
    data = Data(warehouse, poster_dir, seeds_dir, backbone, cache_dir, threads, movies_at_most)
    cache = _Cache(cache_dir / "results" if cache_dir else None)
    rows: list[Row] = []
    missing: dict[str, str] = {}
    curves: dict[str, Mapping[str, list[float]]] = {}
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for number, system in enumerate(selection):
            if announce:
                announce(f"{system.id} {system.name}")
            result = _result(system, data, cache, _within(progress, number, len(selection)))
            if isinstance(result, str):
                missing[system.id] = result
            else:
                rows += [_row(system, part, result) for part in result["protocols"]]
                curves[system.id] = result["curves"]
            if progress:
                progress((number + 1) * _STEPS, len(selection) * _STEPS)
    finally:
        torch.set_num_threads(before)
    elsewhere, unavailable = page_rows(documents)
    if systems is None:
        missing |= unavailable
    return Comparison(tuple(rows), missing, elsewhere, curves, time.monotonic() - began)


def page_rows(documents: Collection[str] | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Return the rows of the documents that are no system.

    The first mapping says where they are done, the second which cannot be done, with the reason.
    """
    rows = [row for row in published_rows.ROWS if not documents or row[0] in documents]
    report = {row: f"report: {what}" for row, what in published_rows.REPORT.items()}
    elsewhere = {**published_rows.STEPS, **report, **published_rows.ALIASES}
    literature = published_rows.LITERATURE if not documents or "L" in documents else {}
    return (
        {row: elsewhere[row] for row in rows if row in elsewhere},
        {row: published_rows.NOT_HERE[row] for row in rows if row in published_rows.NOT_HERE}
        | dict(literature),
    )


def _within(progress: Progress | None, number: int, of: int) -> Progress:
    def inner(done: int, total: int | None) -> None:
        if progress and total:
            progress(int((number + min(done / total, 1)) * _STEPS), of * _STEPS)

    return inner


def _row(system: System, part: Mapping[str, Any], result: Mapping[str, Any]) -> Row:
    note = "; ".join(text for text in (system.note, result["note"]) if text)
    return Row(
        system.id, system.name, system.document, system.row, part["protocol"], system.problem,
        part["n"], part["genres"], part["values"], figures(system.id, part["protocol"]),
        result["seconds"], result["cpu_seconds"], result["peak_mib"],
        result["parameters"], result["backbone"], note,
    )  # fmt: skip


def _result(system: System, data: Data, cache: "_Cache", progress: Progress) -> dict[str, Any] | str:
    """Return the system's finished result, from the cache or by running it; or why there is none."""
    try:
        if not system.cached:
            return _measure(system, data, progress)
        key = {"system": system.id, "data": _fingerprint(system, data), "code": revision(system)}
        kept = cache.get(key)
        if kept is None:
            kept = _measure(system, data, progress)
            cache.put(key, kept)
        return kept
    except NotRunnable as error:
        return str(error)
    except Exception as error:  # one broken system must not cost the others' results
        _LOG.warning("%s failed", system.id, exc_info=True)
        return f"failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _measure(system: System, data: Data, progress: Progress) -> dict[str, Any]:
    seed = int.from_bytes(hashlib.sha256(f"{SEED} {system.id}".encode()).digest()[:8], "big")
    started, cpu = time.monotonic(), time.process_time()
    with Watch() as watch:
        scores = system.run(data, np.random.default_rng(seed), progress)
    return {
        "protocols": [
            {"protocol": name, "n": len(part.y), "genres": len(part.genres), "values": _plain(part.values())}
            for name, part in scores.protocols.items()
        ],
        "curves": {name: [round(float(v), 5) for v in values] for name, values in scores.curves.items()},
        "seconds": round(time.monotonic() - started, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_mib": round(watch.peak / 2**20, 1),
        **_described(scores),
    }


def _described(scores: Scores) -> dict[str, Any]:
    return {"parameters": scores.parameters, "backbone": scores.backbone, "note": scores.note}


def _plain(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: round(float(v), 6) if np.isfinite(v) else None for name, v in values.items()}


def _fingerprint(system: System, data: Data) -> str:
    """Return one hash over the system's movies, images and files."""
    digest = hashlib.sha256(f"{data.backbone} {system.problem}".encode())
    if system.problem in PROBLEMS:
        digest.update(data.problem(system.problem).fingerprint().encode())
    elif data.seeds_dir:
        for file in sorted((data.seeds_dir / "uvg").glob("*.csv.gz")):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def revision(system: System) -> str:
    """Return SHA-256 over the code that makes the system's result.

    It covers the module of the system's family and what all families share.
    """
    other = {
        f"{name}.py" for name in _FAMILIES if name not in (system.family, *_BUILT_ON.get(system.family, ()))
    }
    files = [file for file in sorted(_HERE.glob("*.py")) if file.name not in other and file.name not in _LATE]
    files += [_HERE.parent / name for name in ("labels.py", "metrics.py", "split.py")]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Cache:
    """Finished results as JSON files, one per system: a newer result takes the older one's place."""

    directory: Path | None

    def _file(self, key: Mapping[str, str]) -> Path | None:
        name = "".join(char if char.isalnum() else "-" for char in key["system"])
        return self.directory / f"{name}.json" if self.directory else None

    def get(self, key: Mapping[str, str]) -> dict[str, Any] | None:
        """Return what was kept under exactly this key; None where there is none or the file is damaged."""
        file = self._file(key)
        if file is None or not file.is_file():
            return None
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            return dict(kept["result"]) if kept["key"] == dict(key) else None
        except (ValueError, KeyError, TypeError):
            return None

    def put(self, key: Mapping[str, str], result: Mapping[str, Any]) -> None:
        """Keep a result; the file is whole or missing."""
        file = self._file(key)
        if file is not None:
            write_text(file, json.dumps({"key": key, "result": result}, indent=1))


__all__ = ["SYSTEMS", "Comparison", "Row", "compare", "page_rows", "revision"]
