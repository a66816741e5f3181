"""Two proportions by the hybrid score (Newcombe 1998; Donner & Zou 2012)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.comparison import Comparison, Interval
from abtest.stats.estimates import proportion_estimate
from abtest.stats.proportions.score_pivot import NO_EVENTS, check_counts, without_units
from abtest.stats.roots import find_root
from abtest.stats.tails import check_ci_level, normal_pvalue, normal_quantile

if TYPE_CHECKING:
    from abtest.stats.summaries import Proportion


def newcombe(control: Proportion, treatment: Proportion, ci_level: float = 0.95) -> Comparison:
    """Compare two proportions by the intervals of Wilson, put together by square-and-add.

    The interval of p_t - r p_c runs from p_t - r p_c - sqrt((p_t - l_t)^2 + r^2 (u_c - p_c)^2) to
    p_t - r p_c + sqrt((u_t - p_t)^2 + r^2 (p_c - l_c)^2), with (l, u) Wilson's interval of each
    variant. At r = 1 that is Newcombe's interval of the difference; the ratios r whose interval
    holds 0 are the interval of the ratio (MOVER). The p-value is the alpha at which the interval of
    the difference begins to hold 0. So all three are one statement.

    Assumes independent units, each counted once.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison. ``statistic`` is the normal quantile of the p-value with the sign of the
        difference; ``se`` is the difference divided by it. The lift is None where control has no
        events; its interval then has no upper end.

    Raises:
        ValueError: ``ci_level`` is no coverage, or there are more events than units.

    Source:
        Newcombe (1998), Statistics in Medicine 17, 873-890, method 10; Donner & Zou (2012),
        Statistical Methods in Medical Research 21, 347-359, eq. 9 and 10.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> result = newcombe(Proportion(80, 48), Proportion(70, 56))
        >>> round(result.difference_ci.low, 4), round(result.difference_ci.high, 4)
        (0.0524, 0.3339)
    """
    check_ci_level(ci_level)
    check_counts(control, treatment)
    if control.n == 0 or treatment.n == 0:
        return without_units(control, treatment, ci_level, "newcombe")
    quantile = normal_quantile(ci_level)
    difference = treatment.value - control.value
    statistic = _statistic(control, treatment)
    below, above = _slack(control, treatment, quantile)
    has_events = control.successes > 0
    return Comparison(
        value=treatment.value,
        value_control=control.value,
        difference=difference,
        difference_ci=Interval(max(difference - below, -1.0), min(difference + above, 1.0)),
        lift=difference / control.value if has_events else None,
        lift_ci=_lift_ci(control, treatment, ci_level),
        se=difference / statistic if statistic else _wald_error(control, treatment) or None,
        statistic=statistic,
        df=None,
        pvalue=normal_pvalue(statistic),
        ci_level=ci_level,
        method="newcombe",
        notes=() if has_events else (NO_EVENTS,),
    )


def _distances(variant: Proportion, quantile: float) -> tuple[float, float]:
    """From a share down to Wilson's lower limit and up to the upper one."""
    n, share = variant.n, variant.value
    slack = quantile * quantile / n
    # In this form nothing cancels: share - low = (half - shift) / (1 + slack).
    half = quantile * math.sqrt(share * (1 - share) / n + slack / (4 * n))
    shift = slack * (0.5 - share)
    down, up = (half - shift) / (1 + slack), (half + shift) / (1 + slack)
    return (0.0 if variant.successes == 0 else down), (0.0 if variant.successes == n else up)


def _slack(control: Proportion, treatment: Proportion, quantile: float) -> tuple[float, float]:
    """How far the interval of the difference reaches below and above its estimate."""
    down_c, up_c = _distances(control, quantile)
    down_t, up_t = _distances(treatment, quantile)
    return math.hypot(down_t, up_c), math.hypot(up_t, down_c)


def _statistic(control: Proportion, treatment: Proportion) -> float:
    """The quantile at which the interval of the difference ends at 0."""
    cross = treatment.successes * control.n - control.successes * treatment.n
    if cross == 0:
        return 0.0
    distance = abs(treatment.value - control.value)
    side = 0 if cross > 0 else 1

    def room(quantile: float) -> float:
        return distance - _slack(control, treatment, quantile)[side]

    high = 1.0
    while room(high) > 0:
        high *= 2
    return math.copysign(find_root(room, 0.0, high), cross)


def _wald_error(control: Proportion, treatment: Proportion) -> float:
    """What se tends to as the difference vanishes."""
    parts = ((v.value * (1 - v.value) / v.n) for v in (control, treatment))
    return math.sqrt(math.fsum(parts))


def _lift_ci(control: Proportion, treatment: Proportion, ci_level: float) -> Interval:
    """The ratios r at which the interval of p_t - r p_c ends at 0, from two quadratics."""
    own_c, own_t = (
        proportion_estimate(control, ci_level).ci,
        proportion_estimate(treatment, ci_level).ci,
    )
    low_c, high_c = (own_c.low, own_c.high) if own_c else (0.0, 1.0)
    low_t, high_t = (own_t.low, own_t.high) if own_t else (0.0, 1.0)
    p_c, p_t = control.value, treatment.value
    middle = p_t * p_c
    # a r^2 - 2 middle r + c = 0; the smaller root in the form that holds for a <= 0 too.
    a, c = high_c * (2 * p_c - high_c), low_t * (2 * p_t - low_t)
    low = c / (middle + math.sqrt(max(middle * middle - a * c, 0.0))) if c > 0 else 0.0
    a, c = low_c * (2 * p_c - low_c), high_t * (2 * p_t - high_t)
    high = (middle + math.sqrt(max(middle * middle - a * c, 0.0))) / a if a > 0 else math.inf
    return Interval(low - 1, high - 1)
