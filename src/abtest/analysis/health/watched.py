"""The primary metrics once more, before the treatment and in the weeks of their window.

They are read with the others in one go and stand in no table: novelty and the pre-period are
checked on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.fields import DAY
from abtest.metrics.base import EventMetric
from abtest.metrics.conversion import ConversionMetric

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from abtest.metrics.base import Metric
    from abtest.metrics.window import Window
    from abtest.spec import Spec

KINDS = ("conversion", "repeat_purchase", "count", "sum")
WEEK = 7 * DAY
SHORTEST = 2 * WEEK
"""In a shorter window no habit can form."""
MOST_SPANS = 8
"""A year has more weeks than anybody compares, and hardly an event in each."""


def before_key(metric: Metric) -> str:
    """The metric in the time before the assignment."""
    return f"{metric.key}@before"


def span_key(metric: Metric, place: int) -> str:
    """The metric in one span of weeks of its window."""
    return f"{metric.key}@span{place}"


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


def spans_of(window: Window) -> list[tuple[timedelta, timedelta]]:
    """The weeks of a window, from when to when; in a long one a span has several.

    What is left of a week belongs to the last span. A window below two weeks has none.
    """
    length = window.end - window.start
    if length < SHORTEST:
        return []
    weeks = length // WEEK
    size = -(-weeks // MOST_SPANS)
    starts = [window.start + place * size * WEEK for place in range(weeks // size)]
    return list(zip(starts, [*starts[1:], window.end], strict=True))


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
    for place, (start, end) in enumerate(spans_of(metric.window)):
        yield _in(metric, span_key(metric, place), {"start": start, "end": end})


def _in(metric: EventMetric, key: str, window: dict[str, timedelta]) -> EventMetric:
    update = {"key": key, "window": metric.window.model_copy(update=window), "role": "exploratory"}
    if hasattr(metric, "winsorize"):
        update["winsorize"] = None
    return metric.model_copy(update=update)
