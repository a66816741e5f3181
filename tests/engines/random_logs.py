"""Random experiments with everything that engines are known to read differently.

Local times around changes of the clock, instants of several units, numbers with holes, ids that
look like numbers, repeated rows, and rows that are not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

# Each zone with a local day on which its clocks change.
ZONES = {
    "Europe/Berlin": "2021-10-31",
    "Asia/Tehran": "2021-03-22",
    "America/New_York": "2021-11-07",
    "UTC": "2021-06-15",
}
VARIANTS = ["control", "پیشنهاد 🎁"]
AMOUNTS = [None, 0.25, 10.5, -3.0, 99.99, 1e6, 1e6 + 0.1]
UNITS_OF_TIME = ["s", "ms", "us", "ns"]
# How a time column is written.
FORMS = ["text", "text with offset", "local", "zoned", "date"]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A spec and its tables."""

    spec: dict[str, Any]
    tables: dict[str, pa.Table]


def random_experiment(seed: int, *, units: int = 60, events: int = 400) -> Experiment:
    """An experiment with one row per assignment and a log of orders."""
    rng = np.random.default_rng(seed)
    zone = list(ZONES)[seed % len(ZONES)]
    form = FORMS[seed % len(FORMS)]
    change = datetime.fromisoformat(ZONES[zone]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    ids = _ids(rng, units, numbers=seed % 3 == 0)
    anchors = [change + timedelta(minutes=30 * int(step)) for step in rng.integers(-96, 96, units)]
    rows = rng.integers(0, units, units + units // 5)
    rows[:units] = np.arange(units)  # everybody once, some again
    assignments = {
        "unit": [ids[i] for i in rows],
        "variant": [str(rng.choice([*VARIANTS, *VARIANTS, "unheard of"])) for _ in rows],
        "at": [anchors[i] + timedelta(hours=int(rng.integers(0, 3))) for i in rows],
        "reason": [str(rng.choice(["split"] * 8 + ["override"])) for _ in rows],
    }
    places = rng.integers(0, units, events)
    times = [_event_time(rng, anchors[i]) for i in places]
    known = [*ids, None, "999999"] if isinstance(ids[0], str) else [*ids, None, 999999]
    orders = {
        "unit": [
            known[i] if rng.random() > 0.05 else known[-1 - int(rng.integers(2))] for i in places
        ],
        "at": [None if rng.random() < 0.02 else time for time in times],
        "order": [rng.choice(["A1", "A2", "007", "7", ""]) or None for _ in places],
        "amount": [AMOUNTS[int(rng.integers(len(AMOUNTS)))] for _ in places],
        "quantity": [[1, 2, 3, None][int(rng.integers(4))] for _ in places],
        "status": [str(rng.choice(["paid", "paid", "paid", "open"])) for _ in places],
    }
    unit_of_time = UNITS_OF_TIME[seed % len(UNITS_OF_TIME)]
    tables = {
        "assignments": _table(assignments, form, zone, unit_of_time),
        "orders": _table(orders, form, zone, unit_of_time, repeat=seed % 4),
    }
    as_of = (change + timedelta(days=4)).astimezone(ZoneInfo(zone)).isoformat()
    return Experiment(_spec(seed, zone, as_of), tables)


def random_units(seed: int, *, rows: int = 300) -> Experiment:
    """An experiment with one row per unit and its outcomes in columns."""
    rng = np.random.default_rng(seed)
    table = {
        "unit": [f"{i:04d}" for i in range(rows)],
        "variant": [str(rng.choice(VARIANTS)) for _ in range(rows)],
        "won": [[True, False, None][int(rng.integers(3))] for _ in range(rows)],
        "came": [[1, 0, 1, None][int(rng.integers(4))] for _ in range(rows)],
        "spend": [None if rng.random() < 0.1 else 1e6 + float(rng.normal()) for _ in range(rows)],
        "orders": [int(rng.integers(0, 5)) for _ in range(rows)],
    }
    spec = {
        **head(),
        "data": {"units": {"path": "units.csv", "variant": "variant"}},
        "metrics": [
            {"key": "won", "kind": "proportion", "column": "won", "role": "primary"},
            {"key": "came", "kind": "proportion", "column": "came"},
            {"key": "spend", "kind": "mean", "column": "spend"},
            {"key": "aov", "kind": "ratio", "numerator": "spend", "denominator": "orders"},
        ],
    }
    # The same row twice: an exact copy is dropped and counted.
    copied = pa.table(table)
    return Experiment(spec, {"units": pa.concat_tables([copied, copied.slice(0, 5)])})


def _event_time(rng: np.random.Generator, anchor: datetime) -> datetime:
    """On purpose at, just before and just after the edges of windows."""
    edge = timedelta(hours=int(rng.choice([0, 24, 48, -24, 72, 1, -1])))
    nudge = timedelta(seconds=int(rng.choice([0, 0, 1, -1, 1800, -1800])))
    return anchor + edge + nudge


def _ids(rng: np.random.Generator, count: int, *, numbers: bool) -> list[Any]:
    if numbers:
        return [int(i) for i in rng.choice(100_000, count, replace=False)]
    shapes = ["{:04d}", "{}", "C-{}", "زهرا{}", " {}", "{}.0"]
    return [shapes[i % len(shapes)].format(i) for i in range(count)]


def _table(
    columns: dict[str, list[Any]], form: str, zone: str, unit: str, repeat: int = 0
) -> pa.Table:
    columns = {**columns, "at": [_written(time, form, zone) for time in columns["at"]]}
    types = {
        "local": pa.timestamp(unit),
        "zoned": pa.timestamp(unit, tz=zone),
        "date": pa.date32(),
    }
    typed = {
        name: pa.array(values, type=types.get(form, pa.string()) if name == "at" else None)
        for name, values in columns.items()
    }
    table = pa.table(typed)
    return pa.concat_tables([table, table.slice(0, repeat)])


def _written(time: datetime | None, form: str, zone: str) -> Any:
    if time is None:
        return None
    local = time.astimezone(ZoneInfo(zone))
    if form == "text":
        return local.replace(tzinfo=None).isoformat(" ")
    if form == "text with offset":
        return local.isoformat()
    if form == "local":
        return local.replace(tzinfo=None)
    return local.date() if form == "date" else time


def head() -> dict[str, Any]:
    return {
        "spec": "abtest/v1",
        "key": "random",
        "kind": "messaging",
        "unit": "unit",
        "variants": [{"key": VARIANTS[0], "control": True}, {"key": VARIANTS[1]}],
    }


def _spec(seed: int, zone: str, as_of: str) -> dict[str, Any]:
    orders: dict[str, Any] = {
        "path": "orders.csv",
        "at": "at",
        "value": ["amount", {"product": ["quantity", "amount"]}][seed % 2],
        "lag": ["0d", "1h", "1d"][seed % 3],
    }
    if seed % 3 == 1:
        orders["id"] = "order"
    if seed % 3 == 2:
        orders["merge"] = "calendar_day"
    if seed % 2:
        orders["keep"] = [{"column": "status", "equals": "paid"}, {"column": "amount", "above": -1}]
    window: dict[str, Any] = {"start": "0d", "end": "2d"}
    if seed % 5 in (1, 4):
        window["calendar"] = True
    return {
        **head(),
        "schedule": {"timezone": zone},
        "data": {
            "as_of": as_of,
            "assignments": {"path": "assignments.csv", "variant": "variant", "at": "at"},
            "crossover": ["first", "exclude"][seed % 2],
            "events": {"orders": orders},
        },
        "metrics": _metrics(window),
    }


def _metrics(window: dict[str, Any]) -> list[dict[str, Any]]:
    """Every kind of metric on events."""
    first, everyone = {"anchor": "first_event"}, {"maturity": "all"}
    kinds: dict[str, dict[str, Any]] = {
        "conversion": {"kind": "conversion", "role": "primary"},
        "conversion_first": {"kind": "conversion", **first},
        "conversion_all": {"kind": "conversion", **everyone},
        "repeat": {"kind": "repeat_purchase"},
        "repeat_prior": {"kind": "repeat_purchase", "prior": {"lookback": "1d"}},
        "repeat_first": {"kind": "repeat_purchase", **first},
        "retention": {"kind": "retention"},
        "churn": {"kind": "churn"},
        "count": {"kind": "count"},
        "count_first": {"kind": "count", **first},
        "sum": {"kind": "sum"},
        "sum_all": {"kind": "sum", **first, **everyone},
    }
    ratio = {"key": "ratio", "kind": "ratio", "numerator": "sum", "denominator": "count"}
    found = [{"key": key, "events": "orders", "window": window, **v} for key, v in kinds.items()]
    return [*found, ratio]
