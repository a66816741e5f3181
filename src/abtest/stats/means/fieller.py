"""Fieller's interval for a relative lift."""

from __future__ import annotations

import math

from abtest.stats.comparison import Interval


def fieller_lift(
    mean_control: float,
    variance_control: float,
    mean_treatment: float,
    variance_treatment: float,
    quantile: float,
) -> Interval | None:
    """The values of the lift l that T(l) does not reject, for two independent means.

    T(l) = (d - l m_c) / sqrt(v_t + (1 + l)^2 v_c) with d = m_t - m_c. At l = 0 this is Welch's t,
    so the interval leaves out 0 exactly when Welch's test rejects. The limits solve
    A l^2 - 2 (d m_c + q^2 v_c) l + d^2 - q^2 (v_c + v_t) = 0 with A = m_c^2 - q^2 v_c. Solving for
    the lift and not for the ratio keeps the digits of a small lift on a large mean.

    Assumes independent, approximately normal means and a positive control mean.

    Args:
        mean_control: The control's mean m_c, above 0, in the metric's unit.
        variance_control: The variance v_c of that mean, at least 0, in the unit squared.
        mean_treatment: The treatment's mean m_t.
        variance_treatment: The variance v_t of that mean.
        quantile: The critical value q of T, such as 1.96.

    Returns:
        The interval of the lift (0.05 is +5%), or None where g = q^2 v_c / m_c^2 >= 1: control is
        not clear of zero, and the set of lifts that are not rejected is unbounded.

    Source:
        Fieller (1954), Some problems in interval estimation, JRSS B 16, 175-185.

    Example:
        >>> fieller_lift(10.0, 0.0, 11.0, 0.25, 2.0)
        Interval(low=0.0, high=0.2)
    """
    slack = quantile * quantile
    leading = mean_control * mean_control - slack * variance_control
    if leading <= 0:
        return None
    difference = mean_treatment - mean_control
    middle = difference * mean_control + slack * variance_control
    root = quantile * math.sqrt(
        variance_control * mean_treatment * mean_treatment + variance_treatment * leading
    )
    # The root that adds two numbers of one sign is exact; the other follows from their product,
    # whose sign is that of the t test: so p-value and interval cannot contradict each other.
    far = middle + math.copysign(root, middle)
    if far == 0:
        return Interval(0.0, 0.0)
    half_width = quantile * math.sqrt(variance_control + variance_treatment)
    near = (abs(difference) - half_width) * (abs(difference) + half_width) / far
    return Interval(*sorted((far / leading, near)))
