"""Shares with few events: a warning, and the exact test to name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from abtest.analysis.health.few_events import expected_events
from abtest.stats.summaries import Proportion
from analysis.by_hand import WON, check_of, run_units

if TYPE_CHECKING:
    from abtest import Result

SPEND: dict[str, Any] = {"key": "spend", "kind": "mean", "column": "won", "role": "primary"}


def units(n: int, events: int) -> pd.DataFrame:
    """Two variants of n units, each with so many events."""
    rows = [
        {"id": f"{key}{i}", "variant": key, "won": int(i < events)}
        for key in ("control", "coupon")
        for i in range(n)
    ]
    return pd.DataFrame(rows)


def keys(result: Result) -> list[str]:
    return [check.key for check in result.checks]


def test_fewer_than_ten_events_are_a_warning() -> None:
    check = check_of(run_units(units(1000, 9), metrics=[WON]), "few_events")
    assert check.status == "warn"
    assert check.details["won"] == {"expected_events": 9.0, "units": 2000}
    assert "won (about 9.0 in the smallest variant; 2,000 units in all)" in check.message
    assert check.hint == "Wait for more units, or for their windows to end."


def test_units_without_the_event_can_be_the_few() -> None:
    assert check_of(run_units(units(1000, 991), metrics=[WON]), "few_events").details["won"][
        "expected_events"
    ] == pytest.approx(9.0)


def test_a_small_table_is_told_the_exact_test() -> None:
    check = check_of(run_units(units(99, 40), metrics=[WON]), "few_events")
    assert check.details["won"] == {"expected_events": 40.0, "units": 198}
    assert check.hint is not None
    assert "analysis: {methods: {won: {kind: boschloo}}}" in check.hint


@pytest.mark.parametrize(
    ("n", "events", "metric", "analysis"),
    [
        (1000, 10, WON, {}),
        (100, 40, WON, {}),
        (50, 3, SPEND, {}),
        (50, 3, WON, {"methods": {"won": {"kind": "boschloo"}}}),
        (50, 3, {**WON, "role": "secondary"}, {}),
    ],
)
def test_what_is_enough_exact_or_no_primary_share_says_nothing(
    n: int, events: int, metric: dict[str, Any], analysis: dict[str, Any]
) -> None:
    first = [] if metric["role"] == "primary" else [{**SPEND, "key": "first"}]
    result = run_units(units(n, events), metrics=[*first, metric], analysis=analysis)
    assert "few_events" not in keys(result)


def test_the_smallest_variant_counts() -> None:
    assert expected_events([Proportion(950, 95), Proportion(50, 5)]) == pytest.approx(5)
