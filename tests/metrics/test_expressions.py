"""Each event metric's expressions on each engine, unit by unit against the slow reference.

Nothing of the analysis is used here: rows are joined with their anchors by hand, so that a metric
is tested before, and whatever way, the analysis runs it.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import duckdb
import narwhals as nw
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from abtest.metrics import AnyMetric
from abtest.metrics.base import EventScope
from abtest.metrics.first_event import FirstEventMetric, Followed
from analysis.reference import (
    Log,
    analysed_units,
    anchor_of,
    events_of,
    local_day,
    read_length,
    standing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abtest.metrics.base import EventMetric

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = ["unit", "at", "day", "value", "order", "anchor", "anchor_day"]
METRIC: TypeAdapter[Any] = TypeAdapter(AnyMetric)


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def day(moment: datetime, zone: str) -> int:
    return (local_day(moment, zone) - date(1970, 1, 1)).days


def in_duckdb(rows: dict[str, Any]) -> Any:
    # Through Polars, whose types say text and number also where every value is missing.
    return duckdb.from_arrow(typed(rows).to_arrow())


def typed(rows: dict[str, Any]) -> pl.DataFrame:
    types = {"unit": pl.String, "order": pl.String, "value": pl.Float64}
    return pl.DataFrame(rows, schema={name: types.get(name, pl.Int64) for name in rows})


ENGINES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "polars": lambda rows: typed(rows).lazy(),
    "duckdb": in_duckdb,
    "pandas": lambda rows: typed(rows).to_pandas(),
}


def anchors(log: Log, metric: dict[str, Any]) -> dict[str, datetime]:
    found = {
        unit: anchor_of(log, metric, unit, at) for unit, (_, at) in analysed_units(log).items()
    }
    return {unit: anchor for unit, anchor in found.items() if anchor is not None}


def event_rows(log: Log, since: dict[str, datetime]) -> dict[str, list[Any]]:
    """The rows that the engine would have after joining: the unit's anchor beside each event."""
    rows = [
        (
            unit,
            microseconds(event["at"]),
            day(event["at"], log.zone),
            event["amount"],
            event["order"],
            microseconds(anchor),
            day(anchor, log.zone),
        )
        for unit, anchor in since.items()
        for event in events_of(log, unit)
    ]
    return {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}


def outcomes(engine: str, log: Log, spec: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Each unit's state and value, by the metric's own expressions."""
    metric: EventMetric = METRIC.validate_python(spec)
    scope = EventScope(log.counted)  # type: ignore[arg-type]  # one of the three
    since = anchors(log, spec)
    units = {
        "unit": list(since),
        "anchor": [microseconds(anchor) for anchor in since.values()],
        "anchor_day": [day(anchor, log.zone) for anchor in since.values()],
    }
    make = ENGINES[engine]
    columns = metric.unit_columns(scope)
    rows = nw.from_native(make(event_rows(log, since))).lazy()
    found = rows.with_columns(*(a.row.alias(name) for name, a in columns.items()))
    grouped = found.group_by("unit").agg(*(a.of(name) for name, a in columns.items()))
    frame = nw.from_native(make(units)).lazy().join(grouped, on="unit", how="left")
    frame = frame.with_columns(*(nw.coalesce(nw.col(c), nw.lit(0)).alias(c) for c in columns))
    wanted = {"value": metric.outcome(scope)}
    if (eligible := metric.eligible()) is not None:
        wanted["eligible"] = eligible
    if (observed := metric.observed()) is not None:
        wanted["observed"] = observed
    if isinstance(metric, FirstEventMetric) and "censored" in metric.readings:
        wanted |= curve_columns(log, metric)
    answer = frame.select("unit", *(e.alias(name) for name, e in wanted.items())).collect()
    read = {row["unit"]: reading(row) for row in answer.to_arrow().to_pylist()}
    for unit in analysed_units(log):
        read.setdefault(unit, ("ineligible", None))
    return mature_only(log, spec, read)


def curve_columns(log: Log, metric: FirstEventMetric) -> dict[str, nw.Expr]:
    until = log.cutoff() - read_length(log.lag)
    followed = Followed(
        nw.col("anchor"), nw.col("anchor_day"), microseconds(until), day(until, log.zone)
    )
    return {
        "followed": metric.followed_days(followed),
        "duration": metric.duration(followed),
        "event": metric.event(followed),
    }


def reading(row: dict[str, Any]) -> tuple[str, Any]:
    if not row.get("eligible", True):
        return "ineligible", None
    if not row.get("observed", True):
        return "missing", None
    if "duration" in row:
        if row["followed"] < 1:
            return "immature", None
        return "observed", (row["duration"], bool(row["event"]))
    return "observed", row["value"]


def mature_only(
    log: Log, spec: dict[str, Any], read: dict[str, tuple[str, Any]]
) -> dict[str, tuple[str, Any]]:
    """Maturity of plain metrics is the analysis' own; take it from the reference."""
    states = {
        unit: standing(log, spec, unit, at)[0] for unit, (_, at) in analysed_units(log).items()
    }
    curve = spec["kind"] == "time_to_event" or spec.get("maturity") == "censored"
    return {
        unit: ("immature", None) if states[unit] == "immature" and not curve else found
        for unit, found in read.items()
    }


def metrics_for(
    end: int, days: int, lookback: str, anchor: str, *, calendar: bool
) -> Iterator[Any]:
    """Every kind, with what only it has."""
    window = {"end": f"{end}d", "calendar": calendar}
    common = {"events": "orders", "window": window, "anchor": anchor}
    kinds: list[dict[str, Any]] = [
        {"kind": "conversion"},
        {"kind": "conversion", "maturity": "censored"},
        {"kind": "repeat_purchase"},
        {"kind": "repeat_purchase", "maturity": "censored"},
        {"kind": "retention", "window": {**window, "start": f"{end - 1}d"}},
        {"kind": "churn"},
        {"kind": "inactivity", "days": days},
        {"kind": "count"},
        {"kind": "sum"},
        {"kind": "survey", "scale": "nps"},
        {"kind": "survey", "scale": "csat"},
        {"kind": "survey", "scale": "csat", "points": 10},
        {"kind": "survey", "scale": "csat", "score": "top_box", "top": 4},
        {"kind": "time_to_event"},
    ]
    if anchor != "first_event":
        kinds += [
            {"kind": "repeat_purchase", "prior": {"lookback": lookback}},
            {"kind": "crr"},
            {"kind": "crr", "prior": {"lookback": lookback}},
            {"kind": "crr", "window": {**window, "start": "1d"}},
        ]
    for kind in kinds:
        yield {"key": "m", **common, **kind}


ZONES = {
    "Europe/Berlin": "2021-03-28",
    "America/New_York": "2021-11-07",
    "Asia/Tehran": "2021-03-22",
}


@st.composite
def logs(draw: st.DrawFn) -> tuple[Log, list[Any]]:
    """Few units, and events on purpose at, just before and just after every edge."""
    zone = draw(st.sampled_from(sorted(ZONES)))
    change = datetime.fromisoformat(ZONES[zone]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end, calendar = draw(st.integers(2, 4)), draw(st.booleans())
    days = draw(st.integers(1, end))
    lookback = draw(st.sampled_from(["1d", "2d"]))
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    steps = st.integers(-30, 30).map(lambda n: n * hour)
    assignments = [
        {"unit": unit, "variant": "a", "at": (change + draw(steps)).isoformat(), "reason": "split"}
        for unit in ("u1", "u2", "u3")
    ]
    anchored = {row["unit"]: datetime.fromisoformat(row["at"]) for row in assignments}
    known = st.sampled_from(sorted(anchored.values()))
    edges = st.sampled_from([n * DAY for n in (0, 0, 1, end - 1, end, end - days, -1, -2)])
    nudges = st.sampled_from([0 * hour, 0 * hour, second, -second, hour, -hour, 5 * hour])

    def events(most: int) -> list[dict[str, Any]]:
        amounts = [None, 0.0, 1.0, 3.0, 4.0, 5.0, 6.0, 7.0, 9.0, 10.0, 11.0, 4.5, -1.0]
        # Around the unit's own anchor; a stranger's around anybody's.
        units = draw(
            st.lists(
                st.sampled_from(["u1", "u1", "u2", "u3", "u4"]), min_size=most // 2, max_size=most
            )
        )
        return [
            {
                "unit": unit,
                "at": (anchored.get(unit, anchored["u1"]) + draw(edges) + draw(nudges)).isoformat(),
                "order": draw(st.sampled_from(["A", "B", None])),
                "amount": draw(st.sampled_from(amounts)),
            }
            for unit in units
        ]

    as_of = draw(known) + draw(st.sampled_from([1, end, end + 3, end + 9])) * DAY + draw(nudges)
    lag = draw(st.sampled_from(["0d", "1h", "1d"]))
    counted = draw(st.sampled_from(["rows", "order", "day"]))
    others = {"visits": events(6)}
    log = Log(
        zone, as_of.isoformat(), ["a"], assignments, events(14), "first", lag, counted, others
    )
    anchor = draw(st.sampled_from(["assignment", "first_event", "visits"]))
    return log, list(metrics_for(end, days, lookback, anchor, calendar=calendar))


@pytest.mark.parametrize("engine", sorted(ENGINES))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=logs())
def test_each_unit_stands_where_the_reference_says(
    engine: Literal["polars", "duckdb", "pandas"], drawn: tuple[Log, list[Any]]
) -> None:
    log, metrics = drawn
    for metric in metrics:
        found = outcomes(engine, log, metric)
        for unit, (_, at) in analysed_units(log).items():
            state, value = standing(log, metric, unit, at)
            where = f"{metric} of {unit}"
            assert found[unit][0] == state, where
            if state != "observed":
                continue
            got = found[unit][1]
            if isinstance(value, tuple):
                assert got == value, where
            else:
                assert math.isclose(float(got), float(value), abs_tol=1e-9), where
