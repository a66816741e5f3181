"""The likeliest rates of two variants given their difference or their ratio."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abtest.stats.summaries import Proportion


def rates_at_difference(
    control: Proportion, treatment: Proportion, difference: float
) -> tuple[float, float]:
    """The maximum-likelihood rates under p_t - p_c = difference.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        difference: From -1 to 1.

    Returns:
        The rates of control and of treatment.

    Source:
        Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226, appendix I, solved here by
        a safeguarded Newton search in place of the cubic.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> rates_at_difference(Proportion(10, 3), Proportion(10, 5), 0.0)
        (0.4, 0.4)
    """
    if difference == 0:
        events = control.successes + treatment.successes
        pooled = events / (control.n + treatment.n)
        return pooled, pooled
    gap = abs(difference)
    if difference > 0:
        rate = _lower_rate(control, treatment, gap)
        return rate, rate + gap
    rate = _lower_rate(treatment, control, gap)
    return rate + gap, rate


def rates_at_ratio(control: Proportion, treatment: Proportion, ratio: float) -> tuple[float, float]:
    """The maximum-likelihood rates under p_t = ratio p_c, from a quadratic without cancellation.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.
        ratio: At least 0, finite.

    Returns:
        The rates of control and of treatment.

    Source:
        Miettinen & Nurminen (1985), appendix I; Koopman (1984), Biometrics 40, 513-517.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> rates_at_ratio(Proportion(10, 3), Proportion(10, 5), 1.0)
        (0.4, 0.4)
    """
    n_c, x_c, n_t, x_t = control.n, control.successes, treatment.n, treatment.successes
    left, right = (n_t + x_c) * ratio, n_c + x_t
    root = math.sqrt((left - right) ** 2 + 4 * ratio * (n_t - x_t) * (n_c - x_c))
    rate_c = min(2 * (x_c + x_t) / (left + right + root), 1.0)
    return rate_c, min(ratio * rate_c, 1.0)


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
