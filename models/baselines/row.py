"""One line of the comparison."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the comparison: a system under one protocol.

    `values` are measured, `published` the document's figures of the same names; `seconds` is wall time,
    `cpu_seconds` all processors' time, `peak_mib` the process' largest memory while the system ran, in MiB.
    """

    system: str
    name: str
    document: str
    row: str
    protocol: str
    problem: str
    n: int
    genres: int
    values: Mapping[str, float | None]
    published: Mapping[str, float]
    seconds: float
    cpu_seconds: float
    peak_mib: float
    parameters: int | None = None
    backbone: str = ""
    note: str = ""
