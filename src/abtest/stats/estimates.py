"""One variant's own value with its own interval, for charts and descriptive results."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.comparison import Estimate, Interval
from abtest.stats.means.ratios import ratio_level
from abtest.stats.means.t_pivot import t_estimate
from abtest.stats.means.welch import mean_level
from abtest.stats.scipy_special import special
from abtest.stats.tails import check_ci_level, normal_quantile

if TYPE_CHECKING:
    from abtest.stats.summaries import Moments, PairMoments, Proportion


def proportion_estimate(proportion: Proportion, ci_level: float = 0.95) -> Estimate:
    """A share with Wilson's interval, (p + z^2/2n -+ z sqrt(p q/n + z^2/4n^2)) / (1 + z^2/n).

    Args:
        proportion: The variant's units and events.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The estimate, a share from 0 to 1; without a value where there are no units.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Wilson (1927), JASA 22, 209-212.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> proportion_estimate(Proportion(n=10, successes=0)).ci.low
        0.0
    """
    quantile = normal_quantile(ci_level)
    n, events = proportion.n, proportion.successes
    if n == 0:
        return Estimate(None, None, "wilson")
    slack = quantile * quantile
    centre = events + slack / 2
    half_width = quantile * math.sqrt(events * (n - events) / n + slack / 4)
    # The limits are exactly 0 and 1 at the ends, where the formula would leave rounding behind.
    low = 0.0 if events == 0 else (centre - half_width) / (n + slack)
    high = 1.0 if events == n else (centre + half_width) / (n + slack)
    return Estimate(proportion.value, Interval(low, high), "wilson")


def clopper_pearson_estimate(proportion: Proportion, ci_level: float = 0.95) -> Estimate:
    """A share with the exact interval, from quantiles of Beta(x, n - x + 1) and Beta(x + 1, n - x).

    It never covers less than it says, and so mostly covers more and is wide; Wilson's, which all
    reports show, covers what it says on average.

    Args:
        proportion: The variant's units and events.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The estimate, a share from 0 to 1; without a value where there are no units.

    Raises:
        ValueError: ``ci_level`` is no coverage, or there are more events than units.

    Source:
        Clopper & Pearson (1934), Biometrika 26, 404-413.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(clopper_pearson_estimate(Proportion(n=10, successes=0)).ci.high, 4)
        0.3085
    """
    return _beta_estimate(proportion, ci_level, (0.0, 1.0), "clopper_pearson")


def jeffreys_estimate(proportion: Proportion, ci_level: float = 0.95) -> Estimate:
    """A share with Jeffreys' interval, from quantiles of Beta(x + 1/2, n - x + 1/2).

    The equal-tailed interval of the posterior under Jeffreys' prior, with 0 as its lower end where
    there are no events and 1 as its upper end where there is nothing else. It covers about as well
    as Wilson's, a little less near 0 and 1.

    Args:
        proportion: The variant's units and events.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The estimate, a share from 0 to 1; without a value where there are no units.

    Raises:
        ValueError: ``ci_level`` is no coverage, or there are more events than units.

    Source:
        Brown, Cai & DasGupta (2001), Statistical Science 16, 101-133, section 3.1.2.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(jeffreys_estimate(Proportion(n=10, successes=0)).ci.high, 4)
        0.2172
    """
    return _beta_estimate(proportion, ci_level, (0.5, 0.5), "jeffreys")


def _beta_estimate(
    proportion: Proportion, ci_level: float, added: tuple[float, float], method: str
) -> Estimate:
    """A share between quantiles of Beta(x + a, n - x + b); (a, b) are swapped for the upper end."""
    check_ci_level(ci_level)
    n, events = proportion.n, proportion.successes
    if not 0 <= events <= n:
        raise ValueError(f"there are {events} events of {n} units; there must be at most as many.")
    if n == 0:
        return Estimate(None, None, method)
    tail, (few, many), others = (1 - ci_level) / 2, added, n - events
    low = special.betaincinv(events + few, others + many, tail) if events else 0.0
    # From the other side, so that an upper end near 1 keeps its digits.
    high = special.betainccinv(events + many, others + few, tail) if others else 1.0
    return Estimate(proportion.value, Interval(float(low), float(high)), method)


def mean_estimate(moments: Moments, ci_level: float = 0.95) -> Estimate:
    """A mean with the t interval, m -+ t_{n-1} s / sqrt(n).

    Args:
        moments: The variant's moments.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The estimate, in the metric's unit; without an interval where the units show no variation.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Student (1908), Biometrika 6, 1-25.

    Example:
        >>> from abtest.stats.summaries import Moments
        >>> mean_estimate(Moments(n=1, mean=3.0, m2=0.0))
        Estimate(value=3.0, ci=None, method='t')
    """
    return t_estimate(mean_level(moments), ci_level, "t")


def ratio_estimate(pair: PairMoments, ci_level: float = 0.95) -> Estimate:
    """A ratio of sums with the t interval of its linearised values.

    Args:
        pair: The variant's moments of numerator and denominator.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The estimate, in units of the numerator per unit of the denominator; without a value where
        the denominator is not positive.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Deng, Knoblich & Lu (2018), Applying the delta method in metric analytics, section 3.

    Example:
        >>> from abtest.stats.summaries import PairMoments
        >>> ratio_estimate(PairMoments(n=5, mean_y=6, mean_x=2, m2_y=80, m2_x=0, c_xy=0)).value
        3.0
    """
    return t_estimate(ratio_level(pair), ci_level, "linearized_t")
