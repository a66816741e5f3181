"""Intervals of a sequential plan, by the metric's own pivot.

A boundary, a confidence sequence and stage-wise inference all say how many standard errors to go.
How far that is on the scale of the difference and of the lift the metric's method knows: it is
asked for the interval whose quantile is that many. So difference, lift and statistic agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.analysis.sequential.looks import Final
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.records import Contrast
    from abtest.spec import Spec
    from abtest.stats.comparison import Comparison, Interval

_FARTHEST = 7.0  # beyond it a coverage cannot be told from 1
_NEAREST = 1e-4  # below it an end cannot be told from the estimate
_EXTREME = 37.0  # the statistic where the p-value is too small for a float


def statistic_of(comparison: Comparison) -> float | None:
    """The statistic on the normal scale: the one with the same two-sided p-value.

    Example:
        >>> from abtest.stats.means.welch import welch
        >>> from abtest.stats.moments import Moments
        >>> found = welch(Moments(50, 1.0, 49.0), Moments(50, 1.5, 49.0), 0.95)
        >>> round(statistic_of(found), 3)
        2.455
        >>> statistic_of(welch(Moments(50, 1.0, 49.0), Moments(50, 1.0, 49.0), 0.95))
        0.0
    """
    if comparison.pvalue is None or comparison.difference is None:
        return None
    size = -float(special.ndtri(comparison.pvalue / 2)) if comparison.pvalue > 0 else _EXTREME
    # Adding 0 turns the -0.0 of a p-value of 1 into 0.
    return max(size, 0.0) * (1 if comparison.difference >= 0 else -1) + 0.0


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The ends of a comparison's intervals."""

    contrast: Contrast

    def within(self, critical: float) -> dict[str, float | None]:
        """The interval that goes this many standard errors to each side; no ends if too many."""
        low, high = self._end(critical), self._end(-critical)
        return {
            "ci_low": low[0],
            "ci_high": high[0],
            "lift_ci_low": low[1],
            "lift_ci_high": high[1],
        }

    def _end(self, critical: float) -> tuple[float | None, float | None]:
        """Difference and lift this many standard errors below the estimate (above: negative)."""
        size = abs(critical)
        if size > _FARTHEST:
            return None, None
        if size < _NEAREST:
            return self.contrast.comparison.difference, self.contrast.comparison.lift
        found = self.contrast.at_level(1 - 2 * float(special.ndtr(-size)))
        pair = (found.difference_ci, found.lift_ci)
        difference, lift = (_finite(interval, low=critical > 0) for interval in pair)
        return difference, lift

    def at(self, critical: float) -> tuple[float | None, float | None]:
        """The same, with ends that are too far away as far as can be told."""
        return self._end(max(min(critical, _FARTHEST), -_FARTHEST))


def full_metrics(spec: Spec, contrasts: Sequence[Contrast]) -> set[str]:
    """The metrics for which as many units are mature, over all variants, as were planned.

    A split is never exactly the planned one, so that their information may stay below the plan's.
    """
    plan = spec.analysis.sequential
    if plan is None or plan.max_units is None:
        return set()
    mature: dict[str, int] = {}
    for contrast in contrasts:
        key = contrast.metric.key
        mature[key] = mature.get(key, contrast.control.n) + contrast.treatment.n
    return {key for key, units in mature.items() if units >= plan.max_units}


def final_of(contrast: Contrast, pvalue: float, critical: Sequence[float]) -> Final:
    """What is said at the stop.

    Args:
        contrast: The comparison.
        pvalue: Its stage-wise p-value.
        critical: How many standard errors below the observed difference the estimate and the lower
            and the upper end of its interval are.
    """
    ends = Endpoints(contrast)
    estimate, low, high = (ends.at(value) for value in critical)
    return Final(
        pvalue=pvalue,
        difference=estimate[0],
        difference_ci_low=low[0],
        difference_ci_high=high[0],
        lift=estimate[1],
        lift_ci_low=low[1],
        lift_ci_high=high[1],
    )


def _finite(interval: Interval | None, *, low: bool) -> float | None:
    if interval is None:
        return None
    end = interval.low if low else interval.high
    return end if abs(end) != float("inf") else None
