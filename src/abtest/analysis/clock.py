"""The data cut-off: up to when the data are complete, in the experiment's zone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.fields import DAY, MICROSECOND
from abtest.instants import epoch_day, from_microseconds, parse_instant, to_microseconds

if TYPE_CHECKING:
    from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Cutoff:
    """The instant up to which, and excluding which, the data are complete.

    Attributes:
        microseconds: The instant, since 1970 in UTC.
        zone: The zone in which days begin.
    """

    microseconds: int
    zone: str

    @classmethod
    def parse(cls, text: str, zone: str) -> Cutoff:
        """Read a date (the start of that day in the zone) or a time."""
        return cls(to_microseconds(parse_instant(text, zone)), zone)

    @property
    def iso(self) -> str:
        """The instant as ISO 8601 text in the zone."""
        return from_microseconds(self.microseconds, self.zone).isoformat()

    def latest_anchor(self, needed: timedelta) -> int:
        """The latest anchor, in microseconds, that is at least this long before the cut-off."""
        return self.microseconds - needed // MICROSECOND

    def latest_anchor_day(self, days: int, lag: timedelta) -> int:
        """The latest local day whose window of calendar days, and the lag after it, are over."""
        end = from_microseconds(self.microseconds - lag // MICROSECOND, self.zone)
        return epoch_day(end) - days


def first_date_after(microseconds: int, zone: str) -> str:
    """The first date whose start is not before the instant: the as_of that includes it."""
    day = from_microseconds(microseconds, zone).date()
    return (day if start_of_day(day, zone) >= microseconds else day + DAY).isoformat()


def start_of_day(day: date, zone: str) -> int:
    """When a local day begins, in microseconds since 1970 in UTC.

    >>> from datetime import date
    >>> start_of_day(date(1970, 1, 1), "Etc/GMT-1")
    -3600000000
    """
    return to_microseconds(parse_instant(day.isoformat(), zone))
