"""Time to event: how long until the next purchase, as a survival curve."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import narwhals as nw
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from abtest.fields import DAY, format_duration
from abtest.metrics.base import ANCHOR, ANCHOR_DAY, AT, DAY_OF, Aggregate, EventScope
from abtest.metrics.first_event import FirstEventMetric


class TimeToEventMetric(FirstEventMetric):
    """The time from the anchor to the first event, in whole days up to the window's end.

    Anchored on assignment or on another stream, an event at the anchor is the first. Anchored on
    ``first_event`` the anchor's own event is not: the next one is strictly later, and on a later
    local day where the stream merges by calendar day. Units without an event are censored at the
    window's end, or earlier at the last day that the data cover. The value is the share of units
    with the event by the window's end, one less the survival curve.
    """

    kind: Literal["time_to_event"]
    maturity: Literal["censored"] = "censored"
    """Always censored: units whose window is not over count for as long as they were followed."""

    @model_validator(mode="after")
    def _check(self) -> TimeToEventMetric:
        if self.window.start != timedelta(0):
            raise PydanticCustomError(
                "time_start",
                "has a window that starts at {start}; it must start at 0d, where time starts",
                {"start": format_duration(self.window.start)},
            )
        if self.window.end % DAY:
            raise PydanticCustomError(
                "time_days",
                "has a window that ends at {end}; it must end at whole days, as times are counted",
                {"end": format_duration(self.window.end)},
            )
        return self

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:
        counts = self.in_window()
        if self.anchor == "first_event":
            later_day = nw.col(DAY_OF) > nw.col(ANCHOR_DAY)
            counts &= later_day if scope.distinct == "day" else nw.col(AT) > nw.col(ANCHOR)
        return {self.column("first_day"): self.earliest_day(counts)}

    def outcome(self, scope: EventScope) -> nw.Expr:  # noqa: ARG002 - one signature
        return self.first_day()

    def first_day(self) -> nw.Expr:
        return nw.col(self.column("first_day"))
