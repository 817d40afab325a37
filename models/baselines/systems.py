"""All systems of the comparison, in the order of their documents and rows."""

from collections.abc import Collection
from dataclasses import replace

from models.baselines import (
    classic,
    cs109b,
    epfl,
    keras_course,
    multilabel,
    ours,
    ratings,
    terentiev,
    trivial,
    uvg,
)
from models.baselines.errors import UnknownSystem
from models.baselines.published_rows import NOTES
from models.baselines.registry import DOCUMENTS, System

_FAMILIES = (trivial, classic, multilabel, terentiev, cs109b, keras_course, uvg, epfl, ratings, ours)


def _noted(system: System) -> System:
    note = "; ".join(text for text in (system.note, NOTES.get(system.row, "")) if text)
    return replace(system, note=note)


SYSTEMS: tuple[System, ...] = tuple(
    sorted(
        (_noted(system) for family in _FAMILIES for system in family.SYSTEMS), key=lambda system: system.id
    )
)


def select(documents: Collection[str] | None = None, systems: Collection[str] | None = None) -> list[System]:
    """Return the systems of those documents (all where None) with those ids or rows (all where None).

    Raises UnknownSystem, which lists what there is.
    """
    for document in documents or ():
        if document not in DOCUMENTS:
            raise UnknownSystem(f"no document {document!r}: there are {', '.join(DOCUMENTS)}")
    known = {name for system in SYSTEMS for name in (system.id, system.row)}
    for name in systems or ():
        if name not in known:
            raise UnknownSystem(f"no system {name!r}: there are {', '.join(system.id for system in SYSTEMS)}")
    return [
        system
        for system in SYSTEMS
        if (not documents or system.document in documents)
        and (not systems or system.id in systems or system.row in systems)
    ]
