"""Two proportions by one score statistic (Miettinen & Nurminen 1985)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.absent import without_inference
from abtest.stats.comparison import Comparison, Interval
from abtest.stats.roots import find_root
from abtest.stats.tails import check_ci_level, normal_pvalue, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Callable

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
    check_ci_level(ci_level)
    for name, variant in (("control", control), ("treatment", treatment)):
        _check_counts(name, variant)
    if control.n == 0 or treatment.n == 0:
        return without_inference(
            control.value if control.n else None,
            treatment.value if treatment.n else None,
            ci_level=ci_level,
            method=_METHOD,
            note=f"{'control' if control.n == 0 else 'treatment'} has no observed units",
        )
    statistic, se = _null_score(control, treatment)
    quantile = normal_quantile(ci_level)
    difference = treatment.value - control.value
    has_events = control.successes > 0
    return Comparison(
        value=treatment.value,
        value_control=control.value,
        difference=difference,
        difference_ci=_difference_ci(control, treatment, quantile, statistic),
        lift=difference / control.value if has_events else None,
        lift_ci=_lift_ci(control, treatment, quantile, statistic),
        se=se,
        statistic=statistic,
        df=None,
        pvalue=normal_pvalue(statistic),
        ci_level=ci_level,
        method=_METHOD,
        notes=() if has_events else ("control has no events: the lift has no estimate",),
    )


def _check_counts(name: str, variant: Proportion) -> None:
    if not 0 <= variant.successes <= variant.n:
        raise ValueError(
            f"{name} has {variant.successes} events in {variant.n} units; "
            "events must lie between 0 and the number of units."
        )


def _scale(control: Proportion, treatment: Proportion) -> float:
    total = control.n + treatment.n
    return total / (total - 1)


def _score(distance: float, variance: float) -> float:
    """Distance in standard errors; infinite where a distance has no variance."""
    if variance > 0:
        return distance / math.sqrt(variance)
    return math.copysign(math.inf, distance) if distance else 0.0


def _null_score(control: Proportion, treatment: Proportion) -> tuple[float, float | None]:
    """The statistic at no effect and the standard error in it; None where nobody or all succeed."""
    events = control.successes + treatment.successes
    total = control.n + treatment.n
    pooled = (events / total) * ((total - events) / total)
    variance = pooled * (1 / control.n + 1 / treatment.n) * _scale(control, treatment)
    # The cross product is exact in integers where the two shares would round apart.
    cross = treatment.successes * control.n - control.successes * treatment.n
    statistic = _score(cross / (control.n * treatment.n), variance)
    return statistic, math.sqrt(variance) or None


def _lower_rate(lower: Proportion, upper: Proportion, gap: float) -> float:
    """The likeliest rate of one variant given that the other's is higher by ``gap``.

    The derivative of the log-likelihood falls, so a Newton search kept in its bracket finds the one
    root. (The closed-form cubic loses half the digits where two of its roots meet.)
    """
    n_l, x_l, n_u, x_u = lower.n, lower.successes, upper.n, upper.successes
    top = 1 - gap
    if top <= 0 or (x_l == 0 and x_u / gap <= n_l + (n_u - x_u) / top):
        return 0.0
    if x_u == n_u and x_l / top + n_u >= (n_l - x_l) / gap:
        return top
    low, high = 0.0, top
    rate = min(max((x_l + x_u - n_u * gap) / (n_l + n_u), 1e-3 * top), 0.999 * top)
    for _ in range(200):  # usually about five; a bisection of the whole bracket needs 60
        a, b = x_l / rate, (n_l - x_l) / (1 - rate)
        c, d = x_u / (rate + gap), (n_u - x_u) / (top - rate)
        slope = a - b + c - d
        low, high = (rate, high) if slope > 0 else (low, rate)
        bend = a / rate + b / (1 - rate) + c / (rate + gap) + d / (top - rate)
        step = rate + slope / bend
        if not low < step < high:
            step = (low + high) / 2
        if abs(step - rate) <= 1e-15 * rate:
            break
        rate = step
    return rate


def _difference_score(control: Proportion, treatment: Proportion, difference: float) -> float:
    if difference == 0:
        return _null_score(control, treatment)[0]
    gap = abs(difference)
    lower, upper = (control, treatment) if difference > 0 else (treatment, control)
    rate = _lower_rate(lower, upper, gap)
    variance = rate * (1 - rate) / lower.n + (rate + gap) * (1 - gap - rate) / upper.n
    distance = treatment.value - control.value - difference
    return _score(distance, variance * _scale(control, treatment))


def _ratio_score(control: Proportion, treatment: Proportion, ratio: float) -> float:
    """The score of a ratio; the constrained rate solves a quadratic without cancellation."""
    n_c, x_c, n_t, x_t = control.n, control.successes, treatment.n, treatment.successes
    left, right = (n_t + x_c) * ratio, n_c + x_t
    root = math.sqrt((left - right) ** 2 + 4 * ratio * (n_t - x_t) * (n_c - x_c))
    rate_c = min(2 * (x_c + x_t) / (left + right + root), 1.0)
    rate_t = min(ratio * rate_c, 1.0)
    variance = rate_t * (1 - rate_t) / n_t + ratio * ratio * rate_c * (1 - rate_c) / n_c
    distance = treatment.value - ratio * control.value
    return _score(distance, variance * _scale(control, treatment))


def _difference_ci(
    control: Proportion, treatment: Proportion, quantile: float, null_score: float
) -> Interval:
    """The differences whose score lies within the quantile.

    The score falls from +inf at -1 to -inf at 1 and is 0 at the estimate. Each search starts on the
    side of no effect where the p-value says that the limit is, which ties the two together.
    """
    estimate = treatment.value - control.value
    low, high = -1.0, 1.0
    if estimate > -1:
        bracket = (0.0, estimate) if null_score > quantile else (-1.0, min(estimate, 0.0))
        low = find_root(lambda d: _difference_score(control, treatment, d) - quantile, *bracket)
    if estimate < 1:
        bracket = (estimate, 0.0) if null_score < -quantile else (max(estimate, 0.0), 1.0)
        high = find_root(lambda d: _difference_score(control, treatment, d) + quantile, *bracket)
    return Interval(low, high)


def _lift_ci(
    control: Proportion, treatment: Proportion, quantile: float, null_score: float
) -> Interval:
    """The lifts whose ratio has a score within the quantile; the same idea on [0, inf)."""

    def above(ratio: float) -> float:
        return _ratio_score(control, treatment, ratio) - quantile

    def below(ratio: float) -> float:
        return _ratio_score(control, treatment, ratio) + quantile

    estimate = treatment.value / control.value if control.successes else math.inf
    low, high = 0.0, math.inf
    if treatment.successes:
        bracket = (1.0, estimate) if null_score > quantile else (0.0, min(estimate, 1.0))
        low = find_root(above, bracket[0], _finite_end(above, bracket))
    if control.successes:
        inside = null_score < -quantile
        bracket = (estimate, 1.0) if inside else (max(estimate, 1.0), math.inf)
        high = find_root(below, bracket[0], _finite_end(below, bracket))
    return Interval(low - 1, high - 1)


def _finite_end(function: Callable[[float], float], bracket: tuple[float, float]) -> float:
    """The bracket's upper end, or a number beyond the root where that end is infinite."""
    low, high = bracket
    if math.isinf(high):
        high = 2 * max(low, 1.0)
        while function(high) > 0:
            high *= 2
    return high
