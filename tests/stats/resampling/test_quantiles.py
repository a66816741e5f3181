from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtest.stats.comparison import Interval
from abtest.stats.resampling.quantiles import (
    compare_quantiles,
    quantile_estimate,
    quantile_value,
    resampled_quantiles,
)
from abtest.stats.resampling.value_counts import ValueCounts

rows_of = st.lists(st.integers(0, 30).map(float), min_size=4, max_size=60)
qs = st.sampled_from([0.25, 0.4, 0.5])
# Never a level that a whole number of halves makes a tie, such as 0.75.
levels = st.floats(0.5, 0.999).map(lambda v: 0.0003 + 0.99871 * v)


@given(rows_of, st.floats(0.01, 0.99))
def test_the_quantile_is_numpys(rows: list[float], q: float) -> None:
    assert quantile_value(ValueCounts.of(rows), q) == pytest.approx(np.quantile(rows, q))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60, unique=True), qs, levels)
def test_the_interval_is_scipys(rows: list[float], q: float, level: float) -> None:
    theirs: Any = stats.quantile_test(rows, p=q).confidence_interval(level)
    interval = quantile_estimate(ValueCounts.of(rows), q, level).ci
    assert interval is not None
    # scipy says nan where an end cannot be bounded.
    low = -math.inf if math.isnan(theirs.low) else theirs.low
    high = math.inf if math.isnan(theirs.high) else theirs.high
    value = quantile_value(ValueCounts.of(rows), q) or 0.0
    assert interval == Interval(min(low, value), max(high, value))


def test_a_million_units_have_the_interval_of_scipy() -> None:
    rows = np.round(np.random.default_rng(1).lognormal(0, 1, 1_000_000), 4)
    theirs: Any = stats.quantile_test(rows, p=0.9).confidence_interval(0.95)
    ours = quantile_estimate(ValueCounts.of(rows), 0.9).ci
    assert ours == Interval(theirs.low, theirs.high)


@given(rows_of, rows_of, qs, levels)
def test_one_statement(
    control: list[float], treatment: list[float], q: float, level: float
) -> None:
    result = compare_quantiles(ValueCounts.of(control), ValueCounts.of(treatment), q, level)
    if result.pvalue is None:
        assert result.notes
        return
    assert result.difference_ci is not None
    if abs(result.pvalue - (1 - level)) > 1e-9:
        rejected = result.pvalue < 1 - level
        assert rejected == (0 not in result.difference_ci)
        if result.lift_ci is not None:
            assert rejected == (0 not in result.lift_ci)
    back = compare_quantiles(ValueCounts.of(treatment), ValueCounts.of(control), q, level)
    assert back.pvalue == pytest.approx(result.pvalue, rel=1e-9)
    assert back.difference_ci is not None
    assert back.difference_ci.low == pytest.approx(-result.difference_ci.high, abs=1e-9)
    assert result.difference is not None
    assert result.difference in result.difference_ci


def test_pvalue_by_summing_over_all_pairs_of_ranks() -> None:
    control, treatment, q = [1.0, 2.0, 2.0, 5.0, 9.0], [2.0, 4.0, 6.0, 6.0, 7.0, 8.0], 0.5

    def spread(rows: list[float]) -> list[tuple[float, float]]:
        padded = [-math.inf, *rows, math.inf]
        weights: Any = stats.binom.pmf(np.arange(len(padded)), len(rows) + 1, q)
        return list(zip(padded, weights, strict=True))

    below = sum(w * v for c, w in spread(control) for t, v in spread(treatment) if t <= c)
    above = sum(w * v for c, w in spread(control) for t, v in spread(treatment) if t >= c)
    result = compare_quantiles(ValueCounts.of(control), ValueCounts.of(treatment), q)
    assert result.pvalue == pytest.approx(2 * min(below, above), rel=1e-12)


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_intervals_agree_with_the_bootstrap_of_scipy(q: float) -> None:
    rng = np.random.default_rng(2)
    control, treatment = rng.lognormal(1, 1, 800), 1.3 * rng.lognormal(1, 1, 600)

    def difference(c: Any, t: Any, axis: int = -1) -> Any:
        return np.quantile(t, q, axis=axis) - np.quantile(c, q, axis=axis)

    theirs = stats.bootstrap(
        (control, treatment), difference, n_resamples=9999, method="percentile", rng=rng
    )
    ours = compare_quantiles(ValueCounts.of(control), ValueCounts.of(treatment), q)
    interval = theirs.confidence_interval
    # Monte Carlo error of an end is about 3% of the standard error here, and ranks are whole.
    slack = 0.12 * float(theirs.standard_error)
    assert ours.difference_ci is not None
    assert ours.difference_ci.low == pytest.approx(interval.low, abs=slack)
    assert ours.difference_ci.high == pytest.approx(interval.high, abs=slack)
    assert ours.se == pytest.approx(theirs.standard_error, rel=0.05)


def test_resampled_quantiles_have_the_distribution_of_resampled_units() -> None:
    rng = np.random.default_rng(5)
    rows = np.array([0.0, 0.0, 1.0, 3.0, 3.5, 8.0])
    brute = np.quantile(rng.choice(rows, (40_000, 6)), 0.4, axis=1)
    ours = resampled_quantiles(ValueCounts.of(rows), 0.4, 40_000, rng)
    grid = np.linspace(-0.5, 8.5, 61)
    shares = [(brute[:, None] <= grid).mean(axis=0), (ours[:, None] <= grid).mean(axis=0)]
    assert np.abs(shares[0] - shares[1]).max() < 0.015


def test_scaling_leaves_pvalue_and_lift() -> None:
    rng = np.random.default_rng(6)
    rows = rng.lognormal(1, 1, 300), rng.lognormal(1.2, 1, 300)
    plain = compare_quantiles(ValueCounts.of(rows[0]), ValueCounts.of(rows[1]), 0.5)
    cents = compare_quantiles(ValueCounts.of(rows[0] * 100), ValueCounts.of(rows[1] * 100), 0.5)
    assert cents.pvalue == pytest.approx(plain.pvalue, rel=1e-9)
    assert plain.lift_ci is not None
    assert cents.lift_ci is not None
    assert cents.lift_ci.low == pytest.approx(plain.lift_ci.low, rel=1e-6)


def test_ties_count_to_both_sides() -> None:
    mostly_zero = ValueCounts.exact([0.0, 10.0], [900, 100])
    result = compare_quantiles(mostly_zero, mostly_zero, 0.5)
    assert result.pvalue == 1
    assert result.difference_ci == Interval(0, 0)
    assert result.lift is None
    assert result.notes == ("control is zero or negative: a relative lift has no meaning",)


def test_too_few_units_and_bad_input() -> None:
    one, none = ValueCounts.of([3.0]), ValueCounts.of([])
    assert compare_quantiles(one, one, 0.5).notes == (
        "control has too few units for this quantile: 1",
    )
    assert compare_quantiles(one, none, 0.5).pvalue is None
    assert compare_quantiles(none, one, 0.5).notes == ("control has no observed units",)
    assert quantile_estimate(none, 0.5).value is None
    assert quantile_estimate(one, 0.5).ci == Interval(-math.inf, math.inf)
    with pytest.raises(ValueError, match="q is 50; it must lie strictly between 0 and 1"):
        quantile_value(one, 50)
    with pytest.raises(ValueError, match="ci_level is 1; it must lie strictly"):
        compare_quantiles(one, one, 0.5, 1)


def test_bins_are_mentioned() -> None:
    rows = ValueCounts.of([float(k) for k in range(100)])
    binned = rows.to_bins(np.arange(0.0, 110.0, 10.0))
    assert "values are grouped in bins" in compare_quantiles(binned, binned, 0.5).notes


@pytest.mark.slow
@pytest.mark.parametrize("q", [0.5, 0.9])
def test_size_under_no_effect(q: float) -> None:
    rng = np.random.default_rng(8)
    rejected = 0
    runs = 4000
    for _ in range(runs):
        rows = [ValueCounts.of(rng.lognormal(0, 2, n)) for n in (400, 150)]
        rejected += (compare_quantiles(rows[0], rows[1], q).pvalue or 0) < 0.05
    assert rejected / runs < 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
