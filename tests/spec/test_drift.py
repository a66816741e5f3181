"""What of a spec is the plan, and what counts as a difference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.spec.drift import Change, between, changed, changes_of, in_blocks
from abtest.spec.plan_values import path_text, plan_values, steps_of
from specs import COLUMNS, EVENTS, design, loaded
from specs import changed as edited

PLAN = plan_values(loaded(EVENTS).spec)


def differences(*replacements: tuple[str, str], text: str = EVENTS) -> dict[str, tuple[Any, Any]]:
    """What an edit of the text changes, for people to read."""
    plan = plan_values(loaded(text).spec)
    found = changes_of(plan, loaded(edited(text, *replacements)).spec)
    return {path: (change.before, change.after) for path, change in in_blocks(found, plan).items()}


@given(st.lists(st.text(), min_size=1))
def test_a_path_is_read_as_it_was_written(steps: list[str]) -> None:
    assert steps_of(path_text(steps)) == tuple(steps)


def test_the_values_of_a_plan() -> None:
    assert PLAN["analysis.alpha"] == 0.05
    assert PLAN["control"] == "control"
    assert PLAN["assignment.seed"] == "winback"
    assert PLAN["variants"] == ["control", "coupon"]
    assert PLAN["metrics.again.window.end"] == "30d"
    assert PLAN["primary"] == ["again"]
    assert None not in PLAN.values()


@pytest.mark.parametrize(
    "edit",
    [
        ("key: winback", "title: Another\nkey: winback"),
        ("key: winback", "owner: crm@example.com\nkey: winback"),
        ("unit: id", "unit: id   # a comment"),
        ("path: orders.csv", "path: orders_2026.parquet"),
        ("path: orders.csv", "path: shop.duckdb, table: orders"),
        ("at: ordered_at", "time: epoch_seconds, at: ordered_at"),
        ("as_of: 2026-03-01", "as_of: 2026-04-01"),
        ("as_of: 2026-03-01", "currency: EUR"),
        ("kind: sum,", "kind: sum, title: Revenue, role: secondary,"),
        ("{key: coupon}", "{key: coupon, control: false}"),
        ("window: {end: 30d}}", "window: {end: 30d, start: 0d}}"),
        ("data:", "analysis: {alpha: 0.05, correction: {primary: dunnett}}\ndata:"),
    ],
)
def test_what_may_move(edit: tuple[str, str]) -> None:
    assert differences(edit) == {}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("control: true}\n  - {key: coupon}", "control: false}\n  - {key: coupon, control: true}"),
         {"control": ("control", "coupon")}),
        (("{end: 30d}, role: primary", "{end: 20d}, role: primary"),
         {"metrics.again.window.end": ("30d", "20d")}),
        (("data:", "analysis: {alpha: 0.1}\ndata:"), {"analysis.alpha": (0.05, 0.1)}),
        (("data:", "assignment: {seed: other}\ndata:"), {"assignment.seed": ("winback", "other")}),
        (("unit: id", "unit: customer"), {"unit": ("id", "customer")}),
        (("unit: id", "unit: id\ncluster: home"), {"cluster": (None, "home")}),
        (("{key: coupon}", "{key: coupon, payload: {text: hi}}"),
         {"variants.coupon.payload": (None, {"text": "hi"})}),
        (("at: ordered_at,", "at: paid_at,"), {"data.events.orders.at": ("ordered_at", "paid_at")}),
        (("at: ordered_at,", "at: ordered_at, lag: 2d,"),
         {"data.events.orders.lag": ("0d", "2d")}),
        (("data:", "hypothesis: It works.\ndata:"), {"hypothesis": (None, "It works.")}),
    ],
)  # fmt: skip
def test_what_may_not(edit: tuple[str, str], expected: dict[str, Any]) -> None:
    assert differences(edit) == expected


def test_a_block_that_came_whole_is_one_difference() -> None:
    found = differences(("data:", "decision: {margin_pct: 40}\ndata:"))
    assert set(found) == {"decision"}
    before, after = found["decision"]
    assert before is None
    assert after["margin_pct"] == 40.0
    assert after["rule.require"] == ["guardrails", "primary"]


def test_variants_and_primary_metrics_have_an_order() -> None:
    text = edited(EVENTS, ("{key: coupon}", "{key: coupon}\n  - {key: gift}"))
    found = differences(("{key: coupon}\n  - {key: gift}", "{key: gift}\n  - {key: coupon}"),
                        text=text)  # fmt: skip
    assert found == {"variants": (["control", "coupon", "gift"], ["control", "gift", "coupon"])}
    lines = EVENTS.splitlines(keepends=True)
    swapped = "".join([*lines[:-2], lines[-1], lines[-2]])
    assert changes_of(PLAN, loaded(swapped).spec) == {}


def test_a_metric_that_came_and_one_that_went() -> None:
    found = differences(("key: revenue,", "key: turnover,"))
    assert set(found) == {"metrics.revenue", "metrics.turnover"}
    before, after = found["metrics.turnover"]
    assert before is None
    assert after["kind"] == "sum"
    assert found["metrics.revenue"][1] is None


def test_defaults_of_a_newer_version_are_no_difference() -> None:
    older = {path: value for path, value in PLAN.items() if not path.endswith("sample_ratio_alpha")}
    assert len(older) == len(PLAN) - 1
    assert changes_of(older, loaded(EVENTS).spec) == {}
    stated = edited(EVENTS, ("data:", "analysis: {sample_ratio_alpha: 0.01}\ndata:"))
    found = changes_of(older, loaded(stated).spec)
    assert found == {"analysis.sample_ratio_alpha": Change(None, 0.01)}


@pytest.mark.parametrize("method", ["welch", "permutation", "{kind: permutation}"])
def test_a_block_of_defaults_is_a_choice(method: str) -> None:
    kind = method if method.startswith("{") else f"{{kind: {method}}}"
    found = differences(("data:", f"analysis: {{methods: {{revenue: {kind}}}}}\ndata:"))
    assert set(found) == {"analysis.methods"}
    assert found["analysis.methods"][1]["revenue.kind"] in method
    found = differences(("data:", "decision: {}\ndata:"))
    assert set(found) == {"decision"}


def test_a_default_of_a_newer_version_in_a_block_of_defaults() -> None:
    """A variant, a table or a phase that is all defaults is no choice of what is new in it."""
    older = {path: value for path, value in PLAN.items() if not path.endswith((".weight", ".keep"))}
    assert len(older) == len(PLAN) - 5
    assert changes_of(older, loaded(EVENTS).spec) == {}


def test_a_default_that_moved_is_one() -> None:
    older = {**PLAN, "analysis.sample_ratio_alpha": 0.01}
    assert set(changes_of(older, loaded(EVENTS).spec)) == {"analysis.sample_ratio_alpha"}


def test_true_is_not_one() -> None:
    text = edited(EVENTS, ("{key: coupon}", "{key: coupon, payload: {gift: true}}"))
    found = differences(("{gift: true}", "{gift: 1}"), text=text)
    assert found == {"variants.coupon.payload.gift": (True, 1)}


def test_changes_lead_from_one_plan_to_the_other() -> None:
    text = edited(EVENTS, ("key: revenue,", "key: turnover,"), ("unit: id", "unit: customer"))
    spec = loaded(text).spec
    changes = changes_of(PLAN, spec)
    assert changed(PLAN, changes) == plan_values(spec)
    assert changes_of(changed(PLAN, changes), spec) == {}
    # The order of variants and primary metrics is compared among those that both have.
    assert set(between(PLAN, plan_values(spec))) == set(changes)


@pytest.mark.parametrize("text", [COLUMNS, EVENTS])
def test_a_plan_is_its_own(text: str) -> None:
    spec = loaded(text).spec
    assert changes_of(plan_values(spec), spec) == {}


@pytest.mark.parametrize("place", [0, 2])
def test_so_are_the_plans_of_the_design(place: int) -> None:
    spec = loaded(design(place)).spec
    plan = plan_values(spec)
    assert changes_of(plan, spec) == {}
    if place == 0:
        assert plan["assignment.phases.2026-01-05.coverage"] == 0.1
        assert plan["variants.coupon.cost.per_redemption"] == 4.0
        assert plan["covariates.orders_pre_90d.window.start"] == "-90d"
        assert plan["analysis.sequential.spending"] == "obrien_fleming"
        assert plan["decision.rule.max_expected_loss"] == 0.02
        assert plan["metrics.revenue_60d.winsorize.cap"] == 480.0
