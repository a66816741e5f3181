"""The odds ratio of two proportions, by the score of Miettinen and Nurminen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.comparison import Interval
from abtest.stats.roots import find_root
from abtest.stats.tails import normal_pvalue, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Callable

    from abtest.stats.summaries import Proportion

# Of the log odds ratio; e^100 is far above any that numbers of units can tell from infinity.
_WIDEST = 100.0


@dataclass(frozen=True, slots=True)
class OddsRatio:
    """The odds of an event in the treatment, over those in the control.

    Attributes:
        value: The ratio, infinite where control has no events or treatment has nothing else; None
            where neither variant has an event, or neither has a unit without.
        ci: Its interval; it runs from 0 to infinity where there is no value.
        pvalue: Two-sided p-value of equal odds, that of the "N - 1" chi-square; None where there is
            no value.
    """

    value: float | None
    ci: Interval
    pvalue: float | None


def odds_ratio(control: Proportion, treatment: Proportion, ci_level: float = 0.95) -> OddsRatio:
    """Compare the odds of two proportions.

    With p~ the most likely proportions whose odds have the ratio t,
    Z(t) = n_t (p_t - p~_t) sqrt([1 / (n_t p~_t q~_t) + 1 / (n_c p~_c q~_c)] (N - 1) / N);
    the interval holds the t whose abs(Z) is within the normal quantile. At t = 1 this is the score
    that the share is tested with, so that the p-value is the same. An odds ratio is no ratio of
    shares: from 50% to 75% it is 3.

    Assumes independent units, each counted once.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The ratio with its interval and p-value, without a unit.

    Raises:
        ValueError: ``ci_level`` is no coverage, a variant has no units, or more events than units.

    Source:
        Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226, section 4.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> found = odds_ratio(Proportion(34, 1), Proportion(34, 7))
        >>> round(found.value, 3), round(found.ci.low, 3)
        (8.556, 1.247)
    """
    quantile = normal_quantile(ci_level)
    for name, variant in (("control", control), ("treatment", treatment)):
        if not 0 <= variant.successes <= variant.n or variant.n == 0:
            raise ValueError(
                f"{name} has {variant.successes} events of {variant.n} units; there must be "
                "units, and at most as many events."
            )
    events, units = control.successes + treatment.successes, control.n + treatment.n
    if events in (0, units):
        return OddsRatio(None, Interval(0.0, math.inf), None)

    def score(log_ratio: float) -> float:
        return _score(control, treatment, math.exp(log_ratio))

    none_treated = treatment.successes == 0 or control.successes == control.n
    none_control = control.successes == 0 or treatment.successes == treatment.n
    low = 0.0 if none_treated else _end(lambda t: score(t) - quantile)
    high = math.inf if none_control else _end(lambda t: score(t) + quantile)
    if none_treated or none_control:
        value = 0.0 if none_treated else math.inf
    else:
        value = _odds(treatment) / _odds(control)
    return OddsRatio(value, Interval(low, high), normal_pvalue(score(0.0)))


def _end(function: Callable[[float], float]) -> float:
    return math.exp(find_root(function, -_WIDEST, _WIDEST))


def _odds(variant: Proportion) -> float:
    return variant.successes / (variant.n - variant.successes)


def _score(control: Proportion, treatment: Proportion, ratio: float) -> float:
    """How far the treatment's events are above what a ratio makes most likely."""
    n_c, n_t = control.n, treatment.n
    n, events = n_c + n_t, control.successes + treatment.successes
    # Both sides of each share from equations of their own: near 0 and 1 a difference cancels.
    p_c = _most_likely(n_c, n_t, events, ratio)
    q_c = _most_likely(n_c, n_t, n - events, 1 / ratio)
    p_t, q_t = ratio * p_c / (q_c + ratio * p_c), q_c / (q_c + ratio * p_c)
    # Treatment's events above its most likely ones are as many as control's below: take the side
    # whose terms are smaller, and so lose fewer digits to each other.
    sides = (
        (treatment.successes * q_t, (n_t - treatment.successes) * p_t),
        ((n_c - control.successes) * p_c, control.successes * q_c),
    )
    above, below = min(sides, key=math.fsum)
    distance = above - below
    variances = n_t * p_t * q_t, n_c * p_c * q_c
    if min(variances) <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance * math.sqrt((1 / variances[0] + 1 / variances[1]) * (n - 1) / n)


def _most_likely(n_c: int, n_t: int, events: int, ratio: float) -> float:
    """The control's share under an odds ratio: the root of a p^2 + b p - events = 0 in (0, 1)."""
    a, b = n_c * (ratio - 1), (n_t - events) * ratio + n_c + events
    root = math.sqrt(max(b * b + 4 * a * events, 0.0))
    # Where b is below 0, a is above it; no form lets two numbers cancel.
    return 2 * events / (b + root) if b >= 0 else (root - b) / (2 * a)
