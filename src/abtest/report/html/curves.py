"""Survival curves turned around, as an inline SVG: a step for each event, a name at each end."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich.cells import cell_len, chop_cells

from abtest.report import numbers
from abtest.report.html.drawing import ACCENT, INK, MUTED, WIDTH, draw, new_figure, shaped
from abtest.report.languages import _, isolated, native

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from abtest.report.curves import CurveLine, Curves

# Sizes in points.
_HEIGHT = 250
_LEFT, _TOP, _BOTTOM = 44, 12, 42
_CELL = 7.0  # about as wide as a letter
_CELLS = 18  # the longest line of a name
_LINE = 15
_LEADER = 16
_GAP = 4

# Control is grey and solid; the others have the page's colour and tell apart by their dashes.
_DASHES: tuple[tuple[float, ...], ...] = ((), (6, 2), (2, 2), (6, 2, 2, 2))


@dataclass(frozen=True, slots=True)
class _Label:
    """A name beside its curve: its lines, the curve's end, and its own middle, from below."""

    lines: tuple[str, ...]
    end: float
    middle: float

    @property
    def height(self) -> int:
        return _LINE * len(self.lines) + _GAP


def draw_curves(curves: Curves, number: int) -> Markup:
    """Draw the curves of one metric.

    Args:
        curves: The curves, at least one.
        number: Which chart of the page it is.

    Returns:
        An ``<svg>`` element with its numbers as alternative text.
    """
    return draw(f"curves{number}", lambda: _figure(curves), describe(curves))


def describe(curves: Curves) -> str:
    """The chart in words, from its numbers."""
    told = _("; ").join(
        _(
            "{variant}: {share} by {time} {number}",
            variant=isolated(line.name),
            share=numbers.share(line.shares[-1] if line.shares else 0.0),
            time=curves.time,
            number=native(f"{line.followed_to:g}"),
        )
        for line in curves.lines
    )
    metric = isolated(curves.metric)
    return _("Share with the event over time, {metric}. {told}.", metric=metric, told=told)


def _figure(curves: Curves) -> Figure:
    names = [_wrapped(line.name) for line in curves.lines]
    right = _LEADER + _GAP + _CELL * max(cell_len(text) for lines in names for text in lines)
    figure = new_figure(_HEIGHT)
    width, height = WIDTH - _LEFT - right, _HEIGHT - _TOP - _BOTTOM
    axes = figure.add_axes(
        (_LEFT / WIDTH, _BOTTOM / _HEIGHT, width / WIDTH, height / _HEIGHT),
    )
    ends = [line.shares[-1] if line.shares else 0.0 for line in curves.lines]
    top = min(1.0, 1.08 * max(*ends, *map(_highest, curves.lines))) or 1.0
    axes.set_xlim(0, max(line.followed_to for line in curves.lines))
    axes.set_ylim(0, top)
    _draw_axes(axes, curves.time)
    for line in curves.lines:
        _draw_band(axes, line, 0.16 if len(curves.lines) == 2 else 0.09)
    treatments = 0
    for line in curves.lines:
        _draw_line(axes, line, _DASHES[treatments % len(_DASHES)])
        treatments += not line.is_control
    labels = [
        _Label(lines, height * end / top, height * end / top)
        for lines, end in zip(names, ends, strict=True)
    ]
    for label, line in _spread(labels, curves.lines):
        start = line.followed_to / axes.get_xlim()[1]
        _write(axes, label, start, (width, height))
    return figure


def _wrapped(name: str) -> tuple[str, ...]:
    """A name in lines that fit beside the plot, broken at spaces where it has any."""
    lines = textwrap.wrap(name, _CELLS) or [name]
    return tuple(piece for line in lines for piece in chop_cells(line, _CELLS))


def _draw_axes(axes: Axes, time: str) -> None:
    axes.patch.set_visible(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.spines["bottom"].set_linewidth(0.8)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda time, _position: native(f"{time:g}")))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    axes.tick_params(axis="x", colors=MUTED, length=3, width=0.8, labelsize=11)
    axes.tick_params(axis="y", colors=MUTED, length=0, labelsize=11)
    axes.grid(axis="y", color=MUTED, linewidth=0.4, alpha=0.5)
    # A name from a file is never set as a formula.
    axes.set_xlabel(shaped(time), color=MUTED, fontsize=11, labelpad=3, parse_math=False)


def _highest(line: CurveLine) -> float:
    """The band's upper end where most of the curve is: a last unit makes it shoot up."""
    ends = sorted(found[1] for found in line.band if found is not None)
    return ends[int(0.9 * (len(ends) - 1))] if ends else 0.0


def _draw_band(axes: Axes, line: CurveLine, alpha: float) -> None:
    """The interval at each time, as far as it is known: a pale area behind the curve."""
    known = [
        (time, *found)
        for time, found in zip(line.times, line.band, strict=False)  # a curve may have no band
        if found is not None
    ]
    if not known:
        return
    times, lows, highs = zip(*known, (line.followed_to, *known[-1][1:]), strict=True)
    colour = MUTED if line.is_control else ACCENT
    axes.fill_between(times, lows, highs, step="post", color=colour, alpha=alpha, linewidth=0)


def _tick(share: float, _position: int | None) -> str:
    return shaped(native(f"{100 * share:.4g}%"))


def _draw_line(axes: Axes, line: CurveLine, dashes: Sequence[float]) -> None:
    times = [0.0, *line.times, line.followed_to]
    shares = [0.0, *line.shares, line.shares[-1] if line.shares else 0.0]
    style = (0, tuple(dashes)) if dashes and not line.is_control else "solid"
    axes.step(
        times,
        shares,
        where="post",
        color=MUTED if line.is_control else ACCENT,
        linewidth=2.2,
        linestyle=style,
        clip_on=False,
    )


def _spread(labels: Sequence[_Label], lines: Sequence[CurveLine]) -> list[tuple[_Label, CurveLine]]:
    """The labels from below, each pushed up as far as the one under it needs, with their lines."""
    placed: list[tuple[_Label, CurveLine]] = []
    floor = -_LINE / 2
    pairs = zip(labels, lines, strict=True)
    for label, line in sorted(pairs, key=lambda pair: pair[0].end):
        middle = max(label.middle, floor + label.height / 2)
        placed.append((replace(label, middle=middle), line))
        floor = middle + label.height / 2
    # What went over the top is pushed back down.
    ceiling = float(_HEIGHT - _BOTTOM)
    for place in range(len(placed) - 1, -1, -1):
        label, line = placed[place]
        middle = min(label.middle, ceiling - label.height / 2)
        placed[place] = replace(label, middle=middle), line
        ceiling = middle - label.height / 2
    return placed


def _write(axes: Axes, label: _Label, start: float, size: tuple[float, float]) -> None:
    """A thin line from the curve's end to its name, and the name."""
    width, height = size
    axes.plot(
        [start + 2 / width, 1 + _LEADER / width],
        [label.end / height, label.middle / height],
        transform=axes.transAxes,
        color=MUTED,
        linewidth=0.6,
        clip_on=False,
    )
    for index, text in enumerate(label.lines):
        y = label.middle + label.height / 2 - _LINE * (index + 0.5) - 6
        axes.text(
            1 + (_LEADER + _GAP) / width,
            y / height,
            shaped(text),
            transform=axes.transAxes,
            color=INK,
            fontsize=11,
            va="baseline",
            parse_math=False,
        )
