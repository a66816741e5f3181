"""Several variants of one metric together, so that the best of eight is not just the luckiest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.partial_pooling import partial_pool
from abtest.stats.log_lift import log_lift, value_and_variance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.records import Comparer, Contrast
    from abtest.spec import Spec

READING = "pooled"
LEAST_VARIANTS = 3
"""Treatments from which a spread between them can be learned."""


def pooled_readings(spec: Spec, comparer: Comparer) -> Iterator[dict[str, Any]]:
    """Each primary lift drawn to the others, where there are three treatments or more.

    The treatments' values, on the log scale, have errors of their own, while the lifts share
    control's: so it is the values that are drawn to their common mean, each by how little it is
    known, and control's value comes off after. The spread between them is learned from the data
    (empirical Bayes); that it is not known exactly is not in the intervals.

    Args:
        spec: The experiment.
        comparer: Its comparison, after ``records``.

    Source:
        Efron & Morris (1975), JASA 70, 311-319.
    """
    for metric in spec.metrics:
        found = [one for one in comparer.contrasts if one.metric.key == metric.key]
        if metric.role != "primary" or len(found) < LEAST_VARIANTS:
            continue
        if all(one.adjusted is None for one in found):
            yield from _drawn(found, 1 - spec.analysis.alpha)


def _drawn(contrasts: list[Contrast], ci_level: float) -> Iterator[dict[str, Any]]:
    base = _log_level(contrasts[0], of_control=True)
    levels = [_log_level(one, of_control=False) for one in contrasts]
    known = [level for level in levels if level is not None]
    if base is None or len(known) < len(levels):
        return
    pooled = partial_pool([level.mean for level in known], [level.sd for level in known])
    for contrast, level in zip(contrasts, pooled.posteriors, strict=True):
        after = Normal(level.mean - base.mean, math.hypot(level.sd, base.sd))
        low, high = after.interval(ci_level)
        raw = log_lift(contrast.control.summary, contrast.treatment.summary)
        yield {
            "reading": READING,
            "metric": contrast.metric.key,
            "variant": contrast.variant,
            "tau": pooled.tau,
            "raw_lift": None if raw is None else math.expm1(raw.value),
            "lift": math.expm1(after.mean),
            "lift_low": math.expm1(low),
            "lift_high": math.expm1(high),
        }


def _log_level(contrast: Contrast, *, of_control: bool) -> Normal | None:
    side = contrast.control if of_control else contrast.treatment
    value, variance = value_and_variance(side.summary)
    if value is None or variance is None or value <= 0 or variance <= 0:
        return None
    return Normal(math.log(value), math.sqrt(variance) / value)
