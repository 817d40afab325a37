"""The figures that the documents published, as facts of the literature: never measured here.

Each stands under the id of its row. `on` says what the document scored on; where that is the part it had
chosen thresholds or epochs on, the figure is optimistic, and belongs beside the measured "as published".
"""

from dataclasses import dataclass

from models.baselines.scores import AS_PUBLISHED, HONEST


@dataclass(frozen=True)
class Figure:
    """One published number: of the system `system`, under the metric's name in `scores.Scored.values`."""

    system: str
    metric: str
    value: float
    protocol: str = AS_PUBLISHED
    on: str = "validation"


def _row(
    system: str, on: str = "validation", protocol: str = AS_PUBLISHED, **values: float
) -> tuple[Figure, ...]:
    return tuple(Figure(system, metric, value, protocol, on) for metric, value in values.items())


def _b(
    system: str,
    hamming: float,
    jaccard: float | None = None,
    exact: float | None = None,
    *,
    test: bool = False,
) -> tuple[Figure, ...]:
    values = {"hamming_loss": hamming, "jaccard": jaccard, "exact_match": exact}
    known = {name: value for name, value in values.items() if value is not None}
    return _row(system, "test" if test else "validation", HONEST if test else AS_PUBLISHED, **known)


def _e(system: str, accuracy: float, f1: float, precision: float, recall: float) -> tuple[Figure, ...]:
    return _row(
        system,
        "test",
        accuracy=accuracy,
        samples_f1=f1,
        samples_precision=precision,
        samples_recall=recall,
    )


FIGURES: tuple[Figure, ...] = (
    *_row("A16", auc=0.77, accuracy=0.83),
    *_row("A18", auc=0.65, accuracy=0.82),
    *_row("A20", auc=0.80, accuracy=0.85),
    *_row("A21 all", "test", HONEST, auc=0.5, accuracy=0.79171),
    *_b("B07", 0.220, 0.108, 0.003),
    *_b("B07", 0.2183, 0.1116, 0.0035, test=True),
    *_b("B08", 0.180, 0.083, 0.062),
    *_b("B09 zeros", 0.1385, 0.0),
    *_b("B09 ones", 0.8615, 0.1385),
    *_b("B10", 0.120, 0.234, 0.068),
    *_b("B11", 0.118, 0.300, 0.083),
    *_b("B12", 0.154, 0.328, 0.057),
    *_b("B13", 0.116, 0.261, 0.088),
    *_b("B14", 0.135, 0.339, 0.134),
    *_b("B14", 0.1450, 0.3040, 0.1070, test=True),
    *_b("B15", 0.147, 0.351, 0.056),
    *_b("B16", 0.133, 0.013, 0.003),
    *_b("B17 one", 0.1385),
    *_b("B17 six", 0.1385),
    *_b("B18 50", 0.138, 0.025, 0.002),
    *_b("B18 100", 0.137, 0.049, 0.003),
    *_b("B19 50", 0.136, 0.174, 0.027),
    *_b("B19 100", 0.134, 0.158, 0.031),
    *_b("B20", 0.128, 0.146, 0.038),
    *_b("B21", 0.1566, 0.2657, 0.0333, test=True),
    *_b("B22", 0.197, 0.242, 0.022),
    *_b("B28 RF", 0.1347),
    *_b("B28 d2v", 0.1410),
    *_b("B28 NB", 0.1283),
    *_row("C06", micro_precision=0.57, micro_recall=0.23, micro_f1=0.33, log_loss=0.24),
    *_row("C07", micro_precision=0.61, micro_recall=0.26, micro_f1=0.36, log_loss=0.22),
    *_row("D07", "test", first_column_accuracy=0.5011),
    *_row("D08", "test", first_column_accuracy=0.5046),
    *_row("D09", "test", first_column_accuracy=0.5114),
    *_row("D10", "test", first_column_accuracy=0.5352),
    *_row("D12 all", "all", first_column_accuracy=0.381),
    *_row("D12 balanced", "all", first_column_accuracy=0.235),
    *_e("E03", 0.9365, 0.3754, 0.535, 0.330),
    *_e("E04", 0.9162, 0.3742, 0.440, 0.386),
    *_e("E05", 0.9234, 0.3602, 0.445, 0.354),
    *_e("E06", 0.8863, 0.4127, 0.348, 0.604),
    *_e("E07", 0.9296, 0.2917, 0.507, 0.230),
    *_e("E08", 0.9292, 0.2729, 0.473, 0.216),
    *_e("E09", 0.4993, 0.1261, 0.075, 0.498),
)


def figures(system: str, protocol: str) -> dict[str, float]:
    """Return what was published of a system under a protocol, by metric; empty where nothing was."""
    return {
        figure.metric: figure.value
        for figure in FIGURES
        if (figure.system, figure.protocol) == (system, protocol)
    }
