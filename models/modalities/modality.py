"""The modalities: each one's entry is all that the rest of the house knows of it.

Reading them loads neither torch nor LightGBM: a modality's module is imported when it is fitted or loaded.
"""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from models.modalities.base import Examples, ModalityModel, Progress, Schedule, TrainedModel


class Implementation(Protocol):
    """What a modality's module has."""

    def fit(
        self,
        examples: "Examples",
        *,
        seed: int,
        without: "npt.NDArray[np.bool_] | None" = None,
        schedule: "Schedule" = None,
        progress: "Progress | None" = None,
    ) -> "TrainedModel":
        """Fit a model on the training movies, without those marked in `without`.

        With the `schedule` of an earlier training the validation movies are not looked at.
        """

    def load(self, directory: Path, *, threads: int = 1) -> "ModalityModel":
        """Return the model that its `save` wrote; it may use so many threads."""

    def parameters(self) -> list[object]:
        """Return what decides a training besides code and data, as JSON-ready values."""


@dataclass(frozen=True)
class Modality:
    """A kind of evidence about a movie, which one model learns from."""

    name: str
    """Its model has the same."""
    module: str
    """The module that is its `Implementation`."""
    view: str
    """The feature view that says who has it. It must be built, and no other modality has the same."""
    beside: tuple[str, ...] = ()
    """Views that are read as well, where they are built."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """List columns whose entries have weights, and the columns of these: explanations leave out both."""
    evidence: str = ""
    """The plural of what it learns from, where changes of that are a reason to train again."""
    sees_posters: bool = False
    """Whether the report shows the posters that its model is surest of."""

    @property
    def views(self) -> tuple[str, ...]:
        """The views that are read, first the one that says who has the modality."""
        return (self.view, *self.beside)

    def implementation(self) -> Implementation:
        """Import its module."""
        return cast(Implementation, importlib.import_module(self.module))


MODALITIES = {
    modality.name: modality
    for modality in (
        # Votes and popularity change every night: alone they are no reason to train again.
        Modality("metadata", "models.modalities.metadata", view="metadata"),
        Modality("tags", "models.modalities.tags", view="tags", weights={"tags": "weights"}, evidence="tags"),
        Modality(
            "text",
            "models.modalities.text",
            view="text",
            beside=("words",),
            weights={"words": "counts"},
            evidence="texts",
        ),
        Modality(
            "poster",
            "models.modalities.poster",
            view="poster",
            beside=("texture",),
            evidence="posters",
            sees_posters=True,
        ),
    )
}
"""By name, in the order in which they are fused and listed."""


def model_names() -> tuple[str, ...]:
    """Return the names of all models: one for each modality, and the combined one."""
    return (*MODALITIES, "combined")


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence has them.

    >>> listed(["tags", "texts", "posters"])
    'tags, texts or posters'
    """
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
