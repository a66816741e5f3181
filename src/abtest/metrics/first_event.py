"""Metrics on the time to a unit's first event, which a survival curve can be read off.

Days are counted from 1: an event less than 24 hours after the anchor is on day 1; with
``calendar: true`` the anchor's own local day is day 1. A unit is *followed* for the whole days that
the data cover. An event on a day that the data do not cover to its end is not counted, and neither
is the unit at risk on that day: counting such events, but only some of the days without one, would
bias the curve. So a unit that is followed to the window's end has the same outcome as with
``maturity: complete``, and where every unit is, the curve ends at the plain share.
"""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw

from abtest.fields import DAY
from abtest.metrics.base import (
    ANCHOR,
    ANCHOR_DAY,
    AT,
    DAY_OF,
    Aggregate,
    EventMetric,
    microseconds,
    one_where,
)
from abtest.stats.summaries import Proportion, Summary
from abtest.stats.survival.life_table import LifeTable


@dataclass(frozen=True, slots=True)
class Followed:
    """A unit's anchor, and until when the data cover it.

    Attributes:
        anchor: The unit's anchor, in microseconds.
        anchor_day: The anchor's local day.
        until: The cut-off less the stream's lag, in microseconds.
        until_day: The local day of that instant, which is itself not covered to its end.
    """

    anchor: nw.Expr
    anchor_day: nw.Expr
    until: int
    until_day: int


class FirstEventMetric(EventMetric):
    """A metric on the time from the anchor to the first event in the window."""

    @property
    def summary(self) -> type[Summary]:  # type: ignore[override]  # it depends on the reading
        """A life table where the main reading is censored, else a proportion."""
        return LifeTable if self.readings[0] == "censored" else Proportion

    def first_day(self) -> nw.Expr:
        """The day of the unit's first event in the window, from 1; 0 where it has none."""
        raise NotImplementedError

    @property
    def horizon(self) -> int:
        """The last day of the window: a survival curve is read at its end."""
        return self.window.end // DAY

    def earliest_day(self, condition: nw.Expr) -> Aggregate:
        """The first day, from 1, on which an event row of the unit meets the condition."""
        if self.window.calendar:
            day = nw.col(DAY_OF) - nw.col(ANCHOR_DAY)
        else:
            day = (nw.col(AT) - nw.col(ANCHOR)) // microseconds(DAY)
        return Aggregate(nw.when(condition).then(day + 1), "min")

    def followed_days(self, followed: Followed) -> nw.Expr:
        """For how many whole days the data cover a unit, at most to the window's end.

        A unit with fewer than one is not at risk on any day, and counts as immature.
        """
        if self.window.calendar:
            days = nw.lit(followed.until_day) - followed.anchor_day
        else:
            days = (nw.lit(followed.until) - followed.anchor) // microseconds(DAY)
        return nw.when(days > self.horizon).then(nw.lit(self.horizon)).otherwise(days)

    def duration(self, followed: Followed) -> nw.Expr:
        """The day of the first event, or the last day that the data cover without one."""
        days = self.followed_days(followed)
        return nw.when(self._has_event(followed)).then(self.first_day()).otherwise(days)

    def event(self, followed: Followed) -> nw.Expr:
        """1 where the duration ends in an event, 0 where it is censored."""
        return one_where(self._has_event(followed))

    def _has_event(self, followed: Followed) -> nw.Expr:
        return (self.first_day() > 0) & (self.first_day() <= self.followed_days(followed))
