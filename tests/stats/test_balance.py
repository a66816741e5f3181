"""Balance of attributes, against scipy and by hand."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtest.stats.balance import independence, largest_gap, standardized_difference
from abtest.stats.value_counts import ValueCounts
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
