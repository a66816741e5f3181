"""Sizes and verdicts of plans, against statsmodels and by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from abtest.analysis.planning.baselines import Known
from abtest.analysis.planning.model import MetricPlan, Plan
from abtest.analysis.planning.plan import make_plan
from abtest.analysis.planning.recorded import recorded_plan
from abtest.errors import SpecError
from abtest.spec import Spec, draft_mapping
from analysis.by_hand import spec_for

START = date(2026, 1, 5)
BOUGHT = {
    "key": "bought",
    "kind": "conversion",
    "events": "orders",
    "window": {"end": "30d"},
    "role": "primary",
    "mde": {"relative": 0.1},
}
SPENT = {"key": "spent", "kind": "sum", "events": "orders", "window": {"end": "30d"}}
KEPT = {
    **BOUGHT,
    "key": "kept",
    "role": "guardrail",
    "mde": None,
    "non_inferiority_margin": {"absolute": 0.02},
}


def spec_of(metrics: list[dict[str, Any]], plan: dict[str, Any], **more: Any) -> Spec:
    data = {
        "assignments": {"path": "assignments.csv"},
        "events": {"orders": {"path": "orders.csv", "at": "at", "value": "amount"}},
    }
    draft = draft_mapping(spec_for(data, metrics, plan=plan, **more))
    assert not draft.faults, draft.faults
    return draft.loaded.spec


def plan_of(metrics: list[dict[str, Any]], plan: dict[str, Any], **more: Any) -> Plan:
    return make_plan(spec_of(metrics, plan, **more), START)


def only(plan: Plan, metric: str) -> MetricPlan:
    return next(one for one in plan.metrics if one.metric == metric)


RATES: dict[str, Any] = {"units_per_week": 5000, "baselines": {"bought": {"value": 0.12}}}


def test_a_share() -> None:
    plan = plan_of([BOUGHT], RATES)
    found = only(plan, "bought")
    peer = samplesize_proportions_2indep_onetail(0.012, 0.12, 0.8, alpha=0.05)
    assert found.units == pytest.approx(2 * peer, rel=2e-3)  # it takes the null rate otherwise
    assert found.weeks == math.ceil((found.units or 0) / 5000)
    assert plan.enrol_until == date(2026, 2, 9)
    assert plan.mature_on == plan.readable_on == date(2026, 3, 11)
    assert plan.readable is True
    assert plan.verdict == "Readable on 2026-03-11: 24,008 units in 5 weeks of enrolment."


def test_a_mean_with_history_in_clusters_and_an_uneven_split() -> None:
    baselines = {
        "bought": {"value": 0.12},
        "spent": {"value": 20, "sd": 50, "correlation": 0.5, "known": 0.8, "eligible": 0.5},
    }
    plan = plan_of(
        [{**BOUGHT, "role": "secondary"}, {**SPENT, "role": "primary", "mde": {"absolute": 2}}],
        {
            "units_per_week": 9000,
            "baselines": baselines,
            "clusters": {"mean_size": 3, "icc": 0.1, "size_cv": 0.5},
        },
        cluster="home",
        variants=[
            {"key": "control", "control": True, "weight": 80},
            {"key": "coupon", "weight": 20},
        ],
        analysis={"covariates": ["before"]},
        covariates={
            "before": {
                "kind": "count",
                "events": "orders",
                "window": {"start": "-90d", "end": "0d"},
            }
        },
    )
    found = only(plan, "spent")
    factor, effect = 1 - 0.8 * 0.25, 1 + (1.25 * 3 - 1) * 0.1
    # A tenth more buyers: E[Y^2] grows by a tenth from 50^2 + 20^2, the mean from 20 to 22.
    treated = 1.1 * (50**2 + 20**2) - 22**2
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    n_control = z**2 * (50**2 + treated / 0.25) / 2**2
    wanted = n_control * factor * effect / 0.8 / 0.5
    assert found.variance_factor == pytest.approx(factor)
    assert found.design_effect == pytest.approx(effect)
    assert found.units == pytest.approx(wanted, rel=1e-4)


def test_a_guardrail_is_one_sided_and_shares_its_power() -> None:
    plan = plan_of(
        [BOUGHT, KEPT, {**KEPT, "key": "kept_too"}],
        {**RATES, "baselines": {**RATES["baselines"], "kept": {"value": 0.8}}},
    )
    found = only(plan, "kept")
    # Both pass with 80% where each passes with 90%.
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.9)
    simple = 2 * z**2 * 2 * 0.16 / 0.02**2
    assert found.power_target == pytest.approx(0.9)
    assert (found.alpha, found.comparisons) == (0.025, 1)
    assert found.units == pytest.approx(simple, rel=5e-3)


def test_three_treatments_by_dunnett() -> None:
    variants = [{"key": "control", "control": True}, *({"key": f"v{i}"} for i in range(3))]
    by_holm = {"correction": {"primary": "holm"}}
    holm = only(plan_of([BOUGHT], RATES, variants=variants, analysis=by_holm), "bought")
    dunnett = only(plan_of([BOUGHT], RATES, variants=variants), "bought")
    assert holm.alpha == pytest.approx(0.05 / 3)
    # Dunnett's two-sided 5% point for three treatments and infinite degrees of freedom is 2.349.
    assert dunnett.alpha == pytest.approx(2 * stats.norm.sf(2.349), abs=1e-4)
    assert (dunnett.units or 0) < (holm.units or 0)


def test_a_schedule_that_is_too_short() -> None:
    schedule = {"start": "2026-01-05", "enrol_until": "2026-01-19"}
    plan = plan_of([BOUGHT], RATES, schedule=schedule)
    planned = only(plan, "bought").planned
    assert planned is not None
    assert planned.units == 10_000
    assert plan.readable is False
    assert plan.enrol_until == date(2026, 1, 19)
    assert plan.verdict.startswith(
        "Underpowered: readable on 2026-02-18, but 10,000 units find a change of 10.0% in bought "
        "with 44% power; "
    )
    assert plan.verdict.endswith("an MDE of 15.7%.")


def test_a_plan_that_takes_too_long_says_what_could_be_read() -> None:
    early = {**SPENT, "window": {"end": "7d"}}
    plan = plan_of(
        [{**BOUGHT, "mde": {"relative": 0.02}}, early],
        {
            "units_per_week": 5000,
            "latest": "2026-06-30",
            "baselines": {"bought": {"value": 0.12}, "spent": {"value": 20, "sd": 20}},
        },
    )
    assert plan.readable is False
    assert plan.verdict.startswith(
        "Cannot be powered by 2026-06-30: a change of 2.0% in bought takes 117 weeks of enrolment."
    )
    assert "The nearest metric that can be read is spent by 2026-06-" in plan.verdict


@pytest.mark.parametrize(
    ("metric", "plan", "why"),
    [
        ({**BOUGHT, "mde": None}, RATES, "it declares no mde, the smallest effect worth acting on"),
        (BOUGHT, {"units_per_week": 10}, "say what is normal in plan.baselines"),
        (BOUGHT, {"baselines": {"bought": {"value": 0.1}}}, "say in plan.units_per_week how many"),
        (BOUGHT, {"baselines": {"bought": {"value": 1.5}}}, "plan.baselines says 1.5, which is no"),
        (
            {**BOUGHT, "mde": {"absolute": 0.9}},
            RATES,
            "no number of units finds its mde, which leaves the range",
        ),
        (
            {**SPENT, "role": "primary", "mde": {"relative": 0.1}},
            {"units_per_week": 5, "baselines": {"spent": {"value": 3}}},
            "plan.baselines must say its sd too",
        ),
        (BOUGHT, {"baselines": {"bought": {"value": 0}}}, "plan.baselines says 0: every unit has"),
        (BOUGHT, {"baselines": {"bought": {"value": 1}}}, "plan.baselines says 1: every unit has"),
        (
            {**SPENT, "role": "primary", "mde": {"relative": 0.1}},
            {"units_per_week": 5, "baselines": {"spent": {"value": 3, "sd": 1e308}}},
            "plan.baselines says an sd of 1e+308, which is too large",
        ),
        (
            {**SPENT, "role": "primary", "mde": {"relative": 0.1}},
            {"units_per_week": 5, "baselines": {"spent": {"value": 3, "sd": 0}}},
            "plan.baselines says an sd of 0: every unit has",
        ),
        (
            {**SPENT, "role": "primary", "mde": {"relative": 0.1}},
            {"units_per_week": 5, "baselines": {"spent": {"value": 0, "sd": 3}}},
            "it needs an absolute mde: a share of 0 is 0",
        ),
    ],
)
def test_what_is_missing_is_said(metric: dict[str, Any], plan: dict[str, Any], why: str) -> None:
    found = plan_of([metric], plan)
    assert found.readable is None
    assert found.verdict.startswith(f"Cannot be planned: {metric['key']}: {why}")


def test_one_variant_has_nothing_to_plan() -> None:
    spec = spec_of([{**BOUGHT, "role": "secondary"}], RATES, variants=[{"key": "all"}])
    with pytest.raises(SpecError, match="has one variant, so there is nothing to plan for"):
        make_plan(spec, START)


def test_a_fall_is_planned_like_the_rise_of_its_complement() -> None:
    rise = only(plan_of([{**BOUGHT, "mde": {"absolute": 0.02}}], RATES), "bought")
    churn = {**BOUGHT, "mde": {"absolute": 0.02}, "desired_change": "decrease"}
    fall = only(plan_of([churn], {**RATES, "baselines": {"bought": {"value": 0.88}}}), "bought")
    assert fall.units == rise.units
    assert fall.curve[0].mde == pytest.approx(rise.curve[0].mde)


def test_power_by_simulation() -> None:
    """What the plan promises is what analysing many such experiments finds."""
    schedule = {"start": "2026-01-05", "enrol_until": "2026-01-19"}
    plan = plan_of([BOUGHT], {**RATES, "units_per_week": 4000}, schedule=schedule)
    planned = only(plan, "bought").planned
    assert planned is not None
    random, runs = np.random.default_rng(11), 20_000
    n = planned.units // 2
    x, y = random.binomial(n, 0.12, runs), random.binomial(n, 0.132, runs)
    pooled = (x + y) / (2 * n)
    se = np.sqrt(pooled * (1 - pooled) * 2 / n * (2 * n) / (2 * n - 1))
    power = float((np.abs(y - x) / n / se > stats.norm.ppf(0.975)).mean())
    assert planned.power == pytest.approx(power, abs=3 * math.sqrt(0.25 / runs))


def test_assurance_is_the_power_averaged_over_the_prior() -> None:
    bayes = {"bayes": {"prior": {"log_lift": {"mean": 0.05, "sd": 0.08}}}}
    plan = plan_of([BOUGHT], RATES, analysis=bayes)
    found = only(plan, "bought")
    assert found.planned is not None
    random = np.random.default_rng(3)
    lifts = np.expm1(random.normal(0.05, 0.08, 400_000))
    se = math.sqrt(2 * 0.12 * 0.88 / (found.planned.units / 2))
    chance = stats.norm.cdf(0.12 * lifts / se - stats.norm.ppf(0.975)).mean()
    assert found.assurance == pytest.approx(float(chance), abs=0.003)


def test_the_same_plan_is_the_same_json() -> None:
    one, other = (plan_of([BOUGHT], RATES).to_dict() for _ in range(2))
    assert one == other
    assert one["schema"] == "abtest-plan/v1"


def sequential(**said: Any) -> MetricPlan:
    return only(plan_of([BOUGHT], RATES, analysis={"sequential": said}), "bought")


def test_looking_more_than_once_takes_more_units() -> None:
    """Inflation of the largest sample and mean sample: exact recursion, as published."""
    one = only(plan_of([BOUGHT], RATES), "bought")
    nightly = sequential(engine="lan_demets", looks="nightly")
    assert nightly.looks is not None
    assert one.looks is None
    assert nightly.looks.inflation == pytest.approx(1.049, abs=5e-4)
    assert (nightly.units or 0) / (one.units or 1) == pytest.approx(1.049, abs=5e-4)
    assert nightly.looks.max_units == nightly.units
    assert (nightly.looks.expected_units or 0) / (one.units or 1) == pytest.approx(0.777, abs=1e-3)
    pocock = sequential(engine="lan_demets", spending="pocock", looks="nightly").looks
    assert pocock is not None
    assert pocock.inflation == pytest.approx(1.272, abs=1e-3)
    forever = sequential(engine="confidence_sequence").looks
    assert forever is not None
    assert forever.inflation == pytest.approx(1.73, abs=0.01)


def test_one_planned_look_costs_nothing() -> None:
    once = sequential(engine="lan_demets", looks=1)
    assert once.looks is not None
    assert once.looks.inflation == pytest.approx(1, abs=1e-6)
    assert once.planned is not None
    assert only(plan_of([BOUGHT], RATES), "bought").units == once.units


def test_a_sequential_plan_ends_at_its_own_size() -> None:
    short = sequential(engine="lan_demets", looks=5, max_units=12_000)
    long = sequential(engine="lan_demets", looks=5)
    assert short.planned is not None
    assert long.planned is not None
    assert short.planned.power is not None
    assert short.planned.power < 0.55
    assert long.planned.power is not None
    assert long.planned.power >= 0.8


def test_the_variance_of_a_sum_moves_with_the_buyers() -> None:
    """Against a sum of which a share p buys for one each: its variance is that of a share."""
    known = Known("mean", 0.2, 0.16, zeros=True)
    assert known.moved_variance(0.25) == pytest.approx(0.25 * 0.75)
    assert known.moved_variance(0.1) == pytest.approx(0.1 * 0.9)
    assert known.moved_variance(0.2) == pytest.approx(0.16)
    assert replace(known, zeros=False).moved_variance(0.25) == 0.16
    assert replace(known, value=0.5).moved_variance(0.6) == 0.16  # nearly all have one


def test_the_smallest_effect_on_a_sum_is_the_one_that_its_size_is_for() -> None:
    said = {"units_per_week": 5000, "baselines": {"spent": {"value": 20.0, "sd": 60.0}}}
    for mde in (0.1, 0.5):
        spent = {**SPENT, "role": "primary", "mde": {"relative": mde}}
        found = only(plan_of([spent], said), "spent")
        weeks = (found.units or 0) / 5000
        again = only(
            plan_of([spent], {**said, "units": found.units, "units_per_week": None}), "spent"
        )
        assert weeks > 0
        assert again.planned is not None
        assert again.planned.mde_relative == pytest.approx(mde, rel=1e-3)
        assert again.planned.power == pytest.approx(0.8, abs=1e-3)


def test_the_verdict_names_a_limit_that_ends_the_plan_too_early() -> None:
    looks = {"engine": "lan_demets", "looks": 5, "max_units": 12_000}
    analysis = {"sequential": looks}
    plan = plan_of([BOUGHT], RATES, analysis=analysis)
    found = only(plan, "bought")
    assert found.looks is not None
    assert found.planned is not None
    assert plan.readable is False
    assert plan.verdict == (
        "Underpowered: analysis.sequential.max_units ends the plan at 12,000 mature units, which "
        f"find a change of 10.0% in bought with {found.planned.power:.0%} power; it should be "
        f"{found.looks.max_units:,}."
    )
    schedule = {"start": "2026-01-05", "enrol_until": "2026-03-30"}
    plan = plan_of([BOUGHT], RATES, analysis=analysis, schedule=schedule)
    assert plan.readable is False
    assert plan.verdict.startswith(
        "Underpowered: 60,000 units come, readable on 2026-04-29, but analysis.sequential.max_units"
    )
    enough = {"sequential": {**looks, "max_units": found.looks.max_units}}
    plan = plan_of([BOUGHT], RATES, analysis=enough)
    assert plan.readable is True
    assert only(plan, "bought").looks == found.looks.model_copy(update={"ends_at": None})


def test_the_nearest_metric_has_all_the_time_there_is() -> None:
    slow = {**BOUGHT, "mde": {"relative": 0.01}}
    plan = plan_of([slow], {**RATES, "latest": "2026-12-31"})
    by = only(plan, "bought").by_latest
    assert by is not None
    # 47 weeks of enrolment, the last until 30 November, then 30 days.
    assert (by.week, by.readable_on) == (47, date(2026, 12, 30))
    assert plan.verdict.endswith(
        f"What bought can show by 2026-12-30: an MDE of {by.mde_relative:.1%}."
    )


FACTORS = {
    "order": ["discount_pct", "gift"],
    "levels": {"discount_pct": [0, 5, 10], "gift": [False, True]},
    "control": {"discount_pct": 0, "gift": False},
}


def test_effects_of_factors() -> None:
    """Main effects use all cells; an interaction in a 2 x 2 needs four times as many units."""
    plan = plan_of([BOUGHT], RATES, variants=None, factors=FACTORS)
    found = {effect.effect: effect for effect in only(plan, "bought").factors}
    assert list(found) == ["main:discount_pct", "main:gift", "interaction:discount_pct*gift"]
    gift, both = found["main:gift"], found["interaction:discount_pct*gift"]
    assert gift.alpha == pytest.approx(0.05 / 3)
    assert both.alpha == pytest.approx(0.05 / 2)
    variance = 0.12 * 0.88
    z = stats.norm.ppf(1 - 0.05 / 6) + stats.norm.ppf(0.8)
    assert gift.units == math.ceil(2 * 2 * z**2 * variance / 0.012**2)
    assert found["main:discount_pct"].units == math.ceil(3 * 2 * z**2 * variance / 0.012**2)
    z = stats.norm.ppf(1 - 0.05 / 4) + stats.norm.ppf(0.8)
    assert both.units == math.ceil(6 * 4 * z**2 * variance / 0.012**2)
    assert gift.power is not None
    assert both.power is not None
    assert gift.power > both.power
    two = {**FACTORS, "levels": {"discount_pct": [0, 5], "gift": [False, True]}}
    plan = plan_of([BOUGHT], RATES, variants=None, factors=two)
    found = {effect.effect: effect for effect in only(plan, "bought").factors}
    main, both = found["main:gift"], found["interaction:discount_pct*gift"]
    reaches = [stats.norm.ppf(1 - one.alpha / 2) + stats.norm.ppf(0.8) for one in (main, both)]
    ratio = (both.units or 0) / (main.units or 1) * (reaches[0] / reaches[1]) ** 2
    assert ratio == pytest.approx(4, rel=1e-4)  # at one alpha


def test_curves_are_planned_by_their_events() -> None:
    lapsed = {
        "key": "back",
        "kind": "time_to_event",
        "events": "orders",
        "window": {"end": "60d"},
        "role": "primary",
        "mde": {"absolute": 0.03},
    }
    rates = {"units_per_week": 100, "baselines": {"back": {"value": 0.3}}}
    by_curve = {"methods": {"back": {"kind": "log_rank"}}}
    curve = only(plan_of([lapsed], rates, analysis=by_curve), "back")
    at_end = only(plan_of([lapsed], rates), "back")
    hazard_ratio = math.log(0.67) / math.log(0.7)
    events = 4 * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2 / math.log(hazard_ratio) ** 2
    assert curve.units == pytest.approx(events / 0.315, abs=2)
    assert (curve.units or 0) < (at_end.units or 0)  # the whole curve says more than its end
    assert curve.planned is not None
    assert curve.planned.power == pytest.approx(0.8, abs=0.02)
    assert curve.curve[0].mde is not None
    assert curve.curve[0].mde > 0.03


def test_what_the_prior_expects_of_the_plan() -> None:
    bayes = {"bayes": {"prior": {"log_lift": {"mean": 0.02, "sd": 0.06}}}}
    found = only(plan_of([BOUGHT], RATES, analysis=bayes), "bought")
    assert found.prior is not None
    assert found.planned is not None
    random = np.random.default_rng(4)
    se = math.sqrt(2 * 0.12 * 0.88 / (found.planned.units / 2)) / 0.12
    truth = random.normal(0.02, 0.06, 400_000)
    seen = truth + se * random.standard_normal(len(truth))
    share = 0.06**2 / (0.06**2 + se**2)
    claimed = (0.02 + share * (seen - 0.02)) / (math.sqrt(share) * se) > stats.norm.ppf(0.95)
    assert found.prior.prob_claimed == pytest.approx(float(claimed.mean()), abs=0.004)
    assert found.prior.prob_right == pytest.approx(float((truth[claimed] > 0).mean()), abs=0.004)
    worthwhile = float((truth > math.log(1.1)).mean())
    assert found.prior.prob_worthwhile == pytest.approx(worthwhile, abs=0.004)
    high = math.expm1(0.02 + 1.96 * 0.06)
    assert found.prior.lift_high == pytest.approx(high, abs=1e-3)


def test_what_a_result_is_held_against() -> None:
    schedule = {"start": "2026-01-05", "enrol_until": "2026-01-19"}
    spec = spec_of([BOUGHT, SPENT], RATES, schedule=schedule)
    told = recorded_plan(spec)
    assert told is not None
    assert told["units"] == {"control": 5000, "coupon": 5000}
    assert told["read_on"] == "2026-02-18"
    (bought,) = told["metrics"]
    assert (bought["metric"], bought["baseline"]) == ("bought", 0.12)
    assert bought["power"] == pytest.approx(0.44, abs=0.01)
    assert bought["mde"] == pytest.approx(0.157, abs=0.001)
    assert recorded_plan(spec.model_copy(update={"plan": None})) is None
    bare = spec.model_copy(update={"schedule": spec.schedule.model_copy(update={"start": None})})
    assert recorded_plan(bare) is None


def test_the_size_and_the_smallest_effect_are_each_others_answer() -> None:
    plan = plan_of([BOUGHT], {**RATES, "units_per_week": 24_008})
    (week, *_) = only(plan, "bought").curve
    assert week.units == only(plan, "bought").units
    assert week.mde_relative == pytest.approx(0.1, rel=1e-4)
