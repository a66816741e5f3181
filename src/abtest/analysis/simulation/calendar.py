"""The calendar of an invented campaign, in days since a Monday's midnight."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from abtest.analysis.clock import start_of_day
from abtest.analysis.planning.timeline import timeline
from abtest.errors import DataError
from abtest.fields import DAY, MICROSECOND
from abtest.metrics.base import EventMetric

if TYPE_CHECKING:
    from abtest.spec import Spec

Floats = npt.NDArray[np.float64]

ENROLMENT = timedelta(days=14)
_DAY = DAY // MICROSECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Calendar:
    """When customers come, and when the last outcome is in the data.

    Args:
        spec: The experiment; without ``enrol_until`` enrolment lasts two weeks.

    Attributes:
        as_of: The date from which every unit counts on every metric.
        until: The same in days.

    Raises:
        DataError: The spec does not say when enrolment starts.
    """

    def __init__(self, spec: Spec) -> None:
        if spec.schedule.start is None:
            raise DataError("the spec has no schedule.start", "Say when enrolment starts.")
        self._zone = spec.schedule.timezone
        self._start = date.fromisoformat(spec.schedule.start)
        until = spec.schedule.enrol_until
        self._end = date.fromisoformat(until) if until else self._start + ENROLMENT
        monday = self._start - timedelta(days=self._start.weekday())
        self._origin = start_of_day(monday, self._zone)
        days = (self._end - self._start) // DAY
        events = [metric for metric in spec.metrics if isinstance(metric, EventMetric)]
        self.as_of = max(timeline(spec, m, self._start, days).readable_on for m in events)
        self.until = self._days(self.as_of)

    def anchors(self, count: int, random: np.random.Generator) -> Floats:
        """When customers come: evenly over the enrolment, to the second, the first one first."""
        low, high = self._days(self._start), self._days(self._end)
        days = low + (high - low) * np.sort(random.random(count))
        return np.asarray(np.floor(days * 86_400) / 86_400)

    def midnights(self, days: Floats) -> Floats:
        """The start of the local day of each time of the enrolment."""
        count = (self._end - self._start) // DAY
        starts = np.array([self._days(self._start + i * DAY) for i in range(count)])
        return np.asarray(starts[np.searchsorted(starts, days, side="right") - 1])

    def instants(self, days: Floats) -> npt.NDArray[Any]:
        """The same as times in UTC, to the millisecond: never before a time to the second."""
        milliseconds = self._origin // 1000 + np.ceil(days * (_DAY // 1000)).astype(np.int64)
        return milliseconds.astype("datetime64[ms]")

    def moments(self, days: Floats) -> list[datetime]:
        """Times to the second as Python's."""
        seconds = self._origin // 1_000_000 + np.round(days * 86_400).astype(np.int64)
        return [_EPOCH + timedelta(seconds=one) for one in seconds.tolist()]

    def _days(self, day: date) -> float:
        return (start_of_day(day, self._zone) - self._origin) / _DAY
