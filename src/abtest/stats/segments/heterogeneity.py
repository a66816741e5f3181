"""Do the segments' effects differ, and do they point in different directions?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Whether effects differ by more than chance.

    Attributes:
        statistic: Cochran's Q.
        df: Its degrees of freedom, the number of effects less one.
        pvalue: P(chi-square >= Q): small where the effects differ.
        mean: The mean of the effects, weighted by their precision.
        se: Its standard error.
    """

    statistic: float
    df: int
    pvalue: float
    mean: float
    se: float


def heterogeneity(effects: Sequence[float], ses: Sequence[float]) -> Heterogeneity:
    """Cochran's Q: do independent effects differ by more than chance?

    With w = 1 / se^2 and m = sum w d / sum w: Q = sum w (d - m)^2, on k - 1 degrees of freedom.
    It is the Wald test of the interaction of treatment and segment. On differences it asks whether
    as many customers more come back in each segment; on log lifts, whether as many times more. Both
    can hold at once only where there is no effect.

    Assumes independent effects of about normal distribution, such as those of disjoint segments
    with some 20 units of each variant.

    Args:
        effects: One effect for each segment, at least two.
        ses: Their standard errors, above 0.

    Returns:
        The test.

    Raises:
        ValueError: There are fewer than two effects, the lengths differ, or a number is not finite
            or no standard error.

    Source:
        Cochran (1954), Biometrics 10, 101-129, section 3.

    Example:
        >>> found = heterogeneity([0.03, -0.03], [0.01, 0.01])
        >>> round(found.statistic, 9), found.df, round(found.pvalue, 9)
        (18.0, 1, 2.209e-05)
    """
    values, weights = _checked(effects, ses, 2)
    mean = float(weights @ values / weights.sum())
    statistic = float(weights @ np.square(values - mean))
    df = len(values) - 1
    pvalue = float(special.chdtrc(df, statistic))
    return Heterogeneity(statistic, df, pvalue, mean, float(weights.sum()) ** -0.5)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Whether the treatment helps some segments and harms others.

    Attributes:
        statistic: Gail and Simon's: the smaller of the distances to "nowhere better" and "nowhere
            worse".
        pvalue: Of no crossing: small where some are helped and others are harmed.
    """

    statistic: float
    pvalue: float


def qualitative_interaction(effects: Sequence[float], ses: Sequence[float]) -> Crossing:
    """Gail and Simon's test of a crossing interaction: are some segments helped, others harmed?

    Q = min(sum over d > 0 of (d / se)^2, sum over d < 0 of (d / se)^2), and
    p = sum_{h=1}^{k-1} Binomial(h; k - 1, 1/2) P(chi-square_h >= Q). Effects that differ in size
    alone do not count.

    Assumes independent effects of about normal distribution.

    Args:
        effects: One effect for each segment, at least two.
        ses: Their standard errors, above 0.

    Returns:
        The test; a p-value of 1 where all effects point one way.

    Raises:
        ValueError: As `heterogeneity`.

    Source:
        Gail & Simon (1985), Biometrics 41, 361-372, eq. 3 and table 1.

    Example:
        >>> found = qualitative_interaction([0.3, -0.3], [0.1, 0.1])
        >>> round(found.statistic, 9), round(found.pvalue, 6)
        (9.0, 0.00135)
    """
    values, weights = _checked(effects, ses, 2)
    parts = weights * np.square(values)
    statistic = float(min(parts[values > 0].sum(), parts[values < 0].sum()))
    if statistic == 0:
        return Crossing(0.0, 1.0)
    others = len(values) - 1
    chances = (
        math.exp(_log_half_binomial(h, others)) * float(special.chdtrc(h, statistic))
        for h in range(1, others + 1)
    )
    return Crossing(statistic, min(math.fsum(chances), 1.0))


def _log_half_binomial(h: int, n: int) -> float:
    """Logarithm of the chance of h heads in n tosses."""
    ways = math.lgamma(n + 1) - math.lgamma(h + 1) - math.lgamma(n - h + 1)
    return ways - n * math.log(2)


@dataclass(frozen=True, slots=True)
class Weighted:
    """A weighted mean of effects.

    Attributes:
        value: The mean.
        se: Its standard error, at fixed weights.
    """

    value: float
    se: float


def weighted_effect(
    effects: Sequence[float], ses: Sequence[float], units: Sequence[float]
) -> Weighted:
    """The effect over all segments, each counted by its share of all units: post-stratification.

    sum_k (N_k / N) d_k with the variance sum_k (N_k / N)^2 se_k^2. Unlike the pooled difference it
    cannot be moved by segments in which the variants have other shares (Simpson's paradox).

    Args:
        effects: One effect for each segment, at least one.
        ses: Their standard errors, at least 0.
        units: Units of all variants in each segment, at least 0, not all 0.

    Returns:
        The effect.

    Raises:
        ValueError: The lengths differ, there is no effect, or a number is out of range.

    Source:
        Miratrix, Sekhon & Yu (2013), J. R. Stat. Soc. B 75, 369-396, eq. 4.

    Example:
        >>> round(weighted_effect([0.1, -0.1], [0.03, 0.04], [300, 100]).value, 9)
        0.05
    """
    if not effects or not len(effects) == len(ses) == len(units):
        raise ValueError(
            f"there are {len(effects)} effects, {len(ses)} standard errors and {len(units)} "
            "numbers of units; give one of each for every segment, and at least one segment."
        )
    for value in (*ses, *units):
        if not 0 <= value < math.inf:
            raise ValueError(f"a standard error or a number of units is {value}; it must be from 0")
    if not sum(units):
        raise ValueError("no segment has units; at least one must.")
    shares = np.asarray(units, dtype=float) / math.fsum(units)
    value = float(shares @ np.asarray(effects, dtype=float))
    return Weighted(value, float(np.linalg.norm(shares * np.asarray(ses, dtype=float))))


def _checked(effects: Sequence[float], ses: Sequence[float], fewest: int) -> tuple[Vector, Vector]:
    """The effects and their precisions."""
    if len(effects) < fewest or len(effects) != len(ses):
        raise ValueError(
            f"there are {len(effects)} effects and {len(ses)} standard errors; "
            f"give one standard error for each effect, and at least {fewest} effects."
        )
    for effect, se in zip(effects, ses, strict=True):
        if not (math.isfinite(effect) and 0 < se < math.inf):
            raise ValueError(
                f"an effect is {effect} with the standard error {se}; "
                "both must be finite and the standard error above 0."
            )
    return np.asarray(effects, dtype=float), np.asarray(ses, dtype=float) ** -2
