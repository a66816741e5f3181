"""The dates of an experiment: enrolment, then the window, then the lag of the data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from abtest.analysis.clock import first_date_after, start_of_day
from abtest.analysis.streams import lag_of
from abtest.fields import DAY, MICROSECOND
from abtest.metrics.base import EventMetric
from abtest.metrics.ratio import RatioMetric

if TYPE_CHECKING:
    from abtest.metrics.base import Metric
    from abtest.spec import Spec


@dataclass(frozen=True, slots=True)
class Timeline:
    """When what happens.

    Attributes:
        start: The first day of enrolment.
        enrol_until: The day on which enrolment ends; units are enrolled before it.
        mature_on: The first date by whose start the last unit's window is over.
        readable_on: The first date by whose start its events are in the data too: the as_of from
            which every unit counts.
    """

    start: date
    enrol_until: date
    mature_on: date
    readable_on: date


def timeline(spec: Spec, metric: Metric, start: date, days: int) -> Timeline:
    """The dates of a metric when units are enrolled for so many days.

    The last unit may enter an instant before ``enrol_until`` begins in the spec's zone. A window of
    elapsed time is counted from there, through changes of the clocks; a window of calendar days
    from the day before.

    Args:
        spec: The experiment.
        metric: The metric; one without a window is readable when enrolment ends.
        start: The first day of enrolment.
        days: Days of enrolment, at least 1.

    Returns:
        The dates.
    """
    zone = spec.schedule.timezone
    until = start + days * DAY
    last = start_of_day(until, zone)
    over, readable = last, last
    for part in _parts(spec, metric):
        ended = _window_over(part, until, last, zone)
        over = max(over, ended)
        readable = max(readable, ended + lag_of(spec, part) // MICROSECOND)
    return Timeline(start, until, _date(over, zone), _date(readable, zone))


def _parts(spec: Spec, metric: Metric) -> list[EventMetric]:
    """The event metrics that a metric is made of."""
    if isinstance(metric, RatioMetric):
        named = (metric.numerator, metric.denominator)
        parts = [other for other in spec.metrics if other.key in named]
        return [part for part in parts if isinstance(part, EventMetric)]
    return [metric] if isinstance(metric, EventMetric) else []


def _window_over(metric: EventMetric, until: date, last: int, zone: str) -> int:
    """When the window of a unit that enters just before ``until`` is over, in microseconds."""
    end: timedelta = metric.window.end
    if metric.window.calendar:
        return start_of_day(until - DAY + end, zone)
    return last + end // MICROSECOND


def _date(microseconds: int, zone: str) -> date:
    return date.fromisoformat(first_date_after(microseconds, zone))
