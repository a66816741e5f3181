"""The capped second reading of a sum or a mean; R and scipy are the witnesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from abtest import DataError, SpecError, analyze
from abtest.report import render
from analysis.by_hand import START, run_log, run_units, spec_for
from support import expected, golden_cases

if TYPE_CHECKING:
    from pathlib import Path

    from abtest import Result

CAP = 60.0
PLAIN: dict[str, Any] = {"key": "spend", "kind": "mean", "column": "spend", "role": "primary"}
SPEND = {**PLAIN, "winsorize": {"cap": CAP}}
REVENUE: dict[str, Any] = {
    "key": "revenue",
    "kind": "sum",
    "events": "orders",
    "window": {"end": "30d"},
    "role": "primary",
    "winsorize": {"cap": 50},
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 240
    variant = np.where(rng.random(n) < 0.5, "control", "coupon")
    before = rng.lognormal(3, 1, n)
    return pd.DataFrame(
        {
            "id": range(n),
            "variant": variant,
            "spend": np.round(before * rng.lognormal(0, 0.4, n) + 3 * (variant == "coupon"), 2),
            "before": before,
            "won": (rng.random(n) < 0.4).astype(float),
            "home": [f"{key}{i % 20}" for i, key in enumerate(variant)],
        }
    )


def readings(result: Result) -> dict[str, dict[str, Any]]:
    return {one["variant"]: one for one in result.sensitivity if one["reading"] == "capped"}


def samples(frame: pd.DataFrame) -> list[np.ndarray[Any, Any]]:
    return [
        np.minimum(frame.spend[frame.variant == key].to_numpy(), CAP)
        for key in ("control", "coupon")
    ]


@pytest.mark.parametrize("case", golden_cases("b_means_ratios_clusters", "b-winsor"))
def test_reference_case(case: dict[str, Any], golden_data: Path) -> None:
    table = pd.read_csv(golden_data / case["inputs"]["csv"])
    metric = {**SPEND, "column": "revenue", "winsorize": {"cap": case["expected"]["cap"]}}
    variants = [{"key": "control", "control": True}, {"key": "treatment"}]
    units = {"path": "u.csv", "unit": None, "variant": "arm"}
    found = analyze(
        spec_for({"units": units}, [metric], variants=variants, unit=None), data={"units": table}
    )
    control, treatment = readings(found)["control"], readings(found)["treatment"]
    assert (control["n_capped"], treatment["n_capped"]) == (3, 4)
    assert control["value"] == expected(case, "mean_control")
    assert treatment["value"] == expected(case, "mean_treatment")
    assert treatment["pvalue"] == expected(case, "p_value")
    ends = [treatment["difference_ci_low"], treatment["difference_ci_high"]]
    assert ends == expected(case, "diff_ci")
    ratios = [1 + treatment["lift_ci_low"], 1 + treatment["lift_ci_high"]]
    assert ratios == expected(case, "fieller_ratio_ci_welch_df")


def test_the_metric_itself_stays_as_it_is(frame: pd.DataFrame) -> None:
    plain, capped = run_units(frame, metrics=[PLAIN]), run_units(frame, metrics=[SPEND])
    assert capped.results == plain.results
    assert capped.decision == plain.decision
    assert [row for row in plain.sensitivity if row["reading"] != "prior"] == []


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pandas", "pyarrow"])
def test_every_engine_caps_alike(frame: pd.DataFrame, engine: str) -> None:
    data = {"units": {"path": "units.csv", "variant": "variant"}}
    found = readings(analyze(spec_for(data, [SPEND]), data={"units": frame}, engine=engine))
    control, treatment = samples(frame)
    wanted = stats.ttest_ind(treatment, control, equal_var=False)
    assert found["coupon"]["pvalue"] == pytest.approx(wanted.pvalue, rel=1e-9)
    assert found["coupon"]["n_capped"] == (frame.spend > CAP)[frame.variant == "coupon"].sum()
    assert found["control"]["value"] == pytest.approx(control.mean(), rel=1e-12)
    assert found["control"]["n"] == len(control)


def test_a_units_total_is_capped_and_not_each_event() -> None:
    units = [(f"u{i}", ("control", "coupon")[i % 2], START) for i in range(8)]
    # 30 + 40 is 70, above 50; 50 is at the cap and not above it; -5 is below and stays.
    events = [("u1", 30.0), ("u1", 40.0), ("u3", 50.0), ("u5", 20.0), ("u0", 90.0), ("u2", -5.0)]
    orders = [
        (unit, "2026-01-09 10:00", f"o{i}", amount) for i, (unit, amount) in enumerate(events)
    ]
    found = run_log(units, orders, metrics=[REVENUE], stream={"value": "amount"})
    capped = readings(found)
    assert found.results[0].value == (70 + 50 + 20) / 4
    assert capped["coupon"]["value"] == (50 + 50 + 20) / 4
    assert capped["control"]["value"] == (50 - 5) / 4
    assert (capped["control"]["n_capped"], capped["coupon"]["n_capped"]) == (1, 1)


@pytest.mark.parametrize("kind", ["permutation", "bootstrap"])
def test_the_metrics_own_method_compares_the_capped_values(frame: pd.DataFrame, kind: str) -> None:
    method = {"kind": kind, "resamples": 999, "seed": 3}
    found = readings(run_units(frame, metrics=[SPEND], analysis={"methods": {"spend": method}}))
    by_hand = frame.assign(spend=np.minimum(frame.spend, CAP))
    (wanted,) = run_units(by_hand, metrics=[PLAIN], analysis={"methods": {"spend": method}}).results
    assert found["coupon"]["method"] == kind
    assert found["coupon"]["n_capped"] > 0
    for name in ("difference", "difference_ci_low", "difference_ci_high", "pvalue"):
        assert found["coupon"][name] == pytest.approx(getattr(wanted, name), rel=1e-9), name


def test_it_is_adjusted_where_the_metric_is(frame: pd.DataFrame) -> None:
    found = run_units(
        frame,
        metrics=[SPEND],
        covariates={"before": {"kind": "column", "column": "before"}},
        analysis={"covariates": ["before"]},
    )
    capped = readings(found)["coupon"]
    treated = (frame.variant == "coupon").to_numpy(dtype=float)
    x = (frame.before - frame.before.mean()).to_numpy()
    design = np.column_stack([np.ones_like(x), treated, x, treated * x])
    fit = OLS(np.minimum(frame.spend.to_numpy(), CAP), design).fit()
    assert capped["method"] == found.results[0].method == "regression_adjustment"
    assert capped["difference"] == pytest.approx(fit.params[1], rel=1e-9)


def test_clusters_are_capped_unit_by_unit(frame: pd.DataFrame) -> None:
    found = readings(run_units(frame, metrics=[SPEND], cluster="home"))
    by_hand = frame.assign(spend=np.minimum(frame.spend, CAP))
    (wanted,) = run_units(by_hand, metrics=[PLAIN], cluster="home").results
    assert found["coupon"]["method"] == "cluster_robust"
    assert found["coupon"]["pvalue"] == pytest.approx(wanted.pvalue, rel=1e-9)
    assert found["coupon"]["n_capped"] == (frame.spend > CAP)[frame.variant == "coupon"].sum()


def test_a_ratio_of_a_capped_sum_is_not_capped() -> None:
    units = [(f"u{i}", ("control", "coupon")[i % 2], START) for i in range(8)]
    orders = [(f"u{i}", "2026-01-09", f"o{i}", 30.0 + 10 * i) for i in range(8)]
    count = {"key": "orders", "kind": "count", "events": "orders", "window": {"end": "30d"}}
    parts = {"numerator": "revenue", "denominator": "orders"}
    per_order = {"key": "aov", "kind": "ratio", **parts}
    found = run_log(units, orders, metrics=[REVENUE, count, per_order], stream={"value": "amount"})
    record = found.results[2]
    assert record.value == pytest.approx(np.mean([40, 60, 80, 100]))


def test_a_single_variant_has_its_capped_value(frame: pd.DataFrame) -> None:
    alone = frame[frame.variant == "coupon"]
    found = run_units(alone, metrics=[SPEND], variants=[{"key": "coupon"}])
    assert readings(found)["coupon"]["value"] == pytest.approx(samples(frame)[1].mean())
    assert "Each unit's value capped at 60: " in render(found, "table")


def test_reports_show_it_beside_the_metric(frame: pd.DataFrame) -> None:
    result = run_units(frame, metrics=[SPEND])
    found = readings(result)
    told = f"units above the cap {found['control']['n_capped']} -> {found['coupon']['n_capped']}"
    values = f"{found['control']['value']:.2f} -> {found['coupon']['value']:.2f}, n "
    for fmt in ("table", "md", "html"):
        text = " ".join(render(result, fmt).replace("&gt;", ">").replace("&#39;", "'").split())
        assert "Each unit's value capped at 60" in text, fmt
        assert told in text, fmt
        assert values in text, fmt


def test_a_share_has_nothing_to_cap(frame: pd.DataFrame) -> None:
    share = {**SPEND, "column": "won"}
    for analysis in ({}, {"methods": {"spend": {"kind": "permutation"}}}):
        with pytest.raises(DataError, match="spend has a cap, but no values other than 0 and 1"):
            run_units(frame, metrics=[share], analysis=analysis)
    won = {"key": "won", "kind": "proportion", "column": "won", "winsorize": {"cap": 1}}
    with pytest.raises(SpecError, match=r"winsorize: unknown key\n.*only a sum or a mean"):
        run_units(frame, metrics=[won])


def test_nothing_but_zeros_is_no_share(frame: pd.DataFrame) -> None:
    found = readings(run_units(frame.assign(spend=0.0), metrics=[SPEND]))
    assert (found["coupon"]["value"], found["coupon"]["n_capped"]) == (0.0, 0)


def test_a_cap_from_history_needs_a_lock(frame: pd.DataFrame) -> None:
    cap = {"upper": 0.999, "from": "history"}
    with pytest.raises(
        SpecError, match=r"takes its cap from history.*\n.*abtest freeze.*--history"
    ):
        run_units(frame, metrics=[{**SPEND, "winsorize": cap}])


@pytest.mark.parametrize(
    "cap", [{}, {"upper": 0.999}, {"from": "history"}, {"cap": 9, "upper": 0.9, "from": "history"}]
)
def test_a_cap_is_one_of_two(frame: pd.DataFrame, cap: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=r"must be a cap such as \{cap: 480\}, or \{upper: 0\.999"):
        run_units(frame, metrics=[{**SPEND, "winsorize": cap}])


def test_a_cap_is_above_0(frame: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match=r"winsorize\.cap: is 0; it must be above 0"):
        run_units(frame, metrics=[{**SPEND, "winsorize": {"cap": 0}}])


def test_moments_have_no_units_to_cap() -> None:
    rows = [("control", 9, 1.5, 1.0), ("coupon", 9, 2.0, 1.0)]
    table = pd.DataFrame(rows, columns=["variant", "n", "m", "s"])
    moments = {"path": "m.csv", "variant": "variant", "n": "n", "mean": "m", "sd": "s"}
    metric = {"key": "m", "kind": "mean", "role": "primary", "winsorize": {"cap": 5}}
    with pytest.raises(SpecError, match="winsorize: needs rows of units"):
        analyze(spec_for({"moments": moments}, [metric], unit=None), data={"moments": table})
