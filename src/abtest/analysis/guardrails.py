"""Guardrails and equivalence: an interval held against a margin, by the metric's own pivot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abtest.sentences import sentence

if TYPE_CHECKING:
    from abtest.fields import RelativeOrAbsolute
    from abtest.metrics.base import Metric
    from abtest.stats.comparison import Comparison, Interval


@dataclass(frozen=True, slots=True)
class GuardrailReading:
    """What an interval says about a guardrail.

    Attributes:
        margin: How much worse the metric may become, as declared.
        verdict: pass (not worse by the margin), breach (worse by more than the margin),
            inconclusive; None where no margin is declared.
        harm: Whether the metric is significantly worse, by however little; None for other roles.
        notes: Why there is no verdict.
    """

    margin: float | None = None
    verdict: Literal["pass", "breach", "inconclusive"] | None = None
    harm: bool | None = None
    notes: tuple[str, ...] = ()


def read_guardrail(metric: Metric, comparison: Comparison) -> GuardrailReading:
    """Non-inferiority at one-sided alpha/2 by the two-sided 1 - alpha interval of the same pivot.

    pass: the interval is wholly better than minus the margin. breach: it is wholly worse. The
    metric's desired direction says which side is worse.

    Source:
        Farrington & Manning (1990) for proportions; Schultzberg, Ankargren & Franberg (2024) for
        why guardrails take no correction of alpha.
    """
    if metric.role != "guardrail":
        return GuardrailReading()
    increase = metric.desired_change == "increase"
    harm = is_worse(comparison.difference_ci, increase=increase)
    margin = metric.non_inferiority_margin
    if margin is None:
        return GuardrailReading(harm=harm)
    size, interval = _scale(margin, comparison)
    if interval is None:
        note = sentence(
            "The guardrail cannot be read: its interval has no bound on the margin's scale."
        )
        return GuardrailReading(size, "inconclusive", harm, (note,))
    worst, best = (interval.low, interval.high) if increase else (-interval.high, -interval.low)
    verdict: Literal["pass", "breach", "inconclusive"] = "inconclusive"
    if worst > -size:
        verdict = "pass"
    elif best < -size:
        verdict = "breach"
    return GuardrailReading(size, verdict, harm)


def is_equivalent(metric: Metric, comparison: Comparison) -> bool | None:
    """Whether the effect is practically none: two one-sided tests at alpha.

    Args:
        metric: The metric with its equivalence margin; without one the answer is None.
        comparison: With intervals at 1 - 2 alpha.

    Source:
        Schuirmann (1987), J. Pharmacokinet. Biopharm. 15:657-680.
    """
    if metric.equivalence is None:
        return None
    size, interval = _scale(metric.equivalence, comparison)
    if interval is None:
        return None
    return -size < interval.low and interval.high < size


def is_worse(interval: Interval | None, *, increase: bool) -> bool | None:
    """Whether an interval lies wholly on the worse side of no effect."""
    if interval is None:
        return None
    return interval.high < 0 if increase else interval.low > 0


def _scale(size: RelativeOrAbsolute, comparison: Comparison) -> tuple[float, Interval | None]:
    if size.relative is not None:
        return size.relative, comparison.lift_ci
    return size.absolute or 0.0, comparison.difference_ci
