"""The posterior of each primary lift, as an inline SVG: one hill for each variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells

from abtest.report.html.drawing import (
    ACCENT,
    LINE,
    MUTED,
    WIDTH,
    draw,
    draw_lift_axis,
    new_figure,
    write,
)
from abtest.report.languages import _, isolated, native

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from abtest.report.posteriors import PosteriorCurve, Posteriors

# Sizes in points.
_MARGIN = 14
_AXIS = 42
_HILL = 46
_CELLS = 55
_POINTS = 161
_FAR = 3.2  # standard deviations on either side, beyond which there is next to nothing


def draw_posterior(posteriors: Posteriors) -> Markup:
    """Draw the posteriors on one axis.

    Args:
        posteriors: The curves, at least one.

    Returns:
        An ``<svg>`` element with its numbers as alternative text.
    """
    return draw("posterior", lambda: _figure(posteriors), describe(posteriors))


def describe(posteriors: Posteriors) -> str:
    """The drawing in words, from its numbers."""
    told = _("; ").join(
        f"{isolated(one.metric)}, {isolated(one.name)}: {one.text}" for one in posteriors.curves
    )
    said = _("Posterior of the lift over control, its median and interval. {told}.", told=told)
    if not posteriors.rope:
        return said
    size = native(f"{100 * posteriors.rope:g}%")
    return said + " " + _("Lifts within {size} of zero are practically nothing.", size=size)


def _figure(posteriors: Posteriors) -> Figure:
    labels = [_labels(curve) for curve in posteriors.curves]
    height = sum(LINE * len(lines) + _HILL for lines in labels) + _AXIS
    figure = new_figure(height)
    plot = (_MARGIN / WIDTH, _AXIS / height, 1 - 2 * _MARGIN / WIDTH, 1 - _AXIS / height)
    axes = figure.add_axes(plot)
    limits = _limits(posteriors)
    axes.set_xlim(*limits)
    axes.set_ylim(height - _AXIS, 0)
    draw_lift_axis(axes)
    if posteriors.rope is not None:
        axes.axvspan(
            -posteriors.rope, posteriors.rope, color=MUTED, alpha=0.18, linewidth=0, zorder=0
        )
    highest = max(curve.density(lift) for curve in posteriors.curves for lift in _places(limits))
    top = 0.0
    for curve, lines in zip(posteriors.curves, labels, strict=True):
        for left, right in lines:
            top += LINE
            write(axes, (limits[0], top - 4), left)
            write(axes, (limits[1], top - 4), right, to_the_left=True)
        top += _HILL
        _draw_hill(axes, curve, top - 4, (_HILL - 8) / highest)
    return figure


def _labels(curve: PosteriorCurve) -> list[tuple[str, str]]:
    """Metric and variant to the left and numbers to the right, on one line where both fit."""
    name = f"{isolated(curve.metric)}, {isolated(curve.name)}"
    if cell_len(name) + 2 + cell_len(curve.text) <= _CELLS:
        return [(name, curve.text)]
    return [*((line, "") for line in chop_cells(name, _CELLS)), ("", curve.text)]


def _limits(posteriors: Posteriors) -> tuple[float, float]:
    """The axis: zero, every hill and the lifts that are practically nothing."""
    rope = posteriors.rope or 0.0
    lows = [curve.quantile(-_FAR) for curve in posteriors.curves]
    highs = [curve.quantile(_FAR) for curve in posteriors.curves]
    left, right = min(-1.5 * rope, 0.0, *lows), max(1.5 * rope, 0.0, *highs)
    pad = max(0.03 * (right - left), 0.001)
    return left - pad, right + pad


def _places(limits: tuple[float, float]) -> list[float]:
    left, right = limits
    return [left + (right - left) * place / (_POINTS - 1) for place in range(_POINTS)]


def _draw_hill(axes: Axes, curve: PosteriorCurve, base: float, scale: float) -> None:
    """The density over its base; what lies above zero has the accent's colour."""
    places = sorted({*_places(axes.get_xlim()), 0.0})
    heights = [base - scale * curve.density(place) for place in places]
    above = [place >= 0 for place in places]
    below = [place <= 0 for place in places]
    axes.fill_between(places, base, heights, where=below, color=MUTED, alpha=0.4, linewidth=0)
    axes.fill_between(places, base, heights, where=above, color=ACCENT, alpha=0.4, linewidth=0)
    axes.plot(places, heights, color=ACCENT, linewidth=1.4)
