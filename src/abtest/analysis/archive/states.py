"""Where an experiment stands on a day, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from abtest.analysis.clock import first_date_after, start_of_day
from abtest.analysis.result import is_readable
from abtest.analysis.streams import lag_of
from abtest.fields import MICROSECOND
from abtest.metrics.base import EventMetric
from abtest.metrics.ratio import RatioMetric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.archive.model import State
    from abtest.analysis.archive.reading import Archived
    from abtest.analysis.result import Result
    from abtest.metrics import AnyMetric
    from abtest.spec import Spec


@dataclass(frozen=True, slots=True)
class Dates:
    """An experiment's dates, as ISO text; None where its spec does not say.

    Attributes:
        start: The first day of enrolment.
        enrol_until: The day on which enrolment ends.
        first_readable: The first ``as_of`` by which a customer's window on a primary metric is
            over; where the window starts at a later event than the assignment, the earliest one.
        readable: The first ``as_of`` by which every customer's window on every primary metric is.
    """

    start: str | None = None
    enrol_until: str | None = None
    first_readable: str | None = None
    readable: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, and what comes next."""

    state: State
    next_on: str | None = None
    next_what: str | None = None


def dates_of(spec: Spec, newest: Result | None = None) -> Dates:
    """The dates that follow from the schedule and the windows; a result knows who came last."""
    zone, schedule = spec.schedule.timezone, spec.schedule
    primary = _event_metrics(spec)

    def over(day: str, metric: EventMetric) -> str:
        length = metric.window.end
        begin = date.fromisoformat(day)
        after = start_of_day(begin + length, zone) if metric.window.calendar else None
        end = start_of_day(begin, zone) + length // MICROSECOND if after is None else after
        return first_date_after(end + lag_of(spec, metric) // MICROSECOND, zone)

    first = [over(schedule.start, m) for m in primary] if schedule.start else []
    # Everybody enters before the start of that day.
    every = [over(schedule.enrol_until, m) for m in primary] if schedule.enrol_until else []
    if schedule.enrol_until and not primary:
        every = [schedule.enrol_until]
    told = [] if newest is None else [r.readable_on for r in newest.results if r.role == "primary"]
    known = [day for day in told if day is not None]
    return Dates(
        start=schedule.start,
        enrol_until=schedule.enrol_until,
        first_readable=min(first, default=None),
        readable=max(every, default=None) or (max(known) if known else None),
    )


def _event_metrics(spec: Spec) -> list[EventMetric]:
    """The primary metrics that have windows, or all metrics where none is primary."""
    primary: Sequence[AnyMetric] = [m for m in spec.metrics if m.role == "primary"]
    found: list[EventMetric] = []
    for metric in primary or spec.metrics:
        if isinstance(metric, RatioMetric):
            parts = (metric.numerator, metric.denominator)
            found += [m for m in spec.metrics if m.key in parts and isinstance(m, EventMetric)]
        elif isinstance(metric, EventMetric):
            found.append(metric)
    return found


def standing_of(archived: Archived, dates: Dates, on: str) -> Standing:
    """The state of an experiment at the start of a day, and what comes next.

    A decision outweighs the dates. Before enrolment it is a draft, or frozen; then it is enrolling,
    observing until every customer's window is over, and then readable. Without a schedule only a
    result can tell that something was read.
    """
    decision = archived.decision(on)
    if decision is not None:
        return Standing("abandoned" if decision.verdict == "abandoned" else "decided")
    if archived.spec is None:
        return Standing("unknown", next_what="mend the spec")
    planned: State = "frozen" if archived.frozen else "draft"
    if dates.start is None and dates.enrol_until is None:
        return _without_schedule(archived.newest, planned)
    if dates.start is not None and on < dates.start:
        return Standing(planned, dates.start, "enrolment starts")
    ahead = [
        (day, what)
        for day, what in (
            (dates.enrol_until, "enrolment ends"),
            (dates.first_readable, "the first customers are readable"),
            (dates.readable, "every customer is readable"),
        )
        if day is not None and on < day
    ]
    next_on, what = min(ahead, default=(None, None))
    if dates.enrol_until is None:
        read = dates.readable is not None and on >= dates.readable
        return _readable(archived, dates) if read else Standing("enrolling", next_on, what)
    if on < dates.enrol_until:
        return Standing("enrolling", next_on, what)
    if dates.readable is not None and on < dates.readable:
        return Standing("observing", next_on, what)
    return _readable(archived, dates)


def _without_schedule(newest: Result | None, planned: State) -> Standing:
    if newest is None:
        return Standing(planned, next_what="give it a schedule, or analyze it")
    if any(is_readable(record) for record in newest.results if record.role == "primary"):
        return Standing("readable", next_what="decide")
    return Standing("observing", next_what="analyze again")


def _readable(archived: Archived, dates: Dates) -> Standing:
    """Whether there is already a result to decide on that counts everybody."""
    newest = archived.newest
    whole = newest is not None and (
        newest.as_of is None or dates.readable is None or newest.as_of[:10] >= dates.readable
    )
    return Standing("readable", next_what="decide" if whole else "analyze")
