"""The log lift and its standard error: the scale on which results of many experiments add up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.clusters.sums import Clusters, cluster_level
from abtest.stats.comparison import Interval
from abtest.stats.means.ratios import ratio_level
from abtest.stats.means.welch import mean_level
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.summaries import Moments, Proportion
from abtest.stats.survival.life_table import LifeTable
from abtest.stats.tails import normal_pvalue, normal_quantile

if TYPE_CHECKING:
    from abtest.stats.summaries import Summary


@dataclass(frozen=True, slots=True)
class LogLift:
    """log(treatment / control) with its standard error by the delta method.

    Attributes:
        value: The logarithm of the ratio of the two values.
        se: Its standard error; 0 where neither varies.
    """

    value: float
    se: float

    def lift_ci(self, ci_level: float = 0.95) -> Interval:
        """exp(log lift -+ z se) - 1: the interval of Katz for shares, and of many tools for means.

        Not what results show: it does not invert the statistic that the p-value comes from, and may
        contradict it. It has no width where ``se`` is 0.

        Args:
            ci_level: Coverage of the interval, between 0 and 1.

        Returns:
            The interval of the lift (0.05 is +5%).

        Raises:
            ValueError: ``ci_level`` is no coverage.

        Example:
            >>> round(LogLift(0.167054, 0.121586).lift_ci().high, 4)
            0.4998
        """
        half_width = normal_quantile(ci_level) * self.se
        return Interval(_expm1(self.value - half_width), _expm1(self.value + half_width))

    @property
    def pvalue(self) -> float | None:
        """2 Phi(-abs(log lift) / se), of a ratio of 1; None where ``se`` is 0."""
        return normal_pvalue(self.value / self.se) if self.se else None


def _expm1(value: float) -> float:
    try:
        return math.expm1(value)
    except OverflowError:
        return math.inf


def log_lift(control: Summary, treatment: Summary) -> LogLift | None:
    """The log lift, for shrinkage and meta-analysis; it takes no part in the p-value.

    se^2 = v_t / m_t^2 + v_c / m_c^2 with v the variance of each value: p (1 - p) / n for a
    proportion, so that v / p^2 = 1 / x - 1 / n.

    Args:
        control: The control's summary.
        treatment: The treatment's summary, of the same type.

    Returns:
        The log lift; None where a value is not positive, where its variance is not known or
        nothing varies, or where the lift or its standard error is out of the range of floats.

    Source:
        Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474, for proportions.

    Example:
        >>> result = log_lift(Proportion(1000, 110), Proportion(1000, 130))
        >>> round(result.value, 6), round(result.se, 6)
        (0.167054, 0.121586)
    """
    bases = [value_and_variance(summary) for summary in (control, treatment)]
    if any(value is None or variance is None or value <= 0 for value, variance in bases):
        return None
    (control_value, control_variance), (value, variance) = (
        (value or 0.0, variance or 0.0) for value, variance in bases
    )
    # Each error is divided by its value before it is squared: the square of a value may be too
    # large or too small for a float.
    se = math.hypot(math.sqrt(variance) / value, math.sqrt(control_variance) / control_value)
    ratio = value / control_value
    if 0 in (ratio, se) or not (math.isfinite(ratio) and math.isfinite(se)):
        return None
    return LogLift(math.log(ratio), se)


def value_and_variance(summary: Summary) -> tuple[float | None, float | None]:
    """One variant's value and the variance of that value; None for what is not known.

    Example:
        >>> value_and_variance(Proportion(100, 50))
        (0.5, 0.0025)
    """
    if isinstance(summary, Proportion):
        if summary.n == 0:
            return None, None
        rate = summary.value
        return rate, rate * (1 - rate) / summary.n
    if isinstance(summary, LifeTable | ValueCounts):
        return None, None  # its value depends on a horizon or a quantile, not known here
    if isinstance(summary, Clusters):
        level = cluster_level(summary).level
    else:
        level = mean_level(summary) if isinstance(summary, Moments) else ratio_level(summary)
    return level.value, level.variance
