"""What the charts share: settings that end with the call, the page's colours, inline SVG.

Text stays text, so that the browser shapes every script and a screen reader can read it, and
colours are the page's own variables, so that a chart follows light and dark.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from typing import TYPE_CHECKING

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from abtest.report.languages import _, current, native
from abtest.report.text import isolate

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes

# Sizes in points of a drawing that is 420 wide: a phone shows it a little smaller.
WIDTH = 420
LINE = 18

# Stand-ins that are replaced by the page's colours; nothing else is drawn in them.
INK = "#010101"
MUTED = "#020202"
ACCENT = "#030303"
_COLOURS = {INK: "var(--ink)", MUTED: "var(--muted)", ACCENT: "var(--accent)"}
_TAG = re.compile(r"<[^>]*>")
_ID = re.compile(r'(?<= )id="|href="#|url\(#')
_STYLE = re.compile(r'style="[^"]*"')


def draw(name: str, make: Callable[[], Figure], alternative: str) -> Markup:
    """Make a figure and turn it into an element of the page.

    Args:
        name: Stands before the drawing's ids, which must be unique on the page.
        make: Makes the figure; it is called with the settings in place.
        alternative: The drawing in words.

    Returns:
        An ``<svg>`` element; the same figure gives the same bytes.
    """
    with _settings(name), warnings.catch_warnings():
        # The browser draws the text: it does not matter which scripts this machine's fonts have.
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph .* missing from")
        warnings.filterwarnings("ignore", message=r"(?s).*Matplotlib currently does not support")
        buffer = io.StringIO()
        make().savefig(
            buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True
        )
    return _inline(name, buffer.getvalue(), alternative)


def _settings(name: str) -> AbstractContextManager[None]:
    return mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": f"abtest-{name}",
            "font.family": "sans-serif",
            "font.size": 12.5,
        }
    )


def new_figure(height: float) -> Figure:
    """An empty figure of the usual width."""
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    FigureCanvasSVG(figure)
    return figure


def write(
    axes: Axes,
    at: tuple[float, float],
    text: str,
    *,
    is_heading: bool = False,
    to_the_left: bool = False,
) -> None:
    """Write a line of text at a place of the axes, on its baseline.

    Where people read from right to left, what is on the left of a drawing is on its right. An axis
    of numbers is not turned around; one that is has its greater end on the left.
    """
    if not text:
        return
    if current().direction == "rtl":
        start, end = axes.get_xlim()
        at = (start + end - at[0] if start < end else at[0], at[1])
        to_the_left = not to_the_left
    # Without parse_math=False a name with two dollar signs would be set as a formula.
    axes.text(
        *at,
        shaped(text),
        ha="right" if to_the_left else "left",
        va="baseline",
        color=INK,
        weight="bold" if is_heading else "normal",
        parse_math=False,
    )


def shaped(text: str) -> str:
    """A text as the browser is to set it: drawings run from left to right, texts as they will."""
    if current().direction == "ltr":
        return isolate(text)
    kinds = {unicodedata.bidirectional(letter) for letter in text if letter.isalpha()}
    # A foreign name alone runs its own way; everything else as the page does.
    return f"\u2068{text}\u2069" if kinds == {"L"} else f"\u2067{text}\u2069"


def draw_lift_axis(axes: Axes) -> None:
    """An axis of lifts below the plot, with a line at no effect."""
    axes.patch.set_visible(False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.spines["bottom"].set_linewidth(0.8)
    axes.yaxis.set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(_tick))
    axes.tick_params(axis="x", colors=MUTED, length=3, width=0.8, labelsize=11)
    axes.set_xlabel(shaped(_("lift over control")), color=MUTED, fontsize=11, labelpad=3)
    axes.axvline(0, color=MUTED, linewidth=0.9, dashes=(3, 3), zorder=0)


def _tick(x: float, _position: int | None) -> str:
    return shaped(native("0%" if abs(x) < 1e-12 else f"{100 * x:+.6g}%"))


def _inline(name: str, svg: str, alternative: str) -> Markup:
    """The element for a page: no prologue, no namespaces, no metadata, the page's colours."""
    start, end = svg.index("<svg"), svg.rindex("</svg>")
    opening = svg.index(">", start) + 1
    body = re.sub(r"<metadata>.*?</metadata>", "", svg[opening:end], flags=re.DOTALL)
    body = _STYLE.sub(_recolour, body)
    body = _TAG.sub(lambda tag: _ID.sub(rf"\g<0>{name}-", tag.group()), body)
    box = re.search(r'viewBox="([^"]*)"', svg[start:opening])
    view_box = box.group(1) if box else ""
    return Markup(  # noqa: S704 - the drawing library escapes names; the rest is escaped here
        f'<svg class="chart" viewBox="{view_box}" role="img" '
        f'aria-label="{escape(alternative)}" direction="ltr">'
        f"{body}</svg>"
    )


def _recolour(found: re.Match[str]) -> str:
    style = found.group()
    for stand_in, colour in _COLOURS.items():
        style = style.replace(stand_in, colour)
    return style
