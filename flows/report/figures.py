"""The report's figures, each from plain arrays or rows to a drawing."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from flows.report.drawing import INK, RULE, SERIES, Drawing, draw
from flows.report.holdings import Row
from flows.report.verdicts import HeldOut

PANEL = (2.1, 1.9)
WIDE = (4.6, 2.5)
POINTS = 120
"""Points of a curve: more cannot be seen at this size."""
BINS = 10
FEWEST_IN_A_BIN = 20

Numbers = npt.NDArray[np.float64]


def _unit(ax: Axes, x: str, y: str) -> None:
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1), xlabel=x, ylabel=y)
    ax.set_xticklabels(["0", "½", "1"])
    ax.set_yticklabels(["0", "½", "1"])
    ax.grid(True)


def _thinned(x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    """Return points evenly far along the curve, so that the steep part of a rare genre keeps its shape."""
    if len(x) <= POINTS:
        return x, y
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    at = np.searchsorted(along, np.linspace(0, along[-1], POINTS)).clip(max=len(x) - 1)
    indices = np.unique([0, *at, len(x) - 1])
    return x[indices], y[indices]


def curves(held_out: HeldOut, genre: int, name: str) -> tuple[Drawing, Drawing]:
    """Draw the ROC and the precision-recall curve of a genre that some but not all test movies have."""
    from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

    y, p, d = held_out.y[:, genre] > 0, held_out.p[:, genre], held_out.d[:, genre]
    title, n = held_out.genres[genre], int(y.sum())
    false_rate, true_rate, _ = roc_curve(y, p)
    area, average = float(auc(false_rate, true_rate)), float(average_precision_score(y, p))
    precision, recall, _ = precision_recall_curve(y, p)
    hits, n_predicted = int((y & d).sum()), int(d.sum())
    at = (float((d & ~y).sum() / max((~y).sum(), 1)), hits / n)

    def roc(ax: Axes) -> None:
        ax.plot([0, 1], [0, 1], color=RULE, linewidth=1)
        ax.plot(*_thinned(false_rate, true_rate), color=SERIES[0], linewidth=1.6)
        ax.plot(*at, "o", color=SERIES[1], markersize=5)
        _unit(ax, "false positive rate", "true positive rate")

    def precise(ax: Axes) -> None:
        ax.axhline(n / len(y), color=RULE, linewidth=1)
        ax.plot(*_thinned(recall[::-1], precision[::-1]), color=SERIES[0], linewidth=1.6)
        if n_predicted:
            ax.plot(hits / n, hits / n_predicted, "o", color=SERIES[1], markersize=5)
        _unit(ax, "recall", "precision")

    return (
        draw(
            f"{name}-roc-{genre}",
            PANEL,
            roc,
            caption=f"{title}: AUC {area:.3f}",
            description=f"ROC curve of {title} over {len(y):,} test movies, {n:,} of which have it: "
            f"area {area:.3f}; at its threshold {at[1]:.0%} are found at {at[0]:.1%} false positives.",
        ),
        draw(
            f"{name}-pr-{genre}",
            PANEL,
            precise,
            caption=f"{title}: AP {average:.3f}",
            description=f"Precision against recall of {title}: average precision {average:.3f}, a random "
            f"ranking {n / len(y):.3f}; at its threshold precision {hits / max(n_predicted, 1):.2f}, "
            f"recall {hits / n:.2f}.",
        ),
    )


def calibration(held_out: HeldOut, genre: int | None, name: str, ece: float | None) -> Drawing:
    """Draw the share of movies with a genre against the probability given, in bins of equally many movies.

    All genres together where `genre` is None.
    """
    columns = slice(None) if genre is None else slice(genre, genre + 1)
    y, p = held_out.y[:, columns].ravel(), held_out.p[:, columns].ravel()
    title = "All genres" if genre is None else held_out.genres[genre]
    order = np.argsort(p, kind="stable")
    n_bins = max(1, min(BINS, len(p) // FEWEST_IN_A_BIN))
    edges = np.linspace(0, len(p), n_bins + 1).astype(int)
    bins = [order[a:b] for a, b in pairwise(edges)]
    mean_probabilities = [float(p[members].mean()) for members in bins]
    genre_shares = [float(y[members].mean()) for members in bins]

    def paint(ax: Axes) -> None:
        ax.plot([0, 1], [0, 1], color=RULE, linewidth=1)
        ax.plot(mean_probabilities, genre_shares, "o-", color=SERIES[0], linewidth=1.4, markersize=3.5)
        _unit(ax, "probability said", "share seen")

    known = "" if ece is None else f": ECE {ece:.3f}"
    points = ", ".join(
        f"{a:.2f} said and {b:.2f} seen" for a, b in zip(mean_probabilities, genre_shares, strict=True)
    )
    return draw(
        f"{name}-calibration-{'all' if genre is None else genre}",
        PANEL,
        paint,
        caption=f"{title}{known}",
        description=f"Calibration of {title} in {len(bins)} bins of equally many: {points}.",
    )


def thresholds(held_out: HeldOut, name: str) -> Drawing:
    """Draw each genre's threshold beside its share of the test movies."""
    share = held_out.y.mean(axis=0)
    order = np.argsort(-share, kind="stable")[::-1]
    labels = [held_out.genres[i] for i in order]
    at = np.arange(len(order))

    def paint(ax: Axes) -> None:
        ax.hlines(at, 0, held_out.thresholds[order], color=RULE, linewidth=0.8)
        ax.plot(held_out.thresholds[order], at, "o", color=SERIES[0], markersize=5, label="threshold")
        ax.plot(share[order], at, "D", color=SERIES[1], markersize=4, label="share of test movies")
        _by_genre(ax, at, labels)
        ax.set_xlim(0, max(0.6, float(np.nanmax(held_out.thresholds)), float(share.max())) * 1.05)
        ax.set_xlabel("probability")

    summary = ", ".join(f"{held_out.genres[i]} {held_out.thresholds[i]:.2f}" for i in order[::-1])
    return draw(
        f"{name}-thresholds",
        (4.6, 0.9 + 0.2 * len(order)),
        paint,
        caption="Thresholds: a genre is predicted from this probability on.",
        description=f"Thresholds per genre: {summary}.",
    )


def counts(held_out: HeldOut, name: str) -> Drawing:
    """Draw how many test movies have each genre, and of how many it is predicted."""
    true, predicted = held_out.y.sum(axis=0), held_out.d.sum(axis=0)
    order = np.argsort(-true, kind="stable")[::-1]
    labels = [held_out.genres[i] for i in order]
    at = np.arange(len(order))

    def paint(ax: Axes) -> None:
        ax.hlines(at, true[order], predicted[order], color=RULE, linewidth=2)
        ax.plot(true[order], at, "o", color=SERIES[0], markersize=5, label="given by the source")
        ax.plot(predicted[order], at, "D", color=SERIES[1], markersize=4.5, label="predicted")
        _by_genre(ax, at, labels)
        ax.set_xlim(left=0)
        ax.set_xlabel("test movies")

    summary = ", ".join(f"{held_out.genres[i]} {int(true[i])} and {int(predicted[i])}" for i in order[::-1])
    return draw(
        f"{name}-counts",
        (4.6, 0.9 + 0.2 * len(order)),
        paint,
        caption="Given and predicted: how many of the test movies.",
        description=f"Test movies with each genre, given and predicted: {summary}.",
    )


def _by_genre(ax: Axes, at: npt.NDArray[np.intp], labels: Sequence[str]) -> None:
    ax.set_yticks(at, labels)
    ax.set_ylim(-0.7, len(labels) - 0.3)
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="x")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2, borderaxespad=0.2)


def correlation(held_out: HeldOut, name: str) -> tuple[Drawing, Drawing]:
    """Draw how genres go together: the correlations of the given ones and of the predicted probabilities.

    Blue is positive, orange negative, and the fainter the weaker; a genre that never varies has none.
    """
    return (
        _heat(_correlated(held_out.y), held_out.genres, f"{name}-given", "Given by the source"),
        _heat(_correlated(held_out.p), held_out.genres, f"{name}-predicted", "Predicted probabilities"),
    )


def _correlated(values: npt.NDArray[np.float32]) -> Numbers:
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    norm = np.sqrt((centred**2).sum(axis=0))
    norm[norm < 1e-9] = np.inf
    out: Numbers = (centred / norm).T @ (centred / norm)
    np.fill_diagonal(out, 0)
    return out


def _heat(r: Numbers, genres: Sequence[str], name: str, title: str) -> Drawing:
    n = len(genres)

    def paint(ax: Axes) -> None:
        # One square per pair and not an image: squares take the page's colours, and print sharp.
        for i in range(n):
            for j in range(n):
                strength = min(1.0, abs(float(r[i, j])) * 2)
                if i != j and strength >= 0.02:
                    colour = SERIES[0] if r[i, j] > 0 else SERIES[1]
                    box = (j - 0.47, i - 0.47)
                    ax.add_patch(_square(box, colour, strength))
        ax.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), aspect="equal")
        ax.set_xticks(range(n), genres, rotation=90, fontsize=7)
        ax.set_yticks(range(n), genres, fontsize=7)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(True)

    pairs = [(float(r[i, j]), genres[i], genres[j]) for i in range(n) for j in range(i)]
    pairs.sort(key=lambda pair: (-abs(pair[0]), pair[1], pair[2]))
    summary = ", ".join(f"{a} and {b} {value:+.2f}" for value, a, b in pairs[:6])
    return draw(
        f"{name}-correlation",
        (3.9, 3.9),
        paint,
        caption=title,
        description=f"{title}: correlation of genres. The strongest: {summary or 'none'}.",
    )


def _square(corner: tuple[float, float], colour: str, strength: float) -> Rectangle:
    return Rectangle(corner, 0.94, 0.94, facecolor=colour, alpha=strength, linewidth=0)


def years(rows: Sequence[Row]) -> Drawing:
    """Draw the movies per year of release, and those of them that TMDb describes."""
    at = [row["year"] for row in rows]
    most = max(rows, key=lambda row: row["movies"])

    def paint(ax: Axes) -> None:
        ax.bar(
            at, [row["movies"] for row in rows], width=0.9, color=SERIES[0], alpha=0.45, label="all movies"
        )
        ax.bar(at, [row["described"] for row in rows], width=0.9, color=SERIES[0], label="with a TMDb record")
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.grid(True, axis="y")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)

    return draw(
        "years",
        WIDE,
        paint,
        caption="Movies per year of release.",
        description=f"Movies per year from {at[0]} to {at[-1]}; "
        f"the most in {most['year']}: {most['movies']:,}.",
    )


def training_curve(points: Sequence[Row], name: str, title: str) -> Drawing | None:
    """Draw the losses of a training by epoch; return None where none was recorded."""
    loss_keys = (("training_loss", "training"), ("validation_loss", "validation"))
    series = [
        (label, [(i, row[key]) for i, row in enumerate(points, 1) if isinstance(row.get(key), int | float)])
        for key, label in loss_keys
    ]
    series = [(label, values) for label, values in series if values]
    if not series:
        return None

    def paint(ax: Axes) -> None:
        for (label, values), colour in zip(series, SERIES, strict=False):
            ax.plot(*zip(*values, strict=True), "-", color=colour, linewidth=1.5, label=label)
        ax.set(xlabel="epoch", ylabel="loss")
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.grid(True)
        ax.legend(labelcolor=INK)

    summary = "; ".join(f"{label} {values[0][1]:.3f} to {values[-1][1]:.3f}" for label, values in series)
    return draw(
        f"{name}-curve",
        (2.8, 2.1),
        paint,
        caption=title,
        description=f"Loss by epoch of {title}: {summary}.",
    )
