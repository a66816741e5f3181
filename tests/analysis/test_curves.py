"""Survival through ``analyze``: curves of real logs by statsmodels, and what they warn of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from abtest import DataError, analyze
from abtest.report import render
from analysis.by_hand import check_of

if TYPE_CHECKING:
    from pathlib import Path

    from abtest import Result
    from abtest.analysis.result import Record

AS_OF = pd.Timestamp("2011-12-10")
FIRST = {"events": "orders", "anchor": "first_event", "window": {"end": "90d"}}
READINGS: list[dict[str, Any]] = [
    {"key": "complete", "kind": "repeat_purchase"},
    {"key": "censored", "kind": "repeat_purchase", "maturity": "censored"},
    {"key": "both", "kind": "repeat_purchase", "maturity": ["complete", "censored"]},
    {"key": "naive", "kind": "repeat_purchase", "maturity": "all"},
    {"key": "time", "kind": "time_to_event"},
]


def retail_spec(path: str) -> dict[str, Any]:
    return {
        "spec": "abtest/v1",
        "key": "retail",
        "kind": "messaging",
        "unit": "CustomerID",
        "variants": [{"key": "everyone"}],
        "schedule": {"timezone": "UTC"},
        "data": {
            "as_of": "2011-12-10",
            "assignments": {"from_events": "orders"},
            "events": {
                "orders": {
                    "path": path,
                    "at": "InvoiceDate",
                    "id": "InvoiceNo",
                    "merge": "calendar_day",
                    "keep": [
                        {"column": "Quantity", "above": 0},
                        {"column": "UnitPrice", "above": 0},
                        {"column": "InvoiceNo", "not_starts_with": "C"},
                    ],
                }
            },
        },
        "metrics": [{**reading, **FIRST} for reading in READINGS],
    }


@pytest.fixture(scope="module")
def retail_file(shared_data: Path) -> Path:
    return shared_data / "online_retail_2010_2011.parquet"


@pytest.fixture(scope="module")
def retail(retail_file: Path) -> Result:
    return analyze(retail_spec(str(retail_file)))


@pytest.fixture(scope="module")
def durations(retail_file: Path) -> pd.DataFrame:
    """By pandas: on which day customers came back, or how many whole days they were followed."""
    rows = pd.read_parquet(retail_file)
    keep = rows.CustomerID.notna() & (rows.Quantity > 0) & (rows.UnitPrice > 0)
    rows = rows[keep & ~rows.InvoiceNo.astype(str).str.startswith("C")]
    rows = rows[rows.InvoiceDate < AS_OF]
    first = rows.groupby("CustomerID").InvoiceDate.min().rename("first")
    rows = rows.join(first, on="CustomerID")
    later = rows[rows.InvoiceDate.dt.normalize() > rows["first"].dt.normalize()]
    again = later.groupby("CustomerID").InvoiceDate.min().reindex(first.index)
    day = (again - first).dt.days + 1
    followed = (AS_OF - first).dt.days.clip(upper=90)
    event = day <= followed
    times = day.where(event, followed).astype(float)
    table = pd.DataFrame({"time": times, "event": event.astype(int)})
    table["late"] = first > first.min() + (first.max() - first.min()) / 2
    at_risk: pd.DataFrame = table[followed >= 1]
    return at_risk


def value(result: Result, metric: str) -> float | None:
    return next(found.value for found in result.results if found.metric == metric)


def test_complete_cases_are_the_known_rate(retail: Result) -> None:
    assert value(retail, "complete") == value(retail, "both") == 1530 / 3370


def test_the_naive_rate_is_had_only_by_asking(retail: Result) -> None:
    assert [found.metric for found in retail.results if found.n == 4338] == ["naive"]
    assert value(retail, "naive") == 1828 / 4338


def test_the_censored_reading_is_the_curve_of_statsmodels(
    retail: Result, durations: pd.DataFrame
) -> None:
    curve = SurvfuncRight(durations.time, durations.event)
    wanted = 1 - float(curve.surv_prob[-1])
    for metric in ("censored", "time"):
        found = next(r for r in retail.results if r.metric == metric)
        assert found.n == len(durations)
        assert found.value == pytest.approx(wanted, rel=1e-10)
    beside = [row for row in retail.sensitivity if row["metric"] == "both"]
    assert [(row["reading"], row["n"]) for row in beside] == [("censored", len(durations))]
    assert beside[0]["value"] == pytest.approx(wanted, rel=1e-10)


def test_the_curves_are_those_of_statsmodels(retail: Result, durations: pd.DataFrame) -> None:
    curve = SurvfuncRight(durations.time, durations.event)
    assert [found["metric"] for found in retail.curves] == ["censored", "both", "time"]
    for found in retail.curves:
        assert found["time"] == pytest.approx(curve.surv_times.tolist(), rel=1e-12)
        assert found["share"] == pytest.approx((1 - curve.surv_prob).tolist(), rel=1e-10)
        assert found["followed_to"] == 90.0


def test_the_bands_are_log_log_intervals_of_statsmodels_standard_errors(
    retail: Result, durations: pd.DataFrame
) -> None:
    curve = SurvfuncRight(durations.time, durations.event)
    survival, se = np.array(curve.surv_prob), np.array(curve.surv_prob_se)
    stretch = np.exp(stats.norm.isf(0.025) * se / (survival * np.log(survival)))
    for found in retail.curves:
        assert found["low"] == pytest.approx((1 - survival**stretch).tolist(), rel=1e-9)
        assert found["high"] == pytest.approx((1 - survival ** (1 / stretch)).tolist(), rel=1e-9)


def test_the_check_of_readings_is_statsmodels_log_rank(
    retail: Result, durations: pd.DataFrame
) -> None:
    """Entrants of the first half of the time against those of the second; and Hausman's z."""
    _, pvalue = survdiff(durations.time, durations.event, durations.late)
    check = check_of(retail, "readings")
    assert check.details["both: everyone, entry"] == pytest.approx(pvalue, rel=1e-9)
    curve = SurvfuncRight(durations.time, durations.event)
    rate, complete = 1 - float(curve.surv_prob[-1]), 1530 / 3370
    variance = rate * (1 - rate) / 3370 - float(curve.surv_prob_se[-1]) ** 2
    wanted = 2 * stats.norm.sf(abs(complete - rate) / variance**0.5)
    assert check.details["both: everyone, readings"] == pytest.approx(wanted, rel=1e-9)
    assert check.status == "pass"


ROSSI: list[dict[str, Any]] = [
    {"key": "arrest", "kind": "survival", "duration": "week", "event": "arrest", "role": "primary"}
]


def rossi(folder: Path, method: dict[str, Any] | None) -> Record:
    spec = {
        "spec": "abtest/v1",
        "key": "rossi",
        "kind": "messaging",
        "unit": None,
        "variants": [{"key": "1"}, {"key": "0", "control": True}],
        "data": {"units": {"path": str(folder / "rossi.csv"), "variant": "fin"}},
        "metrics": ROSSI,
        "analysis": {} if method is None else {"methods": {"arrest": method}},
    }
    return analyze(spec).results[0]


@pytest.fixture(scope="module")
def prisoners(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "rossi.csv")


@pytest.mark.parametrize("method", [None, {"kind": "kaplan_meier"}])
def test_rossi_by_kaplan_meier(
    shared_data: Path, prisoners: pd.DataFrame, method: dict[str, Any] | None
) -> None:
    found = rossi(shared_data, method)
    curves = {fin: SurvfuncRight(rows.week, rows.arrest) for fin, rows in prisoners.groupby("fin")}
    rates = {fin: 1 - float(curve.surv_prob[-1]) for fin, curve in curves.items()}
    errors = [float(curve.surv_prob_se[-1]) for curve in curves.values()]
    assert [found.value_control, found.value] == pytest.approx([rates[0], rates[1]], rel=1e-10)
    assert found.se == pytest.approx(math.hypot(*errors), rel=1e-10)
    assert (found.n_control, found.n, found.method) == (216, 216, "kaplan_meier")


def followed(days: list[float]) -> Result:
    columns = {"group": ["a", "b"] * 2, "days": days, "gone": [1, 1, 0, 0]}
    return analyze(
        {
            "spec": "abtest/v1",
            "key": "followed",
            "kind": "messaging",
            "unit": None,
            "variants": [{"key": "a", "control": True}, {"key": "b"}],
            "data": {"units": {"path": "rows.csv", "variant": "group"}},
            "metrics": [{**ROSSI[0], "duration": "days", "event": "gone"}],
        },
        data={"units": pd.DataFrame(columns)},
    )


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ([1, -2, 3, 4], "1 unit is followed for a time below 0, the lowest -2"),
        ([1, -2, -3.5, 4], "2 units are followed for a time below 0, the lowest -3.5"),
    ],
)
def test_nobody_is_followed_for_less_than_no_time(days: list[float], message: str) -> None:
    with pytest.raises(DataError, match=rf"^metric arrest: {message}\n  Hint: Correct the dur"):
        followed(days)


def test_a_follow_up_of_any_length_is_shown() -> None:
    assert "arrest" in render(followed([1, 2, 1e308, 1e308]), "md")


def test_rossi_by_the_restricted_mean(shared_data: Path) -> None:
    found = rossi(shared_data, {"kind": "rmst", "until": 52})
    assert [found.value_control, found.value] == pytest.approx([44.8333, 46.8750], abs=5e-5)


def test_rossi_by_the_log_rank_test(shared_data: Path, prisoners: pd.DataFrame) -> None:
    found = rossi(shared_data, {"kind": "log_rank"})
    _, pvalue = survdiff(prisoners.week, prisoners.arrest, prisoners.fin)
    assert found.pvalue == pytest.approx(0.0501161174, abs=5e-11)
    assert found.pvalue == pytest.approx(pvalue, rel=1e-9)


def test_rossi_by_cox(shared_data: Path, prisoners: pd.DataFrame) -> None:
    """Statsmodels' proportional hazards with Efron's ties: the same log hazard ratio.

    Its standard error assumes the model; ours is robust, so that they are close and not the same.
    """
    found = rossi(shared_data, {"kind": "cox"})
    model = PHReg(prisoners.week, prisoners[["fin"]], status=prisoners.arrest, ties="efron")
    fit = model.fit()
    assert found.difference == pytest.approx(float(fit.params[0]), rel=1e-6)
    assert found.se == pytest.approx(float(fit.bse[0]), rel=0.01)


def made_up(*, drift: float, seed: int = 1, n: int = 4_000) -> dict[str, pd.DataFrame]:
    """Units that enter over 60 days; the hazard of the later half is ``drift`` times larger."""
    rng = np.random.default_rng(seed)
    entry = rng.uniform(0, 60, n)
    wait = rng.exponential(60, n) / np.where(entry > 30, drift, 1.0)
    start = pd.Timestamp("2026-01-01")
    variants = np.array(["coupon", "control"])[rng.integers(0, 2, n)]
    at = start + pd.to_timedelta(entry, unit="D")
    assignments = pd.DataFrame({"id": range(n), "variant": variants, "assigned_at": at})
    orders = pd.DataFrame({"id": range(n), "at": at + pd.to_timedelta(wait, unit="D")})
    return {"assignments": assignments, "orders": orders}


def run(tables: dict[str, pd.DataFrame], maturity: Any) -> Result:
    spec = {
        "spec": "abtest/v1",
        "key": "made-up",
        "kind": "messaging",
        "unit": "id",
        # The control is not the first on purpose.
        "variants": [{"key": "coupon"}, {"key": "control", "control": True}],
        "data": {
            "as_of": "2026-03-15",
            "assignments": {"path": "a.csv"},
            "events": {"orders": {"path": "o.csv", "at": "at"}},
        },
        "metrics": [
            {
                "key": "bought",
                "kind": "conversion",
                "events": "orders",
                "window": {"end": "30d"},
                "maturity": maturity,
                "role": "primary",
            }
        ],
    }
    return analyze(spec, data=tables)


def test_a_clean_log_passes_the_check_of_readings() -> None:
    check = check_of(run(made_up(drift=1.0), ["complete", "censored"]), "readings")
    assert (check.status, check.message) == ("pass", "Both readings of a metric agree.")
    assert sorted(check.details) == [
        "bought: control, entry",
        "bought: control, readings",
        "bought: coupon, entry",
        "bought: coupon, readings",
    ]


@pytest.mark.parametrize("drift", [0.5, 2.0])
def test_late_entrants_that_differ_are_flagged(drift: float) -> None:
    check = check_of(run(made_up(drift=drift), ["complete", "censored"]), "readings")
    assert check.status == "warn"
    for variant in ("coupon", "control"):
        assert f"({variant}, entry, p = " in check.message
    assert "mature units and the survival curve disagree" in check.message


def test_a_check_of_readings_is_only_made_where_there_are_two() -> None:
    result = run(made_up(drift=2.0), "complete")
    assert not [check for check in result.checks if check.key == "readings"]
    assert result.curves == ()


def test_the_second_reading_is_what_the_first_would_be_alone() -> None:
    """Whichever variant comes first in the spec, control is compared with."""
    tables = made_up(drift=1.0)
    rows = run(tables, ["complete", "censored"]).sensitivity
    beside = {row["variant"]: row for row in rows if row["reading"] == "censored"}
    alone = run(tables, "censored").results[0]
    assert beside["control"]["value"] == alone.value_control
    assert beside["control"]["n"] == alone.n_control
    for name in ("value", "difference", "difference_ci_low", "difference_ci_high", "pvalue"):
        assert beside["coupon"][name] == getattr(alone, name)
    assert beside["coupon"]["n"] == alone.n
    assert "difference" not in beside["control"]


@pytest.mark.parametrize("lag", ["0d", "36h"])
@pytest.mark.parametrize("calendar", [False, True])
def test_a_curve_over_mature_units_ends_at_the_plain_share(lag: str, calendar: bool) -> None:
    """Where every window is over there is nothing to be censored."""
    tables = made_up(drift=1.0, n=300)
    both = []
    for maturity in ("complete", "censored"):
        window: dict[str, Any] = {"end": "7d", "calendar": calendar}
        spec = {
            "spec": "abtest/v1",
            "key": "ripe",
            "kind": "messaging",
            "unit": "id",
            "variants": [{"key": "control", "control": True}, {"key": "coupon"}],
            "schedule": {"timezone": "Europe/Berlin"},
            "data": {
                "as_of": "2026-03-15",
                "assignments": {"path": "a.csv"},
                "events": {"orders": {"path": "o.csv", "at": "at", "lag": lag}},
            },
            "metrics": [
                {
                    "key": "bought",
                    "kind": "conversion",
                    "events": "orders",
                    "window": window,
                    "maturity": maturity,
                    "role": "primary",
                }
            ],
        }
        both.append(analyze(spec, data=tables).results[0])
    complete, censored = both
    assert censored.value == pytest.approx(complete.value, rel=1e-12)
    assert censored.value_control == pytest.approx(complete.value_control, rel=1e-12)
    assert (censored.n, censored.n_control) == (complete.n, complete.n_control)
