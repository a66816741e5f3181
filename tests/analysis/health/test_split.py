"""Health checks: when each passes, warns and fails, and what it says."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from scipy import stats

from abtest.analysis.event_rows import EventRows
from abtest.analysis.health.split import run_checks
from abtest.analysis.population import Population
from abtest.analysis.result import Check
from abtest.analysis.summaries import Found, MetricCounts, Summaries
from abtest.spec.load import parse_spec
from abtest.stats.summaries import Proportion
from analysis.by_hand import CONVERSION, START, check_of, run_log, run_units, spec_for

LOG: dict[str, Any] = {
    "as_of": "2026-03-01",
    "assignments": {"path": "-"},
    "events": {"orders": {"path": "-", "at": "at"}},
}


def checks(
    counts: dict[str, int],
    *,
    crossed: int = 0,
    rows: int | None = None,
    events: EventRows | None = None,
    summaries: Summaries | None = None,
    **spec: Any,
) -> dict[str, Check]:
    """The checks of a made-up population."""
    loaded = parse_spec(spec_for(LOG, [CONVERSION], **spec)).spec
    total = sum(counts.values())
    population = Population(None, counts, total if rows is None else rows, crossed=crossed)  # type: ignore[arg-type]
    made = {("bought", key): MetricCounts(0, 0, 0, Proportion(n, 0)) for key, n in counts.items()}
    found = Found(summaries or made, {}, {})
    checks = run_checks(loaded, population, found, [events or stream()])
    return {check.key: check for check in checks}


def stream(**changes: int) -> EventRows:
    numbers = dict.fromkeys(
        (
            "matched",
            "outside",
            "late",
            "no_unit",
            "no_time",
            "no_value",
            "lookalikes",
            "without_times",
            "copies",
        ),
        0,
    )
    return EventRows(stream="orders", **{**numbers, "matched": 10, **changes})


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ((5000, 5000), "pass"),
        ((5000, 5200), "pass"),
        ((5000, 5300), "pass"),
        ((5000, 5400), "fail"),
    ],
)
def test_sample_ratio_against_scipy(counts: tuple[int, int], status: str) -> None:
    check = checks({"control": counts[0], "coupon": counts[1]})["sample_ratio"]
    wanted = stats.chisquare(counts)
    assert check.details["pvalue"] == pytest.approx(wanted.pvalue, rel=1e-9)
    assert check.details["statistic"] == pytest.approx(wanted.statistic, rel=1e-12)
    assert check.status == status
    assert bool(wanted.pvalue < 0.001) == (status == "fail")
    share = counts[1] / sum(counts)
    assert f"coupon: {counts[1]:,} ({share:.2%}, planned 50.00%)" in check.message
    assert (check.hint is not None) == (status == "fail")


def test_sample_ratio_of_an_unequal_plan_and_another_threshold() -> None:
    variants = [{"key": "control", "control": True, "weight": 80}, {"key": "coupon", "weight": 20}]
    counts = {"control": 8000, "coupon": 2100}
    check = checks(counts, variants=variants)["sample_ratio"]
    wanted = stats.chisquare([8000, 2100], [8080, 2020])
    assert check.details["pvalue"] == pytest.approx(wanted.pvalue, rel=1e-9)
    assert check.details["expected_shares"] == [0.8, 0.2]
    assert check.status == "pass"
    strict = checks(counts, variants=variants, analysis={"sample_ratio_alpha": 0.1})
    assert strict["sample_ratio"].status == "fail"


def test_a_unit_in_a_variant_that_was_to_get_none_fails() -> None:
    variants = [
        {"key": "control", "control": True, "weight": 50},
        {"key": "coupon", "weight": 50},
        {"key": "closed", "weight": 0},
    ]
    check = checks({"control": 500, "coupon": 500, "closed": 1}, variants=variants)["sample_ratio"]
    assert (check.status, check.details["unexpected"]) == ("fail", 1)
    assert check.details["pvalue"] == 1.0


@pytest.mark.parametrize(
    ("crossed", "status"), [(0, "pass"), (10, "pass"), (11, "warn"), (100, "warn"), (101, "fail")]
)
def test_crossover_warns_above_a_thousandth_and_fails_above_a_hundredth(
    crossed: int, status: str
) -> None:
    found = checks({"control": 5000, "coupon": 5000}, crossed=crossed, rows=10_000 + crossed)
    check = found["crossover"]
    assert check.status == status
    assert (check.hint is None) == (status == "pass")
    if crossed:
        assert check.details == {"units": 10_000, "crossed": crossed, "share": crossed / 10_000}
        assert f"{crossed} of 10,000 units ({crossed / 10_000:.2%}) are in two" in check.message


@pytest.mark.parametrize(
    ("found", "status", "message", "hint"),
    [
        (stream(matched=10), "pass", "0 of 10 rows of orders are of units outside", None),
        (stream(matched=5, outside=5), "pass", "5 of 10 rows of orders are of units outside", None),
        (stream(matched=4, outside=5), "warn", "5 of 9 rows of orders", "Did ids lose their zeros"),
        (stream(matched=0, outside=5), "fail", "5 of 5 rows of orders", "Did ids lose their zeros"),
        (stream(matched=0), "warn", "No row of orders was read.", "Is the file empty, does keep"),
        (
            stream(matched=0, late=3),
            "warn",
            "No row of orders was read. 3 rows at or after",
            "Is t",
        ),
        (stream(late=1200), "pass", "1,200 rows at or after as_of were not read.", None),
    ],
)
def test_events_of_unknown_units(
    found: EventRows, status: str, message: str, hint: str | None
) -> None:
    check = checks({"control": 5, "coupon": 5}, events=found)["unknown_units"]
    assert check.status == status
    assert message in check.message
    assert (check.hint or "").startswith(hint or "")
    assert (check.hint is None) == (hint is None)
    expected = {"matched": found.matched, "outside": found.outside, "late": found.late, "before": 0}
    assert check.details == {"orders": expected}


def test_copies_of_events_are_kept_and_said() -> None:
    check = checks({"control": 5, "coupon": 5}, events=stream(copies=1234))["duplicate_rows"]
    assert check.status == "warn"
    assert check.message == "1,234 rows of orders repeat another exactly (kept)."
    assert check.details == {"assignments": 0, "orders": 1234}
    none = checks({"control": 5, "coupon": 5})["duplicate_rows"]
    assert (none.status, none.message) == ("pass", "No row repeats another.")


def test_missing_values_of_events() -> None:
    found = checks({"control": 5, "coupon": 5}, events=stream(no_unit=1, no_time=2, no_value=3))[
        "missing_values"
    ]
    assert found.status == "warn"
    assert "1 row of orders has no unit; 2 rows of orders have no time" in found.message
    assert "3 rows of orders have no value. They are left out." in found.message
    assert found.details == {"orders.unit": 1, "orders.time": 2, "orders.value": 3}


def counts_of(control: tuple[int, int, int], coupon: tuple[int, int, int]) -> Summaries:
    """Immature, missing and observed of each variant."""
    return {
        ("bought", key): MetricCounts(0, immature, missing, Proportion(n, 0))
        for key, (immature, missing, n) in {"control": control, "coupon": coupon}.items()
    }


@pytest.mark.parametrize(
    ("coupon", "gap"), [((0, 30, 970), True), ((0, 28, 972), False), ((0, 0, 0), False)]
)
def test_missing_values_that_differ_between_variants(
    coupon: tuple[int, int, int], gap: bool
) -> None:
    summaries = counts_of((0, 9, 991), coupon)
    check = checks({"control": 1000, "coupon": 1000}, summaries=summaries)["missing_values"]
    assert check.status == "warn"
    assert ("Variants differ in what is missing." in check.message) == gap
    assert "bought is missing for 0.90% in control" in check.message
    assert check.details["bought"]["control"] == 0.009


@pytest.mark.parametrize(
    ("immature", "status"), [((0, 0), "pass"), ((300, 319), "pass"), ((300, 321), "warn")]
)
def test_variants_that_mature_at_different_rates(immature: tuple[int, int], status: str) -> None:
    first, second = immature
    summaries = counts_of((first, 0, 1000 - first), (second, 0, 1000 - second))
    check = checks({"control": 1000, "coupon": 1000}, summaries=summaries)["immature_units"]
    assert check.status == status
    assert ("mature at different rates" in check.message) == (status == "warn")
    if first:
        assert f"bought: 30.0% of control, {second / 10:.1f}% of coupon" in check.message
    else:
        assert check.message == "Every window is over."


def test_advice_on_the_spec_is_in_the_result_too() -> None:
    biased = {**CONVERSION, "key": "naive", "role": "secondary", "maturity": "all"}
    rows = [("a", "control", START), ("b", "coupon", START)]
    check = check_of(run_log(rows, metrics=[CONVERSION, biased]), "spec")
    assert check.status == "warn"
    assert "metrics.1.maturity counts units whose window is not over" in check.message
    assert check.hint == "use `maturity: complete`"


def test_checks_of_unit_rows() -> None:
    """No events, so nothing about them; what is missing is counted and not an outcome."""
    frame = pd.DataFrame(
        {"id": list("abcd"), "variant": ["control", "coupon"] * 2, "won": [1, 0, None, 1]}
    )
    result = run_units(frame)
    assert {"unknown_units", "immature_units"}.isdisjoint(check.key for check in result.checks)
    missing = check_of(result, "missing_values")
    assert missing.details == {"won": {"control": 0.5, "coupon": 0.0}}
    assert [found.n for found in result.estimates] == [1, 2]
