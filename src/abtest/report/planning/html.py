"""A plan as one HTML file, in the looks of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator

from abtest.report.html import environment
from abtest.report.html.drawing import ACCENT, MUTED, WIDTH, draw, new_figure
from abtest.report.planning.view import (
    BALANCE_HEAD,
    CURVE_HEAD,
    FACTOR_HEAD,
    METRIC_HEAD,
    build_view,
    curve_of,
)

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

    from abtest.analysis.planning.model import MetricPlan, Plan

# Sizes in points.
_HEIGHT = 200
_LEFT, _TOP, _BOTTOM, _RIGHT = 44, 12, 42, 12


def render_html(plan: Plan) -> str:
    """The plan as one page that fetches nothing and runs nothing; every value is escaped."""
    drawn = curve_of(plan)
    return (
        environment()
        .get_template("plan.html")
        .render(
            view=build_view(plan),
            metric_head=METRIC_HEAD,
            factor_head=FACTOR_HEAD,
            balance_head=BALANCE_HEAD,
            curve_head=CURVE_HEAD,
            chart=_chart(drawn) if drawn is not None else None,
        )
    )


def _chart(metric: MetricPlan) -> Markup | None:
    """The smallest effect week by week, as a share of the metric's value."""
    points = [(week.week, week.mde_relative) for week in metric.curve if week.mde_relative]
    if len(points) < 2:
        return None
    told = "; ".join(f"week {week}: {mde:.1%}" for week, mde in points)
    alternative = f"Smallest effect that is found, {metric.metric}. {told}."
    return draw("mde", lambda: _figure(metric, points), alternative)


def _figure(metric: MetricPlan, points: list[tuple[int, float]]) -> Figure:
    figure = new_figure(_HEIGHT)
    axes = figure.add_axes(
        (
            _LEFT / WIDTH,
            _BOTTOM / _HEIGHT,
            (WIDTH - _LEFT - _RIGHT) / WIDTH,
            (_HEIGHT - _TOP - _BOTTOM) / _HEIGHT,
        )
    )
    weeks, sizes = zip(*points, strict=True)
    axes.plot(weeks, sizes, color=ACCENT, linewidth=2.2, marker="o", markersize=4, clip_on=False)
    if metric.effect_relative is not None:
        axes.axhline(metric.effect_relative, color=MUTED, linewidth=1, linestyle=(0, (6, 2)))
    axes.set_ylim(0, 1.08 * max(sizes))
    axes.patch.set_visible(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g}%"))
    axes.tick_params(axis="both", colors=MUTED, length=0, labelsize=11)
    axes.grid(axis="y", color=MUTED, linewidth=0.4, alpha=0.5)
    axes.set_xlabel("Weeks of enrolment", color=MUTED, fontsize=11, labelpad=3)
    return figure
