"""The primary metrics once more, before the treatment and in both halves of their window.

They are read with the others in one go and stand in no table: novelty and the pre-period are
checked on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.fields import DAY
from abtest.metrics.base import EventMetric
from abtest.metrics.conversion import ConversionMetric
from abtest.metrics.ratio import RatioMetric

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from abtest.metrics.base import Metric
    from abtest.metrics.window import Window
    from abtest.spec import Spec

KINDS = ("conversion", "repeat_purchase", "count", "sum")
SHORTEST = 14 * DAY
"""A window of two weeks at least has two halves in which a habit can form."""


def before_key(metric: Metric) -> str:
    """The metric in the time before the assignment."""
    return f"{metric.key}@before"


def halves_key(metric: Metric) -> str:
    """The later half of the metric's window over the earlier."""
    return f"{metric.key}@halves"


def watched(spec: Spec) -> Spec:
    """The spec with the metrics that are only checked."""
    if spec.control is None or spec.cluster is not None:
        return spec
    more = [other for metric in primaries(spec) for other in _others(metric)]
    return spec.model_copy(update={"metrics": (*spec.metrics, *more)})


def primaries(spec: Spec) -> list[EventMetric]:
    """The primary metrics that are checked in other times too."""
    return [
        metric
        for metric in spec.metrics
        if isinstance(metric, EventMetric)
        and metric.role == "primary"
        and metric.kind in KINDS
        and metric.anchor_stream is None
        and metric.readings == ("complete",)
    ]


def is_part(key: str) -> bool:
    """Whether a metric is only there to be part of another."""
    return key.endswith(("@early", "@late"))


def middle(window: Window) -> timedelta:
    """Where the second half starts; on a whole day."""
    return window.start + (window.end - window.start) // 2 // DAY * DAY


def _others(metric: EventMetric) -> Iterator[Metric]:
    length = metric.window.end - metric.window.start
    before = {"start": -length, "end": 0 * DAY}
    if metric.kind in ("count", "sum"):
        yield _in(metric, before_key(metric), before)
    else:
        yield ConversionMetric.model_construct(
            key=before_key(metric),
            kind="conversion",
            events=metric.events,
            window=metric.window.model_copy(update=before),
        )
    if length < SHORTEST:
        return
    half = middle(metric.window)
    early, late = f"{metric.key}@early", f"{metric.key}@late"
    yield _in(metric, early, {"end": half})
    yield _in(metric, late, {"start": half})
    yield RatioMetric.model_construct(
        key=halves_key(metric), kind="ratio", numerator=late, denominator=early
    )


def _in(metric: EventMetric, key: str, window: dict[str, timedelta]) -> EventMetric:
    update = {"key": key, "window": metric.window.model_copy(update=window), "role": "exploratory"}
    if hasattr(metric, "winsorize"):
        update["winsorize"] = None
    return metric.model_copy(update=update)
