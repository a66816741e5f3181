"""Splits whose weights changed: compared phase by phase, weighted by who came when.

Witnesses: each phase by scipy's t-test, weighted by hand; a bootstrap; scipy's chi-square.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from abtest import analyze
from analysis.by_hand import check_of
from command_line import run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from abtest import Result
    from abtest.analysis.result import Record

CONTROL, COUPON, GIFT = "control", "coupon", "gift"
CHANGE = "2026-01-08"
EARLY, LATE = pd.Timestamp("2026-01-05 09:00"), pd.Timestamp("2026-01-09 09:00")
Cells = dict[tuple[str, str], tuple[int, float]]
# Early half and half with many buyers; late 80:20 with few. In both the coupon gains 5 points.
SIMPSON: Cells = {
    ("early", CONTROL): (500, 0.40),
    ("early", COUPON): (500, 0.45),
    ("late", CONTROL): (1600, 0.05),
    ("late", COUPON): (400, 0.10),
}


def spec_of(
    weights: Mapping[str, int], phases: Sequence[Mapping[str, Any]] = (), **more: Any
) -> dict[str, Any]:
    metrics: list[dict[str, Any]] = [
        {"key": "bought", "kind": "conversion", "role": "primary"},
        {"key": "revenue", "kind": "sum"},
        {"key": "orders", "kind": "count"},
    ]
    metrics = [{**metric, "events": "orders", "window": {"end": "30d"}} for metric in metrics]
    ratio = {"key": "aov", "kind": "ratio", "numerator": "revenue", "denominator": "orders"}
    return {
        "spec": "abtest/v1",
        "key": "phased",
        "kind": "messaging",
        "unit": "id",
        "variants": [
            {"key": key, "control": key == CONTROL, "weight": weight}
            for key, weight in weights.items()
        ],
        "assignment": {"phases": list(phases)},
        "data": {
            "as_of": "2026-03-01",
            "assignments": {"path": "a.csv"},
            "events": {"orders": {"path": "o.csv", "at": "at", "value": "amount"}},
        },
        "metrics": [*metrics, ratio],
        **more,
    }


TO_80_20 = [{"from": CHANGE, "weights": {CONTROL: 80, COUPON: 20}}]
HALVES = {CONTROL: 50, COUPON: 50}


def units_of(cells: Cells, seed: int = 5) -> pd.DataFrame:
    """Units with exactly these shares of buyers; who buys early spends more, and more often."""
    rng = np.random.default_rng(seed)
    rows = []
    for (phase, variant), (n, rate) in cells.items():
        buyers = round(n * rate)
        for place in range(n):
            orders = int(place < buyers) * (1 + rng.poisson(0.5 if phase == "late" else 2.0))
            scale = 10.0 if phase == "late" else 30.0
            revenue = float(rng.gamma(2, scale, orders).sum())
            rows.append((phase, variant, float(place < buyers), orders, revenue))
    columns = ["phase", "variant", "bought", "orders", "revenue"]
    return pd.DataFrame(rows, columns=columns).rename_axis("id").reset_index()


def tables_of(units: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Assignments, and orders that add up to each unit's revenue."""
    at = units.phase.map({"early": EARLY, "late": LATE})
    assignments = pd.DataFrame({"id": units.id, "variant": units.variant, "assigned_at": at})
    repeated = units.loc[units.index.repeat(units.orders)]
    orders = pd.DataFrame(
        {
            "id": repeated.id,
            "at": at.loc[repeated.index] + pd.Timedelta(days=3),
            "amount": repeated.revenue / repeated.orders,
        }
    )
    return {"assignments": assignments, "orders": orders}


def record(result: Result, metric: str, variant: str = COUPON) -> Record:
    return next(r for r in result.results if (r.metric, r.variant) == (metric, variant))


def by_hand(units: pd.DataFrame, y: pd.Series, variant: str, strata: str = "phase") -> Any:
    """Each stratum by a t-test, weighted by its share of all units."""
    total = len(units)
    differences, variances, shares = [], [], []
    for _, rows in units.groupby(strata):
        found = stats.ttest_ind(
            y[rows.index[rows.variant == variant]],
            y[rows.index[rows.variant == CONTROL]],
            equal_var=False,
        )
        interval = found.confidence_interval(0.95)
        half = (interval.high - interval.low) / 2 / stats.t.ppf(0.975, found.df)
        differences.append((interval.low + interval.high) / 2)
        variances.append(half**2)
        shares.append(len(rows) / total)
    w, d = np.array(shares), np.array(differences)
    difference = float(w @ d)
    # Who comes when is a sample too: effects that differ by phase add to the error.
    between = float(w @ (d - difference) ** 2) / (total - 1)
    return difference, math.sqrt(w**2 @ np.array(variances) + between)


@pytest.mark.parametrize("metric", ["bought", "revenue", "orders"])
def test_phases_are_compared_one_by_one(metric: str) -> None:
    units = units_of(SIMPSON)
    result = analyze(spec_of(HALVES, TO_80_20), data=tables_of(units))
    found = record(result, metric)
    difference, se = by_hand(units, units[metric], COUPON)
    assert found.difference == pytest.approx(difference, rel=1e-9)
    assert found.se == pytest.approx(se, rel=1e-9)
    assert (found.method, found.label) == ("post_stratification", "confirmatory")
    means = units.groupby("variant")[metric].mean()
    assert found.unadjusted_difference == pytest.approx(means[COUPON] - means[CONTROL], rel=1e-9)
    assert found.variance_reduction is None


def test_pooled_the_comparison_would_be_badly_wrong() -> None:
    """The coupon gains five points early and late; pooled it seems to gain sixteen."""
    result = analyze(spec_of(HALVES, TO_80_20), data=tables_of(units_of(SIMPSON)))
    found = record(result, "bought")
    assert found.difference == pytest.approx(0.05, abs=1e-12)
    assert found.value_control == pytest.approx((1000 * 0.40 + 2000 * 0.05) / 3000, abs=1e-12)
    assert found.unadjusted_difference == pytest.approx(265 / 900 - 280 / 2100, abs=1e-12)


@pytest.mark.parametrize("metric", ["bought", "revenue", "aov"])
def test_the_standard_error_is_that_of_a_bootstrap(metric: str) -> None:
    units = units_of(SIMPSON)
    found = record(analyze(spec_of(HALVES, TO_80_20), data=tables_of(units)), metric)
    rng = np.random.default_rng(11)
    cells = {key: rows.to_numpy() for key, rows in _numbers(units).groupby(["phase", "variant"])}
    draws = [_resampled(cells, metric, rng) for _ in range(2_000)]
    assert found.difference == pytest.approx(_estimate(cells, metric), rel=1e-9)
    # The bootstrap's own error is 1.6%.
    assert found.se == pytest.approx(float(np.std(draws)), rel=0.06)


def _numbers(units: pd.DataFrame) -> pd.DataFrame:
    return units.set_index(["phase", "variant"])[["bought", "revenue", "orders"]]


def _resampled(cells: Any, metric: str, rng: np.random.Generator) -> float:
    drawn = {key: rows[rng.integers(len(rows), size=len(rows))] for key, rows in cells.items()}
    return _estimate(drawn, metric)


def _estimate(cells: Any, metric: str) -> float:
    """Means weighted by phase; for a ratio the weighted sums divided."""
    total = sum(map(len, cells.values()))
    means: dict[str, Any] = {}
    for phase in ("early", "late"):
        share = sum(len(rows) for key, rows in cells.items() if key[0] == phase) / total
        for variant in (CONTROL, COUPON):
            own = share * cells[phase, variant].mean(axis=0)
            means[variant] = means.get(variant, 0) + own
    bought, revenue, orders = (means[COUPON], means[CONTROL]), 1, 2
    if metric == "aov":
        return float(np.subtract(*(mean[revenue] / mean[orders] for mean in bought)))
    return float(np.subtract(*bought)[0 if metric == "bought" else revenue])


def test_a_phase_that_changes_coverage_only_makes_no_strata() -> None:
    phases = [
        {"from": "2026-01-05", "coverage": 0.1},
        {"from": CHANGE, "coverage": 1.0, "weights": {CONTROL: 1, COUPON: 1}},
    ]
    units = units_of(SIMPSON)
    tables = tables_of(units)
    plain = analyze(spec_of(HALVES), data=tables)
    phased = analyze(spec_of(HALVES, phases), data=tables)
    assert [r.method for r in phased.results] == [r.method for r in plain.results]
    for one, other in zip(plain.results, phased.results, strict=True):
        assert (one.difference, one.se, one.pvalue) == (other.difference, other.se, other.pvalue)


def test_a_variant_that_joins_later_is_compared_with_those_who_came_since() -> None:
    cells: Cells = {
        ("early", CONTROL): (500, 0.40),
        ("early", COUPON): (500, 0.45),
        ("late", CONTROL): (300, 0.05),
        ("late", COUPON): (400, 0.10),
        ("late", GIFT): (300, 0.08),
    }
    units = units_of(cells)
    phases = [{"from": CHANGE, "weights": {CONTROL: 30, COUPON: 40, GIFT: 30}}]
    result = analyze(spec_of({CONTROL: 50, COUPON: 50, GIFT: 0}, phases), data=tables_of(units))
    gift = record(result, "bought", GIFT)
    late = units[units.phase == "late"]
    wanted = stats.ttest_ind(
        late.bought[late.variant == GIFT], late.bought[late.variant == CONTROL], equal_var=False
    )
    assert gift.difference == pytest.approx(0.03, abs=1e-12)
    assert gift.pvalue == pytest.approx(wanted.pvalue, rel=1e-9)
    assert any("500 of 1,100 units are in others" in note for note in gift.notes)
    coupon = record(result, "bought", COUPON)
    two = units[units.variant != GIFT]
    difference, se = by_hand(two, two.bought, COUPON)
    assert [coupon.difference, coupon.se] == pytest.approx([difference, se], rel=1e-9)
    assert not any("are in others" in note for note in coupon.notes)
    assert check_of(result, "sample_ratio").status == "pass"


def test_variants_that_never_ran_together_are_not_compared() -> None:
    cells: Cells = {
        ("early", CONTROL): (50, 0.4),
        ("early", COUPON): (50, 0.5),
        ("late", GIFT): (40, 0.1),
        ("late", COUPON): (40, 0.1),
    }
    phases = [{"from": CHANGE, "weights": {CONTROL: 0, COUPON: 1, GIFT: 1}}]
    spec = spec_of({CONTROL: 1, COUPON: 1, GIFT: 0}, phases)
    result = analyze(spec, data=tables_of(units_of(cells)))
    gift = record(result, "bought", GIFT)
    assert (gift.difference, gift.pvalue, gift.lift) == (None, None, None)
    assert any("has no units in a stratum of the others" in note for note in gift.notes)
    assert record(result, "bought", COUPON).difference == pytest.approx(0.1, abs=1e-12)


def test_a_variant_without_mature_units_does_not_pool_the_others() -> None:
    """Nobody of the new variant can be read yet; the old ones are still compared by phase."""
    cells: Cells = {**SIMPSON, ("late", GIFT): (400, 0.1)}
    units = units_of(cells)
    tables = tables_of(units)
    late = tables["assignments"].variant == GIFT
    tables["assignments"].loc[late, "assigned_at"] = pd.Timestamp("2026-02-20")
    phases = [{"from": CHANGE, "weights": {CONTROL: 60, COUPON: 20, GIFT: 20}}]
    result = analyze(spec_of({CONTROL: 50, COUPON: 50, GIFT: 0}, phases), data=tables)
    assert record(result, "bought", COUPON).difference == pytest.approx(0.05, abs=1e-12)
    assert record(result, "bought", GIFT).n == 0


def test_a_lone_unit_of_the_last_phase_does_not_silence_the_rest() -> None:
    cells: Cells = {**SIMPSON, ("late", COUPON): (1, 1.0)}
    found = record(analyze(spec_of(HALVES, TO_80_20), data=tables_of(units_of(cells))), "bought")
    assert found.difference == pytest.approx(0.05, abs=1e-12)
    assert found.pvalue is not None
    assert any("1,601 of 2,601 units are in others" in note for note in found.notes)


def test_covariates_are_adjusted_for_within_each_phase() -> None:
    """One regression per phase and variant, by statsmodels, weighted by the phases' shares."""
    units = units_of(SIMPSON)
    rng = np.random.default_rng(2)
    units["age"] = rng.normal(40, 10, len(units)) + units.revenue / 5 + units.bought * 3
    spec = spec_of(HALVES, TO_80_20, covariates={"age": {"kind": "column", "column": "age"}})
    spec["data"]["units"] = {"path": "u.csv"}
    spec["analysis"] = {"covariates": ["age"]}
    frames = {**tables_of(units), "units": units[["id", "age"]]}
    found = record(analyze(spec, data=frames), "revenue")
    value, variance, effects, shares = 0.0, 0.0, [], []
    for _, rows in units.groupby("phase"):
        share = len(rows) / len(units)
        design = pd.DataFrame({"const": 1.0, "age": rows.age - rows.age.mean()})
        fits = [
            OLS(rows.revenue[rows.variant == key], design[rows.variant == key]).fit()
            for key in (CONTROL, COUPON)
        ]
        effect = fits[1].params["const"] - fits[0].params["const"]
        slopes = fits[1].params["age"] - fits[0].params["age"]
        own = sum(fit.scale / fit.nobs for fit in fits) + slopes**2 * rows.age.var() / len(rows)
        value, variance = value + share * effect, variance + share**2 * own
        effects.append(effect)
        shares.append(share)
    between = sum(w * (e - value) ** 2 for w, e in zip(shares, effects, strict=True))
    assert found.method == "regression_adjustment"
    assert found.difference == pytest.approx(value, rel=1e-9)
    assert found.se == pytest.approx(math.sqrt(variance + between / (len(units) - 1)), rel=1e-9)


@pytest.mark.parametrize("late_coupon", [400, 460])
def test_the_sample_ratio_is_checked_phase_by_phase(late_coupon: int) -> None:
    cells: Cells = {**SIMPSON, ("late", COUPON): (late_coupon, 0.1)}
    result = analyze(spec_of(HALVES, TO_80_20), data=tables_of(units_of(cells)))
    details = check_of(result, "sample_ratio").details
    late = 1600 + late_coupon
    tests = [
        stats.chisquare([500, 500]),
        stats.chisquare([1600, late_coupon], [0.8 * late, 0.2 * late]),
    ]
    statistic = sum(test.statistic for test in tests)
    assert details["statistic"] == pytest.approx(statistic, rel=1e-12, abs=1e-12)
    assert details["df"] == 2
    assert details["pvalue"] == pytest.approx(stats.chi2.sf(statistic, 2), rel=1e-9)


def test_units_of_a_variant_that_had_no_weight_yet_fail_the_check() -> None:
    cells: Cells = {**SIMPSON, ("early", GIFT): (3, 0.0), ("late", GIFT): (500, 0.1)}
    phases = [{"from": CHANGE, "weights": {CONTROL: 64, COUPON: 16, GIFT: 20}}]
    spec = spec_of({CONTROL: 50, COUPON: 50, GIFT: 0}, phases)
    check = check_of(analyze(spec, data=tables_of(units_of(cells))), "sample_ratio")
    assert (check.status, check.details["unexpected"]) == ("fail", 3)


def test_methods_that_cannot_weight_phases_are_labelled() -> None:
    """A survival curve and a method of the spec pool the phases: said, and not confirmatory."""
    spec = spec_of(HALVES, TO_80_20)
    spec["metrics"].append(
        {"key": "when", "kind": "time_to_event", "events": "orders", "window": {"end": "30d"}}
    )
    spec["analysis"] = {"methods": {"bought": {"kind": "newcombe"}}}
    result = analyze(spec, data=tables_of(units_of(SIMPSON)))
    for metric, method in (("when", "kaplan_meier"), ("bought", "newcombe")):
        found = record(result, metric)
        assert (found.label, found.method) == ("descriptive", method)
        assert any(f"and {method} compares all of them together" in n for n in found.notes)
    assert record(result, "revenue").label == "confirmatory"


def test_before_anybody_can_be_read_nothing_is_descriptive() -> None:
    tables = tables_of(units_of(dict.fromkeys(SIMPSON, (20, 0.5))))
    spec = spec_of(HALVES, TO_80_20)
    spec["data"]["as_of"] = "2026-01-15"
    found = record(analyze(spec, data=tables), "bought")
    assert (found.n, found.label) == (0, "confirmatory")
    assert not any("weights changed" in note for note in found.notes)


REGIONS = ("north", "south, east", "split 9")


def a_blocked_trial(n: int = 900, seed: int = 8) -> pd.DataFrame:
    """Dealt out evenly within regions that differ much; few effects."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": range(n), "region": rng.choice(REGIONS, n, p=[0.5, 0.3, 0.2])})
    frame["variant"] = CONTROL
    for _, rows in frame.groupby("region"):
        shuffled = rng.permutation(rows.index.to_numpy())
        frame.loc[shuffled[::3], "variant"] = COUPON
    base = frame.region.map(dict(zip(REGIONS, (20, 60, 100), strict=True)))
    frame["revenue"] = base + 3 * (frame.variant == COUPON) + rng.normal(0, 15, n)
    return frame


def blocked_spec(**data: Any) -> dict[str, Any]:
    return {
        "spec": "abtest/v1",
        "key": "blocked",
        "kind": "messaging",
        "unit": "id",
        "variants": [
            {"key": CONTROL, "control": True, "weight": 2},
            {"key": COUPON, "weight": 1},
        ],
        "assignment": {"stratify": "region"},
        "data": data,
        "metrics": [{"key": "revenue", "kind": "mean", "column": "revenue", "role": "primary"}],
    }


def test_blocks_are_indicators_in_a_regression() -> None:
    """Statsmodels' regression with Lin's interactions has the same effect and residuals."""
    frame = a_blocked_trial()
    spec = blocked_spec(units={"path": "u.csv", "variant": "variant"})
    found = record(analyze(spec, data={"units": frame}), "revenue")
    x = pd.get_dummies(frame.region, drop_first=True, dtype=float)
    x -= x.mean()
    fits = [
        OLS(frame.revenue[frame.variant == key], x.assign(const=1.0)[frame.variant == key]).fit()
        for key in (CONTROL, COUPON)
    ]
    effect = fits[1].params["const"] - fits[0].params["const"]
    gap = (fits[1].params - fits[0].params)[list(x)].to_numpy()
    own = sum(fit.scale / fit.nobs for fit in fits)
    se = math.sqrt(own + gap @ x.cov().to_numpy() @ gap / len(x))
    assert found.method == "post_stratification"
    assert [found.difference, found.se] == pytest.approx([effect, se], rel=1e-9)
    weighted, by_region = by_hand(frame, frame.revenue, COUPON, "region")
    assert found.difference == pytest.approx(weighted, rel=1e-9)
    assert found.se == pytest.approx(by_region, rel=0.02)
    assert found.variance_reduction is not None
    assert found.variance_reduction > 0.7


def test_blocks_without_units_of_a_variant_leave_nobody_out() -> None:
    """They go with the first block: statsmodels with one indicator for the other."""
    frame = a_blocked_trial()
    lonely = frame.index[(frame.region == "north") & (frame.variant == CONTROL)][:5]
    frame.loc[lonely, "region"] = "a farm"
    spec = blocked_spec(units={"path": "u.csv", "variant": "variant"})
    found = record(analyze(spec, data={"units": frame}), "revenue")
    x = pd.get_dummies(frame.region, dtype=float).drop(columns=["a farm", "north"])
    x -= x.mean()
    fits = [
        OLS(frame.revenue[frame.variant == key], x.assign(const=1.0)[frame.variant == key]).fit()
        for key in (CONTROL, COUPON)
    ]
    effect = fits[1].params["const"] - fits[0].params["const"]
    assert found.difference == pytest.approx(effect, rel=1e-9)
    assert (found.n + (found.n_control or 0)) == len(frame)


def test_many_small_blocks_are_dealt_out_evenly_anyway() -> None:
    """With hundreds of blocks the indicators are left out, and the comparison is the plain one."""
    frame = a_blocked_trial()
    frame["region"] = [f"store {n // 6}" for n in range(len(frame))]
    spec = blocked_spec(units={"path": "u.csv", "variant": "variant"})
    found = record(analyze(spec, data={"units": frame}), "revenue")
    groups = [frame.revenue[frame.variant == key] for key in (COUPON, CONTROL)]
    assert found.pvalue == pytest.approx(stats.ttest_ind(*groups, equal_var=False).pvalue, rel=1e-9)


PHASED = """\
spec: abtest/v1
key: phased-end-to-end
kind: messaging
unit: id
variants:
  - {{key: control, control: true, weight: 50}}
  - {{key: coupon, weight: 50}}
assignment: {assignment}
data:
  as_of: 2026-03-01
  assignments: {{path: assigned.csv}}
  events:
    orders: {{path: orders.csv, at: at, value: amount}}
metrics:
  - {{key: bought, kind: conversion, events: orders, window: {{end: 30d}}, role: primary}}
"""
PHASES = "{phases: [{from: 2026-01-08, weights: {control: 80, coupon: 20}}]}"


def assign(folder: Path, name: str, at: str, customers: pd.DataFrame) -> pd.DataFrame:
    """What ``abtest assign`` writes for these customers at this time."""
    customers.to_csv(folder / f"{name}.csv", index=False)
    out = folder / f"{name}-assigned.csv"
    spec, listed = folder / "experiment.yaml", folder / f"{name}.csv"
    run("assign", spec, "--customers", listed, "--at", at, "-o", out).worked()
    return pd.read_csv(out)


def made_up_orders(assigned: pd.DataFrame, rates: pd.Series, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    buyers = assigned[rng.random(len(assigned)) < rates]
    at = pd.to_datetime(buyers.assigned_at, utc=True) + pd.Timedelta(days=2)
    return pd.DataFrame({"id": buyers.id, "at": at, "amount": 5.0})


def test_from_assign_to_the_answer_over_two_phases(tmp_path: Path) -> None:
    (tmp_path / "experiment.yaml").write_text(PHASED.format(assignment=PHASES), encoding="utf-8")
    early = assign(tmp_path, "early", "2026-01-06", pd.DataFrame({"id": range(2_000)}))
    late = assign(tmp_path, "late", "2026-01-09", pd.DataFrame({"id": range(2_000, 6_000)}))
    assigned = pd.concat([early, late], ignore_index=True)
    assigned.to_csv(tmp_path / "assigned.csv", index=False)
    assigned["phase"] = ["early"] * len(early) + ["late"] * len(late)
    orders = made_up_orders(assigned, assigned.phase.map({"early": 0.5, "late": 0.1}))
    orders.to_csv(tmp_path / "orders.csv", index=False)
    result = analyze(tmp_path / "experiment.yaml")
    assigned["bought"] = assigned.id.isin(orders.id).astype(float)
    found = record(result, "bought")
    difference, se = by_hand(assigned, assigned.bought, COUPON)
    assert (found.n, found.n_control) == tuple(
        int((assigned.variant == key).sum()) for key in (COUPON, CONTROL)
    )
    assert [found.difference, found.se] == pytest.approx([difference, se], rel=1e-9)
    assert abs(found.difference or 0) < 3 * se < abs(found.unadjusted_difference or 0)
    assert check_of(result, "sample_ratio").status == "pass"


def test_from_assign_to_the_answer_in_blocks(tmp_path: Path) -> None:
    text = PHASED.format(assignment="{stratify: region}")
    (tmp_path / "experiment.yaml").write_text(text, encoding="utf-8")
    regions = [REGIONS[n % 3] for n in range(1_200)]
    customers = pd.DataFrame({"id": range(1_200), "region": regions})
    assigned = assign(tmp_path, "all", "2026-01-06", customers)
    assigned.to_csv(tmp_path / "assigned.csv", index=False)
    rates = assigned.region.map(dict(zip(REGIONS, (0.1, 0.5, 0.9), strict=True)))
    orders = made_up_orders(assigned, rates)
    orders.to_csv(tmp_path / "orders.csv", index=False)
    found = record(analyze(tmp_path / "experiment.yaml"), "bought")
    assigned["bought"] = assigned.id.isin(orders.id).astype(float)
    difference, se = by_hand(assigned, assigned.bought, COUPON, "region")
    assert found.difference == pytest.approx(difference, rel=1e-9)
    assert found.se == pytest.approx(se, rel=0.02)
    assert found.variance_reduction is not None
    assert found.variance_reduction > 0.3
