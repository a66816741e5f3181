"""The bootstrap over value counts: means and quantiles of two variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

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
from abtest.stats.means.welch import mean_level
from abtest.stats.resampling.bootstrap_limits import (
    bca_interval,
    bca_pvalue,
    percentile_interval,
    percentile_pvalue,
)
from abtest.stats.resampling.draws import BINS, MAX_DISTINCT, chunks
from abtest.stats.resampling.quantiles import quantile_value, resampled_quantiles
from abtest.stats.resampling.value_counts import on_common_support
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from abtest.stats.resampling.draws import Resampling
    from abtest.stats.resampling.value_counts import Floats, ValueCounts

IntervalKind = Literal["percentile", "bca"]
NOT_ONE_STATEMENT = sentence(
    "BCa corrects difference and lift each in its own way: they may disagree"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What is bootstrapped.

    Attributes:
        interval: ``percentile`` or ``bca``.
        q: A quantile strictly between 0 and 1; None for the mean.
    """

    interval: IntervalKind = "percentile"
    q: float | None = None


@dataclass(frozen=True, slots=True)
class _Estimates:
    """An estimate, its resamples and its acceleration."""

    value: float
    resamples: Floats
    acceleration: float

    def interval(self, kind: IntervalKind, ci_level: float) -> Interval:
        if kind == "percentile":
            return percentile_interval(self.resamples, ci_level)
        return bca_interval(self.resamples, self.value, self.acceleration, ci_level)

    def pvalue(self, kind: IntervalKind) -> float:
        if kind == "percentile":
            return percentile_pvalue(self.resamples)
        return bca_pvalue(self.resamples, self.value, self.acceleration)


def bootstrap(
    control: ValueCounts,
    treatment: ValueCounts,
    resampling: Resampling,
    target: Target | None = None,
    ci_level: float = 0.95,
) -> Comparison:
    """Compare two means or quantiles by resampling the units of each variant.

    A resample of n units is a multinomial draw of counts by value, so the work does not depend on
    n; a resample's quantile needs two order statistics only. With more than 512 distinct values
    a mean's draws are over common bins with exact means, and a normal draw adds what varies within.

    ``percentile``: the ends are order statistics of the resamples, and p = 2 (k + 1) / (m + 1), at
    most 1, with k the resamples on the rarer side of no effect (ties on both). A resample's lift
    has its difference's sign, so p-value and both intervals agree. ``bca``: the ends are moved for
    bias and acceleration, by different amounts for difference and lift, so ``coherent`` is False;
    the p-value inverts the interval of the difference. The acceleration of a quantile is 0.

    Assumes independent units, and enough of them that the sample shows the tail: with a heavy tail
    and few units the bootstrap is too optimistic, and the permutation test is not.

    Args:
        control: The control's value counts.
        treatment: The treatment's value counts.
        resampling: How many resamples m, and the seed.
        target: Mean or quantile, and which interval; the percentile interval of the mean if None.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, in the metric's unit. ``se`` is the standard deviation of the resampled
        differences. Ends are infinite where m is too small for the level.

    Raises:
        ValueError: ``ci_level`` or the quantile is not between 0 and 1.

    Source:
        Efron & Tibshirani (1993), An Introduction to the Bootstrap, sections 13.3 and 14.3.

    Example:
        >>> from abtest.stats.resampling.draws import Resampling
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> rows = ValueCounts.exact([0.0, 1.0], [90, 10]), ValueCounts.exact([0.0, 1.0], [60, 40])
        >>> bootstrap(*rows, Resampling(2000, seed=7)).pvalue < 0.01
        True
    """
    check_ci_level(ci_level)
    target = target or Target()
    value_control, value = _value(control, target.q), _value(treatment, target.q)
    problem = _problem(control, treatment)
    if problem or value_control is None or value is None:
        return without_inference(
            value_control, value, ci_level=ci_level, method="bootstrap", note=problem
        )
    drawn_c, drawn_t = _resamples((control, treatment), resampling, target.q)
    accelerations = _accelerations(control, treatment) if target.q is None else (0.0, 0.0)
    differences = _Estimates(value - value_control, drawn_t - drawn_c, accelerations[0])
    notes = [] if target.interval == "percentile" else [NOT_ONE_STATEMENT]
    lift = lift_ci = None
    if value_control <= 0:
        notes.append(CONTROL_NOT_POSITIVE)
    else:
        lift = (value - value_control) / value_control
        if (drawn_c > 0).all():
            lifts = _Estimates(lift, (drawn_t - drawn_c) / drawn_c, accelerations[1])
            lift_ci = lifts.interval(target.interval, ci_level)
        else:
            notes.append(LIFT_UNBOUNDED)
    return Comparison(
        value=value,
        value_control=value_control,
        difference=value - value_control,
        difference_ci=differences.interval(target.interval, ci_level),
        lift=lift,
        lift_ci=lift_ci,
        se=_spread(differences.resamples),
        statistic=None,
        df=None,
        pvalue=differences.pvalue(target.interval),
        ci_level=ci_level,
        method="bootstrap",
        coherent=target.interval == "percentile",
        notes=tuple(notes),
    )


def _value(counts: ValueCounts, q: float | None) -> float | None:
    return mean_level(counts.moments).value if q is None else quantile_value(counts, q)


def _problem(control: ValueCounts, treatment: ValueCounts) -> str:
    """Why there is nothing to resample; empty where there is."""
    levels = dict(zip(SIDES, (control, treatment), strict=True))
    found: list[str] = [
        problem_of(name, mean_level(counts.moments).problem)
        for name, counts in levels.items()
        if mean_level(counts.moments).problem
    ]
    if not found and not any(mean_level(counts.moments).variance for counts in levels.values()):
        found = [sentence("neither variant varies: there is nothing to test against")]
    return "; ".join(found)


def _spread(resamples: Floats) -> float | None:
    return float(resamples.std(ddof=1)) or None if len(resamples) > 1 else None


def _resamples(
    variants: tuple[ValueCounts, ValueCounts], resampling: Resampling, q: float | None
) -> tuple[Floats, Floats]:
    """Each variant's resampled estimates, from one generator: control first."""
    rng = resampling.generator()
    if q is not None:
        control, treatment = (
            resampled_quantiles(counts, q, resampling.resamples, rng) for counts in variants
        )
        return control, treatment
    control, treatment = (
        resampled_means(counts, resampling.resamples, rng)
        for counts in on_common_support(variants, MAX_DISTINCT, BINS)
    )
    return control, treatment


def resampled_means(counts: ValueCounts, resamples: int, rng: np.random.Generator) -> Floats:
    """The means of so many resamples of the units.

    Args:
        counts: The variant's value counts, at least one unit.
        resamples: How many.
        rng: The generator.

    Returns:
        One mean per resample, in the metric's unit.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> resampled_means(ValueCounts.of([5.0, 5.0]), 2, np.random.default_rng(1)).tolist()
        [5.0, 5.0]
    """
    n, centre = counts.n, counts.moments.mean
    steps = counts.values - centre
    within = counts.m2 / counts.counts
    parts = []
    for size in chunks(resamples, len(counts.values)):
        drawn = rng.multinomial(n, counts.counts / n, size=size).astype(np.float64)
        means = drawn @ steps / n
        if counts.binned:
            means += rng.standard_normal(size) * np.sqrt(drawn @ within) / n
        parts.append(means)
    return np.asarray(centre + np.concatenate(parts), dtype=np.float64)


def _accelerations(control: ValueCounts, treatment: ValueCounts) -> tuple[float, float]:
    """A sixth of the skewness of the influence values, of the difference and of the lift.

    A unit's influence on the difference is +-(x - m) / n; on the lift, treatment's is divided by
    m_c, and control's is -(m_t / m_c^2) (x - m_c) / n_c.
    """
    parts = []
    for counts in (control, treatment):
        influence = (counts.values - counts.moments.mean) / counts.n
        square = float((counts.counts * influence**2).sum())
        parts.append((square, float((counts.counts * influence**3).sum())))
    (square_c, cube_c), (square_t, cube_t) = parts
    mean_c, mean_t = control.moments.mean, treatment.moments.mean
    ratio = mean_t / mean_c if mean_c > 0 else 0.0
    return (
        _sixth_of_skewness(square_t + square_c, cube_t - cube_c),
        _sixth_of_skewness(square_t + ratio**2 * square_c, cube_t - ratio**3 * cube_c),
    )


def _sixth_of_skewness(square: float, cube: float) -> float:
    # The square of a tiny spread may underflow to nothing: then there is nothing to correct.
    return cube / (6 * square**1.5) if square**1.5 > 0 else 0.0
