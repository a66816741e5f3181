"""One pivot for two estimates that share a part of their error: t, and Fieller for the lift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.comparison import Interval
from abtest.stats.log_lift import LogLift
from abtest.stats.pivot import Pivot

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison


@dataclass(frozen=True, slots=True)
class Pair:
    """Two estimates with their joint variance.

    Attributes:
        value_control: Control's estimate, in the metric's unit.
        value: The treatment's estimate.
        variance_control: The variance of control's estimate, in the unit squared.
        variance: The variance of the treatment's.
        covariance: The covariance of the two; 0 where they are independent.
        df: Degrees of freedom of the variance of the difference.
    """

    value_control: float
    value: float
    variance_control: float
    variance: float
    covariance: float
    df: float

    @property
    def difference(self) -> float:
        """Treatment minus control."""
        return self.value - self.value_control

    @property
    def difference_variance(self) -> float:
        """The variance of the difference, v_t + v_c - 2 v_tc."""
        return self.variance_control + self.variance - 2 * self.covariance

    @property
    def log_lift(self) -> LogLift | None:
        """log(m_t / m_c) with se^2 = v_t / m_t^2 + v_c / m_c^2 - 2 v_tc / (m_t m_c).

        For shrinkage and meta-analysis; it takes no part in the p-value. None where a value is not
        positive, or where the lift is out of the range of floats.
        """
        if min(self.value, self.value_control) <= 0:
            return None
        ratio = self.value / self.value_control
        squares = (
            self.variance / self.value / self.value
            + self.variance_control / self.value_control / self.value_control
            - 2 * self.covariance / self.value / self.value_control
        )
        if ratio == 0 or not (math.isfinite(ratio) and math.isfinite(squares)):
            return None
        return LogLift(math.log(ratio), math.sqrt(max(squares, 0.0)))


def joint_fieller_lift(pair: Pair, quantile: float) -> Interval | None:
    """The values of the lift l that T(l) does not reject, for two correlated estimates.

    T(l) = (d - l m_c) / sqrt(v_d + 2 l k + l^2 v_c) with d = m_t - m_c, v_d the variance of d and
    k = v_c - v_tc. The limits solve A l^2 - 2 (d m_c + q^2 k) l + d^2 - q^2 v_d = 0 with
    A = m_c^2 - q^2 v_c. Without covariance this is ``stats.fieller``.

    Assumes jointly normal estimates and a positive control value.

    Args:
        pair: The two estimates; ``value_control`` above 0.
        quantile: The critical value q of T, such as 1.96.

    Returns:
        The interval of the lift (0.05 is +5%), or None where control is not clear of zero.

    Source:
        Fieller (1954), Some problems in interval estimation, JRSS B 16, 175-185.

    Example:
        >>> joint_fieller_lift(Pair(10.0, 11.0, 0.0, 0.25, 0.0, 99), 2.0)
        Interval(low=0.0, high=0.2)
    """
    slack = quantile * quantile
    mean = pair.value_control
    # In units of control's value nothing over- or underflows.
    variance = pair.variance_control / mean / mean
    covariance = pair.covariance / mean / mean
    leading = 1 - slack * variance
    if leading <= 0:
        return None
    middle = pair.difference / mean + slack * (variance - covariance)
    # What of the treatment does not go with control: it makes the root a sum of squares, which
    # rounding cannot push below zero.
    slope = covariance / variance if variance else 0.0
    rest_value = pair.value / mean - slope
    rest_variance = max(pair.variance / mean / mean - slope * covariance, 0.0)
    root = quantile * math.sqrt(variance * rest_value * rest_value + rest_variance * leading)
    far = middle + math.copysign(root, middle)
    if far == 0:
        return Interval(0.0, 0.0)
    # The product of the roots has the sign of the t test, so that the two never disagree.
    half_width = quantile * math.sqrt(pair.difference_variance)
    distance = abs(pair.difference)
    near = (distance - half_width) / mean * ((distance + half_width) / mean) / far
    return Interval(*sorted((far / leading, near)))


def correlated_comparison(
    pair: Pair, *, ci_level: float, method: str, notes: tuple[str, ...] = ()
) -> Comparison:
    """Compare two estimates by one t statistic with their joint variance.

    p-value, difference interval and lift interval all invert
    T(rho) = (m_t - rho m_c) / sqrt(v_t - 2 rho v_tc + rho^2 v_c) with the degrees of freedom at
    rho = 1, so that they never contradict each other.

    Args:
        pair: The two estimates; the variance of their difference must be above 0.
        ci_level: Coverage of the intervals, between 0 and 1.
        method: The method's kind, for the result.
        notes: What else is to be said.

    Returns:
        The comparison; without a lift where control's value is not positive.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Fieller (1954); Tamhane & Logan (2004) for the ratio.

    Example:
        >>> pair = Pair(10.0, 12.0, 0.75, 0.75, 0.25, 99)
        >>> correlated_comparison(pair, ci_level=0.95, method="any").statistic
        2.0
    """
    se = math.sqrt(pair.difference_variance)
    return Pivot(pair.value_control, pair.value, se, pair.df).comparison(
        lambda quantile: joint_fieller_lift(pair, quantile),
        ci_level=ci_level,
        method=method,
        notes=notes,
    )
