"""Every event metric once more, slowly, from the design's text: lists of dicts and zoneinfo.

Nothing here looks at how the package computes; a reader can check each line against the words.
Times are texts, as in a CSV file; ``read_time`` says what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
LENGTHS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass
class Log:
    """An experiment's tables and what the spec says about them."""

    zone: str
    as_of: str
    variants: list[str]
    assignments: list[Row]
    events: list[Row]
    crossover: str = "first"
    lag: str = "0d"
    counted: str = "rows"  # rows, order or day

    def cutoff(self) -> datetime:
        return read_time(self.as_of, self.zone)


@dataclass
class Outcome:
    """What became of one variant's units on one metric."""

    values: list[Any] = field(default_factory=list)
    immature: int = 0
    ineligible: int = 0


def read_length(text: str) -> timedelta:
    return int(text[:-1]) * LENGTHS[text[-1]]


def read_time(text: str, zone: str) -> datetime:
    """A date is the start of that day; a time without an offset is local time in the zone."""
    moment = datetime.fromisoformat(text.replace(" UTC", "Z"))
    if moment.tzinfo is None:
        # fold=0 is the default: the first of two times where clocks go back.
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.astimezone(UTC)


def local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def analysed_units(log: Log) -> dict[str, tuple[str, datetime]]:
    """Each unit's variant and anchor: its first assignment by the split, before the cut-off."""
    rows = [
        (read_time(row["at"], log.zone), row["variant"], row["unit"])
        for row in log.assignments
        if row["reason"] == "split" and row["variant"] in log.variants
    ]
    units: dict[str, tuple[str, datetime]] = {}
    crossed = set()
    for at, variant, unit in sorted(row for row in rows if row[0] < log.cutoff()):
        first_variant, _ = units.setdefault(unit, (variant, at))
        if variant != first_variant:
            crossed.add(unit)
    if log.crossover == "exclude":
        return {unit: found for unit, found in units.items() if unit not in crossed}
    return units


def events_of(log: Log, unit: str) -> list[Row]:
    """A unit's events before the cut-off, in order of time."""
    found = [
        {**event, "at": read_time(event["at"], log.zone)}
        for event in log.events
        if event["unit"] == unit and event["at"] is not None
    ]
    return sorted(
        (event for event in found if event["at"] < log.cutoff()), key=lambda event: event["at"]
    )


def evaluate(log: Log, metric: Row) -> dict[str, Outcome]:
    """Every variant's outcome on one metric."""
    outcomes = {variant: Outcome() for variant in log.variants}
    for unit, (variant, assigned_at) in analysed_units(log).items():
        outcome = outcomes[variant]
        events = events_of(log, unit)
        anchor = anchor_of(metric, assigned_at, events)
        if anchor is None or not is_eligible(metric, anchor, events):
            outcome.ineligible += 1
        elif metric.get("maturity") != "all" and not is_mature(log, metric, anchor):
            outcome.immature += 1
        elif needs_amounts(metric) and not all_amounts_known(log, metric, anchor, events):
            continue  # nobody knows the total: it is not the sum of the rest
        else:
            outcome.values.append(value_of(log, metric, anchor, events))
    return outcomes


def needs_amounts(metric: Row) -> bool:
    return metric["kind"] in ("sum", "ratio")


def all_amounts_known(log: Log, metric: Row, anchor: datetime, events: list[Row]) -> bool:
    inside = [event for event in events if is_inside(log, metric, anchor, event["at"])]
    return all(event["amount"] is not None for event in inside)


def anchor_of(metric: Row, assigned_at: datetime, events: list[Row]) -> datetime | None:
    if metric.get("anchor", "assignment") == "assignment":
        return assigned_at
    return next((event["at"] for event in events if event["at"] >= assigned_at), None)


def is_eligible(metric: Row, anchor: datetime, events: list[Row]) -> bool:
    """A repeat purchase, anchored on assignment, needs a purchase at or before the anchor."""
    if metric["kind"] != "repeat_purchase" or metric.get("anchor") == "first_event":
        return True
    before = [event for event in events if event["at"] <= anchor]
    if "prior" in metric:
        lookback = read_length(metric["prior"]["lookback"])
        before = [event for event in before if event["at"] >= anchor - lookback]
    return bool(before)


def is_mature(log: Log, metric: Row, anchor: datetime) -> bool:
    """Anchor + window end + lag <= as_of; with a calendar, the window ends as its last day does."""
    end = read_length(metric["window"]["end"])
    if metric["window"].get("calendar"):
        after = local_day(anchor, log.zone) + end
        over = read_time(after.isoformat(), log.zone)
    else:
        over = anchor + end
    return over + read_length(log.lag) <= log.cutoff()


def is_inside(log: Log, metric: Row, anchor: datetime, at: datetime) -> bool:
    window = metric["window"]
    start, end = read_length(window.get("start", "0d")), read_length(window["end"])
    if window.get("calendar"):
        passed = local_day(at, log.zone) - local_day(anchor, log.zone)
    else:
        passed = at - anchor
    return start <= passed < end


def value_of(log: Log, metric: Row, anchor: datetime, events: list[Row]) -> Any:
    inside = [event for event in events if is_inside(log, metric, anchor, event["at"])]
    kind = metric["kind"]
    if kind in ("conversion", "retention"):
        return bool(inside)
    if kind == "churn":
        return not inside
    if kind == "repeat_purchase":
        return came_back(log, metric, anchor, events, inside)
    if kind == "count":
        return count(log, inside)
    amounts = [event["amount"] for event in inside]
    if kind == "sum":
        return sum(amounts)
    return sum(amounts), count(log, inside)  # a ratio: its numerator and its denominator


def came_back(
    log: Log, metric: Row, anchor: datetime, events: list[Row], inside: list[Row]
) -> bool:
    """Bought strictly after the anchor; on a later day where there was a purchase at the anchor."""
    after = [event["at"] for event in inside if event["at"] > anchor]
    at_anchor = any(event["at"] == anchor for event in events)
    if at_anchor or metric.get("anchor") == "first_event":
        after = [at for at in after if local_day(at, log.zone) > local_day(anchor, log.zone)]
    return bool(after)


def count(log: Log, inside: list[Row]) -> int:
    if log.counted == "day":
        return len({local_day(event["at"], log.zone) for event in inside})
    if log.counted == "order":
        ids = {event["order"] for event in inside if event["order"] is not None}
        return len(ids) + sum(event["order"] is None for event in inside)
    return len(inside)
