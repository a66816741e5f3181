"""The second reading of a sum or a mean: every unit's value capped, one cap for all variants.

The mean of capped values is another estimand than the mean: what is above the cap does not count.
It stands beside the metric's own result and never in its place.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from abtest.analysis.adjusting import Adjustment, can_adjust
from abtest.analysis.method_choice import choose_method
from abtest.analysis.readings import above_cap, cap_of, capped_reading
from abtest.errors import DataError
from abtest.stats.summaries import Clusters, Moments, Proportion, ValueCounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.summaries import MetricCounts, Summaries
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.stats.comparison import Comparison, Estimate, Interval
    from abtest.stats.summaries import Summary


def capped_readings(spec: Spec, summaries: Summaries) -> Iterator[dict[str, Any]]:
    """The capped reading of each metric that has a cap, one for each variant.

    Raises:
        DataError: A metric with a cap has no values but 0 and 1.
    """
    for metric in spec.metrics:
        cap = cap_of(metric)
        if cap is None:
            continue
        _refuse_flags(spec, metric, summaries)
        reading = _Capped(spec, metric, summaries)
        for variant in spec.variants or ():
            above = summaries[above_cap(metric), variant.key].summary
            found = {
                "metric": metric.key,
                "reading": "capped",
                "variant": variant.key,
                "n": above.n,
                "cap": cap,
                "n_capped": _happened(above),
            }
            if spec.control is None or variant.control:
                yield {**found, "value": reading.estimate(variant.key).value}
            else:
                yield {**found, **_numbers(reading.compare(spec.control.key, variant.key))}


class _Capped:
    """One metric's capped values, compared as the metric itself is."""

    def __init__(self, spec: Spec, metric: Metric, summaries: Summaries) -> None:
        name = capped_reading(metric)
        self._counts: dict[str, MetricCounts] = {
            variant.key: summaries[name, variant.key] for variant in spec.variants or ()
        }
        values = [counts.summary for counts in self._counts.values()]
        self._method = choose_method(spec, metric, values)
        self._ci_level = 1 - spec.analysis.alpha
        adjusts = spec.control is not None and metric.key not in spec.analysis.methods
        adjusts = adjusts and can_adjust(self._counts)
        self._adjustment = Adjustment(self._counts) if adjusts else None

    def estimate(self, variant: str) -> Estimate:
        if self._adjustment is not None:
            return self._adjustment.estimate(variant, self._ci_level)
        return self._method.estimate(self._counts[variant].summary, self._ci_level)

    def compare(self, control: str, treatment: str) -> Comparison:
        if self._adjustment is not None:
            return self._adjustment.compare(control, treatment, self._ci_level).comparison
        values = self._counts[control].summary, self._counts[treatment].summary
        return self._method.compare(*values, self._ci_level)


def _numbers(compared: Comparison) -> dict[str, Any]:
    difference, lift = compared.difference_ci, compared.lift_ci
    return {
        "value": compared.value,
        "difference": compared.difference,
        "difference_ci_low": _finite(difference, "low"),
        "difference_ci_high": _finite(difference, "high"),
        "lift": compared.lift,
        "lift_ci_low": _finite(lift, "low"),
        "lift_ci_high": _finite(lift, "high"),
        "pvalue": compared.pvalue,
        "method": compared.method,
        "notes": list(compared.notes),
    }


def _finite(interval: Interval | None, end: str) -> float | None:
    value = None if interval is None else float(getattr(interval, end))
    return None if value is None or abs(value) == float("inf") else value


def _happened(above: Summary) -> int:
    """Units above the cap."""
    if isinstance(above, Proportion):
        return above.successes
    return round(math.fsum(above.y)) if isinstance(above, Clusters) else 0


def _refuse_flags(spec: Spec, metric: Metric, summaries: Summaries) -> None:
    """A share has nothing to cap: each unit did it or did not."""
    values = [summaries[metric.key, variant.key].summary for variant in spec.variants or ()]
    if any(_mean(summary) for summary in values) and all(map(_is_share, values)):
        raise DataError(
            f"metric {metric.key} has a cap, but no values other than 0 and 1",
            "Take `winsorize` out: a share has nothing to cap.",
        )


def _mean(summary: Summary) -> float:
    moments = summary.moments if isinstance(summary, ValueCounts) else summary
    return moments.mean if isinstance(moments, Moments) else 0.0


def _is_share(summary: Summary) -> bool:
    """Whether all values are 0 or 1: then, and hardly otherwise, sum x^2 is sum x."""
    moments = summary.moments if isinstance(summary, ValueCounts) else summary
    if not isinstance(moments, Moments):
        return False
    n, mean = moments.n, moments.mean
    return abs(moments.m2 + n * mean * mean - n * mean) <= 1e-9 * n
