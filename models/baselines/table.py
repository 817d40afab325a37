"""The comparison as one text table."""

from collections.abc import Sequence

from models.baselines.known import known_answers
from models.baselines.measurement import Comparison, Row

COLUMNS: tuple[tuple[str, str], ...] = (
    ("AUC", "auc"),
    ("acc", "accuracy"),
    ("microF1", "micro_f1"),
    ("macroF1", "macro_f1"),
    ("wF1", "weighted_f1"),
    ("sF1", "samples_f1"),
    ("mP", "micro_precision"),
    ("mR", "micro_recall"),
    ("sP", "samples_precision"),
    ("sR", "samples_recall"),
    ("Jacc", "jaccard"),
    ("exact", "exact_match"),
    ("Hamming", "hamming_loss"),
    ("mAP", "map"),
    ("logloss", "log_loss"),
    ("Brier", "brier"),
    ("ECE", "ece"),
    ("1st", "first_column_accuracy"),
)
"""Heading and name of every metric."""
_SHORT = {name: heading for heading, name in COLUMNS}


def render(comparison: Comparison) -> str:
    """Return the comparison as text: a line per system and protocol with every metric.

    The published figures stand last in a line. Below the table stands what cannot be run, and where the
    documents' other rows are done.
    """
    head = ["id", "system", "protocol", "movies", *(heading for heading, _ in COLUMNS)]
    head += ["s", "MiB", "published"]
    lines = [_cells(row) for row in comparison.rows]
    parts = _aligned([head, *lines]) if lines else ["nothing could be run"]
    notes = dict.fromkeys(
        (row.system, "; ".join(text for text in (_extra(row), row.note) if text)) for row in comparison.rows
    )
    parts += _listed("Notes", {system: text for system, text in notes if text})
    known = known_answers(comparison.rows)
    if known:
        held = [
            (f"{'holds  ' if answer.holds else 'differs'}  {answer.what}", answer.measured)
            for answer in known
        ]
        parts += ["", "Known answers:", *(f"  {what}: {measured}" for what, measured in held)]
    parts += _listed("Cannot be run here", dict(comparison.not_runnable))
    parts += _listed("Done elsewhere", dict(comparison.elsewhere))
    return "\n".join(parts) + "\n"


def _cells(row: Row) -> list[str]:
    measured = [_number(row.values.get(name)) for _, name in COLUMNS]
    published = " ".join(f"{_SHORT[name]} {_number(value)}" for name, value in row.published.items())
    cells = [row.system, row.name, row.protocol, f"{row.n:,}", *measured]
    return [*cells, f"{row.seconds:.1f}", f"{row.peak_mib:,.0f}", published or "–"]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".removeprefix("0") if 0 <= value < 1 else f"{value:.3f}"


def _extra(row: Row) -> str:
    backbone = f"backbone {row.backbone}" if row.backbone else ""
    count = f"{row.parameters:,} parameters" if row.parameters else ""
    return "; ".join(text for text in (backbone, count) if text)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = {0, 1, 2, len(widths) - 1}
    lines = [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(len(line) for line in lines), *lines[1:]]


def _listed(title: str, entries: dict[str, str]) -> list[str]:
    if not entries:
        return []
    width = max(len(name) for name in entries)
    return ["", f"{title}:", *(f"  {name.ljust(width)}  {text}" for name, text in entries.items())]
