"""Two proportions by one score statistic (Miettinen & Nurminen 1985)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.proportions.score_pivot import score_comparison

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison
    from abtest.stats.summaries import Proportion

_METHOD = "miettinen_nurminen"


def miettinen_nurminen(
    control: Proportion, treatment: Proportion, ci_level: float = 0.95
) -> Comparison:
    """Compare two proportions by the score with the factor N / (N - 1).

    Z(d) = (p_t - p_c - d) / sqrt([p~_t q~_t / n_t + p~_c q~_c / n_c] N / (N - 1)) with p~ the
    maximum-likelihood estimates under p_t - p_c = d; for the ratio r likewise under p_t = r p_c.
    At d = 0 and r = 1 both are the "N - 1" chi-square statistic, whose p-value is reported. So the
    p-value is below alpha exactly when both intervals leave out no effect, zero and full cells
    included.

    Assumes independent units, each counted once.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison. ``se`` is the standard error of the difference at no effect, so that
        difference = statistic * se. The lift is None where control has no events; its interval
        then has no upper end.

    Raises:
        ValueError: ``ci_level`` is no coverage, or there are more events than units.

    Source:
        Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226, eq. 8 to 10 and appendix I;
        Campbell (2007), Statistics in Medicine 26, 3661-3675, for the "N - 1" test.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> result = miettinen_nurminen(Proportion(34, 1), Proportion(34, 7))
        >>> round(result.pvalue, 4), round(result.difference_ci.low, 4)
        (0.025, 0.027)
    """
    return score_comparison(control, treatment, plain_score, ci_level, _METHOD)


def plain_score(distance: float, variance: float, third: float) -> float:  # noqa: ARG001 - see Score
    """Distance in standard errors; infinite where a distance has no variance."""
    if variance > 0:
        return distance / math.sqrt(variance)
    return math.copysign(math.inf, distance) if distance else 0.0
