"""Inactivity: silent for the last days of a window."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

import narwhals as nw
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from abtest.fields import DAY, Direction, format_duration
from abtest.metrics.base import Aggregate, EventMetric, EventScope, flag
from abtest.stats.summaries import Proportion, Summary


class InactivityMetric(EventMetric):
    """The share of units without an event in the `days` days up to the window's end.

    With ``days: 30`` and ``window: {end: 90d}``: no event in ``[60d, 90d)`` after the anchor. What
    a unit did before does not matter, nor whether it comes back later.
    """

    kind: Literal["inactivity"]
    days: Annotated[int, Field(ge=1, le=3650)]
    """How many days without an event, up to the window's end, make a unit inactive."""
    desired_change: Direction = "decrease"
    """Which direction is better; for inactivity, down."""
    summary: ClassVar[type[Summary]] = Proportion

    def unit_columns(self, scope: EventScope) -> dict[str, Aggregate]:  # noqa: ARG002 - one signature
        end = self.window.end
        return {self.column("active"): flag(self.between(end - self.days * DAY, end))}

    def outcome(self, scope: EventScope) -> nw.Expr:  # noqa: ARG002 - one signature
        return 1 - nw.col(self.column("active"))

    @model_validator(mode="after")
    def _check(self) -> InactivityMetric:
        start, end = self.window.start, self.window.end
        if start != timedelta(0):
            raise PydanticCustomError(
                "inactivity_start",
                "has a window that starts at {start}; it must start at 0d",
                {"start": format_duration(start), "hint": "days says from when silence counts"},
            )
        if self.days * DAY > end:
            raise PydanticCustomError(
                "inactivity_days",
                "asks for {days} days without an event in a window of {end}; it must ask for no "
                "more than the window has",
                {"days": self.days, "end": format_duration(end)},
            )
        return self
