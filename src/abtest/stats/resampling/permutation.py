"""Two means by the studentised permutation test, from value counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.absent import (
    CONTROL_NOT_POSITIVE,
    LIFT_UNBOUNDED,
    SIDES,
    problem_of,
    without_inference,
)
from abtest.stats.comparison import Comparison, Interval
from abtest.stats.means.fieller import fieller_lift
from abtest.stats.means.welch import mean_level
from abtest.stats.resampling.draws import BINS, MAX_DISTINCT, chunks, most_beyond
from abtest.stats.resampling.value_counts import on_common_support, pooled_counts
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from abtest.stats.resampling.draws import Resampling
    from abtest.stats.resampling.value_counts import Counts, Floats, ValueCounts
    from abtest.stats.summaries import Moments

_TIE = 1e-9  # statistics this close, relatively, are one: sums in another order differ in rounding


def permutation(
    control: ValueCounts,
    treatment: ValueCounts,
    resampling: Resampling,
    ci_level: float = 0.95,
) -> Comparison:
    """Compare two means by Welch's t with critical values from permuted variants.

    T = (m_t - m_c) / sqrt(s2_t / n_t + s2_c / n_c). Under a permutation the units of the smaller
    variant are drawn from all units without replacement, which for value counts is a multivariate
    hypergeometric draw. p = (b + 1) / (m + 1), with b the permutations whose abs(T) is at least the
    observed one. The intervals are Welch's and Fieller's with the permutations' own quantile c of
    abs(T) in place of t's: the largest one that p < alpha still rejects. So p-value and both
    intervals agree for every alpha.

    Exact where the variants have one distribution under the null; where only their means are
    equal, valid in large samples whatever the variances, which an unstudentised one is not.

    Args:
        control: The control's value counts.
        treatment: The treatment's value counts. More than 512 distinct values are put into
            common bins for the draws (the observed statistic is exact).
        resampling: How many permutations m, and the seed.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, in the metric's unit. The p-value has a Monte Carlo standard error of about
        sqrt(p (1 - p) / m). Ends are infinite where m is too small for the level.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Janssen (1997), Statistics & Probability Letters 36, 9-21; Chung & Romano (2013), Annals of
        Statistics 41, 484-507; Phipson & Smyth (2010) for (b + 1) / (m + 1).

    Example:
        >>> from abtest.stats.resampling.draws import Resampling
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> rows = ValueCounts.of([1.0, 2.0, 3.0, 4.0]), ValueCounts.of([5.0, 6.0, 7.0, 8.0])
        >>> permutation(*rows, Resampling(999, seed=1)).pvalue < 0.06
        True
    """
    check_ci_level(ci_level)
    moments = control.moments, treatment.moments
    levels = mean_level(moments[0]), mean_level(moments[1])
    problems: list[str] = [
        problem_of(name, level.problem)
        for name, level in zip(SIDES, levels, strict=True)
        if level.problem
    ]
    if not problems and not levels[0].variance and not levels[1].variance:
        problems = [sentence("neither variant varies: there is nothing to test against")]
    if problems:
        return without_inference(
            levels[0].value,
            levels[1].value,
            ci_level=ci_level,
            method="permutation",
            note="; ".join(problems),
        )
    permuted = np.sort(np.abs(permuted_statistics(control, treatment, resampling)))
    return _comparison(moments, permuted, ci_level)


def _comparison(moments: tuple[Moments, Moments], permuted: Floats, ci_level: float) -> Comparison:
    """The comparison, given the ascending absolute statistics of the permutations."""
    (control, variance_c), (treatment, variance_t) = (
        (moment.mean, mean_level(moment).variance or 0.0) for moment in moments
    )
    difference = treatment - control
    se = math.sqrt(variance_c + variance_t)
    statistic = difference / se
    total = len(permuted)
    as_large = total - int(np.searchsorted(permuted, abs(statistic) * (1 - _TIE), side="left"))
    critical = _critical(permuted, 1 - ci_level)
    lift = difference / control if control > 0 else None
    lift_ci = None
    if lift is not None and math.isfinite(critical):
        lift_ci = fieller_lift(control, variance_c, treatment, variance_t, critical)
    notes = () if lift_ci else (CONTROL_NOT_POSITIVE if lift is None else LIFT_UNBOUNDED,)
    return Comparison(
        value=treatment,
        value_control=control,
        difference=difference,
        difference_ci=Interval(difference - critical * se, difference + critical * se),
        lift=lift,
        lift_ci=lift_ci,
        se=se,
        statistic=statistic,
        df=None,
        pvalue=(as_large + 1) / (total + 1),
        ci_level=ci_level,
        method="permutation",
        notes=notes,
    )


def _critical(permuted: Floats, alpha: float) -> float:
    """The statistic that must be exceeded for (b + 1) / (m + 1) < alpha; infinite if none can."""
    total, most = len(permuted), most_beyond(len(permuted), alpha)
    if most < 0:
        return math.inf
    return float(permuted[total - 1 - most]) / (1 - _TIE) if most < total else 0.0


def permuted_statistics(
    control: ValueCounts, treatment: ValueCounts, resampling: Resampling
) -> Floats:
    """Welch's t of every permutation of the units between the variants.

    Args:
        control: The control's value counts, at least one unit.
        treatment: The treatment's value counts, at least one unit.
        resampling: How many permutations, and the seed.

    Returns:
        One statistic per permutation, treatment minus control; infinite where the variants differ
        and neither varies.

    Example:
        >>> from abtest.stats.resampling.draws import Resampling
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> variant = ValueCounts.of([1.0, 2.0])
        >>> sorted(set(permuted_statistics(variant, variant, Resampling(99, 1)).tolist()))
        [-inf, 0.0, inf]
    """
    pooled = pooled_counts(on_common_support((control, treatment), MAX_DISTINCT, BINS))
    smaller = min(control.n, treatment.n)
    rng = resampling.generator()
    # The smaller variant's units are drawn: fewer draws, and swapping variants changes nothing.
    sign = 1.0 if treatment.n <= control.n else -1.0
    parts = [
        sign * _statistics(pooled, _draws(rng, pooled.counts, smaller, size), smaller)
        for size in chunks(resampling.resamples, len(pooled.values))
    ]
    return np.concatenate(parts)


def _draws(rng: np.random.Generator, counts: Counts, units: int, size: int) -> Counts:
    """Draws of units without replacement, counted by value; one row per draw."""
    # The default method shuffles every unit; this one costs the number of values.
    return rng.multivariate_hypergeometric(counts, units, size=size, method="marginals")


def _statistics(pooled: ValueCounts, drawn: Counts, units: int) -> Floats:
    """Welch's t of the drawn units against the rest, from sums centred on the pooled mean."""
    moments = pooled.moments
    rest = pooled.n - units
    scale = math.sqrt(moments.m2 / pooled.n)
    steps = (pooled.values - moments.mean) / scale
    within = pooled.m2 / pooled.counts / scale**2
    weights = np.column_stack([steps, steps**2 + within])
    sums = drawn.astype(np.float64) @ weights
    totals = pooled.counts @ weights
    mean, mean_rest = sums[:, 0] / units, (totals[0] - sums[:, 0]) / rest
    m2 = np.maximum(sums[:, 1] - units * mean**2, 0.0)
    m2_rest = np.maximum(totals[1] - sums[:, 1] - rest * mean_rest**2, 0.0)
    variance = m2 / max(units - 1, 1) / units + m2_rest / max(rest - 1, 1) / rest
    distance = mean - mean_rest
    # What rounding leaves of no variance and of no difference is below this.
    variance[variance < 1e-24] = 0.0
    distance[np.abs(distance) < 1e-12] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        found = distance / np.sqrt(variance)
    return np.asarray(np.where(np.isnan(found), 0.0, found), dtype=np.float64)
