"""Times written as text, read with expressions that every engine has: cut, compare, add.

No engine's own parser is used: they differ in what they accept, and some fail at the first bad
cell instead of counting all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw

from abtest.sources.zones import MICROSECONDS_A_DAY

_DASHED, _SLASHED = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", "[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}"
_DATE = f"(?:{_DASHED}|{_SLASHED})"
_TIME = r"[ T] *[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
_OFFSET = " ?(?:Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)"
LOCAL = f"^{_DATE}(?:{_TIME})?$"
WITH_OFFSET = f"^{_DATE}{_TIME}{_OFFSET}$"
_HOUR = 3_600_000_000
_MINUTE = 60_000_000
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class TimeColumns:
    """The columns that reading times adds.

    Attributes:
        time: Microseconds since 1970, in UTC or, where ``local``, on the clock of the zone.
        local: Whether the cell has no offset.
    """

    time: str
    local: str


def read_times(frame: nw.LazyFrame[Any], cell: str, into: TimeColumns) -> nw.LazyFrame[Any]:
    """Read a column of text without outer blanks; what is no time is null."""

    def named(part: str) -> str:
        return f"{into.time}:{part}"

    text = nw.col(named("text"))
    aware = nw.col(cell).str.contains(WITH_OFFSET)
    well_formed = aware | nw.col(cell).str.contains(LOCAL)
    frame = frame.with_columns(
        nw.when(well_formed).then(nw.col(cell)).alias(named("text")),
        (~aware).alias(into.local),
    ).with_columns(
        nw.when(text.str.contains("[ T]")).then(_after_date(text)).alias(named("clock")),
        nw.when(~nw.col(into.local)).then(_offset_of(text)).alias(named("offset")),
    )
    parts = _parts(nw.col(named("text")), nw.col(named("clock")), nw.col(named("offset")))
    frame = frame.with_columns(*(part.alias(named(name)) for name, part in parts.items()))
    columns = {name: nw.col(named(name)) for name in parts}
    frame = frame.with_columns(
        nw.when(_is_real(columns)).then(_microseconds(columns)).alias(into.time)
    )
    return frame.drop([named(name) for name in ("text", "clock", "offset", *parts)])


def days_since_1970(year: nw.Expr, month: nw.Expr, day: nw.Expr) -> nw.Expr:
    """The day's number in the Gregorian calendar, counted in years that start with March."""
    early = nw.when(month <= 2).then(nw.lit(1)).otherwise(nw.lit(0))  # January, February
    march_year = year - early
    day_of_year = (153 * (month - 3 + 12 * early) + 2) // 5 + day - 1
    leap_days = march_year // 4 - march_year // 100 + march_year // 400
    return 365 * march_year + leap_days + day_of_year - 719_468


def _after_date(text: nw.Expr) -> nw.Expr:
    return text.str.replace_all("^[0-9/-]+[ T] *", "")


def _offset_of(text: nw.Expr) -> nw.Expr:
    """Z, UTC, +01, +01:00: what comes after the time."""
    return _after_date(text).str.replace_all("^[0-9:.]+ ?", "")


def _parts(text: nw.Expr, clock: nw.Expr, offset: nw.Expr) -> dict[str, nw.Expr]:
    after_year = text.str.slice(5)
    after_hour = clock.str.replace_all("^[0-9]+:", "")
    fraction = after_hour.str.slice(5).str.replace_all("[^0-9.].*$|[+-].*$", "")
    digits = offset.str.replace_all("[^0-9]", "")
    sign = nw.when(offset.str.starts_with("-")).then(nw.lit(-1)).otherwise(nw.lit(1))
    return {
        "year": _whole(text.str.slice(0, 4)),
        "month": _whole(after_year.str.replace_all("[-/].*$", "")),
        "day": _whole(after_year.str.replace_all("^[0-9]+[-/]", "").str.replace_all("[ T].*$", "")),
        "hour": _whole(clock.str.replace_all(":.*$", "")),
        "minute": _whole(after_hour.str.slice(0, 2)),
        "second": _whole(
            nw.when(after_hour.str.slice(2, 1) == ":").then(after_hour.str.slice(3, 2))
        ),
        "fraction": _millionths(
            nw.when(fraction.str.starts_with(".")).then(fraction.str.slice(1, 6))
        ),
        "east": sign * (_whole(digits.str.slice(0, 2)) * 60 + _whole(digits.str.slice(2, 2))),
    }


def _whole(digits: nw.Expr) -> nw.Expr:
    """A whole number; 0 where there are no digits."""
    there = nw.when(digits != "").then(digits)
    return nw.coalesce(there.cast(nw.Int64), nw.lit(0))


def _millionths(digits: nw.Expr) -> nw.Expr:
    """.5 is 500000 microseconds."""
    return _whole(nw.concat_str([digits, nw.lit("000000")]).str.slice(0, 6))


def _rest(number: nw.Expr, divisor: int) -> nw.Expr:
    """The remainder; pandas has no ``%`` for Arrow's types."""
    return number - number // divisor * divisor


def _is_real(part: dict[str, nw.Expr]) -> nw.Expr:
    """Whether there are such a day and such a time; 24:00 is the end of a day."""
    year, month, day = part["year"], part["month"], part["day"]
    leap = ((_rest(year, 4) == 0) & (_rest(year, 100) != 0)) | (_rest(year, 400) == 0)
    february = nw.when(leap).then(nw.lit(29)).otherwise(nw.lit(28))
    usual = _rest(month + month // 8, 2) + 30
    longest = nw.when(month == 2).then(february).otherwise(usual)
    is_day = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= longest)
    over = part["minute"] + part["second"] + part["fraction"]
    is_hour = (part["hour"] <= 23) | ((part["hour"] == 24) & (over == 0))
    return is_day & is_hour & (part["minute"] <= 59) & (part["second"] <= 59)


def _microseconds(part: dict[str, nw.Expr]) -> nw.Expr:
    day = days_since_1970(part["year"], part["month"], part["day"])
    return (
        day * MICROSECONDS_A_DAY
        + part["hour"] * _HOUR
        + (part["minute"] - part["east"]) * _MINUTE
        + part["second"] * _SECOND
        + part["fraction"]
    )
