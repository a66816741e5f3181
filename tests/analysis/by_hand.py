"""Small experiments that can be checked by eye, and the parts of their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from abtest import analyze

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest import Result
    from abtest.analysis.result import Check

AS_OF = "2026-03-01"
START = "2026-01-05 10:00:00"
CONVERSION: dict[str, Any] = {
    "key": "bought",
    "kind": "conversion",
    "events": "orders",
    "window": {"end": "30d"},
    "role": "primary",
}
WON: dict[str, Any] = {"key": "won", "kind": "proportion", "column": "won", "role": "primary"}


def spec_for(data: Mapping[str, Any], metrics: Sequence[Any], **more: Any) -> dict[str, Any]:
    """A spec with two variants; more keys replace or add."""
    return {
        "spec": "abtest/v1",
        "key": "by-hand",
        "kind": "messaging",
        "unit": "id",
        "variants": [{"key": "control", "control": True}, {"key": "coupon"}],
        "data": dict(data),
        "metrics": list(metrics),
        **more,
    }


def run_log(
    assignments: Sequence[tuple[Any, ...]],
    orders: Sequence[tuple[Any, ...]] = (),
    *,
    metrics: Sequence[Any] = (CONVERSION,),
    data: Mapping[str, Any] | None = None,
    stream: Mapping[str, Any] | None = None,
    columns: Sequence[str] = ("id", "variant", "assigned_at"),
    **more: Any,
) -> Result:
    """Assignments as (id, variant, time) and orders as (id, time, order, amount)."""
    tables = {
        "as_of": AS_OF,
        "assignments": {"path": "assignments.csv"},
        "events": {"orders": {"path": "orders.csv", "at": "at", **(stream or {})}},
        **(data or {}),
    }
    frames = {
        "assignments": pd.DataFrame(list(assignments), columns=list(columns), dtype=object),
        "orders": pd.DataFrame(list(orders), columns=["id", "at", "order", "amount"], dtype=object),
    }
    return analyze(spec_for(tables, metrics, **more), data=frames)


def run_units(frame: pd.DataFrame, *, metrics: Sequence[Any] = (WON,), **more: Any) -> Result:
    """One row per unit, with its variant in the column variant."""
    data = {"units": {"path": "units.csv", "variant": "variant", **more.pop("units", {})}}
    return analyze(spec_for(data, metrics, **more), data={"units": frame})


def check_of(result: Result, key: str) -> Check:
    found = [check for check in result.checks if check.key == key]
    assert len(found) == 1, [check.key for check in result.checks]
    return found[0]


def assigned(result: Result) -> dict[str, int]:
    return {step.variant: step.n for step in result.waterfall if step.step == "assigned"}
