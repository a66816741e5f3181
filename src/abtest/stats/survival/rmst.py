"""Restricted mean survival time: the mean time without an event up to a horizon."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.comparison import Comparison, Estimate, Interval
from abtest.stats.log_lift import LogLift
from abtest.stats.normal_pivot import NormalLevel, normal_comparison
from abtest.stats.survival.kaplan_meier import curve_point, kaplan_meier_curve
from abtest.stats.tails import normal_quantile

if TYPE_CHECKING:
    from abtest.stats.survival.life_table import LifeTable


def restricted_mean(table: LifeTable, until: float) -> NormalLevel:
    """The mean of min(T, until) with the variance of that *estimate*.

    mu = integral of S from 0 to ``until``;
    var = sum over t_i <= until of A_i^2 d_i / (y_i (y_i - d_i)), A_i = integral of S from t_i on.
    (The variance of min(T, until) itself, which some programs give, is about n times larger.)

    Args:
        table: The variant's life table.
        until: The horizon, in the table's unit of time, above 0.

    Returns:
        The level, in units of time; with its problem where the curve does not reach the horizon,
        there are no events before it, or no spread.

    Raises:
        ValueError: ``until`` is not positive.

    Source:
        Klein & Moeschberger (2003), Survival Analysis, section 4.5, eq. 4.5.1 and 4.5.2; Royston
        & Parmar (2013), BMC Medical Research Methodology 13, 152.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> restricted_mean(LifeTable((1.0, 4.0), (1, 0), (0, 1)), 4.0).value
        2.5
    """
    point = curve_point(table, until)
    if not point.reached:
        return NormalLevel(None, 0.0, point.problem)
    curve = kaplan_meier_curve(table)
    inside = curve.times < until
    times = curve.times[inside]
    # The curve is flat between events: its area is a sum of rectangles.
    edges = np.concatenate(([0.0], times, [until]))
    areas = np.diff(edges) * np.concatenate(([1.0], curve.survival[inside]))
    remaining = np.cumsum(areas[::-1])[::-1][1:]
    spread = np.diff(np.concatenate(([0.0], curve.greenwood[inside])))
    # Where nobody is left Greenwood's term is infinite, but nothing of the area remains.
    spread = np.where(remaining > 0, spread, 0.0)
    variance = float((remaining**2 * spread).sum())
    problem = ""
    if variance == 0:
        why = sentence("no events") if not times.size else sentence("no spread of events")
        problem = sentence(
            "has {why} before {until:g}, so that its standard error is not known",
            why=why,
            until=until,
        )
    return NormalLevel(float(areas.sum()), variance, problem)


def rmst(
    control: LifeTable, treatment: LifeTable, until: float, ci_level: float = 0.95
) -> Comparison:
    """Compare the mean times without an event up to a horizon that was set beforehand.

    z = (mu_t - mu_c) / sqrt(v_t + v_c), Fieller for the lift: one pivot. It needs no proportional
    hazards and is read in days.

    Args:
        control: The control's life table.
        treatment: The treatment's life table.
        until: The horizon, in the tables' unit of time, above 0 and within both follow-ups.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, in units of time. Without values where a curve does not reach the horizon;
        without inference where a variant shows no spread.

    Raises:
        ValueError: ``ci_level`` is no coverage, or ``until`` is not positive.

    Source:
        Royston & Parmar (2013); Uno et al. (2014), Journal of Clinical Oncology 32, 2380-2385.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> control = LifeTable((1.0, 4.0), (50, 0), (0, 50))
        >>> treatment = LifeTable((1.0, 4.0), (30, 0), (0, 70))
        >>> round(rmst(control, treatment, 4.0).difference, 3)
        0.6
    """
    return normal_comparison(
        restricted_mean(control, until), restricted_mean(treatment, until), ci_level, "rmst"
    )


def rmst_ratio(control: LifeTable, treatment: LifeTable, until: float) -> LogLift | None:
    """The ratio of the mean times on the log scale, with se^2 = v_t / mu_t^2 + v_c / mu_c^2.

    What R's survRM2 prints as the ratio. Its p-value and interval come from another statistic than
    those of ``rmst``, whose lift is the same ratio by Fieller, and may contradict them.

    Args:
        control: The control's life table.
        treatment: The treatment's life table.
        until: The horizon, in the tables' unit of time, above 0 and within both follow-ups.

    Returns:
        The log ratio; ``lift_ci`` and ``pvalue`` are its own. None where a curve does not reach the
        horizon or shows no spread before it.

    Raises:
        ValueError: ``until`` is not positive.

    Source:
        Uno et al. (2014), Journal of Clinical Oncology 32, 2380-2385.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> control = LifeTable((1.0, 4.0), (50, 0), (0, 50))
        >>> treatment = LifeTable((1.0, 4.0), (30, 0), (0, 70))
        >>> round(rmst_ratio(control, treatment, 4.0).value, 4)
        0.2151
    """
    levels = [restricted_mean(table, until) for table in (control, treatment)]
    if any(level.value is None or level.problem for level in levels):
        return None
    base, other = ((level.value or 0.0, level.variance) for level in levels)
    errors = [math.sqrt(variance) / value for value, variance in (base, other)]
    return LogLift(math.log(other[0] / base[0]), math.hypot(*errors))


def rmst_estimate(table: LifeTable, until: float, ci_level: float = 0.95) -> Estimate:
    """One variant's restricted mean with its normal interval, cut at 0 and at the horizon.

    Args:
        table: The variant's life table.
        until: The horizon, in the table's unit of time, above 0.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The estimate, in units of time; without a value where the curve does not reach the horizon,
        without an interval where there is no spread.

    Raises:
        ValueError: ``ci_level`` is no coverage, or ``until`` is not positive.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> rmst_estimate(LifeTable((1.0, 4.0), (1, 0), (0, 1)), 4.0).value
        2.5
    """
    quantile = normal_quantile(ci_level)
    level = restricted_mean(table, until)
    if level.value is None or level.problem:
        return Estimate(level.value, None, "rmst")
    half_width = quantile * math.sqrt(level.variance)
    ends = max(level.value - half_width, 0.0), min(level.value + half_width, until)
    return Estimate(level.value, Interval(*ends), "rmst")
