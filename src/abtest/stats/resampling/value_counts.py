"""Distinct values with their counts: all that resampling and quantiles need of the units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from abtest.stats.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ValueCounts:
    """How many units of a variant have which value; or how many lie in which bin.

    Exact counts come from the engine's ``GROUP BY value``. Where a metric has too many distinct
    values, a bin of a fine histogram stands in for them, with the exact mean and second moment of
    its units: mean and variance of the whole then stay exact, and only the shape within a bin is
    lost. What can be added are shards that partition the units, with the same edges.

    Attributes:
        values: Distinct values, ascending; of a histogram, the mean of each bin's units.
        counts: Units with each value, at least 1.
        m2: Sum of squared deviations from the bin's mean in each bin; 0 where values are exact.
        edges: The histogram's edges, ascending: bin k holds edges[k] <= value < edges[k + 1]. The
            first may be -inf and the last inf. None where values are exact.

    Raises:
        ValueError: Lengths differ, values do not ascend or are not finite, or a count is below 1.

    Example:
        >>> ValueCounts.of([3.0, 1.0, 3.0]).n
        3
    """

    values: Floats
    counts: Counts
    m2: Floats
    edges: Floats | None = None

    def __post_init__(self) -> None:
        if not len(self.values) == len(self.counts) == len(self.m2):
            raise ValueError(
                f"there are {len(self.values)} values, {len(self.counts)} counts and "
                f"{len(self.m2)} second moments; they must be as many."
            )
        if not np.isfinite(self.values).all() or not np.isfinite(self.m2).all():
            raise ValueError("a value or second moment is not finite; all must be.")
        if (np.diff(self.values) <= 0).any():
            raise ValueError("values are not ascending; each must be above the one before.")
        if (self.counts < 1).any() or (self.m2 < 0).any():
            raise ValueError("a count is below 1 or a second moment below 0; none may be.")
        for array in (self.values, self.counts, self.m2, self.edges):
            if array is not None:
                array.setflags(write=False)

    @classmethod
    def of(cls, values: Sequence[float] | Floats) -> ValueCounts:
        """Count the values of single units; for tests and small data."""
        distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
        return cls.exact(distinct, counts.astype(np.int64))

    @classmethod
    def exact(cls, values: Sequence[float] | Floats, counts: Sequence[int] | Counts) -> ValueCounts:
        """From the engine's distinct values, ascending, and their counts."""
        distinct = np.array(values, dtype=np.float64) + 0.0  # -0.0 is 0.0
        return cls(distinct, np.array(counts, dtype=np.int64), np.zeros(len(distinct)))

    @property
    def n(self) -> int:
        """Units eligible and observed."""
        return int(self.counts.sum())

    @property
    def binned(self) -> bool:
        """Whether values are the means of bins."""
        return self.edges is not None

    @property
    def moments(self) -> Moments:
        """Count, mean and centred second moment: those of the units, in bins or not."""
        n = self.n
        if n == 0:
            return Moments(0, 0.0, 0.0)
        shift = float(self.values[np.argmax(self.counts)])
        # Values too large to square have infinite moments, and whoever reads them says so.
        with np.errstate(over="ignore", invalid="ignore"):
            mean = shift + float((self.counts * (self.values - shift)).sum()) / n
            between = float((self.counts * (self.values - mean) ** 2).sum())
        return Moments(n, mean, between + float(self.m2.sum()))

    def __add__(self, other: ValueCounts) -> ValueCounts:
        if not _same(self.edges, other.edges):
            raise ValueError("value counts have other edges; only equal ones can be added.")
        values = np.concatenate([self.values, other.values])
        counts = np.concatenate([self.counts, other.counts])
        m2 = np.concatenate([self.m2, other.m2])
        if self.edges is None:
            distinct, place = np.unique(values, return_inverse=True)
        else:
            bins = np.searchsorted(self.edges, values, side="right")
            distinct, place = np.unique(bins, return_inverse=True)
        return _merged((values, counts, m2), place, len(distinct), self.edges)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ValueCounts):
            return NotImplemented
        return (
            np.array_equal(self.values, other.values)
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.m2, other.m2)
            and _same(self.edges, other.edges)
        )

    def __hash__(self) -> int:
        return hash((self.values.tobytes(), self.counts.tobytes()))

    def to_bins(self, edges: Floats) -> ValueCounts:
        """The histogram of these counts with exact bin means and second moments.

        Args:
            edges: Ascending, the first at most the lowest value and the last above the highest.

        Raises:
            ValueError: The counts are binned already, or a value lies outside the edges.

        Example:
            >>> ValueCounts.of([1.0, 2.0, 5.0]).to_bins(np.array([0.0, 4.0, 8.0])).values.tolist()
            [1.5, 5.0]
        """
        if self.binned:
            raise ValueError("the value counts are binned; only exact ones can be put into bins.")
        bins = np.searchsorted(edges, self.values, side="right")
        if len(bins) and (bins[0] == 0 or bins[-1] == len(edges)):
            raise ValueError("a value lies outside the edges; they must hold all values.")
        distinct, place = np.unique(bins, return_inverse=True)
        return _merged((self.values, self.counts, self.m2), place, len(distinct), edges)

    def capped(self, cap: float) -> ValueCounts:
        """The counts with every value above ``cap`` set to it (winsorised from above).

        Args:
            cap: The cap, in the metric's unit; the same for all variants, and fixed before their
                results are seen.

        Raises:
            ValueError: The cap is not finite; or all values are 0 or 1, where a cap would delete
                events; or a bin reaches across the cap.

        Source:
            Dixon (1960), Annals of Mathematical Statistics 31, 385-391.

        Example:
            >>> ValueCounts.of([1.0, 5.0, 900.0]).capped(480.0).values.tolist()
            [1.0, 5.0, 480.0]
        """
        if not math.isfinite(cap):
            raise ValueError(f"the cap is {cap}; it must be a finite number.")
        if len(self.values) and np.isin(self.values, (0.0, 1.0)).all():
            raise ValueError(
                "all values are 0 or 1; a cap has no meaning there and may delete events."
            )
        return self._cut(cap)

    def _cut(self, cap: float) -> ValueCounts:
        if not self._is_between_bins(cap):
            raise ValueError(
                f"a bin reaches across the cap {cap}; the cap must be one of the edges."
            )
        above = self.values >= cap
        if not above.any():
            return self
        values, m2 = np.where(above, cap, self.values), np.where(above, 0.0, self.m2)
        first = int(np.argmax(above))
        place = np.minimum(np.arange(len(values)), first)
        return _merged((values, self.counts, m2), place, first + 1, self.edges)

    def _is_between_bins(self, cap: float) -> bool:
        edges = self.edges
        if edges is None:
            return True
        below = int(np.searchsorted(edges, cap, side="right"))
        inside = np.searchsorted(edges, self.values, side="right") == below
        # The bin that starts at the cap, or one whose units all have one value, is not cut.
        return cap in edges or not bool((inside & (self.m2 > 0)).any())


def _same(edges: Floats | None, others: Floats | None) -> bool:
    if edges is None or others is None:
        return edges is others
    return np.array_equal(edges, others)


def _merged(
    parts: tuple[Floats, Counts, Floats],
    place: npt.NDArray[np.intp],
    size: int,
    edges: Floats | None,
) -> ValueCounts:
    """Counts with the same place put together, by the pairwise formula for their moments."""
    values, counts, m2 = parts
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, place, counts)
    first = np.zeros(size)
    first[place] = values
    mean = first + np.bincount(place, counts * (values - first[place]), minlength=size) / total
    spread = m2 + counts * (values - mean[place]) ** 2
    m2 = np.asarray(np.bincount(place, spread, minlength=size), dtype=np.float64)
    return ValueCounts(mean, total, m2, edges)


def fine_edges(variants: Sequence[ValueCounts], bins: int = 1024) -> Floats:
    """Edges of a histogram that is fine where the units are and where the variance is.

    Half of the edges cut the pooled units into equal shares, half the pooled sum of squared
    distances from the mean: so the body and the tail of revenue are both resolved. A value of many
    units, such as 0, has a bin of its own.

    Args:
        variants: The exact counts of all variants: the edges must not depend on which is which.
        bins: About how many bins, at least 2.

    Returns:
        The edges, ascending, the last inf.

    Raises:
        ValueError: There are no units, or fewer than 2 bins.

    Example:
        >>> fine_edges([ValueCounts.of([0.0, 0.0, 0.0, 7.0])], bins=4).tolist()
        [0.0, 7.0, inf]
    """
    if bins < 2:
        raise ValueError(f"bins is {bins}; it must be at least 2.")
    pooled = pooled_counts(variants)
    if pooled.n == 0:
        raise ValueError("there are no units; a histogram needs at least one.")
    squares = pooled.counts * (pooled.values - pooled.moments.mean) ** 2
    shares = np.arange(1, bins // 2 + 1) / (bins // 2)
    places = [np.zeros(1, dtype=np.int64)]
    for weights in (pooled.counts.astype(np.float64), squares):
        running = np.cumsum(weights)
        if running[-1] > 0:
            cut = np.searchsorted(running / running[-1], shares)
            heavy = np.flatnonzero(weights * (bins // 2) > running[-1])
            places += [cut + 1, heavy, heavy + 1]
    starts = np.unique(np.concatenate(places))
    starts = starts[starts < len(pooled.values)]
    return np.asarray(np.append(pooled.values[starts], np.inf), dtype=np.float64)


def pooled_counts(variants: Sequence[ValueCounts]) -> ValueCounts:
    """All variants' units together."""
    total = variants[0]
    for variant in variants[1:]:
        total = total + variant
    return total


def on_common_support(
    variants: Sequence[ValueCounts], most: int, bins: int
) -> tuple[ValueCounts, ...]:
    """The variants as they are, or in common bins where they have too many distinct values.

    Args:
        variants: Their counts.
        most: The most distinct values to leave as they are.
        bins: About how many bins there are otherwise, at least 2.

    Returns:
        The variants, in the same order.

    Example:
        >>> many = ValueCounts.of([float(k) for k in range(5000)])
        >>> len(on_common_support([many, many], 1024, 64)[0].values)
        61
    """
    if any(variant.binned for variant in variants):
        return tuple(variants)
    if len(pooled_counts(variants).values) <= most:
        return tuple(variants)
    edges = fine_edges(variants, bins)
    return tuple(variant.to_bins(edges) for variant in variants)


def winsorized(variants: Sequence[ValueCounts], cap: float) -> tuple[ValueCounts, ...]:
    """All variants with one cap; see ``ValueCounts.capped``.

    The 0/1 rule looks at all variants together, so that it cannot hold for one and not another.

    Raises:
        ValueError: All values of all variants are 0 or 1, or a bin reaches across the cap.

    Example:
        >>> [v.values.tolist() for v in winsorized(
        ...     [ValueCounts.of([0.0, 1.0]), ValueCounts.of([3.0])], 2.0)]
        [[0.0, 1.0], [2.0]]
    """
    pooled_counts(variants).capped(cap)
    return tuple(variant._cut(cap) for variant in variants)  # noqa: SLF001 - the same class's module
