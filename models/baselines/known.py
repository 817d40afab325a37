"""What the documents' results say that a faithful re-run should say again, checked on the measured rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.baselines.published import figures
from models.baselines.row import Row
from models.baselines.scores import AS_PUBLISHED, HONEST

FORESTS = {
    "B10": "native forest",
    "B11": "binary relevance",
    "B12": "chains",
    "B13": "RAKEL",
    "B14": "pruned sets",
    "B15": "HOMER",
}
EXACT, TWO_POINTS, OTHER_YEARS = 0.0005, 0.02, 0.01
"""What a difference may be: of a constant of the same file, of a network, of a share on other movies."""


@dataclass(frozen=True)
class KnownAnswer:
    """A known answer: `what` was to be found, what was `measured`, and whether it `holds`."""

    what: str
    measured: str
    holds: bool


def known_answers(rows: Sequence[Row]) -> list[KnownAnswer]:
    """Return every known answer whose rows were measured."""
    values = {(row.system, row.protocol): row.values for row in rows}

    def value(system: str, metric: str, protocol: str = AS_PUBLISHED) -> float | None:
        return values.get((system, protocol), {}).get(metric)

    def near(
        what: str, system: str, metric: str, within: float, protocol: str = AS_PUBLISHED
    ) -> Iterator[KnownAnswer]:
        ours, theirs = value(system, metric, protocol), figures(system, protocol)[metric]
        if ours is not None:
            text = f"{ours:.4f}, published {theirs:.4f}, within {within:g}"
            yield KnownAnswer(f"{system} {what}", text, abs(ours - theirs) <= within + 1e-9)

    def forests(metric: str, protocol: str) -> dict[str, float]:
        measured = {system: value(system, metric, protocol) for system in FORESTS}
        return {system: number for system, number in measured.items() if number is not None}

    answers = [
        *near("ranks nothing: AUC", "A21 all", "auc", EXACT, HONEST),
        *near("decides by majority: accuracy", "A21 all", "accuracy", OTHER_YEARS, HONEST),
        *near("always drama: accuracy", "D12 all", "first_column_accuracy", EXACT),
        *near("always action: accuracy", "D12 balanced", "first_column_accuracy", EXACT),
    ]
    for system in ("D07", "D08", "D09", "D10"):
        answers += near("accuracy at its best epoch", system, "first_column_accuracy", TWO_POINTS)
    for protocol in (AS_PUBLISHED, HONEST):
        exact, overlap = forests("exact_match", protocol), forests("jaccard", protocol)
        if {"B11", "B14"} <= set(exact):
            text = f"{exact['B14']:.3f} against {exact['B11']:.3f}"
            what = f"pruned sets (B14) beat binary relevance (B11) on exact match, {protocol}"
            answers.append(KnownAnswer(what, text, exact["B14"] > exact["B11"]))
        if len(overlap) == len(FORESTS):
            best = max(overlap, key=lambda system: overlap[system])
            text = f"{FORESTS[best]} ({best}) with {overlap[best]:.3f}"
            what = f"chains (B12) or HOMER (B15) lead Jaccard among the forests, {protocol}"
            answers.append(KnownAnswer(what, text, best in ("B12", "B15")))
    return answers
