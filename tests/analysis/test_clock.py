from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.analysis.clock import Cutoff, first_date_after, start_of_day
from abtest.instants import to_microseconds

ZONES = ["UTC", "Europe/Berlin", "Asia/Tehran", "America/New_York", "Pacific/Auckland"]


def test_a_date_is_the_start_of_that_day_in_the_zone() -> None:
    assert Cutoff.parse("2026-03-01", "Asia/Tehran").iso == "2026-03-01T00:00:00+03:30"
    berlin = Cutoff.parse("2026-03-01T12:00:00Z", "Europe/Berlin")
    assert berlin.iso == "2026-03-01T13:00:00+01:00"


def test_the_latest_anchor_is_inclusive() -> None:
    cutoff = Cutoff.parse("2026-03-31", "Europe/Berlin")
    latest = cutoff.latest_anchor(timedelta(days=30))
    # Clocks went forward on the 29th: 30 elapsed days earlier it was 23:00 of the day before.
    expected = datetime(2026, 2, 28, 23, tzinfo=ZoneInfo("Europe/Berlin"))
    assert latest == to_microseconds(expected)
    assert cutoff.latest_anchor_day(30, timedelta(0)) == (date(2026, 3, 1) - date(1970, 1, 1)).days


def test_a_lag_moves_the_latest_day_back_only_when_it_reaches_into_it() -> None:
    noon = Cutoff.parse("2026-03-10T12:00", "Europe/Berlin")
    day = (date(2026, 3, 9) - date(1970, 1, 1)).days
    assert noon.latest_anchor_day(1, timedelta(hours=12)) == day
    assert noon.latest_anchor_day(1, timedelta(hours=13)) == day - 1


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        ("UTC", "2026-03-01T00:00:00", "2026-03-01"),
        ("UTC", "2026-03-01T00:00:00.000001", "2026-03-02"),
        ("UTC", "2026-02-28T23:59:59", "2026-03-01"),
        # Days in Tehran and Havana that start at 1:00, because clocks go forward at midnight.
        ("Asia/Tehran", "2021-03-22T01:00:00", "2021-03-22"),
        ("Asia/Tehran", "2021-03-22T01:00:01", "2021-03-23"),
    ],
)
def test_the_first_date_whose_start_is_not_before(zone: str, moment: str, expected: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))
    assert first_date_after(to_microseconds(at), zone) == expected


@given(
    st.datetimes(datetime(2019, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    st.sampled_from(ZONES),
)
def test_the_first_date_as_a_cut_off_includes_the_instant(moment: datetime, zone: str) -> None:
    at = to_microseconds(moment)
    first = first_date_after(at, zone)
    assert Cutoff.parse(first, zone).microseconds >= at
    day_before = date.fromisoformat(first) - timedelta(days=1)
    assert start_of_day(day_before, zone) < at
