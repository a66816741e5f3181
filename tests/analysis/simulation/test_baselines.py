"""Invented customers are as the plan says: in their truth, and in their data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abtest import analyze
from abtest.analysis.simulation.baselines import Planned, as_planned
from abtest.analysis.simulation.buyers import Habits, draw_buyers, draw_future, draw_past
from abtest.analysis.simulation.effects import parse_effect
from abtest.analysis.simulation.simulate import Simulated, simulate
from abtest.analysis.simulation.truth import Levers, Truth
from abtest.errors import DataError
from abtest.spec import Spec
from analysis.simulation.test_simulate import (
    CHURN,
    COUNT,
    LAPSED,
    PRIMARY,
    REFUND,
    REVENUE,
    VALUE,
    frames,
    spec_of,
)


def planned(metrics: list[dict[str, Any]], **baselines: dict[str, float]) -> Spec:
    return spec_of(metrics, plan={"baselines": baselines})


def told(made: Simulated, metric: str) -> Planned:
    return next(one for one in made.baselines if one.metric == metric)


@pytest.mark.parametrize("share", [0.05, 0.21, 0.72, 0.95])
def test_a_share_is_met_also_where_buyers_have_to_stay_for_it(share: float) -> None:
    made = simulate(planned([PRIMARY], again={"value": share}), customers=3000, seed=1)
    assert told(made, "again").value == pytest.approx(share, rel=1e-6)
    assert told(made, "again").met
    assert made.truth["baselines"][0]["planned"] == share
    assert made.truth["metrics"][0]["value_control"] == pytest.approx(share, rel=1e-6)


def test_the_data_are_as_planned() -> None:
    """Shares and sums of the tables themselves, within five standard errors."""
    spec = planned([PRIMARY, REVENUE], again={"value": 0.3}, revenue={"value": 25.0, "sd": 90.0})
    made = simulate(spec, customers=20_000, seed=2)
    assert told(made, "revenue").met
    assert told(made, "revenue").met_sd
    result = analyze(spec, data=frames(made), as_of=made.as_of)
    again, revenue = result.results
    assert again.value_control == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / 10_000))
    assert revenue.value_control == pytest.approx(25, abs=5 * 90 / np.sqrt(10_000))
    # A difference's standard error says what one customer's sd is; log-normal tails are long.
    assert (revenue.se or 0) * np.sqrt(5000) == pytest.approx(90, rel=0.2)


def test_effects_are_on_what_was_planned() -> None:
    spec = planned([PRIMARY, REVENUE], again={"value": 0.2}, revenue={"value": 14.0})
    effects = [parse_effect(text, spec) for text in ("again=+10%", "revenue=+20%")]
    made = simulate(spec, effects, customers=2000, seed=1)
    again, revenue = made.truth["metrics"]
    assert (again["value_control"], again["value"]) == pytest.approx((0.2, 0.22))
    assert (revenue["value_control"], revenue["value"]) == pytest.approx((14.0, 16.8))


def test_few_orders_of_many_buyers_are_even_ones() -> None:
    """A share and a number of orders together; without the number there are more of them."""
    share = {"again": {"value": 0.4}}
    free = simulate(planned([PRIMARY, COUNT], **share), customers=3000, seed=1)
    both = planned([PRIMARY, COUNT], **share, orders={"value": 0.7})
    made = simulate(both, customers=3000, seed=1)
    loose = next(one for one in free.truth["metrics"] if one["metric"] == "orders")
    assert loose["value_control"] > 0.8
    assert told(made, "again").met
    assert told(made, "orders").value == pytest.approx(0.7, rel=0.02)
    by_count = planned(
        [{**COUNT, "role": "primary"}, {**PRIMARY, "role": "secondary"}],
        orders={"value": 0.7},
        again={"value": 0.4},
    )
    other = simulate(by_count, customers=3000, seed=1)
    assert told(other, "orders").met
    assert told(other, "again").value == pytest.approx(0.4, rel=0.02)


def test_what_follows_is_told_and_not_made_up() -> None:
    spec = planned(
        [PRIMARY, CHURN, REVENUE, COUNT, VALUE, REFUND],
        again={"value": 0.3},
        gone={"value": 0.5},
        revenue={"value": 20, "sd": 5},
        value={"value": 10},
        refunded={"value": 0.01},
    )
    made = simulate(spec, customers=2000, seed=1)
    assert [one.met for one in made.baselines] == [True, False, True, False, False]
    assert not told(made, "revenue").met_sd  # nobody can spend that evenly and that seldom
    assert (told(made, "revenue").sd or 0) > 20
    assert told(made, "refunded").value is None
    assert told(made, "value").value != 10


def test_a_churn_is_met_by_its_complement() -> None:
    spec = planned([{**CHURN, "role": "primary"}], gone={"value": 0.15})
    assert told(simulate(spec, customers=2000, seed=1), "gone").met


def test_chances_stand_for_a_past_that_is_not_drawn_yet() -> None:
    """The share of those who bought within 60 days, beside many pasts that are drawn."""
    spec = spec_of([{**LAPSED, "role": "primary"}])
    metric, random = spec.metrics[0], np.random.default_rng(3)
    anchor = np.full(40_000, 400.5)
    buyers = draw_buyers(anchor, Habits(), random)
    expected = Truth(spec, buyers, np.floor(anchor), None).value(metric, Levers())
    past = draw_past(buyers, random)
    last = np.full(len(anchor), -np.inf)
    np.maximum.at(last, past.buyer, past.at)
    drawn = Truth(spec, buyers, np.floor(anchor), last).value(metric, Levers())
    assert expected == pytest.approx(drawn, rel=0.01)


def test_the_spread_of_a_sum_is_that_of_drawn_orders() -> None:
    spec = spec_of([PRIMARY, REVENUE])
    random = np.random.default_rng(4)
    anchor = np.full(60_000, 400.5)
    buyers = draw_buyers(anchor, Habits(), random)
    truth = Truth(spec, buyers, np.floor(anchor), None)
    ones = np.ones(len(anchor))
    orders = draw_future(buyers, 430.5, ones, ones, random)
    sums = np.bincount(orders.buyer, orders.amount, minlength=len(anchor))
    assert truth.sd(spec.metrics[1]) == pytest.approx(sums.std(), rel=0.05)
    assert truth.sd(spec.metrics[0]) is None


def test_a_plan_without_baselines_changes_nobody() -> None:
    buyers = draw_buyers(np.full(50, 400.5), Habits(), np.random.default_rng(1))
    assert as_planned(spec_of([PRIMARY]), buyers, np.full(50, 400.0)) is buyers


@pytest.mark.parametrize(
    ("metrics", "baselines", "message"),
    [
        ([PRIMARY], {"again": {"value": 1.2}}, "no pace of buying makes again 1.2"),
        ([PRIMARY], {"again": {"value": 0.0}}, "no pace of buying makes again 0, as"),
        ([PRIMARY, REVENUE], {"revenue": {"value": -3.0}}, "no baskets make revenue -3, as"),
    ],
)
def test_what_no_customers_have(
    metrics: list[dict[str, Any]], baselines: dict[str, dict[str, float]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        simulate(planned(metrics, **baselines), customers=300, seed=1)
