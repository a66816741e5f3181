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
    others: dict[str, list[Row]] = field(default_factory=dict)  # streams to anchor on
    other_lags: dict[str, str] = field(default_factory=dict)

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


def events_of(log: Log, unit: str, stream: str = "orders") -> list[Row]:
    """A unit's events before the cut-off, in order of time."""
    found = [
        {**event, "at": read_time(event["at"], log.zone)}
        for event in (log.events if stream == "orders" else log.others[stream])
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
        state, value = standing(log, metric, unit, assigned_at)
        outcome.ineligible += state == "ineligible"
        outcome.immature += state == "immature"
        if state == "observed":
            outcome.values.append(value)
    return outcomes


def standing(log: Log, metric: Row, unit: str, assigned_at: datetime) -> tuple[str, Any]:
    """Where one unit stands on a metric, and its value where it has one."""
    events = events_of(log, unit)
    anchor = anchor_of(log, metric, unit, assigned_at)
    if anchor is None or not is_eligible(log, metric, anchor, events):
        return "ineligible", None
    if metric["kind"] == "time_to_event" or metric.get("maturity") == "censored":
        time = time_of(log, metric, anchor, events)
        return ("immature", None) if time is None else ("observed", time)
    if metric.get("maturity") != "all" and not is_mature(log, metric, anchor):
        return "immature", None
    if needs_amounts(metric) and not all_amounts_known(log, metric, anchor, events):
        return "missing", None  # nobody knows the total: it is not the sum of the rest
    value = value_of(log, metric, anchor, events)
    return ("missing", None) if value is None else ("observed", value)


def needs_amounts(metric: Row) -> bool:
    return metric["kind"] in ("sum", "ratio")


def all_amounts_known(log: Log, metric: Row, anchor: datetime, events: list[Row]) -> bool:
    inside = [event for event in events if is_inside(log, metric, anchor, event["at"])]
    return all(event["amount"] is not None for event in inside)


def anchor_of(log: Log, metric: Row, unit: str, assigned_at: datetime) -> datetime | None:
    """The assignment, or the first event of a stream at or after it."""
    anchor = metric.get("anchor", "assignment")
    if anchor == "assignment":
        return assigned_at
    events = events_of(log, unit, "orders" if anchor == "first_event" else anchor)
    return next((event["at"] for event in events if event["at"] >= assigned_at), None)


def is_eligible(log: Log, metric: Row, anchor: datetime, events: list[Row]) -> bool:
    """A repeat purchase, anchored on assignment, needs a purchase at or before the anchor.

    A customer at the start of a period, for the retention rate, bought before it.
    """
    if metric["kind"] == "crr":
        return any(is_before_the_period(log, metric, anchor, event["at"]) for event in events)
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
    return over + lag_of(log, metric) <= log.cutoff()


def lag_of(log: Log, metric: Row) -> timedelta:
    """An answer needs the metric's own stream and the one that it is anchored on."""
    anchor = log.other_lags.get(metric.get("anchor", ""), "0d")
    return max(read_length(log.lag), read_length(anchor))


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
    if kind in ("conversion", "retention", "crr"):
        return bool(inside)
    if kind == "churn":
        return not inside
    if kind == "inactivity":
        return is_silent(log, metric, anchor, events)
    if kind == "survey":
        return score_of(metric, inside)
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


def is_before_the_period(log: Log, metric: Row, anchor: datetime, at: datetime) -> bool:
    if metric["window"].get("calendar"):
        passed = local_day(anchor, log.zone) - local_day(at, log.zone)
    else:
        passed = anchor - at
    if "prior" in metric and passed > read_length(metric["prior"]["lookback"]):
        return False
    return passed > timedelta(0)


def is_silent(log: Log, metric: Row, anchor: datetime, events: list[Row]) -> bool:
    """No event in the last days of the window."""
    start = int(metric["window"]["end"][:-1]) - metric["days"]
    last_days = {"window": {**metric["window"], "start": f"{start}d"}}
    return not any(is_inside(log, last_days, anchor, event["at"]) for event in events)


def score_of(metric: Row, inside: list[Row]) -> Any:
    """The last answer in the window; the higher of two at one instant; None without any."""
    low, high = (0, 10) if metric["scale"] == "nps" else (1, metric.get("points", 5))
    answers = [(event["at"], event["amount"]) for event in inside]
    answers = [(at, answer) for at, answer in answers if answer in range(low, high + 1)]
    if not answers:
        return None
    answer = max(answers)[1]
    if metric["scale"] == "nps":
        return 100 if answer >= 9 else -100 if answer <= 6 else 0
    return answer >= metric["top"] if metric.get("score") == "top_box" else answer


def time_of(log: Log, metric: Row, anchor: datetime, events: list[Row]) -> Any:
    """On which day the first event came, and True; or the last whole day without one, and False.

    Days count from 1. None where the data do not cover a single day to its end.
    """
    followed = whole_days_followed(log, metric, anchor)
    if followed == 0:
        return None
    days = []
    for event in events:
        at = event["at"]
        counts = is_inside(log, metric, anchor, at)
        if metric["kind"] == "repeat_purchase":
            counts = counts and came_back(log, metric, anchor, events, [event])
        elif metric["kind"] == "time_to_event" and metric.get("anchor") == "first_event":
            later = local_day(at, log.zone) > local_day(anchor, log.zone)
            counts = counts and (later if log.counted == "day" else at > anchor)
        if counts:
            days.append(day_number(log, metric, anchor, at))
    first = min(days, default=None)
    if first is None or first > followed:
        return followed, False
    return first, True


def share_by_the_end(metric: Row, times: list[tuple[int, bool]]) -> float | None:
    """The survival curve day by day: of those still followed, how many had the event.

    None where the last days have nobody left who was followed, and it is not known.
    """
    without = 1.0
    for day in range(1, read_length(metric["window"]["end"]).days + 1):
        at_risk = sum(time >= day for time, _ in times)
        if at_risk == 0:
            return 1.0 if without == 0 else None
        without *= 1 - sum(time == day and event for time, event in times) / at_risk
    return 1 - without


def day_number(log: Log, metric: Row, anchor: datetime, at: datetime) -> int:
    if metric["window"].get("calendar"):
        return (local_day(at, log.zone) - local_day(anchor, log.zone)).days + 1
    return (at - anchor) // timedelta(days=1) + 1


def whole_days_followed(log: Log, metric: Row, anchor: datetime) -> int:
    """How many days of the window are over, and the lag after them too."""
    days = 0
    window = metric["window"]
    while days < read_length(window["end"]).days:
        so_far = {**metric, "window": {**window, "end": f"{days + 1}d"}}
        if not is_mature(log, so_far, anchor):
            break
        days += 1
    return days


def count(log: Log, inside: list[Row]) -> int:
    if log.counted == "day":
        return len({local_day(event["at"], log.zone) for event in inside})
    if log.counted == "order":
        ids = {event["order"] for event in inside if event["order"] is not None}
        return len(ids) + sum(event["order"] is None for event in inside)
    return len(inside)
