"""One variant's own value with its own interval, for charts and descriptive results."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.comparison import Estimate, Interval
from abtest.stats.means import mean_level
from abtest.stats.ratios import ratio_level
from abtest.stats.t_pivot import t_estimate
from abtest.stats.tails import normal_quantile

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
