"""Points in time: text in, microseconds since 1970 out, with the zone always named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_instant(text: str, zone: str) -> datetime:
    """Read a date or a time; without an offset it is local time in the zone.

    A bare date is the start of that day.

    Raises:
        ValueError: The text is neither, or so far away that arithmetic with it would fail.

    >>> parse_instant("2026-03-01", "Asia/Tehran").isoformat()
    '2026-03-01T00:00:00+03:30'
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"is {text!r}; it must be a date such as 2026-03-01 or a time such as "
            "2026-03-01T09:30:00+01:00"
        ) from error
    if not 1000 <= moment.year <= 3000:
        raise ValueError(f"is {text!r}; it must be a year between 1000 and 3000")
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def to_microseconds(moment: datetime) -> int:
    """Microseconds since the start of 1970 in UTC.

    >>> to_microseconds(parse_instant("1970-01-02", "UTC"))
    86400000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_microseconds(value: int, zone: str) -> datetime:
    """The moment that many microseconds after the start of 1970, in the zone."""
    return (_EPOCH + timedelta(microseconds=value)).astimezone(ZoneInfo(zone))


def epoch_day(moment: datetime) -> int:
    """The moment's own calendar day, as days since 1970-01-01.

    >>> epoch_day(parse_instant("1970-01-02", "Asia/Tehran"))
    1
    """
    return (moment.date() - date(1970, 1, 1)).days
