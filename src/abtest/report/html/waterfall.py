"""The waterfall of counts, as an inline SVG: from the units assigned down to those that count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import chop_cells

from abtest.report.html.drawing import ACCENT, LINE, MUTED, WIDTH, draw, new_figure, write
from abtest.report.languages import _, current, isolated, listed

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from abtest.report.counts import Counts, CountsRow, CountsStep

# Sizes in points.
_LABEL = 106
_NUMBER = 62
_PAD = 4
_GAP = 8
_CELLS = 55


def draw_waterfall(counts: Counts, number: int) -> Markup:
    """Draw who is counted, variant by variant, all on one scale.

    Args:
        counts: The counts, with at least one step in one row.
        number: Which chart of the page it is.

    Returns:
        An ``<svg>`` element with its numbers as alternative text.
    """
    return draw(f"waterfall{number}", lambda: _figure(counts), describe(counts))


def describe(counts: Counts) -> str:
    """The chart in words, from its numbers."""
    told = _("; ").join(
        f"{isolated(row.variant)}: {listed([f'{step.label} {step.text}' for step in row.steps])}"
        for row in counts.rows
        if row.steps
    )
    metrics = listed([isolated(metric) for metric in counts.metrics])
    return _(
        "From the units assigned to those counted, {metrics}. {told}.", metrics=metrics, told=told
    )


def _figure(counts: Counts) -> Figure:
    rows = [row for row in counts.rows if row.steps]
    names = [chop_cells(row.variant, _CELLS) for row in rows]
    lines = sum(len(name) + len(row.steps) for name, row in zip(names, rows, strict=True))
    height = LINE * lines + _GAP * len(rows)
    figure = new_figure(height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(*((0, WIDTH) if current().direction == "ltr" else (WIDTH, 0)))
    axes.set_ylim(height, 0)
    most = max(step.end for row in rows for step in row.steps) or 1
    top = 0.0
    for name, row in zip(names, rows, strict=True):
        for line in name:
            top += LINE
            write(axes, (0, top - 5), line, is_heading=True)
        top = _draw_row(axes, row, top, most) + _GAP
    return figure


def _draw_row(axes: Axes, row: CountsRow, top: float, most: int) -> float:
    """One variant's bars, from a height on; returns the height below them."""
    for step in row.steps:
        _draw_step(axes, step, top, (WIDTH - _LABEL - _NUMBER) / most)
        top += LINE
    return top


def _draw_step(axes: Axes, step: CountsStep, top: float, scale: float) -> None:
    width = max(scale * (step.end - step.start), 0.8)  # a few units among many stay visible
    axes.barh(
        top + LINE / 2,
        width,
        height=LINE - 2 * _PAD,
        left=_LABEL + scale * step.start,
        facecolor="none" if step.is_loss else ACCENT,
        edgecolor=MUTED if step.is_loss else ACCENT,
        linewidth=1.2,
    )
    baseline = top + LINE - 5
    write(axes, (0, baseline), step.label)
    write(axes, (WIDTH, baseline), step.text, to_the_left=True)
