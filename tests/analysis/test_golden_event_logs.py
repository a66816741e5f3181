"""Retention over an event log, as R's merge and aggregate count it (golden d_retention.json)."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from abtest import analyze
from analysis.reference import Log, evaluate
from support import golden_cases

if TYPE_CHECKING:
    from pathlib import Path

    from abtest import Result

FIRST_DAY = date(2026, 1, 1)  # any day will do: the log counts days from 0
CASES = [
    case
    for prefix in ("d-exact", "d-window", "d-rolling")
    for case in golden_cases("d_retention", prefix)
]


def day(number: int) -> str:
    return (FIRST_DAY + timedelta(days=number)).isoformat()


def window_of(case: dict[str, Any]) -> dict[str, Any]:
    """The days that the case's words name, as a half-open calendar window."""
    n = case["inputs"].get("N")
    if "on exposure_day+N exactly" in case["inputs"]["definition"]:
        first, last = n, n
    elif "on days 1..N" in case["inputs"]["definition"]:
        first, last = 1, n
    else:
        found = re.search(r"on days (\d+)\.\.(\d+)", case["inputs"]["definition"])
        assert found is not None
        first, last = int(found[1]), int(found[2])
    return {"start": f"{first}d", "end": f"{last + 1}d", "calendar": True}


def result_of(cases: list[dict[str, Any]], folder: Path, zone: str) -> Result:
    """All cases are of one log: one analysis, with two metrics for each."""
    inputs = cases[0]["inputs"]
    exposure = pd.read_csv(folder / inputs["exposure_csv"])
    activity = pd.read_csv(folder / inputs["activity_csv"])
    exposure["on"] = exposure.pop("exposure_day").map(day)
    activity["on"] = activity.pop("activity_day").map(day)
    metrics = []
    for case in cases:
        metric = {"kind": "retention", "events": "activity", "window": window_of(case)}
        metrics.append({"key": f"{case['id']}.matured", "role": "primary", **metric})
        metrics.append({"key": f"{case['id']}.naive", "maturity": "all", **metric})
    spec = {
        "spec": "abtest/v1",
        "key": "golden",
        "kind": "messaging",
        "unit": "customer_id",
        "variants": [{"key": "control", "control": True}, {"key": "treatment"}],
        "schedule": {"timezone": zone},
        "data": {
            # Complete up to and with that day: up to, and without, the next.
            "as_of": day(inputs["last_complete_day"] + 1),
            "assignments": {"path": "-", "variant": "arm", "at": "on"},
            "events": {"activity": {"path": "-", "at": "on"}},
        },
        "metrics": metrics,
    }
    return analyze(spec, data={"assignments": exposure, "activity": activity})


@pytest.fixture(scope="module", params=["UTC", "Asia/Tehran", "Pacific/Auckland"])
def result(request: pytest.FixtureRequest, golden_data: Path) -> Result:
    """The log in each zone: dates mean the same in all of them."""
    cases = [case.values[0] for case in CASES]  # noqa: PD011 - a pytest parameter
    return result_of(cases, golden_data, request.param)


@pytest.mark.parametrize("case", CASES)
def test_matured_and_naive_counts(case: dict[str, Any], result: Result) -> None:
    for kind in ("matured", "naive"):
        found = [e for e in result.estimates if e.metric == f"{case['id']}.{kind}"]
        assert [estimate.variant for estimate in found] == ["control", "treatment"]
        for estimate in found:
            wanted = case["expected"][estimate.variant]
            n, retained = wanted[f"{kind}_n"], wanted[f"{kind}_retained"]
            assert (estimate.n, estimate.value) == (n, retained / n)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
@pytest.mark.parametrize("case", CASES)
def test_the_slow_reference_counts_the_same(
    case: dict[str, Any], zone: str, golden_data: Path
) -> None:
    """The property tests stand on the reference, so it has an outside witness too."""
    inputs = case["inputs"]
    exposure = pd.read_csv(golden_data / inputs["exposure_csv"])
    activity = pd.read_csv(golden_data / inputs["activity_csv"])
    log = Log(
        zone=zone,
        as_of=day(inputs["last_complete_day"] + 1),
        variants=["control", "treatment"],
        assignments=[
            {"unit": unit, "variant": variant, "at": day(on), "reason": "split"}
            for unit, variant, on in zip(
                exposure["customer_id"], exposure["arm"], exposure["exposure_day"], strict=True
            )
        ],
        events=[
            {"unit": unit, "at": day(on), "order": None, "amount": None}
            for unit, on in zip(activity["customer_id"], activity["activity_day"], strict=True)
        ],
    )
    metric = {"kind": "retention", "window": window_of(case)}
    found = {
        "matured": evaluate(log, metric),
        "naive": evaluate(log, {**metric, "maturity": "all"}),
    }
    for variant in log.variants:
        counts = {
            f"{kind}_{what}": number
            for kind, outcomes in found.items()
            for what, number in (
                ("n", len(outcomes[variant].values)),
                ("retained", sum(outcomes[variant].values)),
            )
        }
        assert counts == case["expected"][variant]


def test_the_naive_numbers_say_that_they_are_biased(result: Result) -> None:
    naive = [record for record in result.results if record.metric.endswith(".naive")]
    assert {record.label for record in naive} == {"descriptive"}
    assert all("biased" in " ".join(record.notes) for record in naive)
