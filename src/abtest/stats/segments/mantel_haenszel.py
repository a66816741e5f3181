"""One effect over several strata of counts, by the weights of Mantel and Haenszel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from abtest.stats.summaries import Proportion

    Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stratified:
    """The effect common to all strata.

    Attributes:
        difference: The difference of shares, treatment minus control.
        difference_se: Its standard error, by Sato's variance; None where it is not positive.
        ratio: The ratio of shares; None where control has no event, or treatment none.
        log_ratio_se: Standard error of its logarithm; None as the ratio, or where no share varies.
        odds_ratio: The ratio of odds; None where a product of counts is 0 throughout.
        log_odds_ratio_se: Standard error of its logarithm.
        statistic: The Cochran-Mantel-Haenszel chi-square on one degree of freedom, without
            continuity correction; None where no event count can vary.
        pvalue: Its p-value, of no effect in any stratum.
    """

    difference: float
    difference_se: float | None
    ratio: float | None
    log_ratio_se: float | None
    odds_ratio: float | None
    log_odds_ratio_se: float | None
    statistic: float | None
    pvalue: float | None


def mantel_haenszel(strata: Sequence[tuple[Proportion, Proportion]]) -> Stratified:
    """Combine strata of counts into one difference, one ratio and one ratio of odds.

    With x and y the events of treatment and control among n and m units, N = n + m:
    difference = sum (x m - y n) / N / sum (n m / N); ratio = sum (x m / N) / sum (y n / N);
    odds ratio = sum x (m - y) / N / sum y (n - x) / N. The weights are best where the effect is the
    same in all strata, and work with many small ones. Strata without units of one of the variants
    are left out.

    Args:
        strata: Each stratum's counts as (control, treatment).

    Returns:
        The common effects with their standard errors.

    Raises:
        ValueError: No stratum has units of both variants.

    Source:
        Mantel & Haenszel (1959), J. Natl. Cancer Inst. 22, 719-748; Greenland & Robins (1985),
        Biometrics 41, 55-68, for difference and ratio; Sato (1989), Biometrics 45, 1323-1324, for
        the difference's variance; Robins, Breslow & Greenland (1986), Biometrics 42, 311-323, for
        the odds ratio's.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> small = (Proportion(270, 234), Proportion(87, 81))
        >>> large = (Proportion(80, 55), Proportion(263, 192))
        >>> found = mantel_haenszel([small, large])  # kidney stones: pooled, it is below 0
        >>> round(found.difference, 4)
        0.0538
    """
    both = [pair for pair in strata if pair[0].n and pair[1].n]
    if not both:
        raise ValueError("no stratum has units of both variants; at least one must.")
    y, m, x, n = (
        np.array(column, dtype=float)
        for column in zip(
            *((c.successes, c.n, t.successes, t.n) for c, t in both),
            strict=True,
        )
    )
    total = n + m
    weight = float((n * m / total).sum())
    difference = float(((x * m - y * n) / total).sum()) / weight
    statistic = _chi_square(x, y, n, m)
    ratio, ratio_se = _ratio(x, y, n, m)
    odds, odds_se = _odds_ratio(x, y, n, m)
    return Stratified(
        difference=difference,
        difference_se=_sato(difference, x, y, n, m),
        ratio=ratio,
        log_ratio_se=ratio_se,
        odds_ratio=odds,
        log_odds_ratio_se=odds_se,
        statistic=statistic,
        pvalue=None if statistic is None else float(special.chdtrc(1, statistic)),
    )


def _sato(difference: float, x: Vector, y: Vector, n: Vector, m: Vector) -> float | None:
    total = n + m
    p = (n * n * y - m * m * x + n * m * (m - n) / 2) / total**2
    q = (x * (m - y) + y * (n - x)) / (2 * total)
    variance = (difference * float(p.sum()) + float(q.sum())) / float((n * m / total).sum()) ** 2
    return math.sqrt(variance) if variance > 0 else None


def _ratio(x: Vector, y: Vector, n: Vector, m: Vector) -> tuple[float | None, float | None]:
    total = n + m
    top, bottom = float((x * m / total).sum()), float((y * n / total).sum())
    if not (top and bottom):
        return None, None
    spread = float(((n * m * (x + y) - x * y * total) / total**2).sum())
    variance = spread / (top * bottom)
    return top / bottom, math.sqrt(variance) if variance > 0 else None


def _odds_ratio(x: Vector, y: Vector, n: Vector, m: Vector) -> tuple[float | None, float | None]:
    total = n + m
    r, s = x * (m - y) / total, y * (n - x) / total
    top, bottom = float(r.sum()), float(s.sum())
    if not (top and bottom):
        return None, None
    same, other = (x + m - y) / total, (y + n - x) / total
    variance = (
        float((same * r).sum()) / (2 * top**2)
        + float((same * s + other * r).sum()) / (2 * top * bottom)
        + float((other * s).sum()) / (2 * bottom**2)
    )
    return top / bottom, math.sqrt(variance)


def _chi_square(x: Vector, y: Vector, n: Vector, m: Vector) -> float | None:
    total, events = n + m, x + y
    large = total > 1
    variance = n * m * events * (total - events) / (total**2 * np.where(large, total - 1, 1))
    spread = float(variance[large].sum())
    return float((x - n * events / total).sum()) ** 2 / spread if spread > 0 else None
