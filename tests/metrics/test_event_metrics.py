"""Event metrics on logs that can be read by eye; the random logs are in tests/analysis."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from abtest import SpecError, analyze
from abtest.metrics.base import EventMetric, EventScope
from abtest.metrics.conversion import ConversionMetric
from abtest.metrics.window import Window
from analysis.by_hand import START, run_log, spec_for

WINDOW = {"events": "orders", "window": {"end": "30d"}}
TWO = [("a", "control", START), ("b", "coupon", START)]


def outcomes(
    cases: list[list[str]], stream: dict[str, Any] | None = None, **metric: Any
) -> list[tuple[float | None, int]]:
    """Each case's value and how many units count: one unit in a variant of its own."""
    keys = [f"case {i}" for i in range(len(cases))]
    orders = [(key, at, None, None) for key, times in zip(keys, cases, strict=True) for at in times]
    full = {"key": "m", "role": "primary", **WINDOW, **metric}
    variants = [{"key": key, "control": key == keys[0]} for key in keys]
    assigned = [(key, key, START) for key in keys]
    result = run_log(assigned, orders, metrics=[full], stream=stream, variants=variants)
    return [(estimate.value, estimate.n) for estimate in result.estimates]


def values(
    orders: list[tuple[Any, ...]], stream: dict[str, Any] | None = None, **metric: Any
) -> tuple[float | None, int]:
    """The value of the one unit in control, and how many units count."""
    full = {"key": "m", "role": "primary", **WINDOW, **metric}
    estimate = run_log(TWO, orders, metrics=[full], stream=stream).estimates[0]
    return estimate.value, estimate.n


def test_windows_are_half_open() -> None:
    inside = ["2026-01-05 10:00:00", "2026-02-04 09:59:59.999999"]
    outside = ["2026-01-05 09:59:59.999999", "2026-02-04 10:00:00"]
    cases = [[at] for at in inside + outside]
    assert outcomes(cases, kind="conversion") == [(1.0, 1), (1.0, 1), (0.0, 1), (0.0, 1)]
    assert outcomes(cases, kind="churn") == [(0.0, 1), (0.0, 1), (1.0, 1), (1.0, 1)]


def test_calendar_windows_count_whole_days() -> None:
    cases = [["2026-01-05 00:00:00"], ["2026-02-03 23:59:59"], ["2026-02-04 00:00:00"]]
    window = {"window": {"end": "30d", "calendar": True}}
    assert outcomes(cases, kind="retention", **window) == [(1.0, 1), (1.0, 1), (0.0, 1)]


def test_repeat_purchase_after_assignment() -> None:
    expected: list[tuple[list[str], tuple[float | None, int]]] = [
        ([], (None, 0)),
        (["2026-01-05 10:00:01"], (None, 0)),  # never bought before
        (["2025-12-01"], (0.0, 1)),
        (["2025-12-01", "2026-01-05 10:00:01"], (1.0, 1)),
        ([START], (0.0, 1)),  # the purchase at the anchor makes it a customer
        ([START, "2026-01-05 23:59:59"], (0.0, 1)),  # the same day as that purchase
        ([START, "2026-01-06 00:00:00"], (1.0, 1)),
        (["2025-12-01", "2026-02-04 10:00:00"], (0.0, 1)),
    ]
    cases = [orders for orders, _ in expected]
    assert outcomes(cases, kind="repeat_purchase") == [outcome for _, outcome in expected]


def test_the_lookback_says_who_is_a_customer() -> None:
    cases = [["2025-12-26 10:00:00"], ["2025-12-26 09:59:59"]]
    prior = {"prior": {"lookback": "10d"}}
    assert outcomes(cases, kind="repeat_purchase", **prior) == [(0.0, 1), (None, 0)]


def test_repeat_purchase_after_the_first() -> None:
    expected: list[tuple[list[str], tuple[float | None, int]]] = [
        ([], (None, 0)),
        (["2025-12-01"], (None, 0)),  # before the assignment is no first event
        (["2026-01-10 08:00", "2026-01-10 23:00"], (0.0, 1)),
        (["2026-01-10 08:00", "2026-01-11 00:00"], (1.0, 1)),
        (["2026-01-10 08:00", "2026-02-09 08:00"], (0.0, 1)),
        (["2026-02-10 08:00"], (None, 0)),  # not mature before the 12th of March
    ]
    cases = [orders for orders, _ in expected]
    found = outcomes(cases, kind="repeat_purchase", anchor="first_event")
    assert found == [outcome for _, outcome in expected]


LINES = [
    ("a", "2026-01-06 10:00", "A", 5.0),
    ("a", "2026-01-06 10:00", "A", 2.5),
    ("a", "2026-01-06 20:00", "B", 1.0),
    ("a", "2026-01-07 10:00", None, 4.0),
    ("a", "2026-01-07 10:00", None, None),
    ("a", "2025-12-31 10:00", "C", 100.0),
    ("b", "2026-01-06 10:00", "A", 9.0),
]


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize(
    ("stream", "expected"), [({}, 5), ({"id": "order"}, 4), ({"merge": "calendar_day"}, 2)]
)
def test_counting(outside: bool, stream: dict[str, str], expected: int) -> None:
    """Lines of one order are one; without an id each line is an order of its own."""
    lines = [line for line in LINES if outside or line[2] != "C"]
    assert values(lines, stream, kind="count") == (expected, 1)


def test_a_sum_with_an_unknown_amount_is_not_known() -> None:
    known = [line for line in LINES if line[3] is not None]
    assert values(known, {"value": "amount"}, kind="sum") == (12.5, 1)
    assert values(LINES, {"value": "amount"}, kind="sum") == (None, 0)
    # Outside the window nobody asks for it.
    before = [*known, ("a", "2025-12-01", "A", None)]
    assert values(before, {"value": "amount"}, kind="sum") == (12.5, 1)


def test_sums_of_a_product() -> None:
    stream = {"value": {"product": ["order", "amount"]}}
    lines = [("a", "2026-01-06", "3", 2.5), ("a", "2026-01-06", "2", 4.0)]
    assert values(lines, stream, kind="sum") == (15.5, 1)
    assert values([*lines, ("a", "2026-01-06", None, 4.0)], stream, kind="sum") == (None, 0)


def test_streams_whose_names_look_like_our_own_columns() -> None:
    """A stream called orders_day must not meet the day of the first order."""
    table = {"path": "-", "at": "at"}
    data = {"as_of": "2026-03-01", "assignments": {"path": "-"}}
    first = {"kind": "count", "anchor": "first_event", "window": {"end": "5d", "calendar": True}}
    metrics = [
        {"key": stream, "events": stream, "role": "primary", **first}
        for stream in ("orders", "orders_day", "first", "unit", "variant", "at", "day")
    ]
    streams = {metric["events"]: table for metric in metrics}
    orders = pd.DataFrame({"id": ["a", "a", "b"], "at": ["2026-01-06", "2026-01-07", "2026-01-08"]})
    frames = {str(stream): orders for stream in streams}
    frames["assignments"] = pd.DataFrame(TWO, columns=["id", "variant", "assigned_at"])
    result = analyze(spec_for({**data, "events": streams}, metrics), data=frames)
    assert [e.value for e in result.estimates] == [2.0, 1.0] * len(metrics)


def test_a_lag_delays_maturity_and_reads_no_event_less() -> None:
    rows = [("a", "2026-02-01", None, None)]
    assert values(rows, {"lag": "24d"}, kind="conversion") == (1.0, 1)
    assert values(rows, {"lag": "25d"}, kind="conversion") == (None, 0)


def test_maturity_all_counts_everybody() -> None:
    early = {"as_of": "2026-01-20"}
    metric = {"key": "m", "kind": "conversion", "role": "primary", "maturity": "all", **WINDOW}
    result = run_log(TWO, [("a", "2026-01-06", None, None)], metrics=[metric], data=early)
    assert [(e.n, e.value) for e in result.estimates] == [(1, 1.0), (1, 0.0)]
    assert result.results[0].label == "descriptive"


def test_churn_is_better_when_it_falls() -> None:
    metric = {"key": "m", "kind": "churn", "role": "primary", **WINDOW}
    result = run_log(TWO, metrics=[metric])
    assert result.spec["metrics"][0]["desired_change"] == "decrease"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"window": {"start": "30d", "end": "30d"}},
            "ends at 30d, which is not after its start 30d",
        ),
        ({"window": {"end": "36h", "calendar": True}}, "start and end must be whole days"),
        (
            {"prior": {"lookback": "5d"}, "anchor": "first_event"},
            "needs the anchor to be assignment",
        ),
        ({"events": "order"}, r'no stream of data.events\n  Hint: did you mean "orders"'),
    ],
)
def test_metrics_that_make_no_sense(changes: dict[str, Any], message: str) -> None:
    metric = {"key": "m", "kind": "repeat_purchase", "role": "primary", **WINDOW, **changes}
    with pytest.raises(SpecError, match=message):
        run_log(TWO, metrics=[metric])


def test_a_new_event_metric_must_say_what_it_aggregates() -> None:
    class Empty(EventMetric):
        kind: str = "empty"

    metric = Empty(key="m", events="orders", window=Window(end="30d"))  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match=r"^$"):
        metric.unit_columns(EventScope())
    with pytest.raises(NotImplementedError, match=r"^$"):
        metric.outcome(EventScope())
    conversion = ConversionMetric(key="m", kind="conversion", events="o", window=metric.window)
    assert conversion.eligible() is None
