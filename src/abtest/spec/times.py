"""Dates, instants and zones as a spec writes them."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from abtest.instants import parse_instant

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _instant(text: str) -> str:
    try:
        parse_instant(text, "UTC")
    except ValueError as error:
        raise PydanticCustomError("instant", "{why}", {"why": str(error)}) from error
    return text


def _iso_date(text: str) -> str:
    try:
        parse_instant(text, "UTC")
        known = _DATE.fullmatch(text) is not None  # one form only: dates are compared as text
    except ValueError:
        known = False
    if not known:
        raise PydanticCustomError(
            "iso_date", "is {value}; it must be a date such as 2026-01-05", {"value": repr(text)}
        )
    return text


def _zone(name: str) -> str:
    zones = available_timezones()
    if name not in zones:
        close = get_close_matches(name, sorted(zones), n=1)
        raise PydanticCustomError(
            "timezone",
            "is {value}; it must be a zone of the IANA database such as Europe/Berlin",
            {"value": repr(name), "hint": f'did you mean "{close[0]}"?' if close else ""},
        )
    return name


Instant = Annotated[str, AfterValidator(_instant)]
"""A date or a time; without an offset it is local time in the spec's zone."""

IsoDate = Annotated[str, AfterValidator(_iso_date), Field(json_schema_extra={"format": "date"})]
"""A date such as 2026-01-05."""

Zone = Annotated[str, AfterValidator(_zone)]
"""A time zone such as Europe/Berlin."""
