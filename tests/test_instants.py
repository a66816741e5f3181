"""Points and lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic_core import PydanticCustomError

from abtest.fields import format_duration, parse_duration
from abtest.instants import epoch_day, from_microseconds, parse_instant, to_microseconds


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-03-01", "UTC", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01", "Asia/Tehran", "2026-02-28T20:30:00+00:00"),
        ("2026-07-01", "Europe/Berlin", "2026-06-30T22:00:00+00:00"),
        ("2026-03-01T09:30:00+01:00", "Asia/Tehran", "2026-03-01T08:30:00+00:00"),
        ("2026-03-01 09:30Z", "Asia/Tehran", "2026-03-01T09:30:00+00:00"),
        ("2026-03-01 09:30", "Europe/Berlin", "2026-03-01T08:30:00+00:00"),
    ],
)
def test_instants(text: str, zone: str, utc: str) -> None:
    moment = parse_instant(text, zone)
    assert from_microseconds(to_microseconds(moment), "UTC").isoformat() == utc


@pytest.mark.parametrize("text", ["", "soon", "2026-02-30", "2026-13-01", "01.03.2026", "1/3/2026"])
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"it must be a date such as 2026-03-01 or a time such"):
        parse_instant(text, "UTC")


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "0999-12-31"])
def test_years_that_arithmetic_cannot_reach(text: str) -> None:
    with pytest.raises(ValueError, match="it must be a year between 1000 and 3000"):
        parse_instant(text, "UTC")


def test_days_begin_in_the_zone() -> None:
    assert epoch_day(parse_instant("2026-03-01T23:59", "Asia/Tehran")) == 20513
    assert epoch_day(parse_instant("1969-12-31", "UTC")) == -1


@pytest.mark.parametrize(
    ("text", "hours"), [("30d", 720), ("12h", 12), ("4w", 672), ("-90d", -2160), ("0d", 0)]
)
def test_lengths(text: str, hours: int) -> None:
    length = parse_duration(text)
    assert length == timedelta(hours=hours)
    assert parse_duration(length) is length
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize("value", ["30", "30 d", "1.5d", "٣d", "30D", "", "d", "123456d", 30, None])
def test_what_is_no_length(value: object) -> None:
    with pytest.raises(PydanticCustomError, match=r"it must be a length of time such as 30d, 12h"):
        parse_duration(value)
