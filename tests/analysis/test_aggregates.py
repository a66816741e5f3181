"""Totals and moments that somebody else computed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import chisquare, ttest_ind
from statsmodels.stats.proportion import proportions_ztest

from abtest import DataError, SpecError, analyze
from analysis.by_hand import assigned, check_of, spec_for
from support import Case, expected, golden_cases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest import Result

GROSS: dict[str, Any] = {
    "key": "gross",
    "kind": "proportion",
    "successes": "Enrollments",
    "trials": "Clicks",
    "role": "primary",
}
NET = {**GROSS, "key": "net", "successes": "Payments", "role": "secondary"}
SPEND: dict[str, Any] = {"key": "spend", "kind": "mean", "role": "primary"}
TOTALS = pd.DataFrame(
    [("control", "01", 100, 20, 9), ("control", "02", 120, 30, 9), ("coupon", "01", 110, 25, 8)],
    columns=["variant", "day", "Clicks", "Enrollments", "Payments"],
)
MOMENTS = pd.DataFrame(
    [("control", 10, 2.0, 4.0), ("coupon", 12, 3.0, 5.0)],
    columns=["variant", "n", "mean", "variance"],
)


def totals(frame: pd.DataFrame, *, metrics: Any = (GROSS,), **table: Any) -> Result:
    data = {"totals": {"path": "totals.csv", "date": "day", **table}}
    return analyze(spec_for(data, metrics), data={"totals": frame})


def moments(frame: pd.DataFrame, *, metrics: Any = (SPEND,), **table: Any) -> Result:
    data = {"moments": {"path": "moments.csv", **table}}
    return analyze(spec_for(data, metrics), data={"moments": frame})


def with_cell(frame: pd.DataFrame, row: int, column: str, value: Any) -> pd.DataFrame:
    changed = frame.astype(object)
    changed.loc[row, column] = value
    return changed


@pytest.fixture(scope="module")
def udacity(shared_data: Path) -> pd.DataFrame:
    folder = shared_data / "udacity_free_trial"
    sides = {"control": "control_data.csv", "coupon": "experiment_data.csv"}
    return pd.concat(
        [pd.read_csv(folder / name).assign(variant=key) for key, name in sides.items()]
    )


@pytest.mark.parametrize(
    ("metric", "difference", "pooled"),
    [("gross", "-0.020554875", 2.57840103e-06), ("net", "-0.004873723", 0.155840683)],
)
def test_udacity(udacity: pd.DataFrame, metric: str, difference: str, pooled: float) -> None:
    """The data README's answers by statsmodels; ours has N - 1 in the variance where z has N."""
    result = totals(udacity, metrics=(GROSS, NET), date="Date", units="Pageviews")
    found = next(record for record in result.results if record.metric == metric)
    assert f"{found.difference:.9f}" == difference
    n, n_control = found.n, found.n_control or 0
    successes = [round((found.value or 0) * n), round((found.value_control or 0) * n_control)]
    z, pvalue = proportions_ztest(successes, [n, n_control])
    assert pvalue == pytest.approx(pooled, rel=5e-9)
    share = (n + n_control - 1) / (n + n_control)
    assert found.statistic == pytest.approx(z * math.sqrt(share), rel=1e-9)
    assert found.pvalue == pytest.approx(pooled, rel=1e-3)


def test_days_without_payments_are_not_ripe_and_are_shown(udacity: pd.DataFrame) -> None:
    """The last 14 of 37 days have clicks, but nobody has enrolled yet."""
    result = totals(udacity, date="Date", units="Pageviews")
    found = result.results[0]
    ripe = udacity[udacity["Payments"].notna()].groupby("variant")["Clicks"].sum()
    late = udacity[udacity["Payments"].isna()].groupby("variant")["Clicks"].sum()
    assert (found.n, found.n_control) == (ripe["coupon"], ripe["control"])
    assert (found.n_immature, found.n_immature_control) == (late["coupon"], late["control"])
    assert len(udacity[udacity["Payments"].notna()]) == 2 * 23
    assert "39.1% of control, 39.1% of coupon" in check_of(result, "immature_units").message
    assert [check.key for check in result.checks if check.key == "few_units"] == []


def test_the_split_is_checked_on_what_was_randomised(udacity: pd.DataFrame) -> None:
    result = totals(udacity, date="Date", units="Pageviews")
    views = udacity.groupby("variant")["Pageviews"].sum()
    assert assigned(result) == dict(views)
    pvalue = check_of(result, "sample_ratio").details["pvalue"]
    assert pvalue == pytest.approx(chisquare(views).pvalue, rel=1e-9)


def test_without_units_the_trials_of_the_primary_metric_are_checked() -> None:
    other = {**NET, "key": "late", "successes": "Payments", "trials": "Enrollments"}
    assert assigned(totals(TOTALS, metrics=(other, GROSS))) == {"control": 220, "coupon": 110}


def test_from_a_file_on_the_command_line(udacity: pd.DataFrame, tmp_path: Path) -> None:
    udacity.to_csv(tmp_path / "totals.csv", index=False)
    spec = spec_for({"totals": {"path": "totals.csv", "date": "Date"}}, [GROSS])
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    found = analyze(tmp_path / "experiment.yaml")
    by_frame = totals(udacity, date="Date")
    assert found.results == by_frame.results
    assert list(found.data_fingerprints) == ["totals"]


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pandas"])
def test_days_that_are_not_over_are_not_read(engine: str) -> None:
    days = ["2026-01-01", "2026-01-02", "2026-01-03"]
    rows = [(key, day, 100, 10 + i) for key in ("control", "coupon") for i, day in enumerate(days)]
    frame = pd.DataFrame(rows, columns=["variant", "day", "Clicks", "Enrollments"])
    spec = spec_for({"totals": {"path": "totals.csv", "date": "day"}}, (GROSS,))

    def counted(given: pd.DataFrame, as_of: str | None) -> tuple[int, int]:
        found = analyze(spec, data={"totals": given}, as_of=as_of, engine=engine).results[0]
        return found.n, round(found.n * (found.value or 0))

    assert counted(frame, None) == (300, 33)
    assert counted(frame, "2026-01-03") == (200, 21)
    assert counted(frame, "2026-01-02T23:00") == (100, 10)
    assert counted(frame.assign(day=pd.to_datetime(frame["day"])), "2026-01-03")[0] == 200
    told = frame.assign(day=frame["day"].str.replace("2026-01-0", "week "))
    assert counted(told, "2026-01-02")[0] == 300  # names of days are only told apart
    with pytest.raises(DataError, match=r"has no row of a day that is over at as_of"):
        counted(frame, "2026-01-01")


def test_trials_are_not_units_unless_the_spec_says_so() -> None:
    note = "Counts Clicks, not units"
    assert any(text.startswith(note) for text in totals(TOTALS).results[0].notes)
    clicks = totals(TOTALS, units="Clicks").results[0]
    assert not any(text.startswith(note) for text in clicks.notes)


def test_who_was_in_two_variants_nobody_can_tell() -> None:
    assert "crossover" not in [check.key for check in totals(TOTALS).checks]


def test_every_engine_gives_the_same_totals() -> None:
    data = {"totals": {"path": "totals.csv", "date": "day"}}
    spec = spec_for(data, (GROSS,))
    results = [
        analyze(spec, data={"totals": TOTALS}, engine=engine).results
        for engine in ("duckdb", "pandas")
    ]
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (0, "Clicks", None, "row of control on 01: Clicks is empty; it must be a count"),
        (0, "Clicks", -1, "row of control on 01: Clicks is -1; it must be a whole number, 0 or"),
        (1, "Enrollments", 0.5, "row of control on 02: Enrollments is 0.5; it must be a whole"),
        (2, "Enrollments", -3, "row of coupon on 01: Enrollments is -3; it must be a whole"),
        (2, "Enrollments", 111, "on 01: Enrollments is 111 of 110 Clicks; it must not be more"),
        (0, "variant", None, "has a row without a variant"),
        (2, "day", None, "has a row of coupon without a date"),
        (1, "day", "01", "row of control on 01 is there twice; there must be one row per variant"),
    ],
)
def test_totals_that_cannot_be(row: int, column: str, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        totals(with_cell(TOTALS, row, column, value))
    assert raised.value.hint


def test_several_rows_of_a_variant_need_a_date() -> None:
    data = {"totals": {"path": "totals.csv"}}
    with pytest.raises(DataError, match=r"one row per variant\n.*`date`"):
        analyze(spec_for(data, [GROSS]), data={"totals": TOTALS})


def test_variants_are_spelt_as_in_the_data() -> None:
    with pytest.raises(DataError, match=r"none of the spec's variants.*\n.*It has: a"):
        totals(TOTALS.assign(variant="a", day=["1", "2", "3"]))
    result = totals(with_cell(TOTALS, 1, "variant", "late"))
    assert check_of(result, "unknown_variants").details["unknown"] == {"late": 1}
    with pytest.raises(DataError, match="has no rows"):
        totals(TOTALS.head(0))


def test_columns_that_are_not_there_are_named_with_their_key() -> None:
    with pytest.raises(SpecError, match=r"metrics.0.trials: is 'Clicks', which is no column"):
        totals(TOTALS.rename(columns={"Clicks": "clicks"}))
    with pytest.raises(SpecError, match=r"data.totals.units: is 'views', which is no column"):
        totals(TOTALS, units="views")
    with pytest.raises(SpecError, match=r"data.moments.variance: is 'var', which is no column"):
        moments(MOMENTS, variance="var")


@pytest.mark.parametrize("case", golden_cases("b_means_ratios_clusters", "b-summary"))
def test_moments_of_the_reference(case: Case) -> None:
    """R's t.test on arrays with exactly these moments."""
    sides = {"control": case["inputs"]["control"], "coupon": case["inputs"]["treatment"]}
    rows = [(key, one["n"], one["mean"], one["sd"] ** 2) for key, one in sides.items()]
    found = moments(pd.DataFrame(rows, columns=MOMENTS.columns)).results[0]
    interval = [found.difference_ci_low, found.difference_ci_high]
    assert found.difference == expected(case, "diff")
    assert found.df == expected(case, "df")
    assert found.statistic == expected(case, "t")
    assert found.pvalue == expected(case, "p_value")
    assert interval == expected(case, "diff_ci")


def test_moments_of_dates_are_those_of_all_units() -> None:
    """scipy on the units; with an offset that takes the digits of sums of squares."""
    rng = np.random.default_rng(3)
    units = {key: 1e9 + rng.normal(5, 2, (4, 25)) for key in ("control", "coupon")}
    rows = [
        (key, day, len(values), values.mean(), values.var(ddof=1))
        for key, days in units.items()
        for day, values in enumerate(days)
    ]
    frame = pd.DataFrame(rows, columns=["variant", "day", "n", "mean", "variance"])
    found = moments(frame, date="day").results[0]
    welch = ttest_ind(units["coupon"].ravel(), units["control"].ravel(), equal_var=False)
    assert (found.n, found.n_control) == (100, 100)
    assert found.pvalue == pytest.approx(welch.pvalue, rel=1e-6)
    assert found.df == pytest.approx(welch.df, rel=1e-6)
    assert any(note.startswith("Dates are added up") for note in found.notes)
    assert not any(note.startswith("Dates") for note in moments(MOMENTS).results[0].notes)


def test_moments_that_are_not_there_yet() -> None:
    frame = pd.DataFrame(
        [("control", 1, 10, 2.0, 4.0), ("control", 2, 7, None, None), ("coupon", 1, 1, 3.0, None)],
        columns=["variant", "day", "n", "mean", "variance"],
    )
    found = moments(frame, date="day")
    record = found.results[0]
    assert (record.n_control, record.n_immature_control, record.n) == (10, 7, 1)
    assert record.pvalue is None
    assert "treatment has one observed unit" in " ".join(record.notes)


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (0, "n", None, "row of control: n is empty; it must be a count"),
        (0, "n", 9.5, "row of control: n is 9.5; it must be a whole number"),
        (1, "variance", -1.0, "row of coupon: variance is -1; it must be 0 or more"),
        (1, "variance", None, "row of coupon: variance is empty, with 12 units"),
    ],
)
def test_moments_that_cannot_be(row: int, column: str, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        moments(with_cell(MOMENTS, row, column, value))
    assert raised.value.hint


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"cluster": "household"}, "cluster: needs rows of units"),
        ({"assignment": {"stratify": "town"}}, "assignment.stratify: needs rows of units"),
    ],
)
def test_what_needs_rows_of_units_is_refused(more: Mapping[str, Any], path: str) -> None:
    data = {"totals": {"path": "totals.csv", "date": "day"}}
    with pytest.raises(SpecError, match=path):
        analyze(spec_for(data, [GROSS], **more), data={"totals": TOTALS})


def test_counts_that_no_float_tells_apart_are_refused() -> None:
    huge = pd.DataFrame(
        [("control", 3, 4), ("coupon", 10**17, 3 * 10**17)],
        columns=["variant", "Enrollments", "Clicks"],
    ).assign(day="01")
    with pytest.raises(DataError, match=r"coupon has 300,000,000,000,000,000 in all; it must be"):
        totals(huge)
    many = huge.assign(Enrollments=[3 * 10**13, 3 * 10**13], Clicks=[10**14, 10**14 + 7])
    assert totals(many).results[0].pvalue is not None
