"""A ratio of sums per variant, such as revenue per order, with the customer as the unit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.sentences import sentence
from abtest.stats.means.t_pivot import Level, t_comparison

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison
    from abtest.stats.summaries import PairMoments

_ROUNDING = 1e-12  # a residual below this share of its terms is rounding, not variation
_TOO_SMALL = sentence("has a denominator too small to divide by")


def ratio_level(pair: PairMoments) -> Level:
    """The ratio R = sum(y) / sum(x) of one variant with its linearised variance.

    v = s2_u / n with u_i = (y_i - R x_i) / mean(x) and s2_u with n - 1 in the denominator.

    Args:
        pair: The variant's moments of numerator y and denominator x, one pair per unit.

    Returns:
        The level; its value is None where the denominator's mean is not positive.

    Example:
        >>> from abtest.stats.summaries import PairMoments
        >>> ratio_level(PairMoments(n=5, mean_y=6, mean_x=2, m2_y=80, m2_x=0, c_xy=0)).variance
        1.0
    """
    n = pair.n
    if n == 0:
        return Level(None, None, 0, sentence("has no observed units"))
    parts = (pair.mean_y, pair.mean_x, pair.m2_y, pair.m2_x, pair.c_xy)
    if not all(math.isfinite(part) for part in parts):
        return Level(None, None, 0, sentence("has values too large to average"))
    if pair.mean_x <= 0:
        return Level(
            None, None, 0, sentence("has a denominator that does not add up to more than zero")
        )
    ratio = pair.mean_y / pair.mean_x
    if not math.isfinite(ratio):
        return Level(None, None, 0, _TOO_SMALL)
    if n == 1:
        return Level(ratio, None, 0, sentence("has one observed unit, which shows no variation"))
    terms = pair.m2_y + ratio * ratio * pair.m2_x
    residual = terms - 2 * ratio * pair.c_xy
    residual = residual if residual > _ROUNDING * terms else 0.0
    variance = residual / pair.mean_x / pair.mean_x / (n - 1) / n
    if not math.isfinite(terms + variance):
        return Level(None, None, 0, _TOO_SMALL)
    return Level(ratio, variance, n - 1)


def linearized_ratio(
    control: PairMoments, treatment: PairMoments, ci_level: float = 0.95
) -> Comparison:
    """Compare two ratios of sums by the delta method with the unit of randomisation as the unit.

    Each ratio's variance is that of its linearised values, v = s2_u / n. The comparison is Welch's
    t on (R, v) with Satterthwaite's degrees of freedom, with Fieller's interval for the lift.

    Assumes independent units, a denominator clear of zero and samples large enough to linearise.

    Args:
        control: The control's moments.
        treatment: The treatment's moments.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, in units of the numerator per unit of the denominator. Without inference
        with fewer than two units in a variant or where neither varies.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Deng, Knoblich & Lu (2018), Applying the delta method in metric analytics, section 3.

    Example:
        >>> from abtest.stats.summaries import PairMoments
        >>> control = PairMoments(n=50, mean_y=20, mean_x=2, m2_y=980, m2_x=0, c_xy=0)
        >>> treatment = PairMoments(n=50, mean_y=22, mean_x=2, m2_y=980, m2_x=0, c_xy=0)
        >>> round(linearized_ratio(control, treatment).pvalue, 4)
        0.0276
    """
    return t_comparison(ratio_level(control), ratio_level(treatment), ci_level, "linearized_ratio")


def linearized_ratio_z(
    control: PairMoments, treatment: PairMoments, ci_level: float = 0.95
) -> Comparison:
    """Compare two ratios of sums as ``linearized_ratio`` does, by the normal distribution.

    z = (R_t - R_c) / sqrt(v_t + v_c): what many tools print. With hundreds of units in each variant
    it is the same; with fewer it rejects too often, because the variances are estimates too.

    Args:
        control: The control's moments.
        treatment: The treatment's moments.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, like that of ``linearized_ratio``, without degrees of freedom.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Deng, Knoblich & Lu (2018), Applying the delta method in metric analytics, section 3.

    Example:
        >>> from abtest.stats.summaries import PairMoments
        >>> control = PairMoments(n=50, mean_y=20, mean_x=2, m2_y=980, m2_x=0, c_xy=0)
        >>> treatment = PairMoments(n=50, mean_y=22, mean_x=2, m2_y=980, m2_x=0, c_xy=0)
        >>> round(linearized_ratio_z(control, treatment).pvalue, 4)
        0.0253
    """
    levels = ratio_level(control), ratio_level(treatment)
    return t_comparison(*levels, ci_level, "linearized_ratio_z", lambda *_: None)
