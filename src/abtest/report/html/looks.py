"""The effect over the looks, as an inline SVG: its interval, and the statistic at its boundary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator

from abtest.report.html.drawing import ACCENT, INK, MUTED, WIDTH, draw, new_figure, shaped
from abtest.report.languages import _, isolated, native

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from abtest.report.looks import Look, Looks

# Sizes in points.
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 40, 20, 28
_PANEL = 150
_SMALL = 100
_BETWEEN = 50


def draw_looks(looks: Looks, number: int) -> Markup:
    """Draw the looks at one metric and variant.

    Args:
        looks: The looks, at least one with an effect.
        number: Which chart of the page it is.

    Returns:
        An ``<svg>`` element with its numbers as alternative text.
    """
    return draw(f"looks{number}", lambda: _figure(looks), describe(looks))


def describe(looks: Looks) -> str:
    """The chart in words, from its numbers."""
    known = [look for look in looks.looks if look.size is not None]
    ends = [f"{one.when}: {one.cells[3]} ({one.cells[4]})" for one in (known[0], known[-1])]
    crossed = next((look for look in looks.looks if look.crossed), None)
    last = _("The boundary was not crossed.")
    if crossed is not None:
        last = _("Crossed on {day}.", day=crossed.when)
    told = _(
        "Cumulative effect over {n} looks with its sequential interval, {metric}, {variant}. "
        "{ends}.",
        n=native(str(len(looks.looks))),
        metric=isolated(looks.metric),
        variant=isolated(looks.name),
        ends="; ".join(ends),
    )
    return f"{told} {last}"


def _figure(looks: Looks) -> Figure:
    small = _BETWEEN + _SMALL if looks.has_boundary else 0
    height = _TOP + _PANEL + small + _BOTTOM
    figure = new_figure(height)
    width = (WIDTH - _LEFT - _RIGHT) / WIDTH
    bottom = (_BOTTOM + small) / height
    effect = figure.add_axes((_LEFT / WIDTH, bottom, width, _PANEL / height))
    _draw_effect(effect, looks)
    if looks.has_boundary:
        below = figure.add_axes((_LEFT / WIDTH, _BOTTOM / height, width, _SMALL / height))
        _draw_boundary(below, looks.looks)
    return figure


def _draw_effect(axes: Axes, looks: Looks) -> None:
    _frame(axes, looks.looks, _("lift over control") if looks.is_lift else _("difference"))
    numbered = list(enumerate(looks.looks, 1))
    known = [(at, look.size) for at, look in numbered if look.size is not None]
    bottom, top = _range(looks.looks)
    axes.set_ylim(bottom, top)
    if looks.is_lift:
        axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    places = [at for at, look in numbered if look.size is not None]
    shown = [look for look in looks.looks if look.size is not None]
    lows = [bottom if look.low is None else look.low for look in shown]
    highs = [top if look.high is None else look.high for look in shown]
    axes.fill_between(places, lows, highs, color=ACCENT, alpha=0.18, linewidth=0)
    axes.errorbar(
        places[-1:], [shown[-1].size or 0.0],
        yerr=[[(shown[-1].size or 0.0) - lows[-1]], [highs[-1] - (shown[-1].size or 0.0)]],
        color=ACCENT, linewidth=1.6,
    )  # fmt: skip
    axes.plot(*zip(*known, strict=True), color=ACCENT, linewidth=2, marker="o", markersize=4)
    axes.axhline(0, color=MUTED, linewidth=0.9, dashes=(3, 3), zorder=0)


def _tick(lift: float, _position: int | None) -> str:
    return shaped(native("0%" if abs(lift) < 1e-12 else f"{100 * lift:+.4g}%"))


def _draw_boundary(axes: Axes, looks: Sequence[Look]) -> None:
    _frame(axes, looks, _("size of the statistic, and its boundary (dashed)"))
    numbered = list(enumerate(looks, 1))
    reached = [(at, abs(one.statistic)) for at, one in numbered if one.statistic is not None]
    needed = [(at, one.boundary) for at, one in numbered if one.boundary is not None]
    axes.plot(*zip(*reached, strict=True), color=ACCENT, linewidth=2, marker="o", markersize=4)
    axes.plot(
        *zip(*needed, strict=True), color=INK, linewidth=1.4, linestyle=(0, (5, 3)),
        marker="_", markersize=9,
    )  # fmt: skip
    over = [(at, abs(one.statistic or 0.0)) for at, one in numbered if one.crossed]
    if over:
        axes.plot(*zip(*over, strict=True), color=ACCENT, linestyle="", marker="D", markersize=8)
    # The first boundaries of some plans are far away: what is reached must stay visible.
    highest = max(size for _, size in reached)
    lowest = min(bound for _, bound in needed)
    axes.set_ylim(0, max(1.3 * highest, 1.6 * lowest))


def _range(looks: Sequence[Look]) -> tuple[float, float]:
    """The axis: zero and the sizes fit, and the wide intervals of the first looks may leave it."""
    sizes = [look.size for look in looks if look.size is not None]
    late = looks[len(looks) // 3 :]
    ends = [end for look in late for end in (look.low, look.high) if end is not None]
    low, high = min(0.0, *sizes, *ends), max(0.0, *sizes, *ends)
    pad = 0.08 * (high - low) or 0.01
    return low - pad, high + pad


def _frame(axes: Axes, looks: Sequence[Look], title: str) -> None:
    axes.patch.set_visible(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.spines["bottom"].set_linewidth(0.8)
    axes.set_xlim(0.7, max(len(looks), 2) + 0.3)
    places = sorted({1, (len(looks) + 1) // 2, len(looks)})
    axes.set_xticks(places, [shaped(looks[place - 1].when) for place in places])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="x", colors=MUTED, length=3, width=0.8, labelsize=11)
    axes.tick_params(axis="y", colors=MUTED, length=0, labelsize=11)
    axes.grid(axis="y", color=MUTED, linewidth=0.4, alpha=0.5)
    axes.set_title(shaped(title), loc="left", fontsize=11, color=MUTED, pad=5)
