"""Checks on whether the data can answer at all, on logs that can be read by eye."""

from __future__ import annotations

from typing import Any

import pytest

from abtest.analysis.result import Check, Result
from analysis.by_hand import START, run_log

CONVERSION = {
    "key": "m",
    "kind": "conversion",
    "events": "orders",
    "window": {"end": "30d"},
    "role": "primary",
}
MANY = [
    (f"{name}{i:02}", variant, START)
    for name, variant in (("a", "control"), ("b", "coupon"))
    for i in range(30)
]
ORDER = ("a00", "2026-01-06", None, None)


def check(result: Result, key: str) -> Check | None:
    return next((found for found in result.checks if found.key == key), None)


def required(result: Result, key: str) -> Check:
    found = check(result, key)
    assert found is not None, [other.key for other in result.checks]
    return found


def test_a_plain_log_raises_none_of_them() -> None:
    result = run_log(MANY, [ORDER], metrics=[CONVERSION])
    for key in ("schedule", "lookalike_ids", "dates_without_times", "empty_metrics", "few_units"):
        assert check(result, key) is None, key


@pytest.mark.parametrize("order", [" a01", "A01", "a01 "])
def test_ids_that_would_match_but_for_their_form_fail(order: str) -> None:
    rows = [ORDER, (order, "2026-01-07", None, None), ("stranger", "2026-01-07", None, None)]
    result = run_log(MANY, rows, metrics=[CONVERSION])
    found = required(result, "lookalike_ids")
    assert found.status == "fail"
    assert found.message.startswith("1 row of orders would match a unit but for blanks")
    assert result.decision.verdict == "invalid"


def test_lost_zeros_are_seen() -> None:
    assigned = [("007", "control", START), ("008", "coupon", START)]
    rows = [("7", "2026-01-06", None, None), ("008", "2026-01-06", None, None)]
    assert required(run_log(assigned, rows, metrics=[CONVERSION]), "lookalike_ids").status == "fail"


def test_dates_without_times_on_the_day_of_assignment() -> None:
    rows = [("a00", "2026-01-05", None, None), ("b00", "2026-01-06", None, None)]
    found = required(run_log(MANY, rows, metrics=[CONVERSION]), "dates_without_times")
    assert found.status == "warn"
    assert found.details == {"orders": 1}
    calendar = {**CONVERSION, "window": {"end": "30d", "calendar": True}}
    assert check(run_log(MANY, rows, metrics=[calendar]), "dates_without_times") is None
    with_times = [*rows, ("b01", "2026-01-07 14:30:00", None, None)]
    assert check(run_log(MANY, with_times, metrics=[CONVERSION]), "dates_without_times") is None


@pytest.mark.parametrize("kind", ["conversion", "churn", "count"])
def test_no_event_in_any_window(kind: str) -> None:
    early = [("a00", "2025-01-06", None, None)]
    found = required(run_log(MANY, early, metrics=[{**CONVERSION, "kind": kind}]), "empty_metrics")
    assert (found.status, found.message) == ("warn", "No unit has an event in the window of m.")


def test_units_assigned_outside_the_schedule() -> None:
    late: dict[str, Any] = {"start": "2026-02-01", "enrol_until": "2026-02-10"}
    found = required(run_log(MANY, [ORDER], metrics=[CONVERSION], schedule=late), "schedule")
    assert found.message == "60 of 60 units were assigned outside the schedule."


def test_a_winner_on_a_handful_of_units_is_not_shipped() -> None:
    assigned = [(f"a{i}", "control", START) for i in range(15)]
    assigned += [(f"b{i}", "coupon", START) for i in range(15)]
    rows = [(f"b{i}", "2026-01-06", None, None) for i in range(15)]
    result = run_log(assigned, rows, metrics=[CONVERSION])
    assert result.results[0].pvalue is not None
    assert result.results[0].pvalue < 0.001
    assert (result.decision.verdict, result.decision.rule_line) == ("inconclusive", "few_units")
    assert "fewer than 20 units" in result.decision.reason
    found = required(result, "few_units")
    assert (found.status, found.hint) == (
        "warn",
        "Wait for more units, or for their windows to end.",
    )


def test_hardly_anybody_is_eligible() -> None:
    rows = [("a00", "2025-12-01", None, None), ("b00", "2025-12-01", None, None)]
    repeat = {**CONVERSION, "kind": "repeat_purchase"}
    found = required(run_log(MANY, rows, metrics=[repeat]), "few_units")
    assert found.message.startswith("Only 2 of 60 units (3.3%) are eligible for m")


EARLY = ("a00", "2026-01-01", None, None)


@pytest.mark.parametrize(
    ("orders", "status", "message"),
    [
        ([ORDER], None, ""),
        ([ORDER, EARLY], "pass", "1 of 2 rows of orders are from before their unit's assignment."),
        ([EARLY], "warn", "1 of 1 rows of orders are from before their unit's assignment."),
    ],
)
def test_events_from_before_the_assignment(
    orders: list[Any], status: str | None, message: str
) -> None:
    found = check(run_log(MANY, orders, metrics=[CONVERSION]), "before_assignment")
    assert (found.status if found is not None else None) == status
    assert found is None or found.message == message
