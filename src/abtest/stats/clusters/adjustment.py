"""Regression adjustment where whole clusters (households, stores, villages) were randomised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.adjustment.by_variant import (
    choose_covariates,
    is_finite,
    notes_of_left_out,
    total_of,
    with_adjustment,
    without_adjustment,
)
from abtest.stats.adjustment.co_moments import Columns, from_arrays
from abtest.stats.adjustment.covariates import history_means
from abtest.stats.clusters.cr2 import few_clusters
from abtest.stats.clusters.sums import Clusters, cluster_level
from abtest.stats.means.t_pivot import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from abtest.stats.adjustment.adjusted_means import AdjustedMeans
    from abtest.stats.adjustment.co_moments import CoMoments

    Matrix = NDArray[np.float64]

_DETERMINED = 1e-10  # of a cluster that fixes a coefficient alone, the fit leaves no residual
_ROUNDING = 2e-15  # a residual below this share of its terms is rounding, not variation


@dataclass(frozen=True, slots=True)
class ClusterHistory:
    """One variant's clusters with what was known of their units before.

    Attributes:
        columns: One outcome, whatever it is divided by; the covariates, and which are missing
            somewhere.
        clusters: Each cluster's units and sums of the outcome.
        history: For each cluster, the sum of each history column over the same units.

    Raises:
        ValueError: There is no row of history for each cluster, or no place for each column.

    Example:
        >>> columns = Columns(("spend",), ("before",))
        >>> one = ClusterHistory(columns, Clusters((2,), (6.0,), (2.0,)), ((5.0,),))
        >>> (one + one).clusters.n
        4
    """

    columns: Columns
    clusters: Clusters
    history: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        width = len(self.columns.history)
        widths = {len(row) for row in self.history}
        if len(self.history) != len(self.clusters.sizes) or widths - {width}:
            raise ValueError(f"history must have a row of {width} sums for each cluster.")

    def __add__(self, other: ClusterHistory) -> ClusterHistory:
        """The clusters of two shards, none of which is in both."""
        if self.columns != other.columns:
            raise ValueError("the clusters have different columns; they cannot be added.")
        return ClusterHistory(
            self.columns, self.clusters + other.clusters, self.history + other.history
        )


def adjust_clusters(variants: Mapping[str, ClusterHistory]) -> AdjustedMeans:
    """Adjust every variant's mean, share or ratio for the covariates, with clusters as the units.

    Each cluster counts once, with its linearised sums. In a variant with R = sum(y) / X, mean Z of
    the covariates over units and n units in all, u_g = (y_g - R x_g) / X is regressed on
    c_g = (s_g - Z n_g) / n, the sums of the covariates: the regression that leaves sums the least
    variance, whatever the sizes and however alike the units of a cluster are. Values and their
    shared covariance are then those of ``adjust_means`` with clusters for units.

    The variance of what is left is CR2's: sum_g w_g^2 a_g^2 e_g^2, with w_g the cluster's weight in
    the adjusted value and a_g^2 the factor that makes it unbiased for independent units of one
    variance; Satterthwaite's degrees of freedom under the same working model. Without covariates
    both are those of ``cluster_level``; with clusters of one size they are HC2 of Lin's regression
    on the clusters' means.

    Assumes that clusters are independent, each wholly in one variant, and that the covariates were
    known before the assignment. Not that the regression is right.

    Args:
        variants: The clusters of *every* variant of the experiment, by the variant's key.

    Returns:
        The adjusted values; ``units`` are clusters. Nothing is adjusted, and the notes say so,
        where no covariate is left, where a variant has fewer than k + 2 clusters, or where one
        cluster alone fixes a slope.

    Raises:
        ValueError: There are no variants, or their columns differ.

    Source:
        Su & Ding (2021), Model-assisted analyses of cluster-randomized experiments, JRSS B 83,
        994-1015, for sums instead of units; Bell & McCaffrey (2002), Survey Methodology 28,
        169-181; Ye, Shao, Yi & Zhao (2023), JASA 118, 2370-2382, for the shared covariance.

    Example:
        >>> columns = Columns(("spend",), ("before",))
        >>> sizes = (2, 2, 2, 2)
        >>> def stores(spend, before):
        ...     clusters = Clusters(sizes, spend, (2.0,) * 4)
        ...     return ClusterHistory(columns, clusters, tuple((x,) for x in before))
        >>> result = adjust_clusters({
        ...     "control": stores((2.0, 4.0, 6.0, 9.0), (1.0, 3.0, 4.0, 7.0)),
        ...     "gift": stores((5.0, 8.0, 9.0, 12.0), (2.0, 4.0, 6.0, 9.0)),
        ... })
        >>> both = result.compare("control", "gift")
        >>> round(both.comparison.difference, 2), both.unadjusted_difference
        (0.82, 1.625)
    """
    if len({one.columns for one in variants.values()}) != 1:
        raise ValueError("all variants must share one set of columns.")
    plain = {key: cluster_level(one.clusters).level for key, one in variants.items()}
    some = {key: one for key, one in variants.items() if plain[key].variance is not None}
    usable = {key: summary for key, one in some.items() if is_finite(summary := _as_units(one))}
    choice, notes = choose_covariates(usable, "clusters")
    few = few_clusters({key: one.clusters for key, one in variants.items()})
    notes = (*few, *notes, *notes_of_left_out(plain, usable))
    count = sum(one.n for one in usable.values())
    if choice is None:
        return without_adjustment(plain, count, notes)
    centre = history_means(total_of(usable))
    levels = dict(plain)
    for key, summary in usable.items():
        if plain[key].variance:
            offset = (history_means(summary) - centre) @ choice.transform
            level = _adjusted_level(variants[key], choice.transform, offset)
            if level is None:
                alone = sentence(
                    "{variant} has a cluster that alone fixes a slope: not adjusted", variant=key
                )
                return without_adjustment(plain, count, (*notes, alone))
            levels[key] = level
    found = with_adjustment(plain, usable, choice, notes)
    return replace(found, levels=tuple(levels[key] for key in found.variants))


@dataclass(frozen=True, slots=True)
class _Scaled:
    """One variant's sums as shares of the whole: outcome, its denominator, covariates' deviations.

    The outcome's entries add up to the value, the denominator's to 1, deviations to 0.
    """

    y: Matrix
    x: Matrix
    deviations: Matrix
    means: Matrix


def _scaled(one: ClusterHistory) -> _Scaled:
    sizes = np.asarray(one.clusters.sizes, dtype=float)
    y, x = (np.asarray(part, dtype=float) for part in (one.clusters.y, one.clusters.x))
    history = np.asarray(one.history, dtype=float).reshape(len(sizes), -1)
    means = history.sum(axis=0) / sizes.sum()
    deviations = history - np.outer(sizes, means)
    # The first mean of a large offset is rounded: take out what it left behind.
    rest = deviations.sum(axis=0) / sizes.sum()
    deviations = (deviations - np.outer(sizes, rest)) / sizes.sum()
    return _Scaled(y / x.sum(), x / x.sum(), deviations, means + rest)


def _residuals(scaled: _Scaled) -> tuple[float, Matrix]:
    """The value, and what each cluster adds to it beyond its share; 0 where that is rounding."""
    value = float(scaled.y.sum())
    found = scaled.y - value * scaled.x
    correction = float(found.sum())
    value, found = value + correction, found - correction * scaled.x
    noise = _ROUNDING * (np.abs(scaled.y) + abs(value) * scaled.x)
    return value, np.where(np.abs(found) > noise, found, 0.0)


def _as_units(one: ClusterHistory) -> CoMoments:
    """Co-moments of linearised sums, one row per cluster, whose means are those of the units."""
    scaled = _scaled(one)
    value, residuals = _residuals(scaled)
    count = len(residuals)
    rows = count * np.column_stack([residuals, scaled.deviations])
    means = np.concatenate(([value], scaled.means))
    return from_arrays(one.columns, count, means, rows.T @ rows)


def _adjusted_level(one: ClusterHistory, transform: Matrix, offset: Matrix) -> Level | None:
    """The value at the common mean with its CR2 variance; None where a cluster has no residual.

    In sums y that are shares of the whole, the value is w'y and the residuals are (I - U V') y,
    with few columns in U and V, so that nothing of the size clusters x clusters is ever built.
    """
    scaled = _scaled(one)
    value, residuals = _residuals(scaled)
    columns = scaled.deviations @ transform
    scale = np.sqrt((columns * columns).sum(axis=0))
    basis, triangle = np.linalg.qr(columns / scale)
    slope = np.linalg.solve(triangle, basis.T @ residuals) / scale
    pull = basis @ np.linalg.solve(triangle.T, offset / scale)  # of each sum on offset'slope
    left = residuals - columns @ slope
    x = scaled.x
    outer = np.column_stack([x - basis @ (basis.T @ x), basis])
    inner = np.column_stack([np.ones_like(x), basis])
    weighted = inner * x[:, None]
    core = inner.T @ weighted
    # What is left of each sum, had units been independent and of one variance.
    spread = x - 2 * (outer * weighted).sum(axis=1) + ((outer @ core) * outer).sum(axis=1)
    if (spread <= _DETERMINED * x)[x > 0].any():
        return None
    factor = np.where(x > 0, x / np.where(x > 0, spread, 1.0), 1.0)
    weights = (1 + float(pull @ x)) - pull
    share = weights * weights * factor
    variance = float((share * left * left).sum())
    df = _degrees_of_freedom(share, x, spread, np.column_stack([outer, weighted]), core)
    return Level(value - float(offset @ slope), variance, df)


def _degrees_of_freedom(
    share: Matrix, x: Matrix, spread: Matrix, columns: Matrix, core: Matrix
) -> float:
    """(tr B)^2 / tr(B^2) with B = F^1/2 (D + L N L') F^1/2, D = diag(x), L and N of low rank."""
    size = len(core)
    middle = np.block([[core, -np.eye(size)], [-np.eye(size), np.zeros((size, size))]])
    low_rank = spread - x  # the diagonal of L N L'
    product = middle @ (columns.T @ (share[:, None] * columns))
    squares = share * share * (x * x + 2 * x * low_rank)
    total = float((share * spread).sum())
    return total * total / float(squares.sum() + np.trace(product @ product))
