"""Quantiles from value counts, by the order statistics that the binomial picks."""

from __future__ import annotations

import math
from dataclasses import dataclass
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
from abtest.stats.comparison import Comparison, Estimate, Interval
from abtest.stats.scipy_special import special
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from collections.abc import Callable

    from abtest.stats.resampling.value_counts import Floats, ValueCounts

_HALVINGS = 200
_LARGEST = 1e150  # differences and ratios of larger values may overflow
_BEYOND = 0.05  # a quantile that lies beyond the sample this likely cannot be compared


def quantile_value(counts: ValueCounts, q: float) -> float | None:
    """The sample quantile between the order statistics around (n - 1) q (R's type 7).

    Args:
        counts: The variant's value counts. In bins, the mean of a bin stands for its units.
        q: Which quantile, strictly between 0 and 1; 0.5 is the median.

    Returns:
        The quantile, in the metric's unit; None where there are no units.

    Raises:
        ValueError: ``q`` is not between 0 and 1.

    Source:
        Hyndman & Fan (1996), The American Statistician 50, 361-365, definition 7.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> quantile_value(ValueCounts.of([1.0, 2.0, 4.0, 9.0]), 0.5)
        3.0
    """
    _check_q(q)
    n = counts.n
    if n == 0:
        return None
    place = (n - 1) * q
    below = math.floor(place)
    low, high = _at_ranks(counts, np.array([below + 1, min(below + 2, n)]))
    return float(low + (place - below) * (high - low))


def quantile_estimate(counts: ValueCounts, q: float, ci_level: float = 0.95) -> Estimate:
    """A quantile with its distribution-free interval [x_(l), x_(u)].

    With B ~ Binomial(n, q), l is the largest rank with P(B < l) <= alpha / 2 and u the smallest
    with P(B >= u) <= alpha / 2. The coverage is at least the level whatever the distribution, ties
    included: they can only raise it.

    Args:
        counts: The variant's value counts.
        q: Which quantile, strictly between 0 and 1.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The estimate. An end is infinite where the units are too few for the level.

    Raises:
        ValueError: ``q`` or ``ci_level`` is not between 0 and 1.

    Source:
        Conover (1999), Practical Nonparametric Statistics, section 3.2.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> quantile_estimate(ValueCounts.of([float(k) for k in range(1, 101)]), 0.5).ci
        Interval(low=40.0, high=61.0)
    """
    check_ci_level(ci_level)
    value = quantile_value(counts, q)
    if value is None:
        return Estimate(None, None, "order_statistics")
    n, tail = counts.n, (1 - ci_level) / 2
    ranks = np.arange(n + 1) if n < 10_000 else _likely_ranks(n, q)
    at_most = special.bdtr(ranks, n, q)  # P(B <= rank)
    below = int(np.searchsorted(at_most, tail, side="right"))
    low_rank = int(ranks[below])  # P(B < low_rank) = P(B <= low_rank - 1) <= tail
    above = int(np.searchsorted(-special.bdtrc(ranks, n, q), -tail, side="left"))
    high_rank = int(ranks[min(above, len(ranks) - 1)]) + 1  # P(B >= high_rank) <= tail
    low = -math.inf if low_rank < 1 else float(_at_ranks(counts, np.array([low_rank]))[0])
    high = math.inf if high_rank > n else float(_at_ranks(counts, np.array([high_rank]))[0])
    return Estimate(value, Interval(min(low, value), max(high, value)), "order_statistics")


def compare_quantiles(
    control: ValueCounts, treatment: ValueCounts, q: float, ci_level: float = 0.95
) -> Comparison:
    """Compare a quantile of two variants without a model of the values, and without resampling.

    Each variant's quantile is given the distribution of x_(R), R ~ Binomial(n + 1, q): what the
    bootstrap of that quantile tends to, in closed form; x_(0) and x_(n + 1) are infinite. With the
    two independent and D(r) = Q_t - r Q_c, the p-value is 2 min(P(D(1) <= 0), P(D(1) >= 0)), at
    most 1; the intervals hold the differences d with neither P(Q_t <= Q_c + d) nor
    P(Q_t >= Q_c + d) below alpha / 2, and the ratios r likewise with r Q_c. At no effect these are
    one event, so p-value and both intervals agree. A tie counts to both tails, so ties make the
    test conservative: where many units share the quantile's value (such as 0), p is 1 and the
    interval may be that one point.

    Assumes independent units.

    Args:
        control: The control's value counts.
        treatment: The treatment's value counts. In bins, ends are means of bins.
        q: Which quantile, strictly between 0 and 1.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, in the metric's unit, without a statistic. ``se`` is that of the two
        distributions; None where a variant is too small to have one. Without inference where the
        quantile lies beyond a variant's sample with 5% or more, max(q, 1 - q)^(n + 1): the median
        needs 4 units, the 90% quantile 28.

    Raises:
        ValueError: ``q`` or ``ci_level`` is not between 0 and 1.

    Source:
        Schultzberg & Ankargren (2022), Resampling-free bootstrap inference for quantiles, for the
        distribution of the rank; Efron & Tibshirani (1993), section 13.3, for the intervals.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> rows = [float(k) for k in range(1000)]
        >>> result = compare_quantiles(
        ...     ValueCounts.of(rows), ValueCounts.of([row + 100 for row in rows]), 0.5)
        >>> result.difference, result.pvalue < 0.001
        (100.0, True)
    """
    check_ci_level(ci_level)
    value_control, value = quantile_value(control, q), quantile_value(treatment, q)
    problem = _problem(control, q, SIDES[0]) or _problem(treatment, q, SIDES[1])
    if value_control is None or value is None or problem:
        return without_inference(
            value_control, value, ci_level=ci_level, method="quantile", note=problem
        )
    spreads = _Spread.of(control, q), _Spread.of(treatment, q)
    tail = (1 - ci_level) / 2
    difference = value - value_control
    lift = difference / value_control if value_control > 0 else None
    lift_ci = _lift_ci(*spreads, tail) if lift is not None else None
    at_most, at_least = _tails(*spreads, lambda values: values)
    notes = [] if lift is not None else [CONTROL_NOT_POSITIVE]
    notes += [LIFT_UNBOUNDED] if lift is not None and lift_ci is None else []
    notes += [sentence("values are grouped in bins")] if control.binned or treatment.binned else []
    return Comparison(
        value=value,
        value_control=value_control,
        difference=difference,
        difference_ci=_difference_ci(*spreads, tail),
        lift=lift,
        lift_ci=lift_ci,
        se=_joint_error(*spreads),
        statistic=None,
        df=None,
        pvalue=min(2 * min(at_most, at_least), 1.0),
        ci_level=ci_level,
        method="quantile",
        notes=tuple(notes),
    )


def resampled_quantiles(
    counts: ValueCounts, q: float, resamples: int, rng: np.random.Generator
) -> Floats:
    """The quantiles of so many resamples of the units, without resampling the units.

    Of n uniform numbers the k-th is Beta(k, n - k + 1), and the next one is the least of n - k
    uniform numbers above it; the units that they pick are the order statistics of a resample.

    Args:
        counts: The variant's value counts, at least one unit.
        q: Which quantile, strictly between 0 and 1.
        resamples: How many.
        rng: The generator.

    Returns:
        One quantile (type 7) per resample, in the metric's unit.

    Raises:
        ValueError: ``q`` is not between 0 and 1.

    Source:
        David & Nagaraja (2003), Order Statistics, section 2.5.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> rng = np.random.default_rng(1)
        >>> resampled_quantiles(ValueCounts.of([5.0, 5.0]), 0.5, 2, rng).tolist()
        [5.0, 5.0]
    """
    _check_q(q)
    n = counts.n
    place = (n - 1) * q
    rank = math.floor(place) + 1
    first = rng.beta(rank, n - rank + 1, size=resamples)
    next_ = first + (1 - first) * rng.beta(1, max(n - rank, 1), size=resamples)
    low, high = (
        _at_ranks(counts, np.clip(np.ceil(n * share), 1, n).astype(np.int64))
        for share in (first, next_ if rank < n else first)
    )
    return np.asarray(low + (place - math.floor(place)) * (high - low), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Spread:
    """The distribution of one variant's quantile: ascending values, their weights and sums."""

    values: Floats
    weights: Floats
    below: Floats  # weight of the values before each; one longer
    above: Floats  # weight from each on; one longer

    @classmethod
    def of(cls, counts: ValueCounts, q: float) -> _Spread:
        n = counts.n
        ranks = _likely_ranks(n + 1, q)
        # Weights from both sums, whichever is small, so that no far tail is lost to rounding.
        lower = np.diff(special.bdtr(ranks, n + 1, q), prepend=0.0)
        upper = -np.diff(special.bdtrc(ranks, n + 1, q), prepend=1.0)
        mass = np.where(ranks < (n + 1) * q, lower, upper)
        distinct, place = np.unique(_at_ranks(counts, ranks), return_inverse=True)
        weights = np.asarray(np.bincount(place, mass, minlength=len(distinct)), dtype=np.float64)
        below = np.concatenate([[0.0], np.cumsum(weights)])
        above = np.concatenate([np.cumsum(weights[::-1])[::-1], [0.0]])
        return cls(distinct, weights, below, above)

    def at_most(self, points: Floats) -> Floats:
        return np.asarray(self.below[np.searchsorted(self.values, points, side="right")])

    def at_least(self, points: Floats) -> Floats:
        return np.asarray(self.above[np.searchsorted(self.values, points, side="left")])

    @property
    def variance(self) -> float | None:
        """The variance; None where an infinite value is too likely to be left out."""
        finite = np.isfinite(self.values)
        weights, values = self.weights[finite], self.values[finite]
        if not weights.sum() > 0.999:
            return None
        mean = float((weights * values).sum() / weights.sum())
        return float((weights * (values - mean) ** 2).sum() / weights.sum())


def _check_q(q: float) -> None:
    if not 0 < q < 1:
        raise ValueError(f"q is {q}; it must lie strictly between 0 and 1.")


def _problem(counts: ValueCounts, q: float, name: str) -> str:
    """Why a variant's quantile cannot be compared; empty where it can."""
    n = counts.n
    if n == 0:
        return problem_of(name, sentence("has no observed units"))
    if max(q, 1 - q) ** (n + 1) >= _BEYOND:
        return sentence("{variant} has too few units for this quantile: {n:,}", variant=name, n=n)
    if max(abs(counts.values[0]), abs(counts.values[-1])) > _LARGEST:
        return sentence("{variant} has values too large to compare", variant=name)
    return ""


def _likely_ranks(n: int, q: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The outcomes of Binomial(n, q) that are not negligible, ascending."""
    reach = 10 + 9 * math.sqrt(n * q * (1 - q)) + 9 * 9 / 3
    low, high = max(0, math.floor(n * q - reach)), min(n, math.ceil(n * q + reach))
    return np.arange(low, high + 1, dtype=np.int64)


def _at_ranks(counts: ValueCounts, ranks: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """The order statistics of ranks 1 to n; infinite beyond."""
    padded = np.concatenate([[-np.inf], counts.values, [np.inf]])
    places = np.searchsorted(np.cumsum(counts.counts), ranks, side="left") + 1
    return np.asarray(padded[np.where(ranks < 1, 0, places)], dtype=np.float64)


def _tails(
    control: _Spread, treatment: _Spread, moved: Callable[[Floats], Floats]
) -> tuple[float, float]:
    """P(Q_t <= f(Q_c)) and P(Q_t >= f(Q_c))."""
    points = moved(control.values)
    weights = control.weights
    at_most = float((weights * treatment.at_most(points)).sum())
    return at_most, float((weights * treatment.at_least(points)).sum())


def _difference_ci(control: _Spread, treatment: _Spread, tail: float) -> Interval:
    def tails(shift: float) -> tuple[float, float]:
        return _tails(control, treatment, lambda values: values + shift)

    finite_c = control.values[np.isfinite(control.values)]
    finite_t = treatment.values[np.isfinite(treatment.values)]
    lowest = float(finite_t[0] - finite_c[-1])
    highest = float(finite_t[-1] - finite_c[0])
    slack = 1 + abs(lowest) + abs(highest)
    low = _first(lambda d: tails(d)[0] >= tail, (lowest - slack, highest + slack), 0.0)
    high = _first(lambda d: tails(-d)[1] >= tail, (-highest - slack, slack - lowest), 0.0)
    return Interval(low, -high)


def _lift_ci(control: _Spread, treatment: _Spread, tail: float) -> Interval | None:
    """The lifts, by the ratio; None where control's quantile is not clear of zero."""
    if float(control.at_most(np.zeros(1))[0]) >= tail:
        return None

    finite = np.isfinite(control.values)

    def tails(ratio: float) -> tuple[float, float]:
        # What is infinite stays so: 0 times infinity has no value.
        return _tails(
            control,
            treatment,
            lambda values: np.multiply(values, ratio, out=values.copy(), where=finite),
        )

    positive = control.values[(control.values > 0) & finite]
    finite_t = treatment.values[np.isfinite(treatment.values)]
    reach = 2 * (1 + float(max(abs(finite_t[0]), abs(finite_t[-1]))) / float(positive[0]))
    low = _first(lambda r: tails(r)[0] >= tail, (-reach, reach), 1.0)
    high = _first(lambda r: tails(-r)[1] >= tail, (-reach, reach), -1.0)
    return Interval(low - 1, -high - 1)


def _first(holds: Callable[[float], bool], bracket: tuple[float, float], null: float) -> float:
    """The least point at which a rising condition holds; infinite where it holds at no end.

    The search starts on the side of no effect where the condition says that the point is, so that
    the limit and the p-value cannot disagree.
    """
    low, high = bracket
    low, high = (low, null) if holds(null) else (null, high)
    if high == null and holds(low):
        return -math.inf
    if low == null and not holds(high):
        return math.inf
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _joint_error(control: _Spread, treatment: _Spread) -> float | None:
    variances = control.variance, treatment.variance
    if variances[0] is None or variances[1] is None:
        return None
    return math.sqrt(variances[0] + variances[1]) or None
