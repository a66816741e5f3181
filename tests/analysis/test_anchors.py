"""Windows that start at an event of another stream, and how long such answers have to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from abtest import analyze
from analysis.by_hand import spec_for

if TYPE_CHECKING:
    from abtest import Result

DELIVERED: dict[str, Any] = {
    "key": "kept",
    "kind": "conversion",
    "events": "orders",
    "anchor": "deliveries",
    "window": {"end": "10d"},
    "role": "primary",
}
ASSIGNED = "2026-01-01"


def run(
    deliveries: list[tuple[str, str]],
    orders: list[tuple[str, str]],
    *,
    metric: dict[str, Any] | None = None,
    lags: tuple[str, str] = ("0d", "0d"),
    as_of: str = "2026-03-01",
) -> Result:
    """Units a (control) and b (coupon), assigned on one day."""
    events = {
        name: {"path": f"{name}.csv", "at": "at", "lag": lag}
        for name, lag in zip(("orders", "deliveries"), lags, strict=True)
    }
    data = {"as_of": as_of, "assignments": {"path": "a.csv"}, "events": events}
    rows = [("a", "control", ASSIGNED), ("b", "coupon", ASSIGNED)]
    frames = {
        "assignments": pd.DataFrame(rows, columns=["id", "variant", "assigned_at"]),
        "orders": pd.DataFrame(orders, columns=["id", "at"], dtype=object),
        "deliveries": pd.DataFrame(deliveries, columns=["id", "at"], dtype=object),
    }
    return analyze(spec_for(data, [metric or DELIVERED]), data=frames)


def values(result: Result) -> dict[str, tuple[int, float | None]]:
    return {found.variant: (found.n, found.value) for found in result.estimates}


def test_the_window_starts_at_the_first_delivery_after_the_assignment() -> None:
    """One before the assignment is not the anchor, nor is a second one."""
    deliveries = [("a", "2025-12-20"), ("a", "2026-01-10"), ("a", "2026-01-30")]
    deliveries += [("b", "2026-01-01"), ("b", "2026-01-11")]
    orders = [("a", "2026-01-19"), ("b", "2026-01-11"), ("b", "2025-12-21")]
    assert values(run(deliveries, orders)) == {"control": (1, 1.0), "coupon": (1, 0.0)}


def test_a_unit_without_a_delivery_is_not_eligible() -> None:
    result = run([("a", "2026-01-10"), ("b", "2025-12-31")], [])
    assert values(result) == {"control": (1, 0.0), "coupon": (0, None)}
    record = result.results[0]
    assert (record.n_ineligible, record.n_immature) == (1, 0)


@pytest.mark.parametrize(
    ("lags", "as_of", "n"),
    [
        (("0d", "0d"), "2026-01-20", 1),
        (("0d", "0d"), "2026-01-19", 0),
        (("3d", "1d"), "2026-01-23", 1),
        (("3d", "1d"), "2026-01-22", 0),
        (("1d", "3d"), "2026-01-23", 1),
        (("1d", "3d"), "2026-01-22", 0),
    ],
)
@pytest.mark.parametrize("maturity", ["complete", "censored"])
def test_both_streams_must_have_arrived(
    lags: tuple[str, str], as_of: str, n: int, maturity: str
) -> None:
    """Delivered on 10 January, ten days, and the longer of the two lags."""
    deliveries = [("a", "2026-01-10"), ("b", "2026-01-10")]
    metric = {**DELIVERED, "maturity": maturity}
    result = run(deliveries, [("b", "2026-01-19")], metric=metric, lags=lags, as_of=as_of)
    by_variant = {found.variant: found.value for found in result.estimates}
    if maturity == "complete":
        assert values(result) == {"control": (n, 0.0 if n else None), "coupon": (n, n or None)}
        longest = max(int(lag[:-1]) for lag in lags)
        assert result.results[0].readable_on == f"2026-01-{20 + longest}"
    else:
        assert by_variant == {"control": 0.0 if n else None, "coupon": 1.0 if n else None}


def test_it_is_descriptive_and_the_spec_is_warned_about() -> None:
    """Who gets a delivery, and when, the treatment may have moved."""
    result = run([("a", "2026-01-10"), ("b", "2026-01-10")], [])
    record = result.results[0]
    assert record.label == "descriptive"
    assert any("Anchored on an event after assignment" in note for note in record.notes)
    warned = [check for check in result.checks if check.key == "spec"]
    assert [check.status for check in warned] == ["warn"]
    assert "metrics.0.anchor is anchored on an event after assignment" in warned[0].message
    assert result.decision.verdict not in ("ship", "rollback")


def test_a_ratio_of_such_metrics_is_descriptive_too() -> None:
    spec_metric = {**DELIVERED, "kind": "count", "key": "orders_kept"}
    result = run([("a", "2026-01-10"), ("b", "2026-01-10")], [("b", "2026-01-12")])
    assert result.results[0].label == "descriptive"
    data = {
        "as_of": "2026-03-01",
        "assignments": {"path": "a.csv"},
        "events": {
            "orders": {"path": "o.csv", "at": "at", "value": "amount"},
            "deliveries": {"path": "d.csv", "at": "at"},
        },
    }
    metrics = [
        {**spec_metric, "role": "secondary"},
        {**spec_metric, "kind": "sum", "key": "revenue", "role": "secondary"},
        {
            "key": "aov",
            "kind": "ratio",
            "numerator": "revenue",
            "denominator": "orders_kept",
            "role": "primary",
        },
    ]
    frames = {
        "assignments": pd.DataFrame(
            [("a", "control", ASSIGNED), ("b", "coupon", ASSIGNED)],
            columns=["id", "variant", "assigned_at"],
        ),
        "orders": pd.DataFrame(
            [("a", "2026-01-11", 10.0), ("b", "2026-01-12", 30.0)], columns=["id", "at", "amount"]
        ),
        "deliveries": pd.DataFrame(
            [("a", "2026-01-10"), ("b", "2026-01-10")], columns=["id", "at"]
        ),
    }
    found = analyze(spec_for(data, metrics), data=frames)
    aov = next(record for record in found.results if record.metric == "aov")
    assert (aov.value_control, aov.value, aov.label) == (10.0, 30.0, "descriptive")
