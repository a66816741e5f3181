"""The chance of success where the effect itself is uncertain."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from abtest.stats.scipy_special import special

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_REACH = 8.0  # standard deviations of the prior on either side


def assurance(
    prior_mean: float, prior_sd: float, value: float, se: float, critical: float
) -> float:
    """The chance of a significant improvement, averaged over a normal prior on the log lift.

    integral of Phi(value (exp(l) - 1) / se - critical) N(l; mean, sd) dl. It is less than the power
    at the mean of an optimistic prior, and never above the prior's own chance of an improvement by
    more than alpha.

    Args:
        prior_mean: Mean of the log lift; above 0 is an improvement.
        prior_sd: Its standard deviation, above 0.
        value: The metric in control, above 0.
        se: Standard error of the difference, above 0.
        critical: The statistic from which the test rejects.

    Returns:
        The chance, 0 to 1.

    Raises:
        ValueError: A number is out of range.

    Source:
        O'Hagan, Stevens & Campbell (2005), Pharmaceutical Statistics 4, 187-201, eq. 1.

    Example:
        >>> round(assurance(0.05, 1e-9, 0.1, 0.05 * 0.1 / 2.8, 1.96), 2)
        0.81
    """
    for name, number in (("prior_sd", prior_sd), ("value", value), ("se", se)):
        if not 0 < number < float("inf"):
            raise ValueError(f"{name} is {number}; it must be a number above 0.")
    # Where the power rises from 0 to 1 may be far narrower than the prior: cut there too.
    low, high = prior_mean - _REACH * prior_sd, prior_mean + _REACH * prior_sd
    turn = math.log1p(max(critical * se / value, 0.0))
    width = se / value / (1 + critical * se / value)
    cuts = [low, *(turn + step * width for step in (-10, -3, 0, 3, 10)), high]
    ends = sorted({min(max(cut, low), high) for cut in cuts})
    return math.fsum(
        _panel(a, b, prior_mean, prior_sd, value / se, critical) for a, b in pairwise(ends)
    )


def _panel(  # noqa: PLR0913, PLR0917 - an interval, a prior and a test
    low: float, high: float, mean: float, sd: float, scale: float, critical: float
) -> float:
    half = (high - low) / 2
    lifts = low + half * (1 + _NODES)
    density = np.exp(-(((lifts - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))
    power = special.ndtr(scale * np.expm1(lifts) - critical)
    return float(half * (_WEIGHTS * density * power).sum())
