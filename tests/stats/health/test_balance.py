"""Balance of attributes, against scipy and by hand."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.tools import add_constant

from abtest.stats.adjustment.co_moments import Columns, from_rows
from abtest.stats.health.balance import independence, largest_gap, omnibus, standardized_difference
from abtest.stats.resampling.value_counts import ValueCounts
from support import SHARED, expected, golden_cases


@pytest.mark.parametrize(
    "table", [[[10, 20], [20, 10]], [[5, 9, 40], [7, 3, 1], [8, 8, 8]], [[1, 2_000], [3, 1_999]]]
)
def test_independence_is_that_of_scipy(table: list[list[int]]) -> None:
    wanted = stats.chi2_contingency(table, correction=False)
    found = independence(table)
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-12)
    assert found.pvalue == pytest.approx(wanted.pvalue, rel=1e-12)
    assert found.df == wanted.dof


def test_empty_rows_and_columns_cost_no_degree_of_freedom() -> None:
    assert independence([[10, 0, 20], [20, 0, 10], [0, 0, 0]]) == independence([[10, 20], [20, 10]])


@pytest.mark.parametrize("table", [[], [[1, 2]], [[1], [2]], [[0, 0], [0, 0]]])
def test_without_two_rows_and_columns_there_is_no_test(table: list[list[int]]) -> None:
    found = independence(table)
    assert (found.statistic, found.df, found.pvalue) == (None, 0, None)


def test_standardized_difference_by_hand() -> None:
    # A difference of 2, and a mean variance of 8.
    assert standardized_difference((10.0, 9.0), (12.0, 7.0)) == pytest.approx(2 / 8**0.5, rel=1e-15)
    assert standardized_difference((10.0, 0.0), (12.0, 0.0)) is None


@pytest.mark.parametrize("case", golden_cases("j_health", "j-ks"))
def test_reference_largest_gap(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    path = SHARED / "golden" / "data" / inputs["csv"]
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["is_new"] == "0"]
    control, treatment = (
        ValueCounts.of([float(row[inputs["variable"]]) for row in rows if row["arm"] == arm])
        for arm in ("control", "A")
    )
    assert largest_gap(control, treatment) == expected(case, "D")


values = st.lists(st.integers(0, 9), min_size=1, max_size=30)


@given(values, values)
def test_largest_gap_is_that_of_scipy(one: list[int], other: list[int]) -> None:
    found = largest_gap(ValueCounts.of(one), ValueCounts.of(other))
    steps = [stats.ecdf(values).cdf.evaluate(range(10)) for values in (one, other)]
    assert found == pytest.approx(max(abs(steps[1] - steps[0])), abs=1e-12)


def test_nobody_has_no_distribution() -> None:
    assert largest_gap(ValueCounts.of([]), ValueCounts.of([1.0])) is None


COLUMNS = Columns(("y",), ("a", "b", "twice_a", "constant"))


def test_omnibus_is_the_regression_of_the_variant() -> None:
    """Against statsmodels, with a covariate that repeats another and one that never varies."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(60, 2)) * [1, 1e6] + [0, 1e9]
    treated = np.arange(60) % 3 == 0
    x[treated, 0] += 0.4
    rows = np.column_stack([np.zeros(60), x, 2 * x[:, 0], np.ones(60)])
    found = omnibus(from_rows(COLUMNS, rows[~treated]), from_rows(COLUMNS, rows[treated]))
    centred = (x - x.mean(axis=0)) / x.std(axis=0)
    fitted = OLS(treated.astype(float), add_constant(centred)).fit()
    assert found is not None
    assert found.df == (2, 57)
    assert found.f == pytest.approx(fitted.fvalue, rel=1e-9)
    assert found.pvalue == pytest.approx(fitted.f_pvalue, rel=1e-9)
    assert found.chi_square == pytest.approx(59 * fitted.rsquared, rel=1e-9)
    assert found.chi_square_pvalue == pytest.approx(stats.chi2.sf(found.chi_square, 2), rel=1e-9)


def test_omnibus_without_anything_to_test() -> None:
    columns = Columns(("y",), ("x",))
    constant = from_rows(columns, [[0, 1], [1, 1]])
    assert omnibus(constant, constant) is None
    assert omnibus(from_rows(columns, []), constant) is None
    apart = omnibus(from_rows(columns, [[0, 1], [0, 1]]), from_rows(columns, [[0, 2], [0, 2]]))
    assert apart is not None
    assert apart.pvalue == 0
