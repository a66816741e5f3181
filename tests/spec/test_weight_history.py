"""Weights that were amended hold from the amendment's date on, and held before what they were."""

from __future__ import annotations

import pytest

from abtest.errors import SpecError
from abtest.spec.drift import changes_of
from abtest.spec.lock import Lock, amended, new_lock
from abtest.spec.plan_values import plan_values
from abtest.spec.weight_history import with_history
from specs import EVENTS, changed, loaded

START = changed(
    EVENTS,
    ("control: true}", "control: true, weight: 50}"),
    ("{key: coupon}", "{key: coupon, weight: 50}"),
    ("data:", "schedule: {start: 2026-01-05}\nassignment: {coverage: 0.1}\ndata:"),
)
RAMPED = changed(
    START, ("true, weight: 50", "true, weight: 80"), ("coupon, weight: 50", "coupon, weight: 20")
)
WIDER = changed(RAMPED, ("coverage: 0.1", "coverage: 1.0"))


def after(*texts: tuple[str, str]) -> Lock:
    """A lock of START with an amendment for each (date, text)."""
    plan = plan_values(loaded(START).spec)
    lock = new_lock(plan, {}, experiment="winback", frozen_on="2026-01-01", version="1")
    for on, text in texts:
        changes = changes_of(lock.plan_now(), loaded(text).spec)
        lock = amended(lock, changes, on=on, why="ramp")
    return lock


def weights(text: str, lock: Lock) -> dict[str, int]:
    return {v.key: v.weight for v in with_history(loaded(text), lock).variants or ()}


def test_new_weights_become_a_phase() -> None:
    spec = with_history(loaded(RAMPED), after(("2026-01-12", RAMPED)))
    assert {v.key: v.weight for v in spec.variants or ()} == {"control": 50, "coupon": 50}
    assert [(p.from_, p.weights, p.coverage) for p in spec.assignment.phases] == [
        ("2026-01-12", {"control": 80, "coupon": 20}, None)
    ]


def test_each_change_is_a_phase_and_coverage_is_one_too() -> None:
    lock = after(("2026-01-12", RAMPED), ("2026-01-14T09:00:00", WIDER))
    spec = with_history(loaded(WIDER), lock)
    assert spec.assignment.coverage == 0.1
    assert [(p.from_, p.weights, p.coverage) for p in spec.assignment.phases] == [
        ("2026-01-12", {"control": 80, "coupon": 20}, None),
        ("2026-01-14T09:00:00", None, 1.0),
    ]


@pytest.mark.parametrize("on", ["2026-01-02", "2026-01-05"])
def test_what_changed_before_the_start_is_the_start(on: str) -> None:
    lock = after((on, RAMPED), ("2026-01-14", WIDER))
    spec = with_history(loaded(WIDER), lock)
    assert weights(WIDER, lock) == {"control": 80, "coupon": 20}
    assert [(p.from_, p.weights, p.coverage) for p in spec.assignment.phases] == [
        ("2026-01-14", None, 1.0)
    ]


def test_without_a_change_of_the_split_the_spec_stays_what_it_is() -> None:
    alpha = changed(START, ("data:", "analysis: {alpha: 0.01}\ndata:"))
    found = loaded(alpha)
    assert with_history(found, after(("2026-01-12", alpha))) is found.spec


def test_a_silent_change_has_no_date_and_so_no_history() -> None:
    found = loaded(WIDER)
    assert with_history(found, after(("2026-01-12", RAMPED))) is found.spec


def test_a_change_that_was_taken_back_ran_all_the_same() -> None:
    spec = with_history(loaded(START), after(("2026-01-12", RAMPED), ("2026-01-13", START)))
    assert [(p.from_, p.weights) for p in spec.assignment.phases] == [
        ("2026-01-12", {"control": 80, "coupon": 20}),
        ("2026-01-13", {"control": 50, "coupon": 50}),
    ]


def phased(since: str, text: str = RAMPED, weights: str = "{control: 4, coupon: 1}") -> str:
    block = f"assignment: {{phases: [{{from: {since}, weights: {weights}}}], "
    return changed(text, ("assignment: {", block))


def test_a_phase_that_says_the_same_knows_the_date_better() -> None:
    text = phased("2026-01-11")
    lock = after(("2026-01-12", text))
    spec = with_history(loaded(text), lock)
    assert weights(text, lock) == {"control": 50, "coupon": 50}
    assert [p.from_ for p in spec.assignment.phases] == ["2026-01-11"]


@pytest.mark.parametrize(
    "text", [phased("2026-01-14"), phased("2026-01-11", weights="{control: 3, coupon: 1}")]
)
def test_a_phase_that_says_otherwise_is_a_fault(text: str) -> None:
    message = (
        r"e\.yaml:\d+: assignment\.phases: say that .* was in force on 2026-01-12; an amendment "
        r"of that date says control 80, coupon 20"
    )
    with pytest.raises(SpecError, match=message):
        with_history(loaded(text), after(("2026-01-12", text)))


def test_a_change_that_only_the_phases_say_is_theirs() -> None:
    text = phased("2026-01-12", START)
    found = loaded(text)
    assert with_history(found, after(("2026-01-12", text))) is found.spec


def test_coverage_joins_a_ramp_of_weights_on_the_same_day() -> None:
    text = changed(
        WIDER,
        ("true, weight: 80", "true, weight: 50"),
        ("coupon, weight: 20", "coupon, weight: 50"),
    )
    text = phased("2026-01-12", text)
    found = with_history(loaded(text), after(("2026-01-12", text)))
    assert [(p.from_, p.weights, p.coverage) for p in found.assignment.phases] == [
        ("2026-01-12", {"control": 4, "coupon": 1}, 1.0)
    ]


def test_a_variant_that_joins_had_no_weight_before() -> None:
    text = changed(RAMPED, ("{key: coupon, weight: 20}",
                            "{key: coupon, weight: 10}\n  - {key: gift, weight: 10}"))  # fmt: skip
    lock = after(("2026-01-12", text))
    assert weights(text, lock) == {"control": 50, "coupon": 50, "gift": 0}
