"""Balance of attributes, against scipy and by hand."""

from __future__ import annotations

import pytest
from scipy import stats

from abtest.stats.balance import independence, standardized_difference


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
