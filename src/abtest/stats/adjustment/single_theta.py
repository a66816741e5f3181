"""Adjustment of two variants with one slope for both (CUPED), for comparison with other tools."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abtest.sentences import sentence
from abtest.stats.absent import without_inference
from abtest.stats.adjustment.correlated_pivot import Pair, correlated_comparison
from abtest.stats.means.t_pivot import satterthwaite
from abtest.stats.means.welch import mean_level
from abtest.stats.summaries import Moments
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from abtest.stats.adjustment.co_moments import CoMoments
    from abtest.stats.comparison import Comparison

METHOD = "single_theta"
Theta = Literal["pooled", "within", "allocation"]
_PERFECT = 1e-12  # a residual below this share of the outcome's variation is rounding


@dataclass(frozen=True, slots=True)
class SingleTheta:
    """A comparison with one slope for both variants.

    Attributes:
        theta: The slope, in units of the outcome per unit of the covariate; None where the
            covariate does not vary.
        comparison: Treatment against control.
    """

    theta: float | None
    comparison: Comparison


def single_theta(
    control: CoMoments, treatment: CoMoments, theta: Theta = "allocation", ci_level: float = 0.95
) -> SingleTheta:
    """Compare two means of y - theta (x - xbar) by Welch's t, with one covariate x.

    theta = C_yx / C_xx, where the sums of products are taken over all units about the common means
    (``pooled``), within variants (``within``), or as c_t / n_t + c_c / n_c over
    v_t / n_t + v_c / n_c from each variant's covariance and variance (``allocation``: the slope of
    the smallest variance). The first two can *raise* the variance with unequal variants; with more
    than two variants, or unlike slopes, use ``adjust_means``.

    Assumes independent units and a covariate that was known before the assignment.

    Args:
        control: The control's co-moments of one outcome and one covariate.
        treatment: The treatment's.
        theta: Which slope.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The slope and the comparison; without inference where a variant has fewer than two units or
        where the covariate or what is left of the outcome does not vary.

    Raises:
        ValueError: The columns differ or are not one outcome and one covariate, or ``ci_level`` is
            no coverage.

    Source:
        Deng, Xu, Kohavi & Walker (2013), Improving the sensitivity of online controlled
        experiments by utilizing pre-experiment data, WSDM.

    Example:
        >>> from abtest.stats.adjustment.co_moments import Columns, from_rows
        >>> columns = Columns(("y",), ("x",))
        >>> control = from_rows(columns, [[1, 1], [2, 2], [4, 3]])
        >>> treatment = from_rows(columns, [[2, 1], [4, 2], [5, 3]])
        >>> single_theta(control, treatment).theta
        1.5
    """
    check_ci_level(ci_level)
    if control.columns != treatment.columns or len(control.columns.names) != 2:
        raise ValueError("both variants must have the same outcome and one covariate.")
    both = control, treatment
    slope = _slope(control, treatment, theta) if min(one.n for one in both) > 1 else None
    if slope is None:
        note = sentence("the covariate does not vary, or a variant has fewer than two units")
        plain = [one.means[0] if one.n else None for one in both]
        bare = without_inference(*plain, ci_level=ci_level, method=METHOD, note=note)
        return SingleTheta(None, bare)
    return SingleTheta(slope, _comparison(control, treatment, slope, ci_level))


def _slope(control: CoMoments, treatment: CoMoments, theta: Theta) -> float | None:
    if theta == "pooled":
        products = (control + treatment).products
        cross, spread = products[0][1], products[1][1]
    else:
        shares = [
            1.0 if theta == "within" else 1 / (one.n - 1) / one.n for one in (control, treatment)
        ]
        pairs = list(zip((control, treatment), shares, strict=True))
        cross = math.fsum(one.products[0][1] * share for one, share in pairs)
        spread = math.fsum(one.products[1][1] * share for one, share in pairs)
    return cross / spread if spread > 0 and math.isfinite(cross / spread) else None


def _comparison(
    control: CoMoments, treatment: CoMoments, slope: float, ci_level: float
) -> Comparison:
    total = control + treatment
    centre = total.means[1]
    levels, with_centre = [], []
    for one in (control, treatment):
        (yy, yx), (_, xx) = one.products
        left = yy - 2 * slope * yx + slope * slope * xx
        left = left if left > _PERFECT * (yy + slope * slope * xx) else 0.0
        value = one.means[0] - slope * (one.means[1] - centre)
        levels.append(mean_level(Moments(one.n, value, left)))
        with_centre.append(slope * (yx - slope * xx) / (one.n - 1) / total.n)
    common = slope * slope * total.products[1][1] / (total.n - 1) / total.n
    base, other = levels
    if not (base.variance or 0.0) + (other.variance or 0.0):
        note = sentence("nothing is left to vary: there is nothing to test against")
        return without_inference(
            base.value, other.value, ci_level=ci_level, method=METHOD, note=note
        )
    pair = Pair(
        base.value or 0.0,
        other.value or 0.0,
        # The common centre is an estimate too: it moves both values, and not their difference.
        (base.variance or 0.0) + common + 2 * with_centre[0],
        (other.variance or 0.0) + common + 2 * with_centre[1],
        common + math.fsum(with_centre),
        satterthwaite(base, other),
    )
    return correlated_comparison(pair, ci_level=ci_level, method=METHOD)
