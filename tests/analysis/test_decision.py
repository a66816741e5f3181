"""Every line of the rule that turns records into a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from abtest.analysis.decision import decide
from abtest.analysis.result import Check, Decision, Record
from abtest.spec.load import parse_spec
from analysis.by_hand import CONVERSION, spec_for

LOG = {
    "as_of": "2026-03-01",
    "assignments": {"path": "-"},
    "events": {"orders": {"path": "-", "at": "at"}},
}
WINDOW = {"events": "orders", "window": {"end": "30d"}}
REFUNDS = {"key": "refunds", "kind": "conversion", "role": "guardrail", **WINDOW}
REFUNDS["desired_change"] = "decrease"
SECOND = {"key": "second", "kind": "count", "role": "primary", **WINDOW}
THREE = [{"key": "control", "control": True}, {"key": "coupon"}, {"key": "gift"}]


def record(**changes: Any) -> Record:
    """A primary record of no clear effect."""
    fields: dict[str, Any] = {
        "experiment": "by-hand",
        "metric": "bought",
        "kind": "conversion",
        "role": "primary",
        "label": "confirmatory",
        "contrast": "variant",
        "variant": "coupon",
        "control": "control",
        "n": 1000,
        "n_control": 1000,
        "n_assigned": 1000,
        "n_immature": 0,
        "n_immature_control": 0,
        "n_ineligible": 0,
        "value": 0.11,
        "value_control": 0.1,
        "difference": 0.01,
        "lift": 0.1,
        "lift_ci_low": -0.05,
        "lift_ci_high": 0.25,
        "pvalue": 0.3,
        "pvalue_adjusted": 0.3,
        "ci_level": 0.95,
        "bayes_model": "normal_log_lift",
        "expected_loss": 0.001,
    }
    return Record(**{**fields, **changes})


BETTER = {"pvalue_adjusted": 0.01}
WORSE = {"pvalue_adjusted": 0.01, "difference": -0.01, "value": 0.09, "lift": -0.1}


def guardrail(**changes: Any) -> Record:
    return record(**{"metric": "refunds", "role": "guardrail", "pvalue_adjusted": None, **changes})


def verdict(*records: Record, checks: tuple[Check, ...] = (), **spec: Any) -> Decision:
    metrics = spec.pop("metrics", [CONVERSION, REFUNDS])
    return decide(parse_spec(spec_for(LOG, metrics, **spec)).spec, checks, records)


def test_a_failed_check_makes_it_invalid_whatever_the_records_say() -> None:
    failed = Check(key="sample_ratio", status="fail", message="The split is not what was planned.")
    warned = Check(key="crossover", status="warn", message="Some units are in two.")
    found = verdict(record(**BETTER), checks=(warned, failed))
    assert (found.verdict, found.rule_line, found.variant) == ("invalid", "checks", None)
    assert "The split is not what was planned. Do not decide on these numbers." in found.reason
    assert verdict(record(**BETTER), checks=(warned,)).verdict == "ship"


def test_one_variant_has_no_verdict() -> None:
    found = verdict(record(), variants=[{"key": "everyone"}])
    assert found.verdict is None
    assert "nothing to compare" in found.reason


@pytest.mark.parametrize("side", ["n", "n_control"])
def test_nothing_mature_is_inconclusive_and_says_when(side: str) -> None:
    empty = {side: 0, "n_immature": 5, "readable_on": "2026-04-01"}
    found = verdict(record(**empty))
    assert (found.verdict, found.rule_line) == ("inconclusive", "maturity")
    assert found.reason == (
        "No customer's window is over yet for bought. It becomes readable on 2026-04-01."
    )


def test_nobody_eligible_is_not_called_immature() -> None:
    found = verdict(record(n=0, n_control=0, n_ineligible=10))
    assert found.rule_line == "maturity"
    assert found.reason.startswith("Nobody can be counted for bought")


def test_a_descriptive_primary_metric_decides_nothing() -> None:
    found = verdict(record(label="descriptive", **BETTER))
    assert (found.verdict, found.rule_line) == ("inconclusive", "label")


def test_a_descriptive_primary_metric_beside_another_is_passed_over() -> None:
    biased = record(metric="second", kind="count", label="descriptive", **WORSE)
    found = verdict(record(**BETTER), biased, metrics=[CONVERSION, SECOND])
    assert found.verdict == "ship"


def test_better_ships() -> None:
    found = verdict(record(**BETTER))
    assert (found.verdict, found.variant, found.rule_line) == ("ship", "coupon", "primary")
    assert found.reason == (
        "Ship coupon: bought goes from 10.00% to 11.00% (+10.0%, 95% interval -5.0% to +25.0%)."
    )


def test_better_with_guardrails_that_hold() -> None:
    found = verdict(record(**BETTER), guardrail(guardrail="pass", harm=False))
    assert found.verdict == "ship"
    assert found.reason.endswith("The guardrails hold.")


def test_a_guardrail_that_gets_worse_within_its_margin_is_said() -> None:
    found = verdict(record(**BETTER), guardrail(guardrail="pass", harm=True))
    assert found.verdict == "ship"
    assert found.reason.endswith("refunds gets worse, but by less than its margin.")


def test_a_breached_guardrail_rolls_back() -> None:
    found = verdict(record(**BETTER), guardrail(guardrail="breach", harm=True))
    assert (found.verdict, found.rule_line) == ("rollback", "guardrails")
    assert found.reason.startswith("coupon breaches a guardrail: refunds goes from")


def test_harm_without_a_margin_rolls_back() -> None:
    found = verdict(record(**BETTER), guardrail(harm=True))
    assert (found.verdict, found.rule_line) == ("rollback", "guardrails")
    assert found.reason.startswith("coupon harms a guardrail")


def test_a_guardrail_that_is_not_clear_yet_waits() -> None:
    found = verdict(record(**BETTER), guardrail(guardrail="inconclusive"))
    assert (found.verdict, found.rule_line) == ("inconclusive", "guardrails")
    assert "it is not yet clear that refunds holds: keep running" in found.reason


def test_guardrails_that_are_not_required_are_not_looked_at() -> None:
    rule: dict[str, Any] = {"decision": {"rule": {"require": ["primary"]}}}
    assert verdict(record(**BETTER), guardrail(guardrail="breach"), **rule).verdict == "ship"


def test_worse_rolls_back() -> None:
    found = verdict(record(**WORSE))
    assert (found.verdict, found.variant, found.rule_line) == ("rollback", "coupon", "primary")
    assert found.reason.startswith("coupon makes it worse: bought goes from 10.00% to 9.00%")


def test_down_may_be_better() -> None:
    fewer = {**CONVERSION, "desired_change": "decrease"}
    assert verdict(record(**WORSE), metrics=[fewer]).verdict == "ship"
    assert verdict(record(**BETTER), metrics=[fewer]).verdict == "rollback"


def test_one_primary_metric_worse_outweighs_another_better() -> None:
    other = record(metric="second", kind="count", **WORSE)
    assert verdict(record(**BETTER), other, metrics=[CONVERSION, SECOND]).verdict == "rollback"


@pytest.mark.parametrize(
    ("changes", "verdict_", "words"),
    [
        ({"expected_loss": 0.02}, "ship", "Ship coupon"),
        ({"expected_loss": 0.021}, "inconclusive", "its expected loss is 2.10%; the rule allows 2"),
        ({"expected_loss": None}, "inconclusive", "expected loss cannot be given as a share"),
        ({"bayes_model": "normal_difference"}, "inconclusive", "cannot be given as a share of con"),
    ],
)
def test_the_largest_expected_loss(changes: dict[str, Any], verdict_: str, words: str) -> None:
    rule: dict[str, Any] = {"decision": {"rule": {"max_expected_loss": 0.02}}}
    found = verdict(record(**{**BETTER, **changes}), **rule)
    assert found.verdict == verdict_
    assert words in found.reason
    assert found.rule_line == ("primary" if verdict_ == "ship" else "max_expected_loss")


def test_a_rule_that_asks_for_guardrails_only_ships_what_does_no_harm() -> None:
    rule: dict[str, Any] = {"decision": {"rule": {"require": ["guardrails"]}}}
    assert verdict(record(), guardrail(guardrail="pass"), **rule).verdict == "ship"
    found = verdict(record(), guardrail(guardrail="inconclusive"), **rule)
    assert found.reason.startswith("coupon is not worse (")
    assert verdict(record(**WORSE), guardrail(guardrail="pass"), **rule).verdict == "rollback"


def test_no_difference_worth_having_is_neutral() -> None:
    found = verdict(record(equivalent=True))
    assert (found.verdict, found.rule_line) == ("neutral", "equivalence")
    assert found.reason.startswith("coupon makes no difference worth having")


def test_everything_else_is_inconclusive() -> None:
    for changes in ({}, {"equivalent": False}, {"pvalue_adjusted": None}, {"difference": None}):
        found = verdict(record(**changes))
        assert (found.verdict, found.rule_line) == ("inconclusive", "primary")
        assert found.reason.startswith("coupon is not clearly better or worse")


def test_alpha_itself_is_not_significant() -> None:
    assert verdict(record(pvalue_adjusted=0.05)).verdict == "inconclusive"
    loose = verdict(record(pvalue_adjusted=0.05), analysis={"alpha": 0.051})
    assert loose.verdict == "ship"


def test_the_variant_with_the_largest_gain_is_shipped() -> None:
    small, large = record(**BETTER), record(variant="gift", **{**BETTER, "lift": 0.2})
    found = verdict(small, large, variants=THREE)
    assert (found.verdict, found.variant) == ("ship", "gift")
    fewer = {**CONVERSION, "desired_change": "decrease"}
    small, large = record(**WORSE), record(variant="gift", **{**WORSE, "lift": -0.2})
    assert verdict(small, large, variants=THREE, metrics=[fewer]).variant == "gift"


def test_one_variant_shipped_outweighs_another_rolled_back() -> None:
    found = verdict(record(**WORSE), record(variant="gift", **BETTER), variants=THREE)
    assert (found.verdict, found.variant) == ("ship", "gift")
    assert "coupon" not in found.reason


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (WORSE, {}, "inconclusive"),
        (WORSE, {"equivalent": True}, "neutral"),
        ({"equivalent": True}, {}, "inconclusive"),
        (WORSE, WORSE, "rollback"),
    ],
)
def test_several_variants_none_of_them_shipped(
    first: dict[str, Any], second: dict[str, Any], expected: str
) -> None:
    found = verdict(record(**first), record(variant="gift", **second), variants=THREE)
    assert (found.verdict, found.variant) == (expected, None)
    assert "coupon" in found.reason
    assert "gift" in found.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lift": None}, "bought goes from 10.00% to 11.00%."),
        ({"lift_ci_high": None}, "bought goes from 10.00% to 11.00%"),
        ({"value": None}, "bought cannot be read"),
        ({"ci_level": 0.999}, "99.9% interval"),
    ],
)
def test_what_cannot_be_said_is_left_out(changes: dict[str, Any], words: str) -> None:
    assert words in verdict(record(**BETTER, **changes)).reason


def test_means_are_no_percentages_and_titles_are_read() -> None:
    mean = {**SECOND, "title": "Orders per customer"}
    lead = record(metric="second", kind="count", value=1234.5678, value_control=1000, **BETTER)
    found = verdict(lead, metrics=[mean])
    assert "Orders per customer goes from 1,000 to 1,235 (+10.0%" in found.reason


def test_a_difference_without_a_lift_still_says_which_gains_more() -> None:
    small = record(**{**BETTER, "lift": None, "difference": 0.01})
    large = record(variant="gift", **{**BETTER, "lift": None, "difference": 0.02})
    assert verdict(small, large, variants=THREE).variant == "gift"
