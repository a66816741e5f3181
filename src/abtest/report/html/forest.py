"""The forest plot: every lift with its interval, as an inline SVG.

Drawn without pyplot and without any setting that outlives the call; the same rows give the same
bytes. Text stays text, so that the browser shapes every script and a screen reader can read it, and
colours are the page's own variables, so that the plot follows light and dark.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich.cells import cell_len, chop_cells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes

    from abtest.report.view import ForestRow

# Sizes in points of a drawing that is 420 wide: a phone shows it a little smaller.
_WIDTH = 420
_MARGIN = 14
_CELLS = 55
_LINE = 18
_BAR = 15
_GAP = 9
_AXIS = 42

# Stand-ins that are replaced by the page's colours; nothing else is drawn in them.
_INK = "#010101"
_MUTED = "#020202"
_ACCENT = "#030303"
_COLOURS = {_INK: "var(--ink)", _MUTED: "var(--muted)", _ACCENT: "var(--accent)"}
_STYLE = re.compile(r'style="[^"]*"')


@dataclass(frozen=True, slots=True)
class _Item:
    """A metric's heading (no row) or one interval, with the lines of text above it."""

    lines: tuple[tuple[str, str], ...]
    row: ForestRow | None

    @property
    def height(self) -> int:
        bar = _GAP if self.row is None else _BAR + _GAP
        return _LINE * len(self.lines) + bar


def draw_forest(rows: Sequence[ForestRow]) -> Markup:
    """Draw the lifts and their intervals.

    An end that cannot be bounded, or lies far outside what the others need, is drawn as an arrow.

    Args:
        rows: The intervals, at least one, in the order to show them.

    Returns:
        An ``<svg>`` element with its numbers as alternative text.
    """
    with _settings(), warnings.catch_warnings():
        # The browser draws the text: it does not matter which scripts this machine's fonts have.
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph .* missing from")
        warnings.filterwarnings("ignore", message=r"(?s).*Matplotlib currently does not support")
        buffer = io.StringIO()
        figure = _figure(_items(rows), _limits(rows))
        figure.savefig(
            buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True
        )
    return _inline(buffer.getvalue(), describe(rows))


def _settings() -> AbstractContextManager[None]:
    return mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "abtest-forest",
            "font.family": "sans-serif",
            "font.size": 12.5,
        }
    )


def describe(rows: Sequence[ForestRow]) -> str:
    """The plot in words, from its numbers."""
    told = "; ".join(f"{row.metric}, {row.name}: {row.text}" for row in rows)
    return f"Lift over control with its interval. {told}."


def _items(rows: Sequence[ForestRow]) -> list[_Item]:
    items: list[_Item] = []
    metric = None
    for row in rows:
        if row.metric != metric:
            metric = row.metric
            items.append(_Item(tuple((line, "") for line in chop_cells(metric, _CELLS)), None))
        items.append(_Item(_label(row), row))
    return items


def _label(row: ForestRow) -> tuple[tuple[str, str], ...]:
    """Name to the left and numbers to the right, on one line where both fit."""
    if cell_len(row.name) + 2 + cell_len(row.text) <= _CELLS:
        return ((row.name, row.text),)
    return (*((line, "") for line in chop_cells(row.name, _CELLS)), ("", row.text))


def _limits(rows: Sequence[ForestRow]) -> tuple[float, float]:
    """The axis: zero and all lifts fit, and one huge interval does not squeeze the others."""
    lifts = [abs(row.lift) for row in rows]
    ends = [abs(end) for row in rows for end in (row.low, row.high) if end is not None]
    usual = 4 * median(ends or lifts)
    reach = max(*lifts, min(max(ends or lifts), usual), 0.001)
    lows = [row.lift - reach / 4 if row.low is None else max(row.low, -reach) for row in rows]
    highs = [row.lift + reach / 4 if row.high is None else min(row.high, reach) for row in rows]
    left, right = min(0.0, *lows), max(0.0, *highs)
    pad = max(0.06 * (right - left), 0.001)
    return left - pad, right + pad


def _figure(items: Sequence[_Item], limits: tuple[float, float]) -> Figure:
    height = sum(item.height for item in items) + _AXIS
    figure = Figure(figsize=(_WIDTH / 72, height / 72), dpi=72)
    FigureCanvasSVG(figure)
    plot = (_MARGIN / _WIDTH, _AXIS / height, 1 - 2 * _MARGIN / _WIDTH, 1 - _AXIS / height)
    axes = figure.add_axes(plot)
    axes.set_xlim(*limits)
    axes.set_ylim(height - _AXIS, 0)
    _draw_axis(axes)
    top = 0.0
    for item in items:
        _draw_item(axes, item, top)
        top += item.height
    return figure


def _draw_axis(axes: Axes) -> None:
    axes.patch.set_visible(False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_MUTED)
    axes.spines["bottom"].set_linewidth(0.8)
    axes.yaxis.set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(_tick))
    axes.tick_params(axis="x", colors=_MUTED, length=3, width=0.8, labelsize=11)
    axes.set_xlabel("lift over control", color=_MUTED, fontsize=11, labelpad=3)
    axes.axvline(0, color=_MUTED, linewidth=0.9, dashes=(3, 3), zorder=0)


def _tick(x: float, _position: int | None) -> str:
    return "0%" if abs(x) < 1e-12 else f"{100 * x:+.6g}%"


def _draw_item(axes: Axes, item: _Item, top: float) -> None:
    start, end = axes.get_xlim()
    for index, (left, right) in enumerate(item.lines):
        baseline = top + _LINE * (index + 1) - 4
        is_heading = item.row is None
        _write(axes, (start, baseline), left, is_heading=is_heading)
        _write(axes, (end, baseline), right, to_the_left=True)
    if item.row is not None:
        _draw_interval(axes, item.row, top + _LINE * len(item.lines) + _BAR / 2)


def _write(
    axes: Axes,
    at: tuple[float, float],
    text: str,
    *,
    is_heading: bool = False,
    to_the_left: bool = False,
) -> None:
    if not text:
        return
    # Without parse_math=False a name with two dollar signs would be set as a formula.
    axes.text(
        *at,
        text,
        ha="right" if to_the_left else "left",
        va="baseline",
        color=_INK,
        weight="bold" if is_heading else "normal",
        parse_math=False,
    )


def _draw_interval(axes: Axes, row: ForestRow, y: float) -> None:
    start, end = axes.get_xlim()
    low = start if row.low is None else max(row.low, start)
    high = end if row.high is None else min(row.high, end)
    axes.plot([low, high], [y, y], color=_ACCENT, linewidth=2.6, solid_capstyle="butt")
    if row.low is None or row.low < start:
        axes.plot([low], [y], marker="<", markersize=7, color=_ACCENT, clip_on=False)
    if row.high is None or row.high > end:
        axes.plot([high], [y], marker=">", markersize=7, color=_ACCENT, clip_on=False)
    axes.plot([row.lift], [y], marker="o", markersize=7.5, color=_ACCENT)


def _inline(svg: str, alternative: str) -> Markup:
    """The element for a page: no prologue, no namespaces, no metadata, the page's colours."""
    start, end = svg.index("<svg"), svg.rindex("</svg>")
    opening = svg.index(">", start) + 1
    body = re.sub(r"<metadata>.*?</metadata>", "", svg[opening:end], flags=re.DOTALL)
    body = _STYLE.sub(_recolour, body)
    box = re.search(r'viewBox="([^"]*)"', svg[start:opening])
    view_box = box.group(1) if box else ""
    return Markup(  # noqa: S704 - the drawing library escapes names; the rest is escaped here
        f'<svg class="forest" viewBox="{view_box}" role="img" aria-label="{escape(alternative)}">'
        f"{body}</svg>"
    )


def _recolour(found: re.Match[str]) -> str:
    style = found.group()
    for stand_in, colour in _COLOURS.items():
        style = style.replace(stand_in, colour)
    return style
