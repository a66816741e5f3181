"""One-sided tests at a margin: non-inferiority, and two of them for equivalence.

Each takes the statistic of the metric's own comparison at a limit other than no effect, so that the
test at half of alpha says the same as the comparison's interval: it is significant exactly when the
limit lies outside, on the bad side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abtest.stats.means.t_pivot import Level, satterthwaite
from abtest.stats.proportions.miettinen_nurminen import plain_score
from abtest.stats.proportions.scas import corrected_score
from abtest.stats.proportions.score_pivot import check_counts, score_at_difference, score_at_ratio
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.stats.summaries import Proportion

ShareScore = Literal["miettinen_nurminen", "farrington_manning", "scas"]


@dataclass(frozen=True, slots=True)
class AtLimit:
    """One statistic at a limit, and its two one-sided p-values, which add up to 1.

    Attributes:
        statistic: How far the estimate lies above the limit, in standard errors.
        df: Degrees of freedom of t; None for the normal distribution.
        above: The p-value for a true effect above the limit: non-inferiority where a higher value
            is better and the limit is minus the margin.
        below: The p-value for a true effect below it: non-inferiority where a lower value is
            better and the limit is the margin.
    """

    statistic: float
    df: float | None
    above: float
    below: float


def share_difference_at(
    control: Proportion,
    treatment: Proportion,
    limit: float,
    score: ShareScore = "miettinen_nurminen",
) -> AtLimit:
    """Two shares, tested against a difference.

    Z = (p_t - p_c - d) / sqrt([p~_t q~_t / n_t + p~_c q~_c / n_c] N / (N - 1)) with the
    maximum-likelihood shares under p_t - p_c = d; Farrington and Manning's without N / (N - 1).

    Assumes independent units, each counted once.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        limit: The difference d of shares, strictly between -1 and 1.
        score: Which score; ``scas`` where the variants differ much in size.

    Returns:
        The statistic and its p-values.

    Raises:
        ValueError: The limit or the counts are out of range, or a variant has no units.

    Source:
        Farrington & Manning (1990), Statistics in Medicine 9, 1447-1454; Miettinen & Nurminen
        (1985), Statistics in Medicine 4, 213-226.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> found = share_difference_at(Proportion(60, 44), Proportion(60, 43), -0.15)
        >>> round(found.above, 4)
        0.0513
    """
    if not -1 < limit < 1:
        raise ValueError(f"the limit is {limit}; a difference of shares lies between -1 and 1.")
    _check(control, treatment)
    function = corrected_score if score == "scas" else plain_score
    found = score_at_difference(control, treatment, limit, function)
    return _normal(found * _without_factor(control, treatment, score))


def share_ratio_at(
    control: Proportion,
    treatment: Proportion,
    limit: float,
    score: ShareScore = "miettinen_nurminen",
) -> AtLimit:
    """Two shares, tested against a ratio.

    Z = (p_t - r p_c) / sqrt([p~_t q~_t / n_t + r^2 p~_c q~_c / n_c] N / (N - 1)) with the
    maximum-likelihood shares under p_t = r p_c. A relative margin must not be turned into an
    absolute one by the estimated share of control: that share is not known without error.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        limit: The ratio r, above 0: 0.98 for a margin of 2% where a higher share is better.
        score: Which score; ``scas`` where the variants differ much in size.

    Returns:
        The statistic and its p-values.

    Raises:
        ValueError: The limit or the counts are out of range, or a variant has no units.

    Source:
        Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226; Farrington & Manning (1990),
        Statistics in Medicine 9, 1447-1454.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> found = share_ratio_at(Proportion(10_000, 8190), Proportion(10_000, 8120), 0.98)
        >>> round(found.above, 4)
        0.0422
    """
    _check_ratio(limit)
    _check(control, treatment)
    function = corrected_score if score == "scas" else plain_score
    found = score_at_ratio(control, treatment, limit, function)
    return _normal(found * _without_factor(control, treatment, score))


def difference_at(control: Level, treatment: Level, limit: float) -> AtLimit:
    """Two means or ratios, tested against a difference: Welch's t at the limit.

    t = (m_t - m_c - d) / sqrt(v_t + v_c), with Satterthwaite's degrees of freedom.

    Args:
        control: The control's estimate with its variance.
        treatment: The treatment's.
        limit: The difference d, in the metric's unit.

    Returns:
        The statistic and its p-values.

    Raises:
        ValueError: An estimate or its variance is unknown, or neither varies.

    Source:
        Welch (1947), Biometrika 34, 28-35; Schuirmann (1987), J. Pharmacokinet. Biopharm. 15,
        657-680.

    Example:
        >>> found = difference_at(Level(10.0, 0.5, 99), Level(9.5, 0.5, 99), -2.0)
        >>> found.statistic, round(found.above, 4)
        (1.5, 0.0676)
    """
    base, other = _known(control), _known(treatment)
    if base[1] + other[1] == 0:
        raise ValueError("neither varies; there is nothing to test against.")
    distance = other[0] - base[0] - limit
    return _t(distance / math.sqrt(base[1] + other[1]), satterthwaite(control, treatment))


def ratio_at(control: Level, treatment: Level, limit: float) -> AtLimit:
    """Two means or ratios, tested against a ratio: Welch's t of m_t and r m_c.

    t = (m_t - r m_c) / sqrt(v_t + r^2 v_c), with Satterthwaite's degrees of freedom at that r.
    The interval of the lift takes them at r = 1, so that it agrees with the test of no effect;
    near a margin of a few percent the two are next to the same.

    Args:
        control: The control's estimate with its variance.
        treatment: The treatment's.
        limit: The ratio r, above 0.

    Returns:
        The statistic and its p-values.

    Raises:
        ValueError: The limit is not above 0, an estimate or its variance is unknown, or neither
            varies.

    Source:
        Hasler, Vonk & Hothorn (2008), Statistics in Medicine 27, 490-503, eq. 6; Tamhane & Logan
        (2004), Biometrical Journal 46, 397-408.

    Example:
        >>> found = ratio_at(Level(10.0, 0.5, 99), Level(10.0, 0.5, 99), 0.8)
        >>> round(found.statistic, 4)
        2.2086
    """
    _check_ratio(limit)
    _known(control)
    scaled = Level(
        limit * (control.value or 0.0), limit * limit * (control.variance or 0.0), control.df
    )
    return difference_at(scaled, treatment, 0.0)


def equivalence_pvalue(lower: AtLimit, upper: AtLimit) -> float:
    """Two one-sided tests: the p-value for an effect between two limits.

    Args:
        lower: The test at the lower limit.
        upper: The test at the upper limit.

    Returns:
        The larger of P(above the lower limit) and P(below the upper limit). It is below alpha
        exactly when the interval at 1 - 2 alpha lies between the limits.

    Source:
        Schuirmann (1987), J. Pharmacokinet. Biopharm. 15, 657-680.

    Example:
        >>> control, treatment = Level(10.0, 0.5, 99), Level(10.5, 0.5, 99)
        >>> lower, upper = (difference_at(control, treatment, limit) for limit in (-3.0, 3.0))
        >>> round(equivalence_pvalue(lower, upper), 4)
        0.0066
    """
    return max(lower.above, upper.below)


def _check(control: Proportion, treatment: Proportion) -> None:
    check_counts(control, treatment)
    for name, variant in (("control", control), ("treatment", treatment)):
        if variant.n == 0:
            raise ValueError(f"{name} has no units; it must have at least one.")


def _check_ratio(limit: float) -> None:
    if not (limit > 0 and math.isfinite(limit)):
        raise ValueError(f"the limit is {limit}; a ratio must be above 0 and finite.")


def _known(level: Level) -> tuple[float, float]:
    if level.value is None or level.variance is None:
        raise ValueError(f"a variant {level.problem or 'has no estimate'}; there is no test.")
    return level.value, level.variance


def _without_factor(control: Proportion, treatment: Proportion, score: ShareScore) -> float:
    """Farrington and Manning do not count the two variants as drawn without replacement."""
    total = control.n + treatment.n
    return math.sqrt(total / (total - 1)) if score == "farrington_manning" else 1.0


def _normal(statistic: float) -> AtLimit:
    return AtLimit(statistic, None, float(special.ndtr(-statistic)), float(special.ndtr(statistic)))


def _t(statistic: float, df: float) -> AtLimit:
    above, below = special.stdtr(df, -statistic), special.stdtr(df, statistic)
    return AtLimit(statistic, df, float(above), float(below))
