"""The forest plot: every lift with its interval, as an inline SVG.

Drawn without pyplot; the same rows give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells

from abtest.report.html.drawing import ACCENT, LINE, WIDTH, draw, draw_lift_axis, new_figure, write
from abtest.report.languages import _, isolated, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from abtest.report.view import ForestRow

# Sizes in points.
_MARGIN = 14
_CELLS = 55
_BAR = 15
_GAP = 9
_AXIS = 42


@dataclass(frozen=True, slots=True)
class _Item:
    """A metric's heading (no row) or one interval, with the lines of text above it."""

    lines: tuple[tuple[str, str], ...]
    row: ForestRow | None

    @property
    def height(self) -> int:
        bar = _GAP if self.row is None else _BAR + _GAP
        return LINE * len(self.lines) + bar


def draw_forest(rows: Sequence[ForestRow], name: str = "forest") -> Markup:
    """Draw the lifts and their intervals.

    An end that cannot be bounded, or lies far outside what the others need, is drawn as an arrow.

    Args:
        rows: The intervals, at least one, in the order to show them.
        name: Stands before the drawing's ids, which must be unique on the page.

    Returns:
        An ``<svg>`` element with its numbers as alternative text.
    """
    return draw(name, lambda: _figure(_items(rows), _limits(rows)), describe(rows))


def describe(rows: Sequence[ForestRow]) -> str:
    """The plot in words, from its numbers."""
    told = _("; ").join(
        f"{listed([isolated(row.metric), isolated(row.name)])}: {row.text}" for row in rows
    )
    return _("Lift over control with its interval. {told}.", told=told)


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
    figure = new_figure(height)
    plot = (_MARGIN / WIDTH, _AXIS / height, 1 - 2 * _MARGIN / WIDTH, 1 - _AXIS / height)
    axes = figure.add_axes(plot)
    axes.set_xlim(*limits)
    axes.set_ylim(height - _AXIS, 0)
    draw_lift_axis(axes)
    top = 0.0
    for item in items:
        _draw_item(axes, item, top)
        top += item.height
    return figure


def _draw_item(axes: Axes, item: _Item, top: float) -> None:
    start, end = axes.get_xlim()
    for index, (left, right) in enumerate(item.lines):
        baseline = top + LINE * (index + 1) - 4
        is_heading = item.row is None
        write(axes, (start, baseline), left, is_heading=is_heading)
        write(axes, (end, baseline), right, to_the_left=True)
    if item.row is not None:
        _draw_interval(axes, item.row, top + LINE * len(item.lines) + _BAR / 2)


def _draw_interval(axes: Axes, row: ForestRow, y: float) -> None:
    start, end = axes.get_xlim()
    low = start if row.low is None else max(row.low, start)
    high = end if row.high is None else min(row.high, end)
    axes.plot([low, high], [y, y], color=ACCENT, linewidth=2.6, solid_capstyle="butt")
    if row.low is None or row.low < start:
        axes.plot([low], [y], marker="<", markersize=7, color=ACCENT, clip_on=False)
    if row.high is None or row.high > end:
        axes.plot([high], [y], marker=">", markersize=7, color=ACCENT, clip_on=False)
    axes.plot([row.lift], [y], marker="o", markersize=7.5, color=ACCENT)
