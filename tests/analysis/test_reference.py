"""Random small logs: the package against the slow reference, unit by unit of arithmetic."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean, variance
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from abtest import DataError, analyze
from analysis.reference import (
    Log,
    Outcome,
    analysed_units,
    evaluate,
    read_length,
    read_time,
    share_by_the_end,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from abtest import Result

# Local days on which clocks change, and one on which they do not.
CHANGES = {
    "Europe/Berlin": ["2021-03-28", "2021-10-31"],
    "Asia/Tehran": ["2021-03-22", "2021-09-21"],
    "America/New_York": ["2021-03-14", "2021-11-07"],
    "UTC": ["2021-12-31"],
}
VARIANTS = ["control", "پیشنهاد 🎁"]
UNITS = ["007", "7", "a b", "زهرا", "nan1", "C-8", "17850.0", "é"]
HALF_HOUR = timedelta(minutes=30)
SECOND = timedelta(seconds=1)
FORMS: dict[str, Callable[[datetime], str]] = {
    "naive": lambda local: local.replace(tzinfo=None).isoformat(" "),
    "offset": lambda local: local.isoformat(),
    "zulu": lambda local: local.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    "word": lambda local: local.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    "date": lambda local: local.date().isoformat(),
}


@dataclass
class Drawn:
    """A log, the metrics to ask of it, and how its tables are passed."""

    log: Log
    metrics: list[dict[str, Any]]
    passed_as: str


def metrics_for(window: dict[str, Any], lookback: str) -> list[dict[str, Any]]:
    """Every kind of event metric on one window; those that start at the anchor, on its end."""
    from_anchor = {"window": {**window, "start": "0d", "end": "3d"}}
    first, everyone = {"anchor": "first_event"}, {"maturity": "all"}
    handed_over, curve = {"anchor": "deliveries"}, {"maturity": "censored", **from_anchor}
    kinds: dict[str, dict[str, Any]] = {
        "conversion": {"kind": "conversion", "role": "primary"},
        "conversion_first": {"kind": "conversion", **first},
        "conversion_all": {"kind": "conversion", **everyone},
        "repeat": {"kind": "repeat_purchase"},
        "repeat_prior": {"kind": "repeat_purchase", "prior": {"lookback": lookback}},
        "repeat_first": {"kind": "repeat_purchase", **first},
        "retention": {"kind": "retention"},
        "churn": {"kind": "churn"},
        "count": {"kind": "count"},
        "count_first": {"kind": "count", **first},
        "sum": {"kind": "sum"},
        "sum_all": {"kind": "sum", **first, **everyone},
        "inactive": {"kind": "inactivity", "days": 2, **from_anchor},
        "crr": {"kind": "crr", **from_anchor},
        "crr_prior": {"kind": "crr", "prior": {"lookback": "2d"}, **from_anchor},
        "nps": {"kind": "survey", "scale": "nps"},
        "csat": {"kind": "survey", "scale": "csat", **first},
        "top_box": {"kind": "survey", "scale": "csat", "score": "top_box", "top": 4},
        "conversion_delivered": {"kind": "conversion", **handed_over},
        "repeat_delivered": {"kind": "repeat_purchase", **handed_over},
        "sum_delivered": {"kind": "sum", **handed_over},
        "conversion_curve": {"kind": "conversion", **curve},
        "repeat_curve": {"kind": "repeat_purchase", **curve},
        "repeat_first_curve": {"kind": "repeat_purchase", **curve, **first},
        "time": {"kind": "time_to_event", **from_anchor},
        "time_first": {"kind": "time_to_event", **from_anchor, **first},
        "time_delivered": {"kind": "time_to_event", **from_anchor, **handed_over},
    }
    return [
        {"key": key, "events": "orders", "window": window, **rest} for key, rest in kinds.items()
    ]


RATIO = {"key": "ratio", "kind": "ratio", "numerator": "sum", "denominator": "count"}


@st.composite
def drawn_logs(draw: st.DrawFn) -> Drawn:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change = datetime.fromisoformat(draw(st.sampled_from(CHANGES[zone]))).replace(
        tzinfo=ZoneInfo(zone)
    )
    calendar = draw(st.booleans())
    unit_of_time = "d" if calendar else draw(st.sampled_from(["d", "h"]))
    start = draw(st.integers(-1, 2))
    end = start + draw(st.integers(1, 3))
    window = {"start": f"{start}{unit_of_time}", "end": f"{end}{unit_of_time}"}
    if calendar:
        window["calendar"] = True  # type: ignore[assignment]
    lookback = draw(st.sampled_from(["1h", "1d", "2d"]))
    lag = draw(st.sampled_from(["0d", "1h", "1d"]))

    # A column has offsets or has none: a mixture is refused.
    forms = st.sampled_from([["naive", "naive", "date"], ["offset", "zulu", "word"]])

    def a_time(moment: datetime, known: list[str]) -> str:
        form = draw(st.sampled_from(known))
        return FORMS[form](moment.astimezone(ZoneInfo(zone)))

    steps = st.integers(-96, 96).map(lambda n: n * HALF_HOUR)
    of_assignments, of_events = draw(forms), draw(forms)
    assignments = [
        {
            "unit": draw(st.sampled_from(UNITS)),
            "variant": draw(st.sampled_from([*VARIANTS, *VARIANTS, "unheard of"])),
            "at": a_time(change.astimezone(UTC) + draw(steps), of_assignments),
            "reason": draw(st.sampled_from(["split"] * 5 + ["override"])),
        }
        for _ in range(draw(st.integers(1, 10)))
    ]
    assignments += assignments[: draw(st.integers(0, 1))]  # the same row twice
    anchors = [read_time(row["at"], zone) for row in assignments]
    # On purpose at, just before and just after each edge.
    edges = [timedelta(0), read_length(window["start"]), read_length(window["end"])]
    edges += [-read_length(lookback), timedelta(days=1)]
    nudges = st.sampled_from([timedelta(0), timedelta(0), SECOND, -SECOND, HALF_HOUR, -HALF_HOUR])
    events = [
        {
            "unit": draw(st.sampled_from([*UNITS, "stranger", None])),
            "at": None
            if draw(st.integers(0, 15)) == 0
            else a_time(
                draw(st.sampled_from(anchors)) + draw(st.sampled_from(edges)) + draw(nudges),
                of_events,
            ),
            "order": draw(st.sampled_from(["A", "B", "C", None])),
            "amount": draw(st.sampled_from([None, 0.25, 10.5, -3.0, 1e6, 1.0, 4.0, 5.0, 9.0])),
        }
        for _ in range(draw(st.integers(0, 24)))
    ]
    events += events[: draw(st.integers(0, 2))]
    of_deliveries = draw(forms)
    deliveries = [
        {
            "unit": draw(st.sampled_from(UNITS)),
            "at": a_time(
                draw(st.sampled_from(anchors)) + draw(st.sampled_from(edges)) + draw(nudges),
                of_deliveries,
            ),
        }
        for _ in range(draw(st.integers(0, 8)))
    ]
    other_lag = draw(st.sampled_from(["0d", "0d", "12h", "2d"]))
    known = st.sampled_from(anchors)
    needed = st.sampled_from(
        [read_length(window["end"]) + read_length(lag), timedelta(days=2), timedelta(days=9)]
    )
    as_of = a_time(draw(known) + draw(needed) + draw(nudges), ["naive", "offset", "zulu", "date"])
    counted = draw(st.sampled_from(["rows", "order", "day"]))
    crossover = draw(st.sampled_from(["first", "first", "exclude"]))
    log = Log(zone, as_of, VARIANTS, assignments, events, crossover, lag, counted)
    log.others, log.other_lags = {"deliveries": deliveries}, {"deliveries": other_lag}
    metrics = metrics_for(window, lookback)
    return Drawn(log, metrics, draw(st.sampled_from(["csv", "text frame", "aware frame"])))


def spec_of(drawn: Drawn) -> dict[str, Any]:
    log = drawn.log
    orders: dict[str, Any] = {"path": "orders.csv", "at": "at", "value": "amount", "lag": log.lag}
    if log.counted == "order":
        orders["id"] = "order"
    if log.counted == "day":
        orders["merge"] = "calendar_day"
    return {
        "spec": "abtest/v1",
        "key": "drawn",
        "kind": "messaging",
        "unit": "unit",
        "variants": [{"key": VARIANTS[0], "control": True}, {"key": VARIANTS[1]}],
        "schedule": {"timezone": log.zone},
        "data": {
            "as_of": log.as_of,
            "assignments": {"path": "assignments.csv", "variant": "variant", "at": "at"},
            "crossover": log.crossover,
            "events": {
                "orders": orders,
                "deliveries": {
                    "path": "deliveries.csv",
                    "at": "at",
                    "lag": log.other_lags["deliveries"],
                },
            },
        },
        "metrics": [*drawn.metrics, RATIO],
    }


def as_csv(rows: list[dict[str, Any]], columns: list[str], path: Path) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def as_frame(rows: list[dict[str, Any]], columns: list[str], zone: str | None) -> pd.DataFrame:
    """Times as text, or as timestamps of the zone."""
    frame = pd.DataFrame(rows, columns=columns)
    if zone is None:
        return frame
    times = [None if row["at"] is None else read_time(row["at"], zone) for row in rows]
    frame["at"] = pd.to_datetime(pd.Series(times, dtype=object), utc=True).dt.tz_convert(zone)
    return frame


def run(drawn: Drawn) -> Result:
    log = drawn.log
    columns = {
        "assignments": ["unit", "variant", "at", "reason"],
        "orders": ["unit", "at", "order", "amount"],
        "deliveries": ["unit", "at"],
    }
    tables = {"assignments": log.assignments, "orders": log.events, **log.others}
    with tempfile.TemporaryDirectory() as folder:
        data: dict[str, Any] = {}
        for name, rows in tables.items():
            if drawn.passed_as == "csv":
                data[name] = as_csv(rows, columns[name], Path(folder) / f"{name}.csv")
            else:
                zone = log.zone if drawn.passed_as == "aware frame" else None
                data[name] = as_frame(rows, columns[name], zone)
        return analyze(spec_of(drawn), data=data)


def reference_of(drawn: Drawn) -> dict[str, dict[str, Outcome]]:
    found = {metric["key"]: evaluate(drawn.log, metric) for metric in drawn.metrics}
    like_sum = next(metric for metric in drawn.metrics if metric["key"] == "sum")
    found["ratio"] = evaluate(drawn.log, {**like_sum, "kind": "ratio"})
    return found


def value(metric: dict[str, Any], outcome: Outcome) -> float | None:
    """What is reported of a variant."""
    values: list[Any] = outcome.values  # noqa: PD011 - a list of ours
    if not values:
        return None
    if metric["kind"] == "time_to_event" or metric.get("maturity") == "censored":
        return share_by_the_end(metric, values)
    if isinstance(values[0], tuple):
        below = sum(denominator for _, denominator in values)
        return float(sum(numerator for numerator, _ in values) / below) if below else None
    if isinstance(values[0], bool):
        return float(sum(values) / len(values))
    return float(mean(values))


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drawn_logs())
def test_every_event_metric_is_what_the_reference_says(drawn: Drawn) -> None:
    counted = [
        row
        for row in drawn.log.assignments
        if row["reason"] == "split"
        and row["variant"] in VARIANTS
        and read_time(row["at"], drawn.log.zone) < drawn.log.cutoff()
    ]
    if not counted:
        event("nobody to analyse")
        with pytest.raises(
            DataError, match=r"no assignments that count|none of the spec's variants"
        ):
            run(drawn)
        return
    result = run(drawn)
    steps = {(step.metric, step.step, step.variant): step.n for step in result.waterfall}
    estimates = {(found.metric, found.variant): found for found in result.estimates}
    units = analysed_units(drawn.log)
    expected = reference_of(drawn)
    asked = {metric["key"]: metric for metric in [*drawn.metrics, RATIO]}
    for metric, by_variant in expected.items():
        for variant, outcome in by_variant.items():
            where = f"{metric} of {variant}"
            assigned = sum(of == variant for of, _ in units.values())
            n = len(outcome.values)
            assert steps[None, "assigned", variant] == assigned, where
            assert steps[metric, "eligible", variant] == assigned - outcome.ineligible, where
            assert steps[metric, "observed", variant] == n, where
            assert estimates[metric, variant].n == n, where
            close_to(estimates[metric, variant].value, value(asked[metric], outcome), where)
    check_records(result, asked, expected)


def close_to(got: float | None, wanted: float | None, where: str) -> None:
    if wanted is None:
        assert got is None, where
    else:
        assert got == pytest.approx(wanted, rel=1e-9, abs=1e-9), where


def check_records(
    result: Result, asked: dict[str, Any], expected: dict[str, dict[str, Outcome]]
) -> None:
    """The records say the same, and the standard errors come from the same units."""
    for record in result.results:
        treatment, control = (
            expected[record.metric][record.variant],
            expected[record.metric][VARIANTS[0]],
        )
        counts = (record.n, record.n_immature, record.n_ineligible)
        assert counts == (len(treatment.values), treatment.immature, treatment.ineligible)
        assert (record.n_control, record.n_immature_control) == (
            len(control.values),
            control.immature,
        )
        later = asked[record.metric].get("anchor", "assignment") != "assignment"
        everyone = asked[record.metric].get("maturity") == "all"
        assert (record.label == "descriptive") == (later or everyone)
        if record.kind in ("count", "sum") and record.se is not None:
            se2 = sum(
                variance(map(float, one.values)) / len(one.values) for one in (treatment, control)
            )
            assert record.se == pytest.approx(se2**0.5, rel=1e-9)
