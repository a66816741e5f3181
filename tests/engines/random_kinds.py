"""Random experiments with the kinds of metrics and rules that ``random_logs`` leaves out.

Surveys, periods, survival curves, anchors on another stream, covariates, strata, refunds, and rows
that are left out by name; the times, ids and variants are those of ``random_logs``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from engines.random_logs import VARIANTS, Experiment, head, random_experiment

WINDOW: dict[str, Any] = {"start": "0d", "end": "2d"}
COVARIATES: dict[str, dict[str, Any]] = {
    "orders_before": {"kind": "count", "events": "orders", "window": {"start": "-3d", "end": "0d"}},
    "any_before": {
        "kind": "conversion",
        "events": "sessions",
        "window": {"start": "-3d", "end": "-1h"},
    },
    "scores_before": {
        "kind": "sum",
        "events": "answers",
        "window": {"start": "-3d", "end": "0d"},
    },
    "age": {"kind": "column", "column": "age"},
}


def random_kinds(seed: int) -> Experiment:
    """The logs of one seed, with more streams, and everything else that a spec can say of them."""
    drawn = random_experiment(seed, units=80, events=300)
    rng = np.random.default_rng(10_000 + seed)
    assignments, orders = drawn.tables["assignments"], drawn.tables["orders"]
    blocks = {unit: ["north", "south", None][i % 3] for i, unit in enumerate(ids_of(assignments))}
    regions = [blocks[unit] for unit in assignments["unit"].to_pylist()]
    answers = _some(orders, rng, 250)
    scores = [[None, 0.0, 2.5, 3.0, 5.0, 7.0, 9.0, 10.0, 11.0][i] for i in rng.integers(0, 9, 250)]
    amounts = [[None, 0.25, 10.5, 5.0][i] for i in rng.integers(0, 4, 40)]
    tables = {
        "assignments": assignments.append_column("region", pa.array(regions)),
        "orders": orders,
        "sessions": _some(orders, rng, 200).select(["unit", "at"]),
        "answers": answers.select(["unit", "at"]).append_column("score", pa.array(scores)),
        "refunds": _some(orders, rng, 40)
        .select(["unit", "at", "order"])
        .append_column("amount", pa.array(amounts)),
        "units": _customers(assignments, rng),
    }
    return Experiment(_spec(seed, drawn.spec), tables)


def random_unit_rows(seed: int, *, rows: int = 420) -> Experiment:
    """One row per unit: quantiles and survival; for some seeds several rows that are averaged."""
    rng = np.random.default_rng(20_000 + seed)
    averaged = seed % 2 == 1
    ids = [f"{i:04d}" for i in range(rows)]
    weeks = [float(rng.integers(0, 12)) for _ in ids]
    table: dict[str, list[Any]] = {
        "unit": ids,
        "variant": [str(rng.choice(VARIANTS)) for _ in ids],
        "region": [["north", "south", None][i] for i in rng.integers(0, 3, rows)],
        "spend": [None if rng.random() < 0.1 else 1e6 + float(rng.normal()) for _ in ids],
        "age": [None if rng.random() < 0.1 else float(rng.integers(20, 70)) for _ in ids],
        "weeks": [None if rng.random() < 0.05 else week for week in weeks],
        "tier": [["alt", "née"][i % 2] for i in range(rows)],
        "left": [[True, False, None][i] for i in rng.choice(3, rows, p=[0.5, 0.45, 0.05])],
    }
    metrics: list[dict[str, Any]] = [
        {"key": "spend", "kind": "mean", "column": "spend", "role": "primary"}
    ]
    if not averaged:
        metrics += [
            {"key": "median", "kind": "quantile", "column": "spend"},
            {"key": "upper", "kind": "quantile", "column": "weeks", "q": 0.9},
            {"key": "left", "kind": "survival", "duration": "weeks", "event": "left", "horizon": 8},
        ]
    units = {"path": "units.csv", "variant": "variant"}
    analysis: dict[str, Any] = {"covariates": ["age"]}
    money: dict[str, Any] = {}
    if not averaged:
        analysis["segments"] = ["tier"]
        # Not spend, whose millions leave a p-value fewer digits than are compared.
        money = {"decision": {"value": {"column": "age"}, "margin_pct": 40}}
    spec = {
        **head(),
        **money,
        "assignment": {} if averaged else {"stratify": "region"},
        "data": {"units": {**units, "repeated": "mean"} if averaged else units},
        "covariates": {"age": COVARIATES["age"]},
        "metrics": metrics,
        "analysis": analysis,
    }
    whole = pa.table(table)
    return Experiment(spec, {"units": pa.concat_tables([whole, whole.slice(0, 5)])})


def random_clusters(seed: int) -> Experiment:
    """Households that were split whole, with their members' orders."""
    drawn = random_experiment(seed, units=80, events=300)
    assignments = drawn.tables["assignments"]
    homes = {unit: f"home {i // 2}" for i, unit in enumerate(ids_of(assignments))}
    members = pa.array([homes[unit] for unit in assignments["unit"].to_pylist()])
    wanted = ("conversion", "count", "sum", "ratio")
    metrics = [metric for metric in drawn.spec["metrics"] if metric["key"] in wanted]
    spec = {**drawn.spec, "cluster": "home", "metrics": metrics}
    tables = {**drawn.tables, "assignments": assignments.append_column("home", members)}
    return Experiment(spec, tables)


def random_times(seed: int) -> Experiment:
    """The logs of one seed with a metric or two, for an engine that takes long over many."""
    drawn = random_experiment(seed)
    wanted = ("conversion", "count_first")
    metrics = [metric for metric in drawn.spec["metrics"] if metric["key"] in wanted]
    return Experiment({**drawn.spec, "metrics": metrics}, drawn.tables)


def ids_of(table: pa.Table) -> list[Any]:
    """The unit ids of a table, in order, each once."""
    return list(dict.fromkeys(table["unit"].to_pylist()))


def _some(orders: pa.Table, rng: np.random.Generator, rows: int) -> pa.Table:
    """Other events of the same units at the same times."""
    return orders.take(pa.array(rng.integers(0, orders.num_rows, rows)))


def _customers(assignments: pa.Table, rng: np.random.Generator) -> pa.Table:
    """A number per unit, with holes; some units are not in the table."""
    ids = ids_of(assignments)[:-3]
    ages = [None if rng.random() < 0.1 else float(rng.integers(20, 70)) for _ in ids]
    return pa.table({"unit": pa.array(ids), "age": pa.array(ages)})


def _spec(seed: int, spec: dict[str, Any]) -> dict[str, Any]:
    data = dict(spec["data"])
    orders = {key: value for key, value in data["events"]["orders"].items() if key != "keep"}
    orders["exclude"] = [{"name": "odd", "column": "amount", "above": 999_999.5}]
    orders["renewals"] = {"column": "status", "equals": "open"}
    if seed % 3 == 1:
        orders["net"] = {"events": "refunds", "by": "id"}
    if seed % 3 == 2:
        orders["net"] = {"events": "refunds", "by": "unit"}
    refunds: dict[str, Any] = {"path": "refunds.csv", "at": "at"}
    if seed % 6 != 1:  # without a value a refund cancels its order
        refunds["value"] = "amount"
    if "net" in orders and orders["net"]["by"] == "id":
        refunds["id"] = "order"
    data["events"] = {
        "orders": orders,
        "sessions": {"path": "sessions.csv", "at": "at"},
        "answers": {"path": "answers.csv", "at": "at", "value": "score"},
        "refunds": refunds,
    }
    data["units"] = {"path": "units.csv"}
    keys = [list(COVARIATES), ["orders_before"], ["age"], []][seed % 4]
    return {
        **spec,
        "assignment": _assignment(seed, data["as_of"], spec["schedule"]["timezone"]),
        "data": data,
        "covariates": {key: COVARIATES[key] for key in keys},
        "metrics": _metrics(calendar=seed % 5 in (1, 4)),
        "analysis": {"covariates": keys},
    }


def _assignment(seed: int, as_of: str, zone: str) -> dict[str, Any]:
    """Weights that change on the day of the change of the clock, or blocks, or neither."""
    change = datetime.fromisoformat(as_of).astimezone(ZoneInfo(zone)) - timedelta(days=4)
    day = change.date()
    changed = {VARIANTS[0]: 1, VARIANTS[1]: 3}
    early = str(day - timedelta(days=30))
    phases = [{"from": early, "coverage": 1.0}, {"from": str(day), "weights": changed}]
    splits: list[dict[str, Any]] = [
        {"phases": phases},
        {"stratify": "region"},
        {"seed": "other"},
        {},
    ]
    return splits[seed % 4]


def _metrics(*, calendar: bool) -> list[dict[str, Any]]:
    window = {**WINDOW, "calendar": True} if calendar else WINDOW
    both = ["complete", "censored"]
    on = {"events": "orders"}
    answers = {"kind": "survey", "events": "answers"}
    kinds: dict[str, dict[str, Any]] = {
        "conversion": {**on, "kind": "conversion", "role": "primary", "maturity": both},
        "csat": {**answers, "scale": "csat", "points": 10},
        "csat_top": {**answers, "scale": "csat", "score": "top_box", "top": 4},
        "nps": {**answers, "scale": "nps"},
        "inactivity": {**on, "kind": "inactivity", "days": 1},
        "crr": {**on, "kind": "crr"},
        "crr_prior": {**on, "kind": "crr", "prior": {"lookback": "1d"}},
        "time": {**on, "kind": "time_to_event"},
        "time_first": {**on, "kind": "time_to_event", "anchor": "first_event"},
        "time_session": {**on, "kind": "time_to_event", "anchor": "sessions"},
        "conversion_curve": {**on, "kind": "conversion", "maturity": "censored"},
        "session_conversion": {**on, "kind": "conversion", "anchor": "sessions"},
        "session_sum": {**on, "kind": "sum", "anchor": "sessions"},
        "count": {**on, "kind": "count"},
        "sum": {**on, "kind": "sum"},
        "session_nps": {**answers, "scale": "nps", "anchor": "sessions"},
    }
    found = [{"key": key, "window": window, **metric} for key, metric in kinds.items()]
    return [*found, {"key": "ratio", "kind": "ratio", "numerator": "sum", "denominator": "count"}]
