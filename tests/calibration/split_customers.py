"""Real customers for S11: read once, and dealt out by chance or by the shipped hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from abtest.analysis.clock import Cutoff
from abtest.analysis.decision import decide
from abtest.analysis.facts import Facts
from abtest.analysis.health.outliers import MOST_TAKEN, outliers
from abtest.analysis.population import Population, population_of
from abtest.analysis.readings import OBSERVED
from abtest.analysis.records import Comparer
from abtest.analysis.rehearsal.outcomes import Outcomes, read_outcomes
from abtest.analysis.rehearsal.rehearse import replay_of
from abtest.analysis.streams import UNIT
from abtest.analysis.summaries import Found, MetricCounts
from abtest.assignment.experiment import Experiment
from abtest.sources.open_engine import EngineOptions, open_engine
from abtest.spec import LoadedSpec, Spec, draft_mapping
from abtest.stats.health.sample_ratio import sample_ratio
from abtest.stats.moments import Moments
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.survival.life_table import LifeTable
from support import SHARED

Floats = npt.NDArray[np.float64]
Settings = Mapping[str, Any]

DATA = SHARED / "data"
FILES = {
    "Online Retail": "online_retail_2010_2011.parquet",
    "CDNOW": "cdnow_sample.csv",
    "Hillstrom, no e-mail": "hillstrom.csv",
}
ENDS = {"Online Retail": "2011-12-10", "CDNOW": "1998-07-01"}
UNITS = {"Online Retail": "CustomerID", "CDNOW": "master_id"}
# How long after the day on which all are dealt out: CDNOW's customers all came in early 1997.
DAYS = {"Online Retail": 90, "CDNOW": 180}

ORDERS: dict[str, Settings] = {
    "Online Retail": {
        "at": "InvoiceDate",
        "id": "InvoiceNo",
        "value": {"product": ["Quantity", "UnitPrice"]},
        "keep": [
            {"column": "Quantity", "above": 0},
            {"column": "UnitPrice", "above": 0},
            {"column": "InvoiceNo", "not_starts_with": "C"},
        ],
        "merge": "calendar_day",
    },
    "CDNOW": {"at": "date", "value": "dollar_value", "merge": "calendar_day"},
}
VARIANTS = ("control", "treatment")
LOSS_RULE = {"require": ("guardrails",), "max_expected_loss": 0.01}


def _spec(data: Settings, metrics: Iterable[Settings], unit: str | None, **more: Any) -> LoadedSpec:
    """A spec with two variants."""
    draft = draft_mapping(
        {
            "spec": "abtest/v1",
            "key": "resplit",
            "kind": "messaging",
            "unit": unit,
            "variants": [{"key": VARIANTS[0], "control": True}, {"key": VARIANTS[1]}],
            "data": data,
            "metrics": [dict(metric) for metric in metrics],
            "decision": {"rule": {"require": ["primary"]}},
            **more,
        }
    )
    if draft.faults:
        raise ValueError(str(draft.faults))
    return draft.loaded


def _shop(name: str, *, adjusted: bool) -> LoadedSpec:
    """A shop's metrics, read off its orders."""
    days = DAYS[name]
    window = {"end": f"{days}d"}
    early = {"start": "0d", "end": f"{days // 3}d"}
    kinds: dict[str, Settings] = {
        "repeat_purchase": {"window": window},
        "retention": {"window": {"start": f"{days // 3}d", "end": f"{2 * days // 3}d"}},
        "churn": {"window": early},
        "crr": {"window": early},
        "conversion": {"window": early},
        "sum": {"window": window},
        "count": {"window": window},
    }
    metrics = [
        {"key": kind, "kind": kind, "events": "orders", "role": "primary", **settings}
        for kind, settings in kinds.items()
    ]
    ratio = {"key": "ratio", "kind": "ratio", "numerator": "sum", "denominator": "count"}
    more: dict[str, Any] = {}
    if adjusted:
        before = {"kind": "sum", "events": "orders", "window": {"start": "-90d", "end": "0d"}}
        more = {"covariates": {"before": before}, "analysis": {"covariates": ["before"]}}
    orders = {"path": str(DATA / FILES[name]), **ORDERS[name]}
    data = {"events": {"orders": orders}, "assignments": {"path": "dealt_out_here.csv"}}
    return _spec(data, [*metrics, {**ratio, "role": "primary"}], UNITS[name], **more)


def _mailed(*, adjusted: bool) -> LoadedSpec:
    """Hillstrom's customers without an e-mail: each row is a customer."""
    metrics: list[Settings] = [
        {"key": "visit", "kind": "proportion", "column": "visit", "role": "primary"},
        {"key": "conversion", "kind": "proportion", "column": "conversion", "role": "primary"},
        {"key": "spend", "kind": "mean", "column": "spend", "role": "primary"},
        {
            "key": "ratio",
            "kind": "ratio",
            "numerator": "spend",
            "denominator": "recency",
            "role": "primary",
        },
    ]
    keep = [{"column": "segment", "equals": "No E-Mail"}]
    name = FILES["Hillstrom, no e-mail"]
    units = {"path": str(DATA / name), "variant": "segment", "keep": keep}
    more: dict[str, Any] = {}
    if adjusted:
        columns = ("history",)
        named = {column: {"kind": "column", "column": column} for column in columns}
        more = {"covariates": named, "analysis": {"covariates": list(columns)}}
    return _spec({"units": units}, metrics, None, **more)


def _loaded(name: str, *, adjusted: bool) -> LoadedSpec:
    return _shop(name, adjusted=adjusted) if name in ENDS else _mailed(adjusted=adjusted)


@cache
def _past(name: str, *, adjusted: bool) -> tuple[Spec, Outcomes]:
    """Every metric of a data set, read once in each process."""
    loaded = _loaded(name, adjusted=adjusted)
    spec = loaded.spec
    zone = spec.schedule.timezone
    end = Cutoff.parse(ENDS[name], zone) if name in ENDS else None
    tables = ["orders"] if name in ENDS else ["units"]
    engine = open_engine(None, loaded.folder, zone, {}, EngineOptions(spec.data.currency))
    try:
        return spec, read_outcomes(spec, engine, tables, end)
    finally:
        engine.close()


def _weighted(spec: Spec, more: str) -> Spec:
    """The planned split, and the rule, as a cell's name has them."""
    weights = {"90/10": (90, 10)}.get(more, (50, 50))
    variants = tuple(
        variant.model_copy(update={"weight": weight})
        for variant, weight in zip(spec.variants or (), weights, strict=True)
    )
    changed: dict[str, Any] = {"variants": variants}
    if more.startswith("ships if") and spec.decision is not None:
        rule = type(spec.decision.rule).model_validate(LOSS_RULE)
        changed["decision"] = spec.decision.model_copy(update={"rule": rule})
    return spec.model_copy(update=changed)


def resplit(
    name: str, metric: str, more: str, rng: np.random.Generator, repeats: int
) -> list[dict[str, Any]]:
    """Deal a metric's customers out, by the code of `abtest rehearse`.

    Returns:
        Of each re-split the p-value, the interval of the difference and whether it ships.
    """
    spec, outcomes = _past(name, adjusted=more.startswith("adjusted"))
    alone = tuple(one for one in outcomes.metrics if one.metric == metric)
    seed = int(rng.integers(2**31))
    replay = replay_of(_weighted(spec, more), replace(outcomes, metrics=alone), (), seed)
    found = []
    for number in range(repeats):
        made = replay.run(number)
        (record,) = made["records"]
        found.append(
            {
                "pvalue": record["pvalue"],
                "low": record["difference_ci_low"],
                "high": record["difference_ci_high"],
                "shipped": made["verdict"] == "ship",
            }
        )
    return found


def outlier_warnings(name: str, metric: str, rng: np.random.Generator, repeats: int) -> list[bool]:
    """Whether the check of outliers says of each dealing that a few customers decide."""
    spec, outcomes = _past(name, adjusted=False)
    y = next(one.y for one in outcomes.metrics if one.metric == metric)
    found = []
    for _ in range(repeats):
        treated = rng.random(len(y)) < 0.5
        sides = {(metric, VARIANTS[0]): y[~treated], (metric, VARIANTS[1]): y[treated]}
        read = Found(
            summaries={key: MetricCounts(0, 0, 0, _moments(own)) for key, own in sides.items()},
            largest={},
            totals={},
            largest_values={
                key: tuple(np.sort(own)[::-1][: MOST_TAKEN + 1].tolist())
                for key, own in sides.items()
            },
        )
        found.append(outliers(spec, read) is not None)
    return found


def _moments(y: Floats) -> Moments:
    return Moments(len(y), float(y.mean()), float(((y - y.mean()) ** 2).sum()))


@dataclass(frozen=True)
class Followed:
    """Customers who are not all followed equally long, or their spend."""

    y: Floats
    event: npt.NDArray[np.bool_] | None

    def summary(self, mine: npt.NDArray[np.bool_]) -> LifeTable | ValueCounts:
        """Of one variant's customers."""
        if self.event is None:
            return ValueCounts.of(self.y[mine])
        return LifeTable.of(self.y[mine].tolist(), self.event[mine].tolist())


@cache
def _followed(name: str, metric: str) -> Followed:
    """Days from the first order to the next, censored at the end of the data; or buyers' spend."""
    if metric != "time_to_event":
        _, outcomes = _past(name, adjusted=False)
        spend = next(one.y for one in outcomes.metrics if one.metric == "sum")
        return Followed(spend[spend > 0], None)
    loaded = _curve_spec(name)
    spec, zone = loaded.spec, loaded.spec.schedule.timezone
    end = Cutoff.parse(ENDS[name], zone)
    engine = open_engine(None, loaded.folder, zone, {}, EngineOptions(spec.data.currency))
    try:
        population = population_of(spec, engine, end, [])
        facts = Facts(spec, engine, population, end)
        (reading,) = facts.readings
        rows = facts.frame().select(reading.state, reading.y, reading.x).collect(backend="pandas")
        found = rows.to_native()
        found = found[found[reading.state] == OBSERVED]
        y, x = (found[column].to_numpy(dtype=float) for column in (reading.y, reading.x))
        return Followed(y, x > 0)
    finally:
        engine.close()


def _curve_spec(name: str) -> LoadedSpec:
    metric = {
        "key": "again",
        "kind": "time_to_event",
        "events": "orders",
        "anchor": "first_event",
        "window": {"end": f"{DAYS[name]}d"},
    }
    orders = {"path": str(DATA / FILES[name]), **ORDERS[name]}
    data = {"events": {"orders": orders}, "assignments": {"from_events": "orders"}}
    everybody = [{"key": "everyone"}]
    return _spec(data, [metric], UNITS[name], variants=everybody, decision=None)


def _table_spec(metric: str, more: str, horizon: float) -> Spec:
    """The comparison of curves or of quantiles, by a method."""
    units = {"units": {"path": "units.csv", "variant": "variant"}}
    if metric == "time_to_event":
        columns = {"kind": "survival", "duration": "days", "event": "event", "horizon": horizon}
    elif more == "median":
        columns = {"kind": "quantile", "column": "spend"}
    else:
        columns = {"kind": "mean", "column": "spend"}
    chosen = {} if more == "median" else {"methods": {"y": {"kind": more}}}
    found = {"key": "y", "role": "primary", "desired_change": "increase", **columns}
    return _spec(units, [found], "id", analysis=chosen).spec


def resplit_tables(
    name: str, metric: str, more: str, rng: np.random.Generator, repeats: int
) -> list[dict[str, Any]]:
    """The same where customers are summed up in life tables or in counts of values."""
    followed = _followed(name, metric)
    spec = _table_spec(metric, more, float(DAYS.get(name, 90)))
    nobody = nw.from_native(pd.DataFrame()).lazy()
    found = []
    for _ in range(repeats):
        treated = rng.random(len(followed.y)) < 0.5
        sides = dict(zip(VARIANTS, (~treated, treated), strict=True))
        assigned = {variant: int(mine.sum()) for variant, mine in sides.items()}
        population = Population(nobody, assigned, len(treated))
        summaries = {
            ("y", variant): MetricCounts(0, 0, 0, followed.summary(mine))
            for variant, mine in sides.items()
        }
        (record,) = Comparer(spec, population, summaries, {}).records()
        found.append(
            {
                "pvalue": record.pvalue,
                "low": record.difference_ci_low,
                "high": record.difference_ci_high,
                "shipped": decide(spec, (), (record,)).verdict == "ship",
            }
        )
    return found


@cache
def _ids(name: str) -> tuple[str, ...]:
    """The customers' ids, as text."""
    loaded = _curve_spec(name)
    zone = loaded.spec.schedule.timezone
    engine = open_engine(None, loaded.folder, zone, {}, EngineOptions(None))
    try:
        end = Cutoff.parse(ENDS[name], zone)
        rows = population_of(loaded.spec, engine, end, []).frame.select(UNIT)
        return tuple(sorted(str(row[UNIT]) for row in engine.collect(rows)))
    finally:
        engine.close()


def split_counts(name: str, rng: np.random.Generator, repeats: int) -> list[float]:
    """The p-value of the split of each dealing by the shipped hash, with a new salt."""
    ids = _ids(name)
    found = []
    for _ in range(repeats):
        salt = f"resplit-{rng.integers(2**62)}"
        experiment = Experiment("resplit", [(variant, 1) for variant in VARIANTS], seed=salt)
        treated = sum(experiment.variant(unit) == VARIANTS[1] for unit in ids)
        found.append(sample_ratio([len(ids) - treated, treated], [1, 1]).pvalue or 0.0)
    return found
