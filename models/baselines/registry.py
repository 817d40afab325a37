"""A system of the comparison: a published recipe under the id of its row."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.baselines.data import Data
from models.baselines.scores import Progress, Scores

Run = Callable[[Data, np.random.Generator, Progress], Scores]
"""Runs a system; raises NotRunnable, with the reason, where data or weights are missing."""

DOCUMENTS = {
    "A": "Terentiev's capstone: MovieLens tags and TMDb posters, 8 genres",
    "B": "CS109b group 6: TMDb and IMDb metadata and posters, 20 genres",
    "C": "Keras course work: CNN on posters, LSTM on overviews, 25 genres",
    "D": "UVG laboratory 2: four networks on five numbers",
    "E": "EPFL data story: metadata and plots, 39 genres",
    "L": "methods of the literature that no document ran",
    "R": "Reelhouse's own champions on the same test movies",
}


@dataclass(frozen=True)
class System:
    """One row to measure: `id` is the row's id with a suffix where a row stands for several systems.

    `family` is the module that holds it; `problem` names what it is run on. `cached` is false where a result
    depends on more than the movies and the code.
    """

    id: str
    name: str
    document: str
    family: str
    problem: str
    run: Run
    note: str = ""
    cached: bool = True

    @property
    def row(self) -> str:
        """The id of the row of the published page: ``A21`` of ``A21 all``."""
        return self.id.partition(" ")[0]
