"""Time zones as whole-number arithmetic, so that every engine agrees to the microsecond.

An engine's own time zones are of its own making: another release of the database, the second of
two equal times where clocks go back, a zone of the session. Here Python's ``zoneinfo`` says once
when a zone's offset changes, and engines only compare and add.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import narwhals as nw

from abtest.fields import DAY, MICROSECOND
from abtest.instants import to_microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

MICROSECONDS_A_DAY = DAY // MICROSECOND
# Beyond these a zone keeps its offset: dates of birth and "9999-12-31" are no events.
_FIRST, _LAST = datetime(1840, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
END_OF_MODERN = to_microseconds(_LAST)
# No zone has changed its offset and gone back within this time since 1970.
_STEP = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a zone's offset: the instant, and the offsets before and after (all in us)."""

    at: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class ZoneSpan:
    """A zone's offsets over a span of time.

    Attributes:
        offset: The offset at the start, in microseconds.
        changes: What changes until the end.
    """

    offset: int
    changes: tuple[Change, ...]

    def to_utc(self, local: nw.Expr) -> nw.Expr:
        """The instant of a local time; where clocks go back, the first of the two.

        A local time that clocks leave out is read with the offset before (RFC 5545, 3.3.5; the
        same as ``fold=0`` of zoneinfo).
        """
        terms = [
            _step(local, change.at + max(change.before, change.after), change)
            for change in self.changes
        ]
        return local - _added(terms, self.offset)

    def local_day(self, instant: nw.Expr) -> nw.Expr:
        """The local day of an instant, as days since 1970-01-01."""
        terms = [_step(instant, change.at, change) for change in self.changes]
        return (instant + _added(terms, self.offset)) // MICROSECONDS_A_DAY


@cache
def modern_span(zone: str) -> ZoneSpan:
    """A zone's offsets from 1970 to 2100: where an engine needs no look at the data first."""
    return zone_span(zone, 0, END_OF_MODERN)


def zone_span(zone: str, first: int | None, last: int | None) -> ZoneSpan:
    """A zone's offsets between two instants, in microseconds since 1970; with a day to spare."""
    info = ZoneInfo(zone)
    start, end = _clipped(first, -2), _clipped(last, 2)
    return ZoneSpan(_offset(start, info), tuple(_changes(start, end, info)))


def _step(time: nw.Expr, since: int, change: Change) -> nw.Expr:
    later = nw.lit(change.after - change.before)
    return nw.when(time >= since).then(later).otherwise(nw.lit(0))


def _added(terms: list[nw.Expr], offset: int) -> nw.Expr:
    return nw.sum_horizontal(nw.lit(offset), *terms) if terms else nw.lit(offset)


def _clipped(microseconds: int | None, days: int) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    low, high = to_microseconds(_FIRST), to_microseconds(_LAST)
    given = 0 if microseconds is None else min(max(microseconds, low), high)
    return epoch + given * MICROSECOND + days * DAY


def _changes(start: datetime, end: datetime, info: ZoneInfo) -> Iterator[Change]:
    time, offset = start, _offset(start, info)
    while time < end:
        following = time + _STEP
        if _offset(following, info) != offset:
            moment = _first_with_other(time, following, info)
            after = _offset(moment, info)
            yield Change(to_microseconds(moment), offset, after)
            offset = after
        time = following


def _first_with_other(low: datetime, high: datetime, info: ZoneInfo) -> datetime:
    """The first second, after low and up to high, with another offset than low's."""
    offset = _offset(low, info)
    seconds = int((high - low).total_seconds())
    below, above = 0, seconds
    while above - below > 1:
        middle = (below + above) // 2
        if _offset(low + timedelta(seconds=middle), info) == offset:
            below = middle
        else:
            above = middle
    return low + timedelta(seconds=above)


def _offset(moment: datetime, info: ZoneInfo) -> int:
    offset = moment.astimezone(info).utcoffset()
    return 0 if offset is None else offset // MICROSECOND
