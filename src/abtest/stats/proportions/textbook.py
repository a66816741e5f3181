"""Intervals of textbooks and of other tools, to compare results with theirs; no result uses them.

Each has a statistic of its own, so that none goes with the p-values of this package. How badly they
err (true coverage of 95% intervals, by enumeration): Wald's falls to 84% with 100 units in each
variant and to 40% with 950 and 50; the linear delta lift misses on one side up to 10% of the time,
14% with 950 and 50, where 2.5% is meant. The score keeps 94% in all of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.comparison import Interval
from abtest.stats.log_lift import LogLift, value_and_variance
from abtest.stats.proportions.score_pivot import check_counts
from abtest.stats.tails import normal_quantile

if TYPE_CHECKING:
    from abtest.stats.summaries import Proportion, Summary


def wald_difference(
    control: Proportion, treatment: Proportion, ci_level: float = 0.95
) -> Interval | None:
    """p_t - p_c -+ z sqrt(p_t q_t / n_t + p_c q_c / n_c).

    Do not use it with few events or few others: see above. It can reach beyond -1 and 1, and has no
    width where no variant varies.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The interval of the difference of shares; None where a variant has no units.

    Raises:
        ValueError: ``ci_level`` is no coverage, or there are more events than units.

    Source:
        Agresti & Caffo (2000), The American Statistician 54, 280-288, eq. 1.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(wald_difference(Proportion(34, 1), Proportion(34, 7)).high, 4)
        0.3238
    """
    return _wald(control, treatment, ci_level, added=0)


def agresti_caffo(
    control: Proportion, treatment: Proportion, ci_level: float = 0.95
) -> Interval | None:
    """Wald's interval after adding one unit with and one without an event to each variant.

    It covers well where the variants have one size and even with few units, and is known by heart.
    Between variants of different size it is pulled towards no difference; the score is not.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The interval of the difference of shares; None where a variant has no units.

    Raises:
        ValueError: ``ci_level`` is no coverage, or there are more events than units.

    Source:
        Agresti & Caffo (2000), The American Statistician 54, 280-288, eq. 4.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(agresti_caffo(Proportion(34, 1), Proportion(34, 7)).high, 4)
        0.3217
    """
    return _wald(control, treatment, ci_level, added=1)


def _wald(
    control: Proportion, treatment: Proportion, ci_level: float, added: int
) -> Interval | None:
    quantile = normal_quantile(ci_level)
    check_counts(control, treatment)
    if min(control.n, treatment.n) == 0:
        return None
    sizes = [variant.n + 2 * added for variant in (control, treatment)]
    shares = [
        (variant.successes + added) / n
        for variant, n in zip((control, treatment), sizes, strict=True)
    ]
    variance = math.fsum(share * (1 - share) / n for share, n in zip(shares, sizes, strict=True))
    difference, half_width = shares[1] - shares[0], quantile * math.sqrt(variance)
    return Interval(difference - half_width, difference + half_width)


def walter_log_lift(control: Proportion, treatment: Proportion) -> LogLift | None:
    """The log lift with half an event and half a unit added to each variant.

    log[(x_t + 1/2) / (n_t + 1/2)] - log[(x_c + 1/2) / (n_c + 1/2)], with
    se^2 = 1 / (x_t + 1/2) - 1 / (n_t + 1/2) + 1 / (x_c + 1/2) - 1 / (n_c + 1/2): there is a ratio
    even without events. The half event decides what it is then; the interval of the score says what
    is known. ``lift_ci`` is the interval.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.

    Returns:
        The log lift; None where a variant has no units.

    Raises:
        ValueError: There are more events than units.

    Source:
        Walter (1975), Biometrika 62, 371-374.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(walter_log_lift(Proportion(34, 1), Proportion(34, 7)).lift_ci().high, 4)
        26.0523
    """
    check_counts(control, treatment)
    if min(control.n, treatment.n) == 0:
        return None
    (base, base_variance), (other, variance) = (
        (
            math.log((one.successes + 0.5) / (one.n + 0.5)),
            (one.n - one.successes) / ((one.successes + 0.5) * (one.n + 0.5)),
        )
        for one in (control, treatment)
    )
    return LogLift(other - base, math.sqrt(base_variance + variance))


def linear_delta_lift(
    control: Summary, treatment: Summary, ci_level: float = 0.95
) -> Interval | None:
    """The lift l = m_t / m_c - 1 with l -+ z sqrt(v_t / m_c^2 + m_t^2 v_c / m_c^4).

    Do not use it: the ratio of two noisy values is skewed and this interval is symmetric. It misses
    on one side (see above; above 9% of the time with skewed revenue and 500 customers), and in 1%
    to 32% of null experiments it contradicts the p-value beside it. Fieller's never does.

    Args:
        control: The control's summary.
        treatment: The treatment's summary, of the same type.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The interval of the lift (0.05 is +5%); None where control's value is not positive, or where
        a value or its variance is not known or out of the range of floats.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Deng, Knoblich & Lu (2018), Applying the delta method in metric analytics, section 2.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(linear_delta_lift(Proportion(34, 1), Proportion(34, 7)).low, 4)
        -8.2846
    """
    quantile = normal_quantile(ci_level)
    (base, base_variance), (value, variance) = map(value_and_variance, (control, treatment))
    if None in (base, base_variance, value, variance) or not base or base < 0:
        return None
    ratio = (value or 0.0) / base
    # Divided before squaring: the square of a value may be out of the range of floats.
    errors = math.sqrt(variance or 0.0) / base, ratio * math.sqrt(base_variance or 0.0) / base
    half_width = quantile * math.hypot(*errors)
    if not (math.isfinite(ratio) and math.isfinite(half_width)):
        return None
    return Interval(ratio - 1 - half_width, ratio - 1 + half_width)
