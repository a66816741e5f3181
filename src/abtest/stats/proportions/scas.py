"""Two proportions by the score with a correction for skewness (Laud 2017)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.proportions.score_pivot import score_comparison

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison
    from abtest.stats.summaries import Proportion


def scas(control: Proportion, treatment: Proportion, ci_level: float = 0.95) -> Comparison:
    """Compare two proportions by the skewness-corrected asymptotic score.

    With s the score of Miettinen & Nurminen and a = mu3 / (6 V^1.5), the score z solves
    z = s - a (z^2 - 1), where mu3 = p~_t q~_t (q~_t - p~_t) / n_t^2 - theta^3 p~_c q~_c
    (q~_c - p~_c) / n_c^2 (theta = 1 for a difference) and V is the variance in s. At no effect
    difference and ratio have the same s, V and mu3, so p-value and both intervals agree for every
    level. Where the variants are of one size and nothing differs, it is the same as s.

    Two conventions: where the correction would turn the sign of the score (it is then below 1), the
    score is 0, so that intervals hold their estimate at levels below 68% as well; and where the
    equation has no solution, the score stays at the last one until s is larger.

    Assumes independent units, each counted once. Keeps the error of each side close to nominal
    where one variant is much smaller than the other, which the plain score does not.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison. ``se`` is the standard error of the difference at no effect, before the
        correction. The lift is None where control has no events; its interval then has no upper
        end. With one or two events a limit of the lift may be missing at high levels too.

    Raises:
        ValueError: ``ci_level`` is no coverage, or there are more events than units.

    Source:
        Laud (2017), Pharmaceutical Statistics 16, 334-348; Gart & Nam (1988), Biometrics 44,
        323-338, and (1990), Biometrics 46, 637-643.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> result = scas(Proportion(1000, 2), Proportion(1000, 9))
        >>> round(result.difference_ci.low, 6), round(result.difference_ci.high, 6)
        (0.000595, 0.014761)
    """
    return score_comparison(control, treatment, corrected_score, ci_level, "scas")


def corrected_score(distance: float, variance: float, third: float) -> float:
    """Distance in standard errors, corrected for skewness."""
    if distance == 0:
        return 0.0
    if variance <= 0:
        return math.copysign(math.inf, distance)
    score = distance / math.sqrt(variance)
    skew = third / (6 * variance * math.sqrt(variance))
    inside = 1 + 4 * skew * (score + skew)
    if inside < 0:  # the expansion folds back here: no score goes with so far a distance
        return math.copysign(max(abs(1 / (2 * skew)), abs(score)), score)
    # The same root as (sqrt(inside) - 1) / (2 skew), without its cancellation at small skew.
    corrected = 2 * (score + skew) / (1 + math.sqrt(inside))
    return corrected if corrected * score > 0 else 0.0
