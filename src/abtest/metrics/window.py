"""When an event counts: a half-open window after (or before) a unit's anchor."""

from __future__ import annotations

from datetime import timedelta

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from abtest.fields import DAY, Block, Duration, format_duration


class Window(Block):
    """Half-open: an event counts where ``start <= time since the anchor < end``."""

    start: Duration = timedelta(0)
    """Where the window starts, after the anchor; 0d by default."""
    end: Duration
    """Where it ends; an event at exactly this time no longer counts."""
    calendar: bool = False
    """Count calendar days of the zone (day 0 is the anchor's) instead of elapsed time."""

    @model_validator(mode="after")
    def _check(self) -> Window:
        if self.end <= self.start:
            raise PydanticCustomError(
                "window_order",
                "ends at {end}, which is not after its start {start}; it must end later",
                {"end": format_duration(self.end), "start": format_duration(self.start)},
            )
        if self.calendar and (self.start % DAY or self.end % DAY):
            raise PydanticCustomError(
                "window_days", "counts calendar days; start and end must be whole days"
            )
        return self
