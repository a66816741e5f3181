"""Invented campaigns: the truth that is told is the truth that their data have."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abtest import analyze
from abtest.analysis.simulation.effects import parse_effect
from abtest.analysis.simulation.simulate import Simulated, simulate
from abtest.assignment import assign
from abtest.errors import DataError
from abtest.sources.duckdb_write import Ids
from abtest.spec import Spec, draft_mapping
from abtest.spec.assignable import experiment_of
from analysis.by_hand import spec_for

WINDOW = {"end": "30d"}
AGAIN = {"key": "again", "kind": "repeat_purchase", "events": "orders", "window": WINDOW}
PRIMARY = {**AGAIN, "role": "primary"}
COUNT = {"key": "orders", "kind": "count", "events": "orders", "window": WINDOW}
REVENUE = {"key": "revenue", "kind": "sum", "events": "orders", "window": WINDOW}
VALUE = {"key": "value", "kind": "ratio", "numerator": "revenue", "denominator": "orders"}
LATER = {
    "key": "later",
    "kind": "retention",
    "events": "orders",
    "window": {"start": "7d", "end": "21d", "calendar": True},
}
CHURN = {"key": "gone", "kind": "churn", "events": "orders", "window": {"end": "14d"}}
QUIET = {"key": "quiet", "kind": "inactivity", "events": "orders", "window": WINDOW, "days": 10}
LAPSED = {**AGAIN, "key": "lapsed", "prior": {"lookback": "60d"}}
REFUND = {"key": "refunded", "kind": "conversion", "events": "refunds", "window": WINDOW}
EVERY: list[dict[str, Any]] = [PRIMARY, COUNT, REVENUE, VALUE, LATER, CHURN, QUIET, LAPSED]


def spec_of(metrics: list[dict[str, Any]], **more: Any) -> Spec:
    data = {
        "assignments": {"path": "assignments.csv"},
        "events": {
            "orders": {"path": "o.csv", "at": "at", "id": "order", "value": "amount", "lag": "2d"},
            "refunds": {"path": "r.csv", "at": "at", "value": "amount"},
        },
    }
    schedule = {"start": "2026-03-16", "enrol_until": "2026-03-30", "timezone": "Europe/Berlin"}
    draft = draft_mapping(spec_for(data, metrics, schedule=schedule, **more))
    assert not draft.faults, draft.faults
    return draft.loaded.spec


def campaign(spec: Spec, *effects: str, customers: int = 4000, seed: int = 1) -> Simulated:
    return simulate(
        spec, [parse_effect(text, spec) for text in effects], customers=customers, seed=seed
    )


def frames(made: Simulated) -> dict[str, pd.DataFrame]:
    """The tables as frames, as the files would be read."""
    found = {}
    for name, columns in made.tables.items():
        frame = pd.DataFrame(
            {key: c.texts() if isinstance(c, Ids) else c for key, c in columns.items()}
        )
        for column in frame.select_dtypes("datetime").columns:
            frame[column] = frame[column].dt.tz_localize("UTC")
        found[name] = frame
    del found["customers"]
    return found


def truth_of(made: Simulated, metric: str, variant: str = "coupon") -> dict[str, Any]:
    return next(
        one for one in made.truth["metrics"] if (one["metric"], one["variant"]) == (metric, variant)
    )


def test_every_metric_has_the_value_that_is_told() -> None:
    """By analysis of a large campaign, metric by metric, within 4 standard errors."""
    spec = spec_of(EVERY)
    made = campaign(spec, "again=+20%", "revenue=+30%", customers=60_000)
    result = analyze(spec, data=frames(made), as_of=made.as_of)
    assert [check.key for check in result.checks if check.status != "pass"] == []
    for record in result.results:
        told = truth_of(made, record.metric)
        assert record.se is not None
        assert record.difference == pytest.approx(told["difference"], abs=4 * record.se)
        # One variant alone: its share or mean, whose error is less than that of the difference.
        assert record.value == pytest.approx(told["value"], abs=4 * record.se)
        assert record.value_control == pytest.approx(told["value_control"], abs=4 * record.se)
    assert truth_of(made, "again")["lift"] == pytest.approx(0.2)
    assert truth_of(made, "revenue")["lift"] == pytest.approx(0.3)
    assert truth_of(made, "gone")["lift"] < 0


@pytest.mark.parametrize(
    ("effect", "metric", "key", "wanted"),
    [
        ("again=+5%", "again", "lift", 0.05),
        ("again=-30%", "again", "lift", -0.3),
        ("again=+0.02", "again", "difference", 0.02),
        ("orders=+10%", "orders", "lift", 0.1),
        ("revenue=-20%", "revenue", "lift", -0.2),
        ("value=+7%", "value", "lift", 0.07),
        ("later=+12%", "later", "lift", 0.12),
        ("gone=-10%", "gone", "lift", -0.1),
        ("quiet=-5%", "quiet", "lift", -0.05),
        ("lapsed=+15%", "lapsed", "lift", 0.15),
    ],
)
def test_the_lever_makes_the_effect(effect: str, metric: str, key: str, wanted: float) -> None:
    made = campaign(spec_of(EVERY), effect, customers=2000)
    assert truth_of(made, metric)[key] == pytest.approx(wanted, rel=1e-6)


def test_without_effects_nothing_differs() -> None:
    made = campaign(spec_of(EVERY), customers=500)
    assert {one["lift"] for one in made.truth["metrics"]} == {0.0}


def test_an_effect_on_one_variant() -> None:
    variants = [{"key": "control", "control": True}, {"key": "coupon"}, {"key": "ship"}]
    made = campaign(spec_of([PRIMARY], variants=variants), "ship:again=+10%", customers=500)
    assert truth_of(made, "again", "coupon")["lift"] == 0
    assert truth_of(made, "again", "ship")["lift"] == pytest.approx(0.1)


def test_the_same_seed_is_the_same_campaign() -> None:
    spec = spec_of(EVERY)
    one, other = (frames(campaign(spec, "again=+5%", customers=300, seed=5)) for _ in range(2))
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[name])
    another = frames(campaign(spec, "again=+5%", customers=300, seed=6))
    assert not another["orders"].equals(one["orders"])


def test_who_gets_what_is_decided_by_the_hash() -> None:
    spec = spec_of([PRIMARY], assignment={"coverage": 0.5})
    table = frames(campaign(spec, customers=400))["assignments"]
    experiment = experiment_of(spec)
    for row in table.to_dict("records"):
        found = assign(experiment, row["id"], at=row["assigned_at"].to_pydatetime())
        variant = row["variant"] if row["reason"] == "split" else None
        assert (found.variant, found.reason) == (variant, row["reason"])
    assert set(table["reason"]) == {"split", "not_enrolled"}


def test_phases_hold_from_their_day_on() -> None:
    phases = [{"from": "2026-03-23", "weights": {"control": 10, "coupon": 90}}]
    variants = [
        {"key": "control", "control": True, "weight": 90},
        {"key": "coupon", "weight": 10},
    ]
    spec = spec_of([PRIMARY], variants=variants, assignment={"phases": phases})
    table = frames(campaign(spec, customers=4000))["assignments"]
    late = table["assigned_at"] >= pd.Timestamp("2026-03-23", tz="Europe/Berlin")
    shares = table["variant"].eq("coupon").groupby(late).mean()
    assert shares[False] == pytest.approx(0.1, abs=0.03)
    assert shares[True] == pytest.approx(0.9, abs=0.03)


def test_late_events_are_not_in_the_log() -> None:
    spec = spec_of([PRIMARY])
    made = campaign(spec, customers=30_000)
    orders = frames(made)["orders"]
    end = pd.Timestamp(made.as_of, tz="Europe/Berlin")
    day = pd.Timedelta(days=1)
    yesterday = (orders["at"] >= end - day).sum()
    week_before = ((orders["at"] >= end - 8 * day) & (orders["at"] < end - 7 * day)).sum()
    assert orders["at"].max() < end
    assert yesterday < 0.95 * week_before  # some of yesterday's orders are still on their way


def test_clusters_share_a_variant() -> None:
    spec = spec_of([PRIMARY], cluster="home")
    table = frames(campaign(spec, customers=1000))["assignments"]
    pairs = table[["home", "variant"]].drop_duplicates()
    assert len(pairs) == table["home"].nunique()
    assert table["home"].nunique() < 1000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("again", "effect 'again' cannot be read"),
        ("again=5.5.5%", "cannot be read"),
        ("agian=+5%", "names 'agian', which is no metric"),
        ("control:again=+5%", "names 'control', which is no treatment"),
    ],
)
def test_effects_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_effect(text, spec_of([PRIMARY]))


def test_effects_that_cannot_be_made() -> None:
    spec = spec_of([*EVERY, REFUND])
    with pytest.raises(DataError, match="an effect on refunded cannot be simulated"):
        campaign(spec, "refunded=+5%", customers=50)
    with pytest.raises(DataError, match=r"(?s)moves again from .* to 9.*difference of shares"):
        campaign(spec, "again=+9", customers=50)
    with pytest.raises(DataError, match="effects on again and orders both move the pace of coupon"):
        campaign(spec, "again=+5%", "orders=+5%", customers=50)
    with pytest.raises(DataError, match="two effects on again of coupon are asked for"):
        campaign(spec, "again=+5%", "again=+6%", customers=50)


def test_what_cannot_be_invented() -> None:
    spec = spec_of([PRIMARY])
    with pytest.raises(DataError, match="customers is 0; it must be at least 1"):
        campaign(spec, customers=0)
    bare = spec.model_copy(update={"schedule": spec.schedule.model_copy(update={"start": None})})
    with pytest.raises(DataError, match=r"has no schedule\.start"):
        campaign(bare)
    won = {"key": "won", "kind": "proportion", "column": "won", "role": "primary"}
    columns = draft_mapping(
        spec_for({"units": {"path": "u.csv", "variant": "variant"}}, [won])
    ).loaded.spec
    with pytest.raises(DataError, match="only experiments with assignments and event logs"):
        campaign(columns)


def coverage(seeds: range, customers: int) -> tuple[float, float]:
    """How often the interval of the difference holds the truth, and how often the test rejects."""
    spec = spec_of([PRIMARY, REVENUE])
    held, rejected = [], []
    for seed in seeds:
        made = campaign(spec, "again=+10%", customers=customers, seed=seed)
        result = analyze(spec, data=frames(made), as_of=made.as_of)
        for record in result.results:
            told = truth_of(made, record.metric)["difference"]
            assert record.difference_ci_low is not None
            assert record.difference_ci_high is not None
            held.append(record.difference_ci_low <= told <= record.difference_ci_high)
        rejected.append((result.results[0].pvalue or 1) < 0.05)
    return float(np.mean(held)), float(np.mean(rejected))


def test_intervals_hold_the_truth_fast() -> None:
    held, _ = coverage(range(10), 1500)
    assert held >= 0.95 - 3 * math.sqrt(0.0475 / 20)


@pytest.mark.slow
def test_intervals_hold_the_truth() -> None:
    held, _ = coverage(range(200), 3000)
    # The truth is that of these very customers, whose differences from others an interval for
    # customers like them allows for as well: it may hold it a little more often.
    assert 0.95 - 3 * math.sqrt(0.0475 / 400) <= held
