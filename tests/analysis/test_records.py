"""Records: families of p-values, the intervals that go with them, labels, notes and dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from abtest import analyze
from analysis.by_hand import CONVERSION, START, run_log, run_units, spec_for

if TYPE_CHECKING:
    from abtest import Result

THREE = [{"key": "control", "control": True}, {"key": "coupon"}, {"key": "gift"}]
ROLES = ["primary", "primary", "secondary", "secondary", "secondary", "exploratory", "exploratory"]
STATSMODELS = {
    "none": None,
    "bonferroni": "bonferroni",
    "holm": "holm",
    "hochberg": "simes-hochberg",
}
STATSMODELS |= {"bh": "fdr_bh", "by": "fdr_by"}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(20260105)
    variant = np.repeat(["control", "coupon", "gift"], 60)
    shift = np.select([variant == "coupon", variant == "gift"], [0.5, 1.0], 0.0)
    columns = {f"y{i}": 10 + i * shift / 2 + rng.normal(size=180) for i in range(len(ROLES))}
    columns["guard"] = rng.normal(5, 1, size=180)
    return pd.DataFrame({"id": np.arange(180), "variant": variant, **columns})


def families(frame: pd.DataFrame, correction: dict[str, str]) -> Result:
    metrics: list[dict[str, Any]] = [
        {"key": f"y{i}", "kind": "mean", "column": f"y{i}", "role": role}
        for i, role in enumerate(ROLES)
    ]
    metrics.append({"key": "guard", "kind": "mean", "column": "guard", "role": "guardrail"})
    analysis = {"alpha": 0.1, "correction": correction}
    return run_units(frame, metrics=metrics, variants=THREE, analysis=analysis)


def welch_interval(frame: pd.DataFrame, column: str, variant: str, alpha: float) -> Any:
    sides = [
        DescrStatsW(frame.loc[frame["variant"] == key, column]) for key in (variant, "control")
    ]
    return CompareMeans(*sides).tconfint_diff(alpha=alpha, usevar="unequal")


@pytest.mark.parametrize(
    "correction",
    [
        {"primary": "holm", "secondary": "holm"},
        {"primary": "none", "secondary": "bonferroni", "exploratory": "by"},
        {"primary": "hochberg", "secondary": "bh", "exploratory": "none"},
    ],
)
def test_families_against_statsmodels(frame: pd.DataFrame, correction: dict[str, str]) -> None:
    result = families(frame, correction)
    used = {"exploratory": "bh", **correction}
    for role, procedure in used.items():
        family = [record for record in result.results if record.family == role]
        assert len(family) == 2 * ROLES.count(role)  # metrics times treatments
        pvalues = [record.pvalue for record in family]
        if procedure == "none":
            rejected, adjusted = [p < 0.1 for p in pvalues if p is not None], pvalues
        else:
            rejected, adjusted, *_ = multipletests(pvalues, 0.1, STATSMODELS[procedure])
        assert {record.pvalue_adjustment for record in family} == {procedure}
        got = [record.pvalue_adjusted for record in family]
        assert got == pytest.approx(list(adjusted), rel=1e-12)
        alpha = simultaneous(procedure, int(sum(rejected)), len(family))
        for record in family:
            low, high = welch_interval(frame, record.metric, record.variant, alpha)
            ends = (record.difference_ci_low_adjusted, record.difference_ci_high_adjusted)
            assert ends == pytest.approx((low, high), rel=1e-9)


def simultaneous(procedure: str, rejections: int, m: int) -> float:
    """One less the level of the intervals: Bonferroni's, or Benjamini and Yekutieli's (2005)."""
    if procedure == "none":
        return 0.1
    if procedure in ("bonferroni", "holm", "hochberg"):
        return 0.1 / m
    penalty = sum(1 / rank for rank in range(1, m + 1)) if procedure == "by" else 1
    return 0.1 * max(rejections, 1) / m / penalty


def test_guardrails_belong_to_no_family(frame: pd.DataFrame) -> None:
    guards = [record for record in families(frame, {}).results if record.role == "guardrail"]
    assert [record.family for record in guards] == [None, None]
    assert [record.pvalue_adjusted for record in guards] == [None, None]
    assert [record.pvalue_adjustment for record in guards] == ["none", "none"]
    assert all(record.harm is not None for record in guards)


def test_labels(frame: pd.DataFrame) -> None:
    labels = {record.role: record.label for record in families(frame, {}).results}
    assert labels == {
        "primary": "confirmatory",
        "secondary": "confirmatory",
        "guardrail": "confirmatory",
        "exploratory": "exploratory",
    }


ORDERS = [("a", "2026-01-10", "1", 5), ("a", "2026-01-20", "2", 5), ("b", "2026-01-10", "3", 7)]
TWO = [("a", "control", START), ("b", "coupon", START)]


def test_an_anchor_after_assignment_is_descriptive_and_so_is_a_ratio_of_such() -> None:
    first = {"events": "orders", "anchor": "first_event", "window": {"end": "10d"}}
    metrics = [
        CONVERSION,
        {"key": "n", "kind": "count", **first},
        {"key": "money", "kind": "sum", **first},
        {"key": "basket", "kind": "ratio", "numerator": "money", "denominator": "n"},
    ]
    result = run_log(TWO, ORDERS, metrics=metrics, stream={"value": "amount"})
    labels = {record.metric: record.label for record in result.results}
    assert labels == {
        "bought": "confirmatory",
        "n": "descriptive",
        "money": "descriptive",
        "basket": "descriptive",
    }
    assert "which the treatment may have moved" in " ".join(result.results[3].notes)


def test_no_number_is_none_and_says_why() -> None:
    """Nobody is mature: no rate, no p-value, and never NaN, 0 or 1."""
    result = run_log(TWO, ORDERS, data={"as_of": "2026-01-15"})
    record = result.results[0]
    assert (record.n, record.n_control, record.n_immature) == (0, 0, 1)
    for name in ("value", "value_control", "difference", "lift", "pvalue", "se", "harm"):
        assert getattr(record, name) is None
    assert record.notes
    assert record.readable_on == "2026-02-05"
    assert result.exit_code == 4
    assert result.decision.rule_line == "maturity"
    alone = run_log(TWO[:1], ORDERS, data={"as_of": "2026-01-15"}, variants=[{"key": "control"}])
    assert alone.results[0].value is None
    assert "There is no mature unit to count." in alone.results[0].notes


@pytest.mark.parametrize(
    ("zone", "window", "lag", "expected"),
    [
        ("UTC", {"end": "30d"}, "14h", "2026-02-05"),  # midnight exactly
        ("UTC", {"end": "30d"}, "15h", "2026-02-06"),
        ("UTC", {"end": "30d", "calendar": True}, "1h", "2026-02-05"),
        ("Asia/Tehran", {"end": "30d", "calendar": True}, "0d", "2026-02-04"),
    ],
)
def test_the_date_from_which_everybody_counts(
    zone: str, window: dict[str, Any], lag: str, expected: str
) -> None:
    """The date is right where everybody is mature with it as as_of, and not with the day before."""
    metric = {**CONVERSION, "window": window}
    more: dict[str, Any] = {"metrics": [metric], "schedule": {"timezone": zone}}
    more["stream"] = {"lag": lag}
    record = run_log(TWO, ORDERS, **more).results[0]
    assert record.readable_on == expected
    on = run_log(TWO, ORDERS, data={"as_of": expected}, **more).results[0]
    day_before = (pd.Timestamp(expected) - pd.Timedelta(days=1)).date().isoformat()
    before = run_log(TWO, ORDERS, data={"as_of": day_before}, **more).results[0]
    assert (on.n_immature, before.n_immature) == (0, 1)


def test_a_ratio_is_readable_when_both_its_parts_are() -> None:
    window = {"window": {"end": "30d"}}
    streams = {
        "orders": {"path": "-", "at": "at", "value": "amount"},
        "visits": {"path": "-", "at": "at", "lag": "7d"},
    }
    metrics = [
        {"key": "money", "kind": "sum", "events": "orders", **window, "role": "primary"},
        {"key": "n", "kind": "count", "events": "visits", **window},
        {"key": "per_visit", "kind": "ratio", "numerator": "money", "denominator": "n"},
    ]
    data = {"as_of": "2026-02-08", "assignments": {"path": "-"}, "events": streams}
    orders = pd.DataFrame(ORDERS, columns=["id", "at", "order", "amount"])
    assignments = pd.DataFrame(TWO, columns=["id", "variant", "assigned_at"])
    frames = {"orders": orders, "visits": orders, "assignments": assignments}
    result = analyze(spec_for(data, metrics), data=frames)
    assert [record.readable_on for record in result.results] == [
        "2026-02-05",
        "2026-02-12",
        "2026-02-12",
    ]
    assert [record.n for record in result.results] == [1, 0, 0]


@pytest.mark.parametrize(("alpha", "expected"), [(0.05, True), (0.5, None), (0.7, None)])
def test_equivalence_at_twice_alpha(
    frame: pd.DataFrame, alpha: float, expected: bool | None
) -> None:
    metric = {"key": "y0", "kind": "mean", "column": "y0", "role": "primary"}
    metric["equivalence"] = {"relative": 0.5}  # type: ignore[assignment]
    result = run_units(frame, metrics=[metric], variants=THREE, analysis={"alpha": alpha})
    assert [record.equivalent for record in result.results] == [expected, expected]


def test_the_method_of_a_metric_may_be_named(frame: pd.DataFrame) -> None:
    metric = {"key": "y0", "kind": "mean", "column": "y0", "role": "primary"}
    analysis = {"methods": {"y0": {"kind": "welch"}}}
    result = run_units(frame, metrics=[metric], variants=THREE, analysis=analysis)
    assert {record.method for record in result.results} == {"welch"}
