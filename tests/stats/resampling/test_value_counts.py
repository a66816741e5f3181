from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import skew

from abtest.stats.means.shape import (
    SkewCheck,
    adjusted_skewness,
    share_of_top,
    skew_check,
    skewness,
    units_by_rule_355,
)
from abtest.stats.means.welch import mean_level, welch
from abtest.stats.resampling.quantiles import compare_quantiles, quantile_value
from abtest.stats.resampling.value_counts import (
    ValueCounts,
    fine_edges,
    on_common_support,
    pooled_counts,
    winsorized,
)
from support import expected, golden_cases

rows_of = st.lists(st.floats(-1e6, 1e6).map(lambda v: round(v, 2)), min_size=1, max_size=40)


def revenue(folder: Path) -> dict[str, ValueCounts]:
    with (folder / "rev_skew.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    return {
        key: ValueCounts.of([float(row["revenue"]) for row in table if row["arm"] == key])
        for key in ("control", "treatment")
    }


@pytest.mark.parametrize("case", golden_cases("b_means_ratios_clusters", "b-winsor"))
def test_winsorising_reference_case(case: dict[str, Any], golden_data: Path) -> None:
    variants = revenue(golden_data)
    cap = quantile_value(pooled_counts(list(variants.values())), case["inputs"]["cap_quantile"])
    assert cap == expected(case, "cap")
    control, treatment = winsorized([variants["control"], variants["treatment"]], cap or 0.0)
    assert int(control.counts[-1]) == expected(case, "n_capped_control")
    assert int(treatment.counts[-1]) == expected(case, "n_capped_treatment")
    result = welch(control.moments, treatment.moments)
    assert result.value == expected(case, "mean_treatment")
    assert result.value_control == expected(case, "mean_control")
    assert result.pvalue == expected(case, "p_value")
    assert result.df == expected(case, "df")
    assert result.difference_ci is not None
    assert [result.difference_ci.low, result.difference_ci.high] == expected(case, "diff_ci")


@pytest.mark.parametrize("case", golden_cases("b_means_ratios_clusters", "b-skewness"))
def test_skewness_reference_case(case: dict[str, Any], golden_data: Path) -> None:
    variants = revenue(golden_data)
    assert skewness(variants["control"]) == expected(case, "g1_control")
    assert skewness(variants["treatment"]) == expected(case, "g1_treatment")
    assert adjusted_skewness(variants["control"]) == expected(case, "G1_control")
    assert units_by_rule_355(variants["control"]) == expected(case, "n_needed_355_control")


@given(st.lists(st.floats(-1e3, 1e3).map(lambda v: round(v, 2)), min_size=1, max_size=40))
def test_adjusted_skewness_is_scipys(rows: list[float]) -> None:
    counts = ValueCounts.of(rows)
    found, needed = adjusted_skewness(counts), units_by_rule_355(counts)
    if len(set(rows)) == 1:
        assert found is None
        assert needed is None
        return
    assert needed == pytest.approx(355 * skew(rows) ** 2, rel=1e-6, abs=1e-9)
    if len(rows) < 3:
        assert found is None
    else:
        assert found == pytest.approx(skew(rows, bias=False), rel=1e-6, abs=1e-9)


@given(rows_of)
def test_moments_are_those_of_the_rows(rows: list[float]) -> None:
    moments = ValueCounts.of(rows).moments
    assert moments.n == len(rows)
    assert moments.mean == pytest.approx(np.mean(rows), rel=1e-12, abs=1e-9)
    assert moments.m2 == pytest.approx(np.var(rows) * len(rows), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("offset", [1e9, 1e12])
def test_a_large_offset_costs_no_digits(offset: float) -> None:
    moments = ValueCounts.of([offset + k for k in (1.0, 2.0, 3.0, 4.0)]).moments
    assert moments.mean == offset + 2.5
    assert moments.m2 == 5.0


@given(rows_of, st.integers(0, 40), st.booleans())
def test_shards_add_up_to_the_whole(rows: list[float], cut: int, binned: bool) -> None:
    whole, parts = ValueCounts.of(rows), [ValueCounts.of(rows[:cut]), ValueCounts.of(rows[cut:])]
    if binned:
        edges = fine_edges([whole], 8)
        whole, parts = whole.to_bins(edges), [part.to_bins(edges) for part in parts]
    merged = parts[0] + parts[1]
    assert merged.counts.tolist() == whole.counts.tolist()
    assert merged.values == pytest.approx(whole.values, rel=1e-12, abs=1e-9)
    assert merged.m2 == pytest.approx(whole.m2, rel=1e-9, abs=1e-4)
    if not binned:
        assert merged == whole


@given(rows_of, st.integers(2, 30))
def test_a_histogram_keeps_mean_and_variance(rows: list[float], bins: int) -> None:
    counts = ValueCounts.of(rows)
    binned = counts.to_bins(fine_edges([counts], bins))
    assert binned.n == counts.n
    assert binned.moments.mean == pytest.approx(counts.moments.mean, rel=1e-12, abs=1e-9)
    assert binned.moments.m2 == pytest.approx(counts.moments.m2, rel=1e-9, abs=1e-4)


def test_edges_resolve_the_body_the_tail_and_the_zeros() -> None:
    rng = np.random.default_rng(1)
    revenue = np.round(rng.lognormal(3, 2, 50_000) * (rng.random(50_000) < 0.3), 2)
    counts = ValueCounts.of(revenue)
    binned = counts.to_bins(fine_edges([counts], 256))
    assert 60 < len(binned.values) <= 256
    assert binned.values[0] == 0
    assert binned.m2[0] == 0
    assert binned.m2.sum() < 0.01 * counts.moments.m2
    assert skewness(binned) == pytest.approx(skewness(counts), rel=0.01)
    assert on_common_support([counts], 60_000, 256) == (counts,)
    assert on_common_support([binned], 10, 10) == (binned,)


def test_values_too_large_to_average_have_no_moments_and_no_shape() -> None:
    huge = ValueCounts.of([-1e200, -5e199, 1e200, 2e200, 3e200])
    assert mean_level(huge.moments).problem == "has values too large to average"
    assert skewness(huge) is None
    assert compare_quantiles(huge, huge, 0.5).pvalue is None


def test_equality_needs_all_parts() -> None:
    exact = ValueCounts.of([1.0, 2.0])
    assert exact == ValueCounts.exact([1.0, 2.0], [1, 1])
    assert hash(exact) == hash(ValueCounts.exact([1.0, 2.0], [1, 1]))
    assert exact != ValueCounts.exact([1.0, 2.0], [1, 2])
    assert exact != exact.to_bins(np.array([0.0, 1.5, 3.0]))
    assert exact != "exact"
    with pytest.raises(ValueError, match="read-only"):
        exact.values[0] = 5.0


def test_bad_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="there are 2 values, 1 counts and 2 second moments"):
        ValueCounts.exact([1.0, 2.0], [1])
    with pytest.raises(ValueError, match="values are not ascending"):
        ValueCounts.exact([2.0, 1.0], [1, 1])
    with pytest.raises(ValueError, match="a count is below 1"):
        ValueCounts.exact([1.0], [0])
    with pytest.raises(ValueError, match="a value or second moment is not finite"):
        ValueCounts.exact([math.nan], [1])
    exact, edges = ValueCounts.of([1.0, 2.0]), np.array([0.0, 3.0])
    with pytest.raises(ValueError, match="have other edges"):
        _ = exact + exact.to_bins(edges)
    with pytest.raises(ValueError, match="are binned; only exact ones"):
        exact.to_bins(edges).to_bins(edges)
    with pytest.raises(ValueError, match="a value lies outside the edges"):
        exact.to_bins(np.array([0.0, 2.0]))
    with pytest.raises(ValueError, match="bins is 1; it must be at least 2"):
        fine_edges([exact], 1)
    with pytest.raises(ValueError, match="there are no units"):
        fine_edges([ValueCounts.of([])])


@given(rows_of, st.floats(-1e6, 1e6))
def test_capping_is_the_minimum_with_the_cap(rows: list[float], cap: float) -> None:
    if set(rows) <= {0.0, 1.0}:
        return
    assert ValueCounts.of(rows).capped(cap) == ValueCounts.of([min(row, cap) for row in rows])


def test_capping_bins_and_refusals() -> None:
    edges = np.array([0.0, 4.0, 8.0, np.inf])
    binned = ValueCounts.of([1.0, 2.0, 5.0, 9.0, 11.0]).to_bins(edges)
    assert binned.capped(8.0).moments == ValueCounts.of([1.0, 2.0, 5.0, 8.0, 8.0]).moments
    with pytest.raises(ValueError, match=r"a bin reaches across the cap 10\.0"):
        binned.capped(10.0)
    with pytest.raises(ValueError, match="all values are 0 or 1; a cap has no meaning"):
        ValueCounts.exact([0.0, 1.0], [9, 1]).capped(0.5)
    with pytest.raises(ValueError, match="the cap is nan; it must be a finite number"):
        ValueCounts.of([3.0]).capped(math.nan)
    with pytest.raises(ValueError, match="all values are 0 or 1"):
        winsorized([ValueCounts.of([0.0]), ValueCounts.of([1.0])], 5.0)
    # Values of 0 and 1 in one variant alone do not make the metric a proportion.
    low, high = winsorized([ValueCounts.of([0.0, 1.0]), ValueCounts.of([2.0, 9.0])], 3.0)
    assert (low.values.tolist(), high.values.tolist()) == ([0.0, 1.0], [2.0, 3.0])
    assert ValueCounts.of([]).capped(3.0).n == 0


@given(rows_of)
def test_skewness_as_in_scipy(rows: list[float]) -> None:
    ours = skewness(ValueCounts.of(rows))
    if np.ptp(rows) < 1e-3 * (1 + abs(np.mean(rows))):
        return
    assert ours == pytest.approx(stats.skew(rows), rel=1e-6, abs=1e-9)


def test_shape_of_nothing_and_of_one_value() -> None:
    nothing, same = ValueCounts.of([]), ValueCounts.of([5.0, 5.0])
    assert skewness(nothing) is None
    assert skewness(same) is None
    assert skew_check(same, same) == SkewCheck(None, None, passes=True)
    assert skew_check(nothing, ValueCounts.of([1.0, 2.0])).passes


def test_the_skew_check_knows_both_sizes() -> None:
    rng = np.random.default_rng(3)
    rows = rng.lognormal(0, 2, 10_000)
    balanced = skew_check(ValueCounts.of(rows[:5000]), ValueCounts.of(rows[5000:]))
    holdout = skew_check(ValueCounts.of(rows[:500]), ValueCounts.of(rows[500:]))
    assert balanced.passes
    assert balanced.skewness_of_difference == 0
    assert not holdout.passes


def test_the_skew_of_the_difference_is_that_of_simulated_differences() -> None:
    rng = np.random.default_rng(4)
    n_c, n_t, values = 20, 180, np.array([0.0, 1.0, 30.0])
    shares = np.array([0.5, 0.45, 0.05])
    control = rng.multinomial(n_c, shares, 200_000) @ values / n_c
    treatment = rng.multinomial(n_t, shares, 200_000) @ values / n_t
    check = skew_check(
        ValueCounts.exact(values, (shares * n_c).astype(int)),
        ValueCounts.exact(values, (shares * n_t).astype(int)),
    )
    assert check.skewness_of_difference == pytest.approx(stats.skew(treatment - control), abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("sizes", [(1900, 100), (1800, 200), (1000, 1000)])
def test_the_skew_check_fails_where_welch_does(spread: float, sizes: tuple[int, int]) -> None:
    # Suite S2: zero-inflated log-normal revenue, no effect.
    rng = np.random.default_rng(12)
    runs, rejected, failed = 2000, 0, 0
    for _ in range(runs):
        rows = [rng.lognormal(0, spread, n) * (rng.random(n) < 0.2) for n in sizes]
        rejected += bool(stats.ttest_ind(rows[0], rows[1], equal_var=False).pvalue < 0.05)
        failed += not skew_check(ValueCounts.of(rows[0]), ValueCounts.of(rows[1])).passes
    if rejected / runs > 0.06 + 3 * math.sqrt(0.06 * 0.94 / runs):
        assert failed / runs > 0.5
    if sizes[0] == sizes[1]:
        assert failed == 0


@given(rows_of, st.floats(0.01, 0.99))
def test_the_share_of_the_top_is_that_of_the_sorted_rows(rows: list[float], share: float) -> None:
    values = np.sort(np.abs(rows))[::-1]
    found = share_of_top(ValueCounts.of(values), share)
    if not values.sum() > 0:
        assert found is None
        return
    top = values[: max(1, math.ceil(share * len(values)))]
    assert found == pytest.approx(top.sum() / values.sum(), rel=1e-9)


def test_the_share_of_the_top_of_nothing() -> None:
    assert share_of_top(ValueCounts.of([])) is None
    assert share_of_top(ValueCounts.of([-1.0, 5.0])) is None
    with pytest.raises(ValueError, match="share is 1; it must be between 0 and 1"):
        share_of_top(ValueCounts.of([1.0]), 1)
