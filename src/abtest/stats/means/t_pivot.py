"""One pivot for means and ratios: Welch's t for the difference, Fieller for the lift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.sentences import sentence
from abtest.stats.absent import problems_of, without_inference
from abtest.stats.comparison import Estimate, Interval
from abtest.stats.means.fieller import fieller_lift
from abtest.stats.pivot import Pivot
from abtest.stats.tails import check_ci_level, t_quantile

if TYPE_CHECKING:
    from collections.abc import Callable

    from abtest.stats.comparison import Comparison


@dataclass(frozen=True, slots=True)
class Level:
    """One variant's estimate, as the pivot needs it.

    Attributes:
        value: The mean or ratio, in the metric's unit; None where there is none.
        variance: The variance of that estimate, in the unit squared; None where it is unknown.
        df: Degrees of freedom of the variance.
        problem: Why something is None; empty where nothing is.
    """

    value: float | None
    variance: float | None
    df: float
    problem: str = ""


def satterthwaite(control: Level, treatment: Level) -> float:
    """Degrees of freedom of the sum of two variances (Satterthwaite 1946, eq. 17).

    1 / df = w^2 / df_c + (1 - w)^2 / df_t, where w is control's share of the variance; in shares
    the formula neither over- nor underflows. The variances must not both be zero.

    Example:
        >>> round(satterthwaite(Level(0.0, 1.0, 9), Level(0.0, 1.0, 9)), 9)
        18.0
    """
    variance_control, variance_treatment = control.variance or 0.0, treatment.variance or 0.0
    share = variance_control / (variance_control + variance_treatment)
    return 1 / (share * share / control.df + (1 - share) * (1 - share) / treatment.df)


def t_comparison(
    control: Level,
    treatment: Level,
    ci_level: float,
    method: str,
    df_of: Callable[[Level, Level], float | None] = satterthwaite,
) -> Comparison:
    """Compare two independent estimates by one t statistic.

    p-value, difference interval and lift interval all invert
    T(rho) = (m_t - rho m_c) / sqrt(v_t + rho^2 v_c), with Satterthwaite's degrees of freedom at
    rho = 1, so that they never contradict each other.

    Args:
        control: The control's estimate.
        treatment: The treatment's estimate.
        ci_level: Coverage of the intervals, between 0 and 1.
        method: The method's kind, for the result.
        df_of: Other degrees of freedom than Satterthwaite's, from the two; None for normal ones.

    Returns:
        The comparison; without inference where a variance is unknown or both are zero.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Welch (1947) for the difference; Tamhane & Logan (2004) for the ratio.

    Example:
        >>> t_comparison(Level(10.0, 0.5, 99), Level(12.0, 0.5, 99), 0.95, "welch").statistic
        2.0
    """
    check_ci_level(ci_level)
    problems = problems_of(control.problem, treatment.problem)
    if not problems and control.variance == 0 and treatment.variance == 0:
        problems = sentence("neither variant varies: there is nothing to test against")
    if problems:
        return without_inference(
            control.value,
            treatment.value,
            ci_level=ci_level,
            method=method,
            note=problems,
        )
    value_control, value = control.value or 0.0, treatment.value or 0.0
    variance_control, variance = control.variance or 0.0, treatment.variance or 0.0
    se = math.sqrt(variance_control + variance)
    pivot = Pivot(value_control, value, se, df_of(control, treatment))
    known = value_control, variance_control, value, variance
    return pivot.comparison(
        lambda quantile: fieller_lift(*known, quantile), ci_level=ci_level, method=method
    )


def t_estimate(level: Level, ci_level: float, method: str) -> Estimate:
    """One variant's estimate with its own t interval.

    Args:
        level: The estimate.
        ci_level: Coverage of the interval, between 0 and 1.
        method: How the interval is named.

    Returns:
        The estimate; without an interval where the variance is unknown or zero.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Example:
        >>> t_estimate(Level(10.0, None, 0, "has one unit"), 0.95, "t").ci
    """
    check_ci_level(ci_level)
    if level.value is None or not level.variance:
        return Estimate(level.value, None, method)
    half_width = t_quantile(level.df, ci_level) * math.sqrt(level.variance)
    return Estimate(
        level.value, Interval(level.value - half_width, level.value + half_width), method
    )
