"""Drawing for a page: matplotlib figures as inline SVG that takes the page's own colours.

Colours are written as placeholders and replaced by CSS variables, so that a figure is legible on a light
and on a dark page and in print. Text stays text. The same data give the same bytes.
"""

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, RULE = "#010203", "#010204"
SERIES = ("#010301", "#010302", "#010303", "#010304")
_STANDS_FOR = {
    INK: "currentColor",
    RULE: "var(--rule)",
    **{colour: f"var(--series-{i})" for i, colour in enumerate(SERIES, 1)},
}
_PLACEHOLDER = re.compile("|".join(_STANDS_FOR))
_UNUSED_ID = re.compile(
    r' id="(?:figure|axes|patch|line2d|text|[xy]tick|matplotlib|\w*Collection|legend)[^"]*"'
)
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "reelhouse",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",  # what matplotlib measures with; the page's own font is what is shown
    "font.size": 8.5,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


@dataclass(frozen=True)
class Drawing:
    """A figure: its SVG, what it shows in one sentence for those who cannot see it, and its caption."""

    svg: Markup
    caption: str
    description: str


def draw(
    name: str,
    size: tuple[float, float],
    paint: Callable[[Axes], None],
    *,
    caption: str,
    description: str,
) -> Drawing:
    """Draw what `paint` puts on one pair of axes; `size` is in inches, and `name` is unique in the page."""
    with rc_context(_STYLE), warnings.catch_warnings():
        # A genre may be written in a script that the measuring font lacks; the browser's font has it.
        warnings.filterwarnings("ignore", message=".*missing from font", category=UserWarning)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure.add_subplot())
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata=_NO_METADATA)
    return Drawing(_inline(out.getvalue(), name, description), caption, description)


def _inline(document: str, name: str, description: str) -> Markup:
    """Turn an SVG document into an element of a page: no prologue, and ids and colours made the page's."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    svg = _UNUSED_ID.sub("", svg)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{re.sub(r'[^a-zA-Z0-9]', '-', name)}-", svg)
    svg = re.sub(r"\s*\n\s*", " ", svg)
    svg = _PLACEHOLDER.sub(lambda match: _STANDS_FOR[match.group()], svg)
    view_box = re.search(r'viewBox="([^"]*)"', svg)
    box = view_box[1] if view_box else ""
    opening = f'<svg role="img" aria-label="{escape(description)}" viewBox="{box}"'
    # The markup is matplotlib's own, which escapes all text that it writes; the label is escaped above.
    return Markup(re.sub(r"<svg[^>]*?>", lambda _: f"{opening}>", svg, count=1))  # noqa: S704
