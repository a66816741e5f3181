"""The bootstrap and the permutation test against scipy, exact enumeration and exact moments."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abtest.stats.comparison import Comparison, Interval
from abtest.stats.means.welch import welch
from abtest.stats.resampling.bootstrap import Target, bootstrap, resampled_means
from abtest.stats.resampling.bootstrap_limits import (
    bca_interval,
    bca_pvalue,
    percentile_interval,
    percentile_pvalue,
)
from abtest.stats.resampling.draws import Resampling, most_beyond
from abtest.stats.resampling.permutation import permutation, permuted_statistics
from abtest.stats.resampling.value_counts import ValueCounts, fine_edges

Floats = npt.NDArray[np.float64]
rows_of = st.lists(st.integers(0, 20).map(float), min_size=1, max_size=20)


def difference_of_means(control: Floats, treatment: Floats, axis: int = -1) -> Floats:
    return np.asarray(treatment.mean(axis=axis) - control.mean(axis=axis))


def revenue(units: int, seed: int, skew: float = 1.0) -> Floats:
    rng = np.random.default_rng(seed)
    return np.round(rng.lognormal(3.0, skew, units) * (rng.random(units) < 0.4), 2)


def _contradictions(result: Comparison, alpha: float) -> list[str]:
    if result.pvalue is None:
        return [] if result.notes else ["no note"]
    rejected = result.pvalue < alpha
    found = []
    for name in ("difference_ci", "lift_ci"):
        interval = getattr(result, name)
        if interval is None:
            continue
        if rejected == (0 in interval):
            found.append(name)
        if math.isnan(interval.low) or math.isnan(interval.high):
            found.append(f"{name} is nan")
    return found


# Permutation


def _exact_statistics(control: list[float], treatment: list[float]) -> Floats:
    rows, n_t = np.array(control + treatment), len(treatment)
    found = []
    for chosen in combinations(range(len(rows)), n_t):
        mask = np.zeros(len(rows), dtype=bool)
        mask[list(chosen)] = True
        test = stats.ttest_ind(rows[mask], rows[~mask], equal_var=False)
        found.append(test.statistic)
    return np.array(found)


def test_permutation_is_the_exact_one_up_to_monte_carlo_error() -> None:
    control, treatment = [0.0, 1.0, 1.5, 3.0, 4.0], [2.0, 5.0, 6.5, 7.0]
    exact = np.abs(_exact_statistics(control, treatment))
    observed = abs(stats.ttest_ind(treatment, control, equal_var=False).statistic)
    wanted = float((exact >= observed * (1 - 1e-9)).mean())
    result = permutation(
        ValueCounts.of(control), ValueCounts.of(treatment), Resampling(49_999, seed=3)
    )
    assert result.statistic == pytest.approx(observed)
    assert result.pvalue == pytest.approx(wanted, abs=4 * math.sqrt(wanted / 50_000))


def test_permuted_statistics_are_all_that_exist_and_no_others() -> None:
    control, treatment = [0.0, 1.0, 4.0], [2.0, 9.0]
    exact = set(np.round(_exact_statistics(control, treatment), 9))
    drawn = permuted_statistics(
        ValueCounts.of(control), ValueCounts.of(treatment), Resampling(2000, seed=1)
    )
    assert set(np.round(drawn, 9)) == exact


def test_permutation_agrees_with_scipy_on_ties_and_unequal_sizes() -> None:
    control, treatment = revenue(300, 1), revenue(25, 2)

    def statistic(c: Floats, t: Floats, axis: int = -1) -> Floats:
        spread = c.var(axis=axis, ddof=1) / c.shape[axis] + t.var(axis=axis, ddof=1) / t.shape[axis]
        return np.asarray(np.abs(t.mean(axis=axis) - c.mean(axis=axis)) / np.sqrt(spread))

    theirs: Any = stats.permutation_test(
        (control, treatment), statistic, n_resamples=9999, alternative="greater", vectorized=True,
        rng=np.random.default_rng(1),
    ).pvalue  # fmt: skip
    ours = permutation(ValueCounts.of(control), ValueCounts.of(treatment), Resampling(9999, 1))
    assert ours.pvalue == pytest.approx(theirs, abs=4 * math.sqrt(2 * 0.25 / 9999))


def test_the_pvalue_counts_the_observed_sample() -> None:
    low, high = ValueCounts.of([float(k) for k in range(30)]), ValueCounts.of([100.0, 101.0, 103.0])
    assert permutation(low, high, Resampling(99, 1)).pvalue == pytest.approx(1 / 100, abs=0.011)


@given(rows_of, rows_of, st.floats(0.5, 0.99), st.integers(20, 200), st.integers(0, 9))
@settings(deadline=None)
def test_permutation_and_percentile_bootstrap_are_one_statement(
    control: list[float], treatment: list[float], level: float, resamples: int, seed: int
) -> None:
    variants = ValueCounts.of(control), ValueCounts.of(treatment)
    resampling = Resampling(resamples, seed)
    results = [
        permutation(*variants, resampling, level),
        bootstrap(*variants, resampling, ci_level=level),
        bootstrap(*variants, resampling, Target(q=0.5), level),
    ]
    for result in results:
        assert result.coherent
        if result.pvalue is None or abs(result.pvalue - (1 - level)) > 1e-9:
            assert _contradictions(result, 1 - level) == []
    there, back = results[0], permutation(variants[1], variants[0], resampling, level)
    assert there.pvalue == back.pvalue
    if there.difference_ci is not None and back.difference_ci is not None:
        assert there.difference_ci.low == pytest.approx(-back.difference_ci.high)


def test_permutation_of_balanced_normal_units_is_welch() -> None:
    rng = np.random.default_rng(4)
    variants = ValueCounts.of(rng.normal(10, 2, 400)), ValueCounts.of(rng.normal(10.3, 2, 400))
    ours = permutation(*variants, Resampling(20_000, 1))
    theirs = welch(variants[0].moments, variants[1].moments)
    assert ours.pvalue == pytest.approx(theirs.pvalue, abs=0.006)
    assert ours.difference_ci is not None
    assert theirs.difference_ci is not None
    assert ours.difference_ci.low == pytest.approx(theirs.difference_ci.low, abs=0.02)


def test_bins_hardly_change_the_permutation() -> None:
    rows = revenue(9500, 5, 1.5), revenue(500, 6, 1.5)
    exact = ValueCounts.of(rows[0]), ValueCounts.of(rows[1])
    edges = fine_edges(exact, 256)
    coarse = exact[0].to_bins(edges), exact[1].to_bins(edges)
    assert len(np.unique(np.concatenate(rows))) > 512
    first = permutation(*exact, Resampling(5000, 1)).pvalue
    assert first == permutation(*coarse, Resampling(5000, 1)).pvalue
    whole = ValueCounts.of(np.round(rows[0])), ValueCounts.of(np.round(rows[1]))
    units = permuted_statistics(*whole, Resampling(5000, 2))
    binned = permuted_statistics(*coarse, Resampling(5000, 3))
    assert stats.ks_2samp(units, binned).pvalue > 0.001


def _holdout_size(runs: int, resamples: int) -> tuple[float, float]:
    """Suite S2: type I error of the permutation test and of Welch's with a 95/5 split."""
    permuted = by_welch = 0
    for run in range(runs):
        control, treatment = revenue(1900, 2 * run, 2.0), revenue(100, 2 * run + 1, 2.0)
        variants = ValueCounts.of(np.round(control)), ValueCounts.of(np.round(treatment))
        permuted += (permutation(*variants, Resampling(resamples, run)).pvalue or 0) < 0.05
        by_welch += (welch(variants[0].moments, variants[1].moments).pvalue or 0) < 0.05
    return permuted / runs, by_welch / runs


def test_permutation_keeps_its_error_where_welch_does_not() -> None:
    permuted, by_welch = _holdout_size(300, 199)
    assert permuted == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 300))
    assert by_welch > 0.09


@pytest.mark.slow
def test_permutation_keeps_its_error_where_welch_does_not_in_many_runs() -> None:
    permuted, by_welch = _holdout_size(4000, 499)
    assert permuted == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 4000))
    assert by_welch > 0.09


# Bootstrap


def test_resampled_means_have_the_exact_moments_of_the_full_bootstrap() -> None:
    rows = revenue(3000, 7, 1.5)
    counts = ValueCounts.of(rows)
    binned = counts.to_bins(fine_edges([counts], 256))
    se = rows.std() / math.sqrt(len(rows))
    skew = stats.skew(rows) / math.sqrt(len(rows))
    for variant in (counts, binned):
        means = resampled_means(variant, 10_000, np.random.default_rng(1))
        assert means.mean() == pytest.approx(rows.mean(), abs=4 * se / math.sqrt(10_000))
        assert means.std() == pytest.approx(se, rel=0.03)
        assert stats.skew(means) == pytest.approx(skew, abs=0.1)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_the_interval_is_that_of_the_full_bootstrap(method: str) -> None:
    rows = revenue(700, 8), revenue(500, 9) * 1.2
    theirs: Any = stats.bootstrap(
        rows, difference_of_means, n_resamples=20_000,
        method="BCa" if method == "bca" else "percentile",
        vectorized=True, batch=500, rng=np.random.default_rng(2),
    )  # fmt: skip
    target = Target("bca" if method == "bca" else "percentile")
    ours = bootstrap(
        ValueCounts.of(rows[0]), ValueCounts.of(rows[1]), Resampling(20_000, 1), target
    )
    slack = 0.06 * float(theirs.standard_error)  # four Monte Carlo standard errors of an end
    assert ours.difference_ci is not None
    assert ours.difference_ci.low == pytest.approx(theirs.confidence_interval.low, abs=slack)
    assert ours.difference_ci.high == pytest.approx(theirs.confidence_interval.high, abs=slack)
    assert ours.se == pytest.approx(theirs.standard_error, rel=0.03)


def test_bca_limits_are_those_of_scipy_on_its_own_resamples() -> None:
    rows = revenue(60, 10), revenue(40, 11)
    theirs: Any = stats.bootstrap(
        rows, difference_of_means, n_resamples=4000, method="BCa", rng=np.random.default_rng(3)
    )
    influence = [(row - row.mean()) / len(row) for row in rows]
    cube = (influence[1] ** 3).sum() - (influence[0] ** 3).sum()
    square = (influence[1] ** 2).sum() + (influence[0] ** 2).sum()
    ours = bca_interval(
        theirs.bootstrap_distribution,
        float(difference_of_means(*rows)),
        float(cube / (6 * square**1.5)),
        0.95,
    )
    assert ours.low == pytest.approx(theirs.confidence_interval.low, rel=1e-6)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, rel=1e-6)


def test_bca_of_a_lift_is_close_to_scipys() -> None:
    rows = revenue(400, 12), revenue(300, 13) * 1.3

    def lift(control: Floats, treatment: Floats, axis: int = -1) -> Floats:
        return np.asarray(treatment.mean(axis=axis) / control.mean(axis=axis) - 1)

    theirs: Any = stats.bootstrap(
        rows, lift, n_resamples=20_000, method="BCa", batch=500, rng=np.random.default_rng(2)
    )
    ours = bootstrap(
        ValueCounts.of(rows[0]), ValueCounts.of(rows[1]), Resampling(20_000, 1), Target("bca")
    )
    slack = 0.08 * float(theirs.standard_error)
    assert ours.lift_ci is not None
    assert ours.lift_ci.low == pytest.approx(theirs.confidence_interval.low, abs=slack)
    assert ours.lift_ci.high == pytest.approx(theirs.confidence_interval.high, abs=slack)
    assert not ours.coherent
    assert any("they may disagree" in note for note in ours.notes)


def test_the_bca_pvalue_is_the_level_at_which_an_end_is_zero() -> None:
    resamples = np.random.default_rng(5).normal(1.0, 0.6, 100_000) ** 3
    pvalue = bca_pvalue(resamples, 1.0, 0.05)
    low = bca_interval(resamples, 1.0, 0.05, 1 - pvalue).low
    assert low == pytest.approx(0, abs=0.01)


def test_limits_of_known_resamples() -> None:
    resamples = np.arange(-9.0, 990.0)
    assert percentile_pvalue(resamples) == 2 * 11 / 1000
    assert percentile_interval(resamples, 0.95) == Interval(15, 965)
    assert percentile_interval(np.arange(10.0), 0.95) == Interval(-math.inf, math.inf)
    assert most_beyond(10_000, 1e-9) == -1


def test_same_seed_same_bytes() -> None:
    variants = ValueCounts.of(revenue(900, 14)), ValueCounts.of(revenue(800, 15))

    def run(seed: int) -> list[Comparison]:
        resampling = Resampling(500, seed)
        return [
            bootstrap(*variants, resampling),
            bootstrap(*variants, resampling, Target("bca", q=0.9)),
            permutation(*variants, resampling),
        ]

    assert run(1) == run(1)
    assert all(mine != other for mine, other in zip(run(1), run(2), strict=True))


def test_a_quantile_is_bootstrapped_as_in_scipy() -> None:
    rows = revenue(400, 16), revenue(300, 17)

    def difference(c: Floats, t: Floats, axis: int = -1) -> Floats:
        return np.asarray(np.quantile(t, 0.8, axis=axis) - np.quantile(c, 0.8, axis=axis))

    theirs: Any = stats.bootstrap(rows, difference, n_resamples=9999, method="percentile",
                             rng=np.random.default_rng(1))  # fmt: skip
    ours = bootstrap(
        ValueCounts.of(rows[0]), ValueCounts.of(rows[1]), Resampling(9999, 1), Target(q=0.8)
    )
    slack = 0.15 * float(theirs.standard_error)
    assert ours.difference_ci is not None
    assert ours.difference_ci.low == pytest.approx(theirs.confidence_interval.low, abs=slack)
    assert ours.difference_ci.high == pytest.approx(theirs.confidence_interval.high, abs=slack)


# What has no answer


@pytest.mark.parametrize(
    ("control", "treatment", "note"),
    [
        ([], [1.0, 2.0], "control has no observed units"),
        ([1.0, 2.0], [3.0], "treatment has one observed unit, which shows no variation"),
        ([2.0, 2.0], [3.0, 3.0], "neither variant varies: there is nothing to test against"),
        ([0.0, 0.0], [0.0, 0.0], "neither variant varies: there is nothing to test against"),
    ],
)
def test_no_answer_says_why(control: list[float], treatment: list[float], note: str) -> None:
    variants = ValueCounts.of(control), ValueCounts.of(treatment)
    for result in (
        permutation(*variants, Resampling(50, 1)),
        bootstrap(*variants, Resampling(50, 1)),
        bootstrap(*variants, Resampling(50, 1), Target("bca", q=0.5)),
    ):
        assert (result.pvalue, result.difference_ci, result.lift_ci) == (None, None, None)
        assert result.notes == (note,)


def test_one_variant_that_does_not_vary_and_a_lift_without_bounds() -> None:
    variants = ValueCounts.of([3.0, 3.0, 3.0]), ValueCounts.of([1.0, 5.0, 9.0])
    assert permutation(*variants, Resampling(200, 1)).pvalue is not None
    near_zero = ValueCounts.exact([0.0, 1.0], [60, 1]), ValueCounts.exact([0.0, 1.0], [50, 11])
    result = bootstrap(*near_zero, Resampling(500, 1))
    assert result.lift_ci is None
    assert result.notes == ("relative lift cannot be bounded",)
    negative = ValueCounts.of([-5.0, -6.0]), ValueCounts.of([1.0, 2.0])
    assert bootstrap(*negative, Resampling(50, 1)).lift is None
    few = permutation(*near_zero, Resampling(10, 1), 0.99)
    assert few.difference_ci == Interval(-math.inf, math.inf)
    assert few.lift_ci is None


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="resamples is 0; it must be at least 1"):
        Resampling(0, 1)
    with pytest.raises(ValueError, match="seed is -1; it must be at least 0"):
        Resampling(10, -1)
    counts = ValueCounts.of([1.0, 2.0])
    with pytest.raises(ValueError, match="ci_level is 2; it must lie strictly"):
        bootstrap(counts, counts, Resampling(10, 1), ci_level=2)
    with pytest.raises(ValueError, match="ci_level is 2; it must lie strictly"):
        permutation(counts, counts, Resampling(10, 1), 2)
    with pytest.raises(ValueError, match="q is 2; it must lie strictly"):
        bootstrap(counts, counts, Resampling(10, 1), Target(q=2))
