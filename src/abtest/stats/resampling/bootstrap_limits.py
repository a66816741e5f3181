"""Intervals and p-values from resamples: percentile, and BCa (bias corrected, accelerated)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.comparison import Interval
from abtest.stats.resampling.draws import most_beyond
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.stats.resampling.value_counts import Floats


def percentile_interval(resamples: Floats, ci_level: float) -> Interval:
    """The order statistics of the resamples that p < alpha just rejects beyond.

    Args:
        resamples: The estimate of each resample.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The interval; infinite where there are too few resamples for the level.

    Source:
        Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 13.3.

    Example:
        >>> percentile_interval(np.arange(1.0, 1000.0), 0.95)
        Interval(low=25.0, high=975.0)
    """
    most = most_beyond(len(resamples), (1 - ci_level) / 2)
    if most < 0:
        return Interval(-math.inf, math.inf)
    ordered = np.sort(resamples)
    last = len(ordered) - 1
    most = min(most, last // 2)
    return Interval(float(ordered[most]), float(ordered[last - most]))


def percentile_pvalue(resamples: Floats) -> float:
    """Twice the rarer side of zero, 2 (k + 1) / (m + 1), at most 1; ties count to both sides.

    Example:
        >>> percentile_pvalue(np.arange(1.0, 1000.0))
        0.002
    """
    rarer = min(int((resamples <= 0).sum()), int((resamples >= 0).sum()))
    return min(2 * (rarer + 1) / (len(resamples) + 1), 1.0)


def bca_interval(
    resamples: Floats, estimate: float, acceleration: float, ci_level: float
) -> Interval:
    """The quantiles of the resamples at the levels that BCa corrects.

    alpha' = Phi(z0 + (z0 + z) / (1 - a (z0 + z))) with z the normal quantile of each end's level
    and Phi(z0) the share of resamples below the estimate (ties half).

    Args:
        resamples: The estimate of each resample.
        estimate: The estimate itself.
        acceleration: a, a sixth of the skewness of the estimate's influence values.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The interval, between order statistics by interpolation.

    Source:
        Efron (1987), JASA 82, 171-185, eq. 2.3; Efron & Tibshirani (1993), eq. 14.10.

    Example:
        >>> bca_interval(np.arange(1.0, 1000.0), 500.0, 0.0, 0.5)
        Interval(low=250.5, high=749.5)
    """
    bias = _bias(resamples, estimate)
    tail = float(special.ndtri((1 - ci_level) / 2))
    shares = [
        float(special.ndtr(bias + _accelerated(bias + z, acceleration))) for z in (tail, -tail)
    ]
    low, high = np.quantile(resamples, shares)
    return Interval(float(min(low, high)), float(max(low, high)))


def bca_pvalue(resamples: Floats, estimate: float, acceleration: float) -> float:
    """The alpha at which an end of the BCa interval is zero.

    Example:
        >>> round(bca_pvalue(np.arange(-500.0, 501.0), 0.0, 0.0), 3)
        1.0
    """
    total = len(resamples)
    ties = int((resamples == 0).sum())
    below = int((resamples < 0).sum()) + ties / 2
    # Half a resample more on both sides: no number of resamples shows a p-value of zero.
    share = min(max(below, 0.5), total - 0.5) / total
    bias = _bias(resamples, estimate)
    step = float(special.ndtri(share)) - bias
    z = step / (1 + acceleration * step) - bias if 1 + acceleration * step > 0 else step
    return min(2 * float(special.ndtr(-abs(z))), 1.0)


def _bias(resamples: Floats, estimate: float) -> float:
    total = len(resamples)
    below = (int((resamples < estimate).sum()) + int((resamples <= estimate).sum())) / 2
    return float(special.ndtri(min(max(below, 0.5), total - 0.5) / total))


def _accelerated(z: float, acceleration: float) -> float:
    left = 1 - acceleration * z
    return z / left if left > 0 else math.copysign(math.inf, z)
