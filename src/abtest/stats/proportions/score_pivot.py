"""Intervals for two proportions by the inversion of one score, whatever the score."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from abtest.sentences import sentence
from abtest.stats.absent import SIDES, problem_of, without_inference
from abtest.stats.comparison import Comparison, Interval
from abtest.stats.proportions.restricted_rates import rates_at_difference, rates_at_ratio
from abtest.stats.roots import find_root
from abtest.stats.tails import check_ci_level, normal_pvalue, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Callable

    from abtest.stats.summaries import Proportion

_LARGEST_RATIO = 1e18  # no limit of two shares of real customers lies beyond
NO_EVENTS = sentence("control has no events: the lift has no estimate")


class Score(Protocol):
    """How far apart two variants are, in standard errors.

    It takes the distance p_t - p_c - d (of a difference) or p_t - r p_c (of a ratio), the variance
    of that distance at the rates constrained to d or r, which may be 0, and its third central
    moment. It is 0 where the distance is 0 and never has the other sign.
    """

    def __call__(self, distance: float, variance: float, third: float) -> float:
        """The score."""


def score_comparison(
    control: Proportion, treatment: Proportion, score: Score, ci_level: float, method: str
) -> Comparison:
    """Compare two proportions by one score: p-value, difference interval and lift interval.

    At a difference of 0 and at a ratio of 1 the constrained rates are both the pooled rate, so the
    two scores are one number, from which the p-value comes.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        score: The score.
        ci_level: Coverage of the intervals, between 0 and 1.
        method: The method's kind, for the result.

    Returns:
        The comparison. ``se`` is the standard error of the difference at no effect.

    Raises:
        ValueError: ``ci_level`` is no coverage, or there are more events than units.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> plain = lambda distance, variance, third: distance / (variance + 1e-300) ** 0.5
        >>> round(score_comparison(
        ...     Proportion(34, 1), Proportion(34, 7), plain, 0.95, "mn").pvalue, 4)
        0.025
    """
    check_ci_level(ci_level)
    check_counts(control, treatment)
    if control.n == 0 or treatment.n == 0:
        return without_units(control, treatment, ci_level, method)
    null_score, se = _null_score(control, treatment, score)
    quantile = normal_quantile(ci_level)
    difference = treatment.value - control.value
    has_events = control.successes > 0

    def at_difference(value: float) -> float:
        return null_score if value == 0 else score_at_difference(control, treatment, value, score)

    def at_ratio(value: float) -> float:
        return score_at_ratio(control, treatment, value, score)

    return Comparison(
        value=treatment.value,
        value_control=control.value,
        difference=difference,
        difference_ci=_difference_ci(at_difference, difference, quantile, null_score),
        lift=difference / control.value if has_events else None,
        lift_ci=_lift_ci(at_ratio, (control, treatment), quantile, null_score),
        se=se,
        statistic=null_score,
        df=None,
        pvalue=normal_pvalue(null_score),
        ci_level=ci_level,
        method=method,
        notes=() if has_events else (NO_EVENTS,),
    )


def check_counts(control: Proportion, treatment: Proportion) -> None:
    """Raise ValueError where there are more events than units, or fewer than none."""
    for name, variant in (("control", control), ("treatment", treatment)):
        if not 0 <= variant.successes <= variant.n:
            raise ValueError(
                f"{name} has {variant.successes} events in {variant.n} units; "
                "events must lie between 0 and the number of units."
            )


def without_units(
    control: Proportion, treatment: Proportion, ci_level: float, method: str
) -> Comparison:
    """The comparison where at least one variant has no observed units."""
    return without_inference(
        control.value if control.n else None,
        treatment.value if treatment.n else None,
        ci_level=ci_level,
        method=method,
        note=problem_of(SIDES[int(control.n > 0)], sentence("has no observed units")),
    )


def _scale(control: Proportion, treatment: Proportion) -> float:
    total = control.n + treatment.n
    return total / (total - 1)


def _null_score(
    control: Proportion, treatment: Proportion, score: Score
) -> tuple[float, float | None]:
    """The score at no effect and the standard error in it; None where nobody or all succeed."""
    n_c, n_t = control.n, treatment.n
    events, total = control.successes + treatment.successes, n_c + n_t
    pooled = (events / total) * ((total - events) / total)
    variance = pooled * (1 / n_c + 1 / n_t) * _scale(control, treatment)
    third = pooled * ((total - 2 * events) / total) * ((n_c - n_t) / (n_c * n_t)) * (total / n_c)
    # The cross product is exact in integers where the two shares would round apart.
    cross = treatment.successes * n_c - control.successes * n_t
    return score(cross / (n_c * n_t), variance, third / n_t), math.sqrt(variance) or None


def _parts(rate: float, complement: float, n: int) -> tuple[float, float]:
    """A rate's variance and third central moment, p q / n and p q (q - p) / n^2."""
    variance = rate * complement / n
    return variance, variance * (complement - rate) / n


def score_at_difference(
    control: Proportion, treatment: Proportion, difference: float, score: Score
) -> float:
    """The score of a difference strictly between -1 and 1; both variants must have units."""
    rate_c, rate_t = rates_at_difference(control, treatment, difference)
    gap = abs(difference)
    # Of the upper rate u = l + gap, 1 - u loses digits near 1 unless it is taken from the gap.
    lower = min(rate_c, rate_t)
    upper_complement = 1 - gap - lower
    complements = (
        (1 - rate_c, upper_complement) if difference > 0 else (upper_complement, 1 - rate_t)
    )
    var_c, third_c = _parts(rate_c, complements[0], control.n)
    var_t, third_t = _parts(rate_t, complements[1], treatment.n)
    variance = (var_c + var_t) * _scale(control, treatment)
    return score(treatment.value - control.value - difference, variance, third_t - third_c)


def score_at_ratio(control: Proportion, treatment: Proportion, ratio: float, score: Score) -> float:
    """The score of a ratio above 0; both variants must have units."""
    rate_c, rate_t = rates_at_ratio(control, treatment, ratio)
    var_c, third_c = _parts(rate_c, 1 - rate_c, control.n)
    var_t, third_t = _parts(rate_t, 1 - rate_t, treatment.n)
    variance = (var_t + ratio * ratio * var_c) * _scale(control, treatment)
    distance = treatment.value - ratio * control.value
    return score(distance, variance, third_t - ratio * ratio * ratio * third_c)


def _difference_ci(
    score: Callable[[float], float], estimate: float, quantile: float, null_score: float
) -> Interval:
    """The differences whose score lies within the quantile.

    The score falls from above at -1 to below at 1 and is 0 at the estimate. Each search starts on
    the side of no effect where the p-value says that the limit is, which ties the two together.
    """
    low, high = -1.0, 1.0
    if estimate > -1:
        bracket = (0.0, estimate) if null_score > quantile else (-1.0, min(estimate, 0.0))
        low = find_root(lambda d: score(d) - quantile, *bracket)
    if estimate < 1:
        bracket = (estimate, 0.0) if null_score < -quantile else (max(estimate, 0.0), 1.0)
        high = find_root(lambda d: score(d) + quantile, *bracket)
    return Interval(low, high)


def _lift_ci(
    score: Callable[[float], float],
    variants: tuple[Proportion, Proportion],
    quantile: float,
    null_score: float,
) -> Interval:
    """The lifts whose ratio has a score within the quantile; the same idea on [0, inf)."""
    control, treatment = variants
    estimate = treatment.value / control.value if control.successes else math.inf
    low, high = 0.0, math.inf
    if treatment.successes:
        bracket = (1.0, estimate) if null_score > quantile else (0.0, min(estimate, 1.0))
        low = _ratio_root(lambda r: score(r) - quantile, *bracket)
    if control.successes:
        inside = null_score < -quantile
        bracket = (estimate, 1.0) if inside else (max(estimate, 1.0), math.inf)
        high = _ratio_root(lambda r: score(r) + quantile, *bracket)
    return Interval(low - 1, high - 1)


def _ratio_root(function: Callable[[float], float], low: float, high: float) -> float:
    """The root of a falling function, with an upper end that may be infinite; so may the root."""
    if math.isinf(high):
        high = 2 * max(low, 1.0)
        while function(high) > 0:
            high *= 2
            if high > _LARGEST_RATIO:
                return math.inf
    return find_root(function, low, high)
