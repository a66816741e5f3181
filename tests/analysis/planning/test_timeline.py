"""The dates of a plan, against the calendar of Python itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.analysis.planning.timeline import timeline
from abtest.spec import Spec, draft_mapping
from analysis.by_hand import spec_for

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tehran", "Australia/Lord_Howe")


@cache
def spec_in(zone: str, days: int, *, calendar: bool, lag: str = "0d") -> Spec:
    metric = {
        "key": "bought",
        "kind": "conversion",
        "events": "orders",
        "window": {"end": f"{days}d", "calendar": calendar},
        "role": "primary",
    }
    data = {
        "assignments": {"path": "a.csv"},
        "events": {"orders": {"path": "o.csv", "at": "at", "lag": lag}},
    }
    mapping = spec_for(data, [metric], schedule={"timezone": zone, "start": "2026-01-05"})
    return draft_mapping(mapping).loaded.spec


def day_after(instant: datetime, zone: ZoneInfo) -> date:
    """The first local date that begins at or after an instant."""
    day = instant.astimezone(zone).date()
    begins = datetime.combine(day, time(), zone).astimezone(UTC)
    return day if begins >= instant else day + timedelta(days=1)


@given(
    st.sampled_from(ZONES),
    st.dates(date(2024, 1, 1), date(2030, 12, 31)),
    st.integers(1, 200),
    st.integers(1, 120),
    st.integers(0, 72),
)
def test_elapsed_time_is_counted_through_changes_of_the_clocks(
    name: str, start: date, days: int, window: int, lag: int
) -> None:
    zone = ZoneInfo(name)
    spec = spec_in(name, window, calendar=False, lag=f"{lag}h")
    found = timeline(spec, spec.metrics[0], start, days)

    until = start + timedelta(days=days)
    last = datetime.combine(until, time(), zone).astimezone(UTC)
    assert found.enrol_until == until
    assert found.mature_on == day_after(last + timedelta(days=window), zone)
    assert found.readable_on == day_after(last + timedelta(days=window, hours=lag), zone)


@given(
    st.sampled_from(ZONES),
    st.dates(date(2024, 1, 1), date(2030, 12, 31)),
    st.integers(1, 200),
    st.integers(1, 120),
)
def test_calendar_days_are_days_of_the_calendar(
    name: str, start: date, days: int, window: int
) -> None:
    spec = spec_in(name, window, calendar=True)
    found = timeline(spec, spec.metrics[0], start, days)
    # Day 0 is the last day of enrolment, so that the window is over when day `window` begins.
    last_day = start + timedelta(days=days - 1)
    assert found.mature_on == found.readable_on == last_day + timedelta(days=window)


def test_by_hand_over_the_change_to_summer_time() -> None:
    # The clocks of Berlin go forward on 29 March: 30 times 24 hours from midnight on 16 March end
    # at one in the morning of 15 April, which only the next day has in it.
    spec = spec_in("Europe/Berlin", 30, calendar=False)
    found = timeline(spec, spec.metrics[0], date(2026, 3, 2), 14)
    assert found.enrol_until == date(2026, 3, 16)
    assert found.readable_on == date(2026, 4, 16)

    by_calendar = spec_in("Europe/Berlin", 30, calendar=True)
    found = timeline(by_calendar, by_calendar.metrics[0], date(2026, 3, 2), 14)
    assert found.readable_on == date(2026, 4, 14)


def test_a_ratio_is_readable_with_its_later_part() -> None:
    spec = spec_in("UTC", 30, calendar=False)
    mapping = spec.to_dict()
    orders = {"key": "orders", "kind": "count", "events": "orders", "window": {"end": "60d"}}
    ratio = {"key": "r", "kind": "ratio", "numerator": "orders", "denominator": "bought"}
    spec = draft_mapping({**mapping, "metrics": [*mapping["metrics"], orders, ratio]}).loaded.spec
    found = timeline(spec, spec.metrics[2], date(2026, 1, 5), 7)
    assert found.readable_on == date(2026, 3, 13)


@pytest.mark.parametrize("zone", ZONES)
def test_the_plan_and_the_analysis_name_the_same_date(zone: str) -> None:
    """A unit that enters an instant before enrolment ends is mature on the planned date."""
    from abtest.analysis.clock import Cutoff  # noqa: PLC0415

    spec = spec_in(zone, 30, calendar=False, lag="2d")
    found = timeline(spec, spec.metrics[0], date(2026, 3, 20), 10)
    last = datetime.combine(found.enrol_until, time(), ZoneInfo(zone)) - timedelta(microseconds=1)
    anchor = round(last.astimezone(UTC).timestamp() * 1_000_000)
    on_time = Cutoff.parse(found.readable_on.isoformat(), zone)
    early = Cutoff.parse((found.readable_on - timedelta(days=1)).isoformat(), zone)
    needed = timedelta(days=32)
    assert anchor <= on_time.latest_anchor(needed)
    assert anchor > early.latest_anchor(needed)
