"""Columns that a spec names and its tables lack are faults of the spec, each with its path."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from abtest import SpecError, analyze
from analysis.by_hand import AS_OF, CONVERSION, WON, spec_for

ASSIGNED = pd.DataFrame([("a", "control", "2026-01-05")], columns=["id", "variant", "assigned_at"])
ORDERS = pd.DataFrame([("a", "2026-01-07", 5.0)], columns=["id", "at", "amount"])
UNITS = pd.DataFrame([("a", "control", 1)], columns=["id", "variant", "won"])
AGE = {"covariates": {"age": {"kind": "column", "column": "age"}}}


def faults(spec: dict[str, Any], frames: dict[str, pd.DataFrame]) -> str:
    with pytest.raises(SpecError, match="which is no column of") as error:
        analyze(spec, data=frames)
    return str(error.value)


def log_with(stream: dict[str, Any], **more: Any) -> dict[str, Any]:
    tables = {
        "as_of": AS_OF,
        "assignments": {"path": "a.csv"},
        "events": {"orders": {"path": "o.csv", "at": "at", **stream}},
        **more.pop("data", {}),
    }
    return spec_for(tables, [CONVERSION], **more)


@pytest.mark.parametrize(
    ("stream", "path"),
    [
        ({"exclude": [{"column": "tier", "equals": "b2b"}]}, "exclude.0.column"),
        ({"renewals": {"column": "tier", "equals": "auto"}}, "renewals.column"),
        ({"currency": {"column": "tier"}, "value": "amount"}, "currency.column"),
    ],
)
def test_columns_of_a_stream(stream: dict[str, Any], path: str) -> None:
    found = faults(log_with(stream), {"assignments": ASSIGNED, "orders": ORDERS})
    assert f"data.events.orders.{path}: is 'tier', which is no column of data['orders']" in found


def test_the_column_of_strata() -> None:
    log = log_with({}, assignment={"stratify": "tier"})
    found = faults(log, {"assignments": ASSIGNED, "orders": ORDERS})
    assert "assignment.stratify: is 'tier', which is no column of data['assignments']" in found
    units = spec_for(
        {"units": {"path": "u.csv", "variant": "variant"}}, [WON], assignment={"stratify": "tier"}
    )
    assert "is 'tier', which is no column of data['units']" in faults(units, {"units": UNITS})


def test_columns_of_survival_and_of_covariates() -> None:
    metric = {"key": "left", "kind": "survival", "duration": "days", "event": "gone"}
    spec = spec_for({"units": {"path": "u.csv", "variant": "variant"}}, [metric, WON], **AGE)
    found = faults(spec, {"units": UNITS})
    assert "metrics.0.duration: is 'days', which is no column of data['units']" in found
    assert "metrics.0.event: is 'gone', which is no column of data['units']" in found
    assert "covariates.age.column: is 'age', which is no column of data['units']" in found


def test_covariates_of_units_beside_a_log() -> None:
    spec = log_with({}, data={"units": {"path": "u.csv"}}, **AGE)
    frames = {"assignments": ASSIGNED, "orders": ORDERS, "units": UNITS[["id"]]}
    assert "covariates.age.column: is 'age', which is no column of data['units']" in faults(
        spec, frames
    )
