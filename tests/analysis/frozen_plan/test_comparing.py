"""Which records a change of the plan touches, and what it makes of them."""

from __future__ import annotations

import pytest

from abtest.analysis.frozen_plan.comparing import under_lock
from abtest.analysis.result import Decision, Result
from abtest.spec import LoadedSpec
from abtest.spec.drift import changes_of
from abtest.spec.lock import Lock, amended, new_lock
from abtest.spec.plan_values import plan_values
from report.report_fixtures import record, result
from specs import changed, loaded

TEXT = """\
spec: abtest/v1
key: winback
kind: messaging
unit: id
variants:
  - {key: control, control: true, weight: 1}
  - {key: coupon, weight: 1}
schedule: {start: 2026-01-05}
data:
  as_of: 2026-03-01
  assignments: {path: assigned.csv}
  events:
    orders: {path: orders.csv, at: ordered_at, value: amount}
metrics:
  - {key: again, kind: conversion, events: orders, window: {end: 30d}, role: primary}
  - {key: revenue, kind: sum, events: orders, window: {end: 30d}}
  - {key: orders, kind: count, events: orders, window: {end: 30d}}
  - {key: basket, kind: ratio, numerator: revenue, denominator: orders}
  - {key: visits, kind: count, events: orders, window: {end: 7d}, role: guardrail}
"""
ROLES = {
    "again": "primary", "revenue": "secondary", "orders": "secondary", "basket": "secondary",
    "visits": "guardrail",
}  # fmt: skip
EVERY = set(ROLES)


def plan() -> Lock:
    values = plan_values(loaded(TEXT).spec)
    return new_lock(values, {}, experiment="winback", frozen_on="2026-01-01", version="1")


def made(verdict: str = "ship") -> Result:
    records = [
        record(metric=metric, role=role, family=None if role == "guardrail" else role)
        for metric, role in ROLES.items()
    ]
    segment = record(metric="again", segment="tier: gold")
    return result(
        results=[*records, segment, record(metric="again", label="descriptive", segment="late")],
        decision=Decision(verdict=verdict, variant="coupon", rule_line="primary", reason="Good."),
    )


def held(spec: LoadedSpec, lock: Lock, verdict: str = "ship") -> Result:
    return under_lock(made(verdict), spec, lock)


def touched(found: Result, label: str) -> set[str]:
    """The metrics of the records without a segment that have this label."""
    return {one.metric for one in found.results if one.label == label and one.segment is None}


NEW = "  - {key: any, kind: conversion, events: orders, window: {end: 9d}"


@pytest.mark.parametrize(
    ("edit", "metrics"),
    [
        (("data:\n", "analysis: {alpha: 0.1}\ndata:\n"), EVERY),
        (("value: amount", "value: net"), EVERY),
        (("start: 2026-01-05", "start: 2026-01-06"), EVERY),
        (("end: 30d}, role: primary", "end: 29d}, role: primary"), {"again"}),
        (("{key: revenue, kind: sum,", "{key: revenue, winsorize: {cap: 9}, kind: sum,"),
         {"revenue", "basket"}),
        (("end: 7d}, role: guardrail", "end: 8d}, role: guardrail"), {"visits"}),
        (("data:\n", "analysis: {methods: {revenue: {kind: welch}}}\ndata:\n"), {"revenue"}),
        (("data:\n", "analysis: {correction: {primary: none}}\ndata:\n"), {"again"}),
        (("data:\n", "analysis: {segments: [tier]}\ndata:\n"), set()),
        (("data:\n", "hypothesis: More.\ndata:\n"), set()),
        (("data:\n", "decision: {margin_pct: 40}\ndata:\n"), set()),
        (("  - {key: visits", f"{NEW}}}\n  - {{key: visits"), {"revenue", "orders", "basket"}),
        (("  - {key: visits", f"{NEW}, role: exploratory}}\n  - {{key: visits"), set()),
        ((" role: guardrail}", " role: secondary}"), {"revenue", "orders", "basket", "visits"}),
    ],
)  # fmt: skip
def test_labels_go_as_far_as_the_change(edit: tuple[str, str], metrics: set[str]) -> None:
    spec, lock = loaded(changed(TEXT, edit)), plan()
    silent = held(spec, lock)
    assert touched(silent, "exploratory") == metrics
    assert touched(silent, "confirmatory") == EVERY - metrics
    assert silent.exit_code == (0 if "exploratory}" in edit[1] else 5)
    changes = changes_of(lock.plan_now(), spec.spec)
    reasoned = held(spec, amended(lock, changes, on="2026-01-12", why="Because."))
    assert touched(reasoned, "amended") == metrics
    assert touched(reasoned, "confirmatory") == EVERY - metrics
    assert reasoned.exit_code == 0
    assert reasoned.decision.verdict == "ship"


def test_segments_are_those_of_the_plan() -> None:
    spec = loaded(changed(TEXT, ("data:\n", "analysis: {segments: [tier]}\ndata:\n")))
    labels = {one.segment: one.label for one in held(spec, plan()).results if one.segment}
    assert labels == {"tier: gold": "exploratory", "late": "descriptive"}


@pytest.mark.parametrize(
    ("verdict", "then"),
    [("ship", "inconclusive"), ("neutral", "inconclusive"), ("rollback", "rollback"),
     ("invalid", "invalid"), ("inconclusive", "inconclusive")],
)  # fmt: skip
def test_what_a_silent_change_makes_of_the_verdict(verdict: str, then: str) -> None:
    spec = loaded(changed(TEXT, ("data:\n", "hypothesis: More.\ndata:\n")))
    decision = held(spec, plan(), verdict).decision
    assert decision.verdict == then
    assert (decision.rule_line == "lock") == (verdict in {"ship", "neutral"})


def test_many_changes_are_counted() -> None:
    spec = loaded(TEXT.replace("30d", "29d").replace("7d", "6d").replace("amount", "net")
                  .replace("01-05", "01-06").replace("unit: id", "unit: home"))  # fmt: skip
    reason = held(spec, plan()).decision.reason
    assert reason.startswith("The spec differs from its frozen plan, and nothing says why: data.")
    assert " and 2 more. Put it back" in reason


@pytest.mark.parametrize(
    ("on", "label"), [("2026-01-05", "amended"), ("2026-01-05T00:00:01", "exploratory")]
)
@pytest.mark.parametrize(
    "edit",
    [
        ("unit: id", "unit: home"),
        ("unit: id", "unit: id\ncluster: home"),
        ("data:\n", "assignment: {stratify: tier}\ndata:\n"),
        ("coupon, weight: 1", "coupon, weight: 1, payload: {pct: 9}"),
    ],
)
def test_what_no_reason_makes_good(edit: tuple[str, str], on: str, label: str) -> None:
    spec, lock = loaded(changed(TEXT, edit)), plan()
    lock = amended(lock, changes_of(lock.plan_now(), spec.spec), on=on, why="We had to.")
    found = held(spec, lock)
    assert touched(found, label) == EVERY
    assert found.decision.verdict == ("ship" if label == "amended" else "inconclusive")
    if label == "amended":
        return
    # Taken back, it ran all the same.
    back = loaded(TEXT)
    lock = amended(lock, changes_of(lock.plan_now(), back.spec), on="2026-01-20", why="Back.")
    assert touched(held(back, lock), "exploratory") == EVERY


def test_a_phase_may_be_added_and_not_rewritten() -> None:
    later = "assignment: {phases: [{from: 2026-01-10, coverage: 0.5}]}\ndata:\n"
    spec, lock = loaded(changed(TEXT, ("data:\n", later))), plan()
    lock = amended(lock, changes_of(lock.plan_now(), spec.spec), on="2026-01-11", why="Ramp.")
    assert touched(held(spec, lock), "amended") == EVERY
    spec = loaded(changed(TEXT, ("data:\n", later.replace("0.5", "0.7"))))
    lock = amended(lock, changes_of(lock.plan_now(), spec.spec), on="2026-01-12", why="Typing.")
    assert touched(held(spec, lock), "exploratory") == EVERY


def test_the_sentences_of_the_decision_are_kept() -> None:
    spec = loaded(changed(TEXT, ("data:\n", "hypothesis: More.\ndata:\n")))
    found = held(spec, plan())
    assert str(found.decision.reason) in found.sentences
    assert Result.from_dict(found.to_dict()) == found
