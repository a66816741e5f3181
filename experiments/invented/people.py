"""Who is enrolled, when, and in which variant: by the spec's own dates and hash."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np

from abtest import assign
from abtest.fields import DAY
from abtest.instants import parse_instant
from abtest.spec.assignable import experiment_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from abtest.spec import Spec

Floats: TypeAlias = "NDArray[np.float64]"
Integers: TypeAlias = "NDArray[np.int64]"
Planted: TypeAlias = dict[str, tuple[float, ...]]
"""True values by metric: one per variant, in the spec's order."""

ASSIGNED = "variant,reason,bucket,phase,assigned_at"
"""What `abtest assign` adds to a list of customers."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The dates of a spec; times are days since the midnight on which enrolment starts.

    From enrolment to ``as_of`` no example sets its clocks, or none of its times is finer than a
    day: so local time is elapsed time.
    """

    spec: Spec
    start: datetime
    enrolment_days: int
    as_of: float
    lag: float

    @classmethod
    def of(cls, spec: Spec) -> Calendar:
        """Read a spec's dates."""
        zone = spec.schedule.timezone
        start, until, as_of = (
            parse_instant(text or "", zone).replace(tzinfo=None)
            for text in (spec.schedule.start, spec.schedule.enrol_until, spec.data.as_of)
        )
        lag = max(table.lag for table in spec.data.events.values())
        return cls(spec, start, (until - start).days, (as_of - start) / DAY, lag / DAY)

    def local(self, time: float) -> datetime:
        """A time on the wall."""
        # A third of a day is a little less than 8 hours in binary.
        return self.start + timedelta(minutes=math.floor(time * 1440 + 1e-6))

    def moment(self, time: float) -> datetime:
        """The same time with its zone."""
        return self.local(time).replace(tzinfo=ZoneInfo(self.spec.schedule.timezone))


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The customers, in the order of enrolment.

    Attributes:
        ids: Their ids.
        anchors: When each was assigned.
        variants: Each one's variant by its place in the spec; who has none lives as in control.
        rows: The rows of assignments.csv.
    """

    ids: list[str]
    anchors: Floats
    variants: Integers
    rows: list[str]


def people_of(
    calendar: Calendar, n: int, hour: int, form: str, rng: np.random.Generator
) -> Enrolled:
    """Draw ids and days of enrolment, and assign them; colleagues join on the first day.

    Args:
        calendar: The spec's dates.
        n: How many, without colleagues (the spec's overrides).
        hour: When each day's list is assigned, local time.
        form: How an id is written: ``{:06d}``.
        rng: Where chance comes from.
    """
    experiment = experiment_of(calendar.spec)
    colleagues = list(experiment.overrides)
    # From 100 up, so that the low numbers of colleagues are free.
    numbers = 100 + rng.choice(99_900, size=n, replace=False)
    days = np.sort(rng.integers(0, calendar.enrolment_days, size=n))
    ids = [*colleagues, *(form.format(number) for number in numbers.tolist())]
    anchors = np.concatenate([np.zeros(len(colleagues)), days]) + hour / 24
    names = [name for name, _ in experiment.variants]
    rows, variants = [], []
    for unit, anchor in zip(ids, anchors.tolist(), strict=True):
        at = calendar.moment(anchor)
        given = assign(experiment, unit, at=at)
        variants.append(names.index(given.variant) if given.variant is not None else 0)
        phase = "" if given.phase is None else given.phase
        placed = f"{given.variant or ''},{given.reason},{given.bucket},{phase}"
        rows.append(f"{unit},{placed},{at.isoformat()}")
    return Enrolled(ids, anchors, np.array(variants), rows)


def csv_text(header: str, rows: Iterable[str]) -> str:
    """A file with a header."""
    return "\n".join([header, *rows]) + "\n"
