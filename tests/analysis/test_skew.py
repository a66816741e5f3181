"""A mean that is too skewed for Welch's t in a small variant; NumPy and scipy are the witnesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abtest import analyze
from abtest.analysis import skew as module
from analysis.by_hand import START, WON, check_of, run_log, run_units, spec_for

if TYPE_CHECKING:
    from abtest import Result

SPEND: dict[str, Any] = {"key": "spend", "kind": "mean", "column": "spend", "role": "primary"}
HOLDOUT = [{"key": "control", "control": True, "weight": 5}, {"key": "coupon", "weight": 95}]
EVEN = [{"key": "control", "control": True}, {"key": "coupon"}]


def units(spread: float) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    variant = np.repeat(["control", "coupon"], [100, 1900])
    spend = np.round(rng.lognormal(3, spread, 2000), 2)
    won = (np.arange(2000) % 3 == 0).astype(int)
    return pd.DataFrame({"id": range(2000), "variant": variant, "spend": spend, "won": won})


@pytest.fixture(scope="module")
def skewed() -> pd.DataFrame:
    return units(2.0)


def skewness(frame: pd.DataFrame) -> float:
    """Around each variant's own mean."""
    own = frame.spend - frame.groupby("variant").spend.transform("mean")
    return float(stats.skew(own))


def top(frame: pd.DataFrame, variant: str) -> float:
    values = np.sort(frame.spend[frame.variant == variant].to_numpy())[::-1]
    return float(values[: int(np.ceil(len(values) / 100))].sum() / values.sum())


def keys(result: Result) -> set[str]:
    return {check.key for check in result.checks}


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pandas", "pyarrow"])
def test_a_skewed_mean_in_a_holdout_is_a_warning(skewed: pd.DataFrame, engine: str) -> None:
    data = {"units": {"path": "units.csv", "variant": "variant"}}
    spec = spec_for(data, [SPEND], variants=HOLDOUT)
    check = check_of(analyze(spec, data={"units": skewed}, engine=engine), "skew")
    found = check.details["spend: coupon"]
    assert check.status == "warn"
    assert found["skewness"] == pytest.approx(skewness(skewed), rel=1e-9)
    assert found["top_share"] == pytest.approx(top(skewed, "coupon"), rel=1e-9)
    assert found["top_share_control"] == pytest.approx(top(skewed, "control"), rel=1e-9)
    assert f"skewness {found['skewness']:.1f}; the top 1% of units have " in check.message
    assert f"{found['top_share']:.1%} of the total of coupon" in check.message
    assert check.hint is not None
    assert "methods: {spend: {kind: permutation}}" in check.hint


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pandas", "pyarrow"])
def test_many_values_go_into_bins(
    skewed: pd.DataFrame, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bins keep means and variances exact; what is lost is the shape within one."""
    monkeypatch.setattr(module, "MOST_VALUES", 1_000)
    data = {"units": {"path": "units.csv", "variant": "variant"}}
    spec = spec_for(data, [SPEND], variants=HOLDOUT)
    found = check_of(analyze(spec, data={"units": skewed}, engine=engine), "skew")
    assert skewed.spend.nunique() > 1_000
    details = found.details["spend: coupon"]
    assert details["skewness"] == pytest.approx(skewness(skewed), rel=1e-4)
    assert details["skewness"] != pytest.approx(skewness(skewed), rel=1e-12)
    assert details["top_share"] == pytest.approx(top(skewed, "coupon"), rel=1e-2)


def test_what_is_not_skewed_passes() -> None:
    check = check_of(run_units(units(0.3), metrics=[SPEND], variants=HOLDOUT), "skew")
    assert (check.status, check.hint) == ("pass", None)
    assert check.details["spend: coupon"]["passes"]


def test_it_is_looked_at_only_where_it_matters(skewed: pd.DataFrame) -> None:
    permuted = {"methods": {"spend": {"kind": "permutation", "resamples": 199}}}
    uneven: tuple[dict[str, Any], ...] = (
        {"variants": EVEN},
        {"variants": HOLDOUT, "analysis": permuted},
        {"variants": HOLDOUT, "metrics": [WON]},
    )
    for more in uneven:
        assert "skew" not in keys(run_units(skewed, **{"metrics": [SPEND], **more}))


def test_every_uneven_split_is_looked_at(skewed: pd.DataFrame) -> None:
    """At 90/10 and at 2 to 1 the skews of the two do not cancel either."""
    for weight in (9, 2):
        variants = [HOLDOUT[0] | {"weight": 1}, HOLDOUT[1] | {"weight": weight}]
        assert "skew" in keys(run_units(skewed, metrics=[SPEND], variants=variants))


def test_only_the_uneven_contrast_is_looked_at(skewed: pd.DataFrame) -> None:
    third = skewed.tail(1000).assign(variant="letter")
    frame = pd.concat([skewed.head(1000), third], ignore_index=True).assign(id=range(2000))
    weights = {"control": 49, "coupon": 2, "letter": 49}
    variants = [
        {"key": key, "weight": weight, "control": key == "control"}
        for key, weight in weights.items()
    ]
    check = check_of(run_units(frame, metrics=[SPEND], variants=variants), "skew")
    assert list(check.details) == ["spend: coupon"]


def test_sums_of_events_are_looked_at_too() -> None:
    rows = [(f"u{i}", "control" if i < 20 else "coupon", START) for i in range(400)]
    # One customer of the large variant orders for 90,000, another in twenty for about 20.
    orders = [(f"u{i}", "2026-01-09", f"o{i}", 20.0 + i % 7) for i in range(0, 400, 20)]
    orders.append(("u399", "2026-01-09", "big", 90_000.0))
    revenue = {"key": "revenue", "kind": "sum", "events": "orders", "window": {"end": "30d"}}
    metrics = [{**revenue, "role": "primary"}]
    found = run_log(rows, orders, metrics=metrics, variants=HOLDOUT, stream={"value": "amount"})
    check = check_of(found, "skew")
    assert check.status == "warn"
    assert check.details["revenue: coupon"]["top_share"] > 0.99


def test_nobody_to_look_at_is_not_skewed() -> None:
    rows = [(f"u{i}", "control" if i % 20 == 0 else "coupon", "2026-02-27") for i in range(40)]
    metric = {"key": "spent", "kind": "sum", "events": "orders", "window": {"end": "30d"}}
    result = run_log(
        rows,
        [("u1", "2026-02-28", "o1", 5.0)],
        metrics=[{**metric, "role": "primary"}],
        stream={"value": "amount"},
        variants=HOLDOUT,
    )
    assert result.exit_code == 4
    assert check_of(result, "skew").status == "pass"
