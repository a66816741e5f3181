"""The only place that reads the clock: which day or moment it is, where nobody says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import typer

from abtest.instants import parse_instant

_FARTHEST_AHEAD = timezone(timedelta(hours=14))


def day(on: str | None) -> str:
    """The day that ``--on`` gives, or today, as an ISO date."""
    if on is None:
        return datetime.now().astimezone().date().isoformat()  # noqa: TID251 - the default of --on
    try:
        return date.fromisoformat(on).isoformat()
    except ValueError as error:
        raise typer.BadParameter(f"--on is {on!r}; it must be a date such as 2026-03-04") from error


def past_day(on: str | None) -> str:
    """The same of a day that has begun: in the zone that is farthest ahead, at the latest."""
    given = day(on)
    if given > datetime.now(_FARTHEST_AHEAD).date().isoformat():  # noqa: TID251 - today
        raise typer.BadParameter(f"--on is {given}; that day has not come yet")
    return given


def past_moment(on: str | None, zone: str) -> str:
    """The same as ``moment``, of a time that has come."""
    given = moment(on, zone)
    if parse_instant(given, zone) > datetime.now(UTC):  # noqa: TID251 - now
        raise typer.BadParameter(f"--on is {given}; that time has not come yet")
    return given


def moment(on: str | None, zone: str) -> str:
    """The date or time that ``--on`` gives, or now in the zone, to the second."""
    if on is None:
        now = datetime.now(UTC).astimezone(ZoneInfo(zone))  # noqa: TID251 - the default of --on
        return now.isoformat(timespec="seconds")
    return check_moment(on, "--on")


def check_moment(given: str, option: str) -> str:
    """What an option gives, where it is a date or a time."""
    try:
        parse_instant(given, "UTC")
    except ValueError as error:
        raise typer.BadParameter(f"{option} {error}") from error
    return given
