"""The share of units with an event by day N, read off two Kaplan-Meier curves."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.comparison import Comparison, Estimate, Interval
from abtest.stats.normal_pivot import NormalLevel, normal_comparison
from abtest.stats.survival.kaplan_meier import CurvePoint, curve_point, survival_interval
from abtest.stats.tails import check_ci_level, normal_pvalue, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Callable

    from abtest.stats.survival.life_table import Floats, LifeTable

FEWEST_AT_RISK = 20
_METHOD = "kaplan_meier"
_FEW = sentence(
    "fewer than {n} units of a variant are followed to the end: "
    "compared on the complementary log-log scale",
    n=FEWEST_AT_RISK,
)


def incidence(
    control: LifeTable, treatment: LifeTable, horizon: float, ci_level: float = 0.95
) -> Comparison:
    """Compare the shares of units with an event by a horizon, F = 1 - S(horizon).

    With 20 or more units at risk at the horizon in both variants the pivot is
    T(rho) = (F_t - rho F_c) / sqrt(v_t + rho^2 v_c) with Greenwood's variances v: z for the
    difference, Fieller for the lift. With fewer it is the complementary log-log test, see
    ``log_log_incidence``. Either way p-value and both intervals invert one statistic.

    Units that were not followed until the horizon count for as long as they were. Assumes that
    late entrants are like early ones. To count events *before* the end of a window, pass tables
    ``truncated`` there.

    Args:
        control: The control's life table.
        treatment: The treatment's life table.
        horizon: The time N, in the tables' unit, above 0.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison of shares. Without values where a curve does not reach the horizon; without
        inference where a variant has no events by then, or nobody left.

    Raises:
        ValueError: ``ci_level`` is no coverage, or ``horizon`` is not positive.

    Source:
        Greenwood (1926); Fieller (1954); Klein, Logan, Harhoff & Andersen (2007), Statistics in
        Medicine 26, 4505-4519, for the choice of scale.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> control = LifeTable((7.0, 30.0), (40, 0), (0, 160))
        >>> treatment = LifeTable((7.0, 20.0, 30.0), (60, 0, 0), (0, 40, 100))
        >>> result = incidence(control, treatment, 30.0)
        >>> round(result.difference, 3), round(result.pvalue, 4)
        (0.1, 0.0201)
    """
    check_ci_level(ci_level)
    points = curve_point(control, horizon), curve_point(treatment, horizon)
    few = min(point.at_risk for point in points) < FEWEST_AT_RISK
    if few and not any(point.problem for point in points):
        return log_log_incidence(*points, ci_level)
    levels = [
        NormalLevel(point.incidence if point.reached else None, point.variance, point.problem)
        for point in points
    ]
    result = normal_comparison(levels[0], levels[1], ci_level, _METHOD)
    if result.difference_ci is None:
        return result
    low, high = result.difference_ci.low, result.difference_ci.high
    lift = result.lift_ci
    return replace(
        result,
        difference_ci=Interval(max(low, -1.0), min(high, 1.0)),
        lift_ci=lift and Interval(max(lift.low, -1.0), lift.high),
    )


def incidence_estimate(table: LifeTable, horizon: float, ci_level: float = 0.95) -> Estimate:
    """One variant's share of units with an event by a horizon, with the log-log interval.

    Args:
        table: The variant's life table.
        horizon: The time, in the table's unit, above 0.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The estimate, a share from 0 to 1; without a value where the curve does not reach the
        horizon, without an interval where it has no events by then, or nobody left.

    Raises:
        ValueError: ``ci_level`` is no coverage, or ``horizon`` is not positive.

    Source:
        Kalbfleisch & Prentice (2002), section 1.4.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> round(incidence_estimate(LifeTable((7.0, 30.0), (1, 0), (0, 3)), 30.0).value, 9)
        0.25
    """
    point = curve_point(table, horizon)
    survival = survival_interval(point, ci_level)
    ci = None if survival is None else Interval(1 - survival.high, 1 - survival.low)
    return Estimate(point.incidence if point.reached else None, ci, "kaplan_meier_log_log")


def log_log_incidence(control: CurvePoint, treatment: CurvePoint, ci_level: float) -> Comparison:
    """Compare two shares on the scale g = log(-log S), which is closer to normal in small samples.

    The statistic is Z = (g_t - g_c) / sqrt(w_t + w_c), w = G / (log S)^2 with G Greenwood's sum.
    The intervals are the ranges of F_t - F_c and of F_t / F_c - 1 over the pairs (a, b) with
    (a - g_c)^2 / w_c + (b - g_t)^2 / w_t <= z^2. That region touches a = b exactly when
    abs(Z) <= z: so both intervals leave out no effect exactly when the test rejects.

    Args:
        control: The control's curve at the horizon, with events and units left.
        treatment: The treatment's curve at the same time.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison; ``se`` is Greenwood's, of the difference of the shares.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Klein, Logan, Harhoff & Andersen (2007), Statistics in Medicine 26, 4505-4519, for the
        test; the intervals invert it.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> few = LifeTable((1.0, 2.0), (3, 0), (0, 7)), LifeTable((1.0, 2.0), (6, 0), (0, 4))
        >>> control, treatment = (curve_point(table, 2.0) for table in few)
        >>> round(log_log_incidence(control, treatment, 0.95).pvalue, 3)
        0.189
    """
    quantile = normal_quantile(ci_level)
    (at_control, se_control), (at_treatment, se_treatment) = control.log_log, treatment.log_log
    statistic = (at_treatment - at_control) / math.hypot(se_control, se_treatment)
    rate_control, rate = control.incidence, treatment.incidence

    def most(value: Callable[[Floats], Floats], side: int) -> float:
        """The largest value(treatment) - value(control), or the smallest for side -1."""

        def gap(angle: Floats) -> Floats:
            upper = at_treatment + side * quantile * se_treatment * np.sin(angle)
            lower = at_control - side * quantile * se_control * np.cos(angle)
            return side * (value(upper) - value(lower))

        return side * _largest(gap)

    low, high = most(_share, -1), most(_share, 1)
    least, greatest = most(_log_share, -1), most(_log_share, 1)
    return Comparison(
        value=rate,
        value_control=rate_control,
        difference=rate - rate_control,
        difference_ci=Interval(low, high),
        lift=(rate - rate_control) / rate_control,
        lift_ci=Interval(math.expm1(least), math.expm1(min(greatest, 700.0))),
        se=math.sqrt(control.variance + treatment.variance),
        statistic=statistic,
        df=None,
        pvalue=normal_pvalue(statistic),
        ci_level=ci_level,
        method=_METHOD,
        notes=(_FEW,),
    )


def mover_interval(
    control: CurvePoint, treatment: CurvePoint, ci_level: float = 0.95
) -> Interval | None:
    """The difference of the shares F by the method of variance estimates recovery, for display.

    From log-log intervals (l, u) of each share: d - sqrt((F_t - l_t)^2 + (u_c - F_c)^2) and
    d + sqrt((u_t - F_t)^2 + (F_c - l_c)^2). It inverts no test: it may contradict a p-value.

    Args:
        control: The control's curve at the horizon.
        treatment: The treatment's curve at the same time.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The interval; None where a curve has no variance there.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Zou & Donner (2008), Statistics in Medicine 27, 1693-1702.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> point = curve_point(LifeTable((1.0, 2.0), (3, 0), (0, 7)), 2.0)
        >>> round(mover_interval(point, point).high, 3)
        0.418
    """
    ends = [survival_interval(point, ci_level) for point in (control, treatment)]
    if ends[0] is None or ends[1] is None:
        return None
    s_c, s_t = control.survival, treatment.survival
    difference = treatment.incidence - control.incidence
    down = math.hypot(ends[1].high - s_t, s_c - ends[0].low)
    up = math.hypot(s_t - ends[1].low, ends[0].high - s_c)
    return Interval(difference - down, difference + up)


def _share(at: Floats) -> Floats:
    return -np.expm1(-np.exp(at))


def _log_share(at: Floats) -> Floats:
    return np.log(-np.expm1(-np.exp(at)))


def _largest(function: Callable[[Floats], Floats]) -> float:
    """The largest value on a quarter turn, by grids that close in on it."""
    low, high = 0.0, math.pi / 2
    best = -math.inf
    for _ in range(8):  # each grid is 32 times finer than the one before
        angles = np.linspace(low, high, 65)
        values = function(angles)
        place = int(values.argmax())
        best = max(best, float(values[place]))
        low, high = float(angles[max(place - 1, 0)]), float(angles[min(place + 1, 64)])
    return best
