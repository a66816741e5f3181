"""The decision in money on experiments that are worked out by hand."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abtest import SpecError, analyze
from abtest.report.html import render_html
from abtest.report.languages import speaking
from abtest.report.markdown import render_markdown
from abtest.report.terminal import render_table
from specs import EVENTS, changed, faults

UNITS: dict[str, Any] = {
    "spec": "abtest/v1",
    "key": "mailing",
    "kind": "messaging",
    "unit": None,
    "variants": [{"key": "none", "control": True}, {"key": "mail"}],
    "data": {"units": {"path": "units.csv", "variant": "variant"}, "currency": "EUR"},
    "metrics": [{"key": "bought", "kind": "proportion", "column": "bought", "role": "primary"}],
}
EVENT_SPEC: dict[str, Any] = {
    "spec": "abtest/v1",
    "key": "coupon",
    "kind": "messaging",
    "unit": "id",
    "variants": [
        {"key": "none", "control": True},
        {"key": "coupon", "cost": {"per_redemption": 4.0, "per_exposure": 0.1, "fixed": 100.0}},
    ],
    "data": {
        "as_of": "2026-03-01",
        "currency": "EUR",
        "assignments": {"path": "assignments.csv", "at": "at"},
        "events": {
            "orders": {"path": "orders.csv", "at": "at", "value": "amount"},
            "used": {"path": "used.csv", "at": "at"},
        },
    },
    "metrics": [
        {
            "key": "bought",
            "kind": "conversion",
            "events": "orders",
            "window": {"end": "14d"},
            "role": "primary",
        }
    ],
}


def people(n: int = 10) -> pd.DataFrame:
    """n units in each variant, assigned on 5 January."""
    ids = [f"{variant[0]}{i}" for variant in ("none", "coupon") for i in range(n)]
    variants = ["none"] * n + ["coupon"] * n
    return pd.DataFrame({"id": ids, "variant": variants, "at": "2026-01-05 10:00:00"})


def orders() -> pd.DataFrame:
    """One buyer of control; three of the coupon, two of whom redeem; one order in week 2."""
    rows = [
        ("n0", "2026-01-06 10:00:00", 50.0, 30.0),
        ("c0", "2026-01-06 10:00:00", 50.0, 30.0),
        ("c1", "2026-01-07 10:00:00", 50.0, 30.0),
        ("c2", "2026-01-14 10:00:00", 50.0, 30.0),
        ("c3", "2026-02-20 10:00:00", 999.0, 9.0),
    ]
    return pd.DataFrame(rows, columns=["id", "at", "amount", "cogs"])


def used() -> pd.DataFrame:
    rows = [("c0", "2026-01-06 10:00:00"), ("c1", "2026-01-07 10:00:00")]
    return pd.DataFrame(rows, columns=["id", "at"])


def run(decision: dict[str, Any], **more: Any) -> Any:
    spec = {**EVENT_SPEC, **more, "decision": {"value": {"events": "orders"}, **decision}}
    tables = {"assignments": people(), "orders": orders(), "used": used()}
    return analyze(spec, data=tables)


def one(result: Any) -> Any:
    return result.money.variants[0]


def measure(result: Any, key: str) -> Any:
    return next(found for found in one(result).measures if found.key == key)


MARGIN = {"margin_pct": 40, "redemptions": "used"}


def test_contribution_by_hand() -> None:
    """None: 0.4 x 50 / 10 = 2. Coupon: 0.4 x 150 / 10 - 2 x 4 / 10 - 0.10 = 5.10."""
    result = run({**MARGIN, "population": 1000, "switching_cost": 50})
    found = one(result)
    assert (found.n_control, found.n) == (10, 10)
    assert found.contribution_control == pytest.approx(2.0)
    assert found.contribution == pytest.approx(5.1)
    assert found.difference == pytest.approx(3.1)
    # 3.10 x 1,000 - 100 fixed - 50 to change.
    assert found.value == pytest.approx(2950)
    assert found.launch_cost == pytest.approx(0.15)
    profits = [15.9, 15.9, 19.9, *[-0.1] * 7]
    v_t = sum((p - 5.1) ** 2 for p in profits) / 90
    v_c = (18**2 + 9 * 2**2) / 90
    assert found.se == pytest.approx((v_t + v_c) ** 0.5)
    assert found.value_ci_low == pytest.approx(1000 * found.ci_low - 150)


def test_nobody_redeems() -> None:
    """Coupon: 0.4 x 150 / 10 - 0.10 = 5.90. One more buyer costs 0.1 / (0.3 - 0.1)."""
    spec = {**EVENT_SPEC, "decision": {"value": {"events": "orders"}, **MARGIN}}
    tables = {"assignments": people(), "orders": orders(), "used": used().head(0)}
    result = analyze(spec, data=tables)
    assert one(result).difference == pytest.approx(3.9)
    assert measure(result, "cost_per_incremental").value == pytest.approx(0.5)
    assert {"bought_anyway", "subsidy"}.isdisjoint(found.key for found in one(result).measures)
    assert "Nobody redeemed" in " ".join(one(result).notes)
    assert "Nobody redeemed" not in " ".join(one(run(MARGIN)).notes)


def test_the_arithmetic_is_shown() -> None:
    result = run({**MARGIN, "population": 1000})
    shown = {step.key: (step.control, step.variant) for step in one(result).steps}
    assert shown == {
        "revenue": pytest.approx((5.0, 15.0)),
        "gross": pytest.approx((2.0, 6.0)),
        "redemptions": pytest.approx((0.0, 0.2)),
        "incentive": pytest.approx((0.0, 0.8)),
        "exposure": pytest.approx((0.0, 0.1)),
        "contribution": pytest.approx((2.0, 5.1)),
    }
    for text in (render_table(result), render_markdown(result), render_html(result)):
        assert "The decision in money" in text
        assert "+3.10000 x 1,000 customers - 100.00 paid once = 3,000" in " ".join(text.split())


def test_measures() -> None:
    result = run(MARGIN)
    assert measure(result, "bought_anyway").value == pytest.approx(0.0)
    assert measure(result, "cost_per_incremental").value == pytest.approx(4.5)
    assert measure(result, "break_even_redemption").value == pytest.approx(19.5)
    assert measure(result, "break_even_lift").value == pytest.approx(0.45)
    assert measure(result, "return_on_cost").value == pytest.approx(3.1 / 0.9)
    # The buyers' difference is not clear of zero: the cost per buyer has no bounds.
    assert measure(result, "cost_per_incremental").shape == "everything"
    assert measure(result, "net_benefit").ci_low is not None


def test_weeks_add_up() -> None:
    """Week 1: coupon 4 - 0.8 - 0.1, none 2: +1.10. Week 2: one more order, +2."""
    weeks = one(run(MARGIN)).weeks
    assert [(week.start, week.end) for week in weeks] == [(0, 7), (7, 14)]
    assert [week.difference for week in weeks] == pytest.approx([1.1, 2.0])
    assert weeks[-1].running == pytest.approx(3.1)
    assert measure(run(MARGIN), "payback").value == pytest.approx(1)


def test_what_happens_after_the_incentive() -> None:
    """Week 1 brings 1.10 more; later one order more, 0.4 x 50 / 10 = 2.00 and 0.1 buyers."""
    result = run({**MARGIN, "incentive_until": "7d"})
    assert measure(result, "after_incentive").value == pytest.approx(2.0)
    assert measure(result, "buyers_after").value == pytest.approx(0.1)
    repaid = measure(result, "repaid")
    assert repaid.value == pytest.approx(-2.0 / 1.1)
    assert "went on growing" in repaid.notes[0]
    # Without a time of its own the incentive ends with the window of 14 days.
    assert all(found.key != "repaid" for found in one(run(MARGIN)).measures)
    longer = run({**MARGIN, "horizon": "50d"})
    assert measure(longer, "after_incentive").value == pytest.approx(39.96 * 10 / 10)


def test_goods_instead_of_a_margin() -> None:
    """(50 - 30) / 10 = 2 and 60 / 10 - 0.8 - 0.1."""
    by_column = one(run({"unit_cost": {"column": "cogs"}, "redemptions": "used"}))
    per_event = one(run({"unit_cost": {"per_event": 30}, "redemptions": "used"}))
    assert by_column.difference == pytest.approx(3.1)
    assert per_event.difference == pytest.approx(3.1)
    assert [step.key for step in by_column.steps][:3] == ["revenue", "goods", "gross"]


def test_net_revenue_does_not_count_the_discount_twice() -> None:
    result = run({**MARGIN, "value": {"events": "orders", "basis": "net"}})
    assert one(result).difference == pytest.approx(6 - 2 - 0.1)
    assert any("not subtracted again" in note for note in result.money.notes)


def test_a_share_of_the_order() -> None:
    variants = [{"key": "none", "control": True}, {"key": "coupon", "cost": {"pct_of_order": 10}}]
    result = run({"margin_pct": 40}, variants=variants)
    assert one(result).difference == pytest.approx(6 - 1.5 - 2)
    # 4.00 more before the discount, on orders of 15.00: 26.7%.
    assert measure(result, "break_even_share").value == pytest.approx(4 / 15)


def test_a_horizon_that_is_longer_than_the_data() -> None:
    result = run({**MARGIN, "horizon": "365d"})
    assert result.money.asked_horizon == "365d"
    assert result.money.horizon == "54d"
    assert "guess from a surrogate" in " ".join(result.money.notes)
    # If the effect lasted: what was measured over 54 days, times 365 / 54.
    lasting = measure(result, "horizon_value")
    assert lasting.value == pytest.approx(one(result).difference * 365 / 54)
    assert "A guess" in lasting.notes[0]


def test_a_horizon_beyond_the_window() -> None:
    """The order of 999 on day 46 counts within 50 days."""
    assert one(run({**MARGIN, "horizon": "50d"})).difference == pytest.approx(3.1 + 39.96 * 10 / 10)


def mailing(n: int, spend: float, cost: float, **decision: Any) -> Any:
    """n units per variant, half of the mailed and a tenth of the others spend an amount."""
    rows = [("none", float(i % 10 == 0) * spend) for i in range(n)]
    rows += [("mail", float(i % 2 == 0) * spend) for i in range(n)]
    frame = pd.DataFrame(rows, columns=["variant", "spend"])
    frame["bought"] = (frame["spend"] > 0).astype(int)
    variants = [{"key": "none", "control": True}, {"key": "mail", "cost": {"per_exposure": cost}}]
    value = {"value": {"column": "spend"}, "margin_pct": 50, **decision}
    return analyze({**UNITS, "variants": variants, "decision": value}, data={"units": frame})


def test_what_pays_ships_with_its_value() -> None:
    decision = mailing(1000, 10.0, 0.5, population=10_000).decision
    assert (decision.verdict, decision.variant, decision.rule_line) == ("ship", "mail", "primary")
    assert decision.value == pytest.approx((0.5 * 4 - 0.5) * 10_000)
    assert "It pays: contribution per assigned customer changes by +1.5 EUR" in decision.reason


def test_what_sells_but_does_not_pay_is_rolled_back() -> None:
    decision = mailing(1000, 10.0, 3.0).decision
    assert (decision.verdict, decision.rule_line) == ("rollback", "value")
    assert decision.value == pytest.approx(-1.0)
    assert "does not pay" in decision.reason


def test_what_may_not_pay_waits_and_says_what_waiting_is_worth() -> None:
    decision = mailing(1000, 10.0, 1.95, population=10_000, waiting_cost=1).decision
    assert (decision.verdict, decision.rule_line) == ("inconclusive", "value")
    assert "keep running" in decision.reason
    dear = mailing(1000, 10.0, 1.95, population=10_000, waiting_cost=1e6).decision
    assert "does not pay to wait" in dear.reason
    assert dear.value_of_waiting < 0 < decision.value_of_waiting


def test_a_limit_on_the_regret() -> None:
    rule = {"max_regret": 10_000.0}
    decision = mailing(1000, 10.0, 1.95, population=10_000, rule=rule).decision
    assert decision.verdict == "ship"
    strict = mailing(1000, 10.0, 1.95, population=10_000, rule={"max_regret": 1.0}).decision
    assert "the money it may lose" in strict.reason
    loses = mailing(1000, 10.0, 2.05, population=10_000, rule=rule).decision
    assert "not expected to pay" in loses.reason


def test_money_alone_decides() -> None:
    rule = {"require": ["guardrails", "value"]}
    decision = mailing(1000, 10.0, 0.5, rule=rule).decision
    assert (decision.verdict, decision.rule_line) == ("ship", "value")


def test_the_size_of_a_test_from_the_prior() -> None:
    """Contributions of control: 5 in a tenth of 1,000, sd^2 = 25 x 0.09 x 1000 / 999."""
    result = mailing(1000, 10.0, 0.5, population=100_000, prior={"mean": 0.0, "sd": 0.1})
    noise = 25 * 0.09 * 1000 / 999 / (0.1**2 / 2)
    wanted = (100_000 / 4 * noise + (0.75 * noise) ** 2) ** 0.5 - 0.75 * noise
    assert measure(result, "test_and_roll").value == pytest.approx(wanted)


def test_a_prior_draws_the_belief() -> None:
    raw = one(mailing(1000, 10.0, 0.5))
    drawn = one(mailing(1000, 10.0, 0.5, prior={"mean": 0.0, "sd": raw.se}))
    assert raw.posterior_mean == pytest.approx(raw.difference)
    assert drawn.posterior_mean == pytest.approx(raw.difference / 2)


@pytest.mark.parametrize("more", [0.0, 0.5, 3.0])
def test_more_cost_never_raises_the_value(more: float) -> None:
    cheap, dear = one(mailing(100, 10.0, 0.5)), one(mailing(100, 10.0, 0.5 + more))
    assert dear.difference == pytest.approx(cheap.difference - more)


def test_swapping_variants_negates_the_difference() -> None:
    rows = [("a", float(i)) for i in range(20)] + [("b", 2.0 * i) for i in range(20)]
    frame = pd.DataFrame(rows, columns=["variant", "spend"])
    frame["bought"] = 1

    def worth(control: str) -> float:
        variants = [{"key": key, "control": key == control} for key in ("a", "b")]
        decision = {"value": {"column": "spend"}}
        spec = {**UNITS, "variants": variants, "decision": decision}
        found: float = one(analyze(spec, data={"units": frame})).difference
        return found

    assert worth("a") == pytest.approx(-worth("b"))


def test_too_few_customers() -> None:
    frame = pd.DataFrame({"variant": ["none", "mail"], "spend": [1.0, 2.0], "bought": [1, 1]})
    spec = {**UNITS, "decision": {"value": {"column": "spend"}}}
    found = one(analyze(spec, data={"units": frame}))
    assert found.difference is None
    assert "fewer than two customers" in found.notes[0]


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pandas"])
def test_engines_agree(engine: str) -> None:
    spec = {
        **EVENT_SPEC,
        "decision": {"value": {"events": "orders"}, "unit_cost": {"column": "cogs"}, **USED},
    }
    tables = {"assignments": people(), "orders": orders(), "used": used()}
    assert one(analyze(spec, data=tables, engine=engine)).difference == pytest.approx(3.1)


USED = {"redemptions": "used"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("decision: {value: {}}", "decision.value: must name exactly one of events"),
        ("decision: {value: {events: orders}, unit_cost: {}}", "unit_cost: must name exactly one"),
        (
            "decision: {value: {events: orders}, margin_pct: 40, unit_cost: {per_event: 1}}",
            "decision.unit_cost: is there beside margin_pct",
        ),
        ("decision: {value: {events: refunds}}", "is 'refunds', a stream without a value"),
        ("decision: {rule: {require: [value]}}", "require: names value, but decision does not"),
        ("decision: {rule: {max_regret: 5}}", "max_regret: is an amount of money, but"),
        (
            "decision: {value: {events: orders}, rule: {max_regret: 5}}",
            "max_regret: .* has no population",
        ),
        ("decision: {value: {column: spend}}", "is a column of data.units, which has no outcomes"),
    ],
)
def test_faults(more: str, message: str) -> None:
    found = faults(f"{EVENTS}{more}\n")
    assert len(found) == 1, found
    assert re.search(message, found[0]), found


def test_a_cost_per_redemption_needs_redemptions() -> None:
    text = changed(EVENTS, ("{key: coupon}", "{key: coupon, cost: {per_redemption: 4}}"))
    found = faults(text + "decision: {value: {events: orders}}\n")
    assert len(found) == 1
    assert "decision has no redemptions to count" in found[0]
    assert faults(text + "decision: {value: {events: orders, basis: net}}\n") == []


def test_a_column_that_is_not_there() -> None:
    spec = {**UNITS, "decision": {"value": {"column": "spent"}}}
    frame = pd.DataFrame({"variant": ["none", "mail"], "spend": [1.0, 2.0], "bought": [1, 1]})
    with pytest.raises(SpecError, match=r"decision\.value\.column: is 'spent', which is no column"):
        analyze(spec, data={"units": frame})


def test_money_by_cluster_is_refused() -> None:
    spec = {**UNITS, "cluster": "shop", "decision": {"value": {"column": "spend"}}}
    frame = pd.DataFrame(
        {"variant": ["none", "mail"], "spend": [1.0, 2.0], "bought": [1, 1], "shop": ["a", "b"]}
    )
    with pytest.raises(SpecError, match=r"decision\.value: is not analysed by cluster"):
        analyze(spec, data={"units": frame})


def test_cells_of_factors_cost_what_their_levels_cost() -> None:
    """A mail costs 0.50, a gift 2.00, both 2.50; 40% of what is spent is left."""
    spec: dict[str, Any] = {
        **{key: value for key, value in UNITS.items() if key != "variants"},
        "factors": {
            "order": ["mail", "gift"],
            "levels": {"mail": [False, True], "gift": [False, True]},
            "control": {"mail": False, "gift": False},
            "cost": {"mail": {"per_exposure": 0.5}, "gift": {"per_exposure": 2.0}},
        },
        "decision": {"value": {"column": "spend"}, "margin_pct": 40},
    }
    spends = {"mail=false,gift=false": 1.0, "mail=false,gift=true": 3.0,
              "mail=true,gift=false": 5.0, "mail=true,gift=true": 9.0}  # fmt: skip
    rows = [
        (cell, 10 * spend * (i % 2), i % 2) for cell, spend in spends.items() for i in range(60)
    ]
    frame = pd.DataFrame(rows, columns=["variant", "spend", "bought"])
    money = analyze(spec, data={"units": frame}).money
    assert money is not None
    costs = {"mail=false,gift=true": 2.0, "mail=true,gift=false": 0.5, "mail=true,gift=true": 2.5}
    assert [found.variant for found in money.variants] == list(costs)
    for found in money.variants:
        assert found.contribution_control == pytest.approx(0.4 * 5 * 1.0)
        assert found.contribution == pytest.approx(
            0.4 * 5 * spends[found.variant] - costs[found.variant]
        )
    assert any("which allow for there being several variants" in note for note in money.notes)


def two_offers(effect: float, n: int = 300, **decision: Any) -> Any:
    """Two offers that bring the same more; control and both have n units, half of them buyers."""
    base = [10.0 * (i % 2) for i in range(n)]
    rows = [("none", spend) for spend in base]
    rows += [(key, spend + effect) for key in ("a", "b") for spend in base]
    frame = pd.DataFrame(rows, columns=["variant", "spend"])
    frame["bought"] = [1 if i % 3 or i >= n else 0 for i in range(3 * n)]
    variants = [{"key": "none", "control": True}, {"key": "a"}, {"key": "b"}]
    value = {"value": {"column": "spend"}, **decision}
    return analyze({**UNITS, "variants": variants, "decision": value}, data={"units": frame})


def test_several_variants_are_allowed_for() -> None:
    """Dunnett's interval as scipy has it, with one pooled variance: here the three are the same."""
    n = 300
    result = two_offers(1.0)
    found = one(result)
    base = np.array([10.0 * (i % 2) for i in range(n)])
    wanted = stats.dunnett(base + 1, base + 1, control=base, rng=np.random.default_rng(1))
    ends = wanted.confidence_interval(0.95)
    assert found.ci_adjustment == "dunnett"
    assert found.pvalue_adjusted == pytest.approx(wanted.pvalue[0], abs=1e-3)
    assert found.ci_low_adjusted == pytest.approx(ends.low[0], abs=5e-3)
    assert found.ci_high_adjusted == pytest.approx(ends.high[0], abs=5e-3)
    assert found.ci_low_adjusted < found.ci_low < found.ci_high < found.ci_high_adjusted


def test_the_decision_allows_for_several_variants() -> None:
    """0.85 is 2.08 standard errors: enough for one variant, not for the better of two."""
    rule = {"require": ["guardrails", "value"]}
    result = two_offers(0.85, rule=rule)
    assert one(result).ci_low > 0 > one(result).ci_low_adjusted
    assert (result.decision.verdict, result.decision.rule_line) == ("inconclusive", "value")
    assert "allowing for several variants" in result.decision.reason
    sure = two_offers(1.2, rule=rule)
    assert sure.decision.verdict == "ship"
    assert "allowing for several variants" not in sure.decision.reason


@pytest.mark.parametrize("procedure", ["none", "holm"])
def test_the_correction_is_that_of_the_primary_metrics(procedure: str) -> None:
    spec = {"correction": {"primary": procedure}}
    result = two_offers(1.0, prior=None)
    raw = one(result)
    frame = pd.DataFrame(
        [(k, 10.0 * (i % 2) + (k != "none")) for k in ("none", "a", "b") for i in range(300)],
        columns=["variant", "spend"],
    )
    frame["bought"] = [1, 1, 0] * 300
    variants = [{"key": "none", "control": True}, {"key": "a"}, {"key": "b"}]
    more = {"variants": variants, "decision": {"value": {"column": "spend"}}, "analysis": spec}
    found = one(analyze({**UNITS, **more}, data={"units": frame}))
    if procedure == "none":
        assert found.ci_low_adjusted is None
    else:
        half = stats.t.isf(0.05 / 4, raw.df) * raw.se
        assert found.ci_low_adjusted == pytest.approx(raw.difference - half)
        assert found.pvalue_adjusted == pytest.approx(2 * raw.pvalue)


@pytest.mark.parametrize(("lang", "name"), [("fa", "یورو"), ("ar", "يورو")])
def test_the_currency_has_one_name_in_a_report(lang: Any, name: str) -> None:
    """Not EUR in the sentence of the verdict and a word beside it."""
    with speaking(lang):
        text = render_table(mailing(1000, 10.0, 0.5, population=10_000))
    assert text.count(name) >= 3  # the verdict, its value, and the section of money
    assert "EUR" not in text


def test_a_rule_on_money_alone_says_how_often_it_is_wrong() -> None:
    """By the interval 2.5% one-sided, and Armitage's 14.2% / 2 with five looks."""
    alone = {"require": ["guardrails", "value"]}
    notes = " ".join(one(mailing(1000, 10.0, 0.5, rule=alone)).notes)
    assert "2.5% of experiments with one look, in 7.1% with 5 even looks" in notes
    assert "False ships" not in " ".join(one(mailing(1000, 10.0, 0.5)).notes)
    rule = {**alone, "max_regret": 1e9}
    generous = one(mailing(1000, 10.0, 0.5, rule=rule, population=1000))
    assert "50.0% of experiments with one look" in " ".join(generous.notes)
