"""CR0 to CR3 by matrices and by statsmodels; the intraclass correlation by its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.regression.linear_model import OLS

from abtest.stats.clusters.cr2 import cluster_robust
from abtest.stats.clusters.errors import ClusterError, cluster_error, intraclass_correlation
from abtest.stats.clusters.sums import Clusters
from abtest.stats.summaries import Moments
from adjustment_data import drawn_clusters

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]
ERRORS: tuple[ClusterError, ...] = ("cr0", "cr1", "cr1s", "cr2", "cr3")


def sums(values: Floats, cluster: NDArray[Any]) -> Clusters:
    keys = np.unique(cluster)
    own = [values[cluster == key] for key in keys]
    sizes = tuple(len(each) for each in own)
    return Clusters(sizes, tuple(float(each.sum()) for each in own), tuple(map(float, sizes)))


def by_matrices(values: Floats, treated: Floats, cluster: NDArray[Any], power: float) -> float:
    """The sandwich with (I - H_gg)^-power on both sides, by eigenvalues."""
    design = np.column_stack([np.ones(len(values)), treated])
    bread = np.linalg.inv(design.T @ design)
    residuals = values - design @ bread @ design.T @ values
    meat = np.zeros((2, 2))
    for key in np.unique(cluster):
        own = cluster == key
        roots, vectors = np.linalg.eigh(np.eye(own.sum()) - design[own] @ bread @ design[own].T)
        score = design[own].T @ vectors @ np.diag(roots**-power) @ vectors.T @ residuals[own]
        meat += np.outer(score, score)
    return float(np.sqrt((bread @ meat @ bread)[1, 1]))


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(2, 9))
def test_the_matrices_and_statsmodels_agree(seed: int, control: int, treatment: int) -> None:
    values, treated, cluster = drawn_clusters(seed, control, treatment)
    one, other = (sums(values[treated == side], cluster[treated == side]) for side in (0.0, 1.0))
    found = {error: cluster_error(one, other, error) for error in ERRORS}
    powers: dict[ClusterError, float] = {"cr0": 0.0, "cr2": 0.5, "cr3": 1.0}
    for error, power in powers.items():
        wanted = by_matrices(values, treated, cluster, power)
        assert found[error] == pytest.approx(wanted, rel=1e-8), error
    assert found["cr2"] == pytest.approx(cluster_robust(one, other).se, rel=1e-10)
    fit = OLS(values, np.column_stack([np.ones(len(values)), treated]))
    corrections: dict[ClusterError, bool] = {"cr0": False, "cr1s": True}
    for error, corrected in corrections.items():
        kwds = {"groups": cluster, "use_correction": corrected}
        robust = fit.fit(cov_type="cluster", cov_kwds=kwds)
        assert found[error] == pytest.approx(robust.bse[1], rel=1e-8), error
    clusters = control + treatment
    assert found["cr1"] == pytest.approx((found["cr0"] or 0) * (clusters / (clusters - 1)) ** 0.5)


@pytest.mark.parametrize("error", ERRORS)
def test_no_error_with_one_cluster(error: ClusterError) -> None:
    one, two = Clusters((3,), (6.0,), (3.0,)), Clusters((3, 2), (6.0, 5.0), (3.0, 2.0))
    assert cluster_error(one, two, error) is None
    assert cluster_error(two, one, error) is None
    assert cluster_error(two, Clusters((), (), ()), error) is None
    whole = Clusters((3, 2), (6.0, 5.0), (3.0, 0.0))
    assert cluster_error(two, whole, error) is None


def moments(rows: Sequence[float] | Floats) -> Moments:
    array = np.asarray(rows, dtype=float)
    return Moments(len(array), float(array.mean()), float(((array - array.mean()) ** 2).sum()))


@pytest.mark.parametrize("correlation", [0.0, 0.05, 0.2, 0.6])
def test_it_finds_the_correlation_that_is_there(correlation: float) -> None:
    rng = np.random.default_rng(7)
    found = []
    for _ in range(200):
        variants = [
            [
                moments(
                    shift
                    + rng.normal(0, correlation**0.5)
                    + rng.normal(0, (1 - correlation) ** 0.5, rng.integers(2, 25))
                )
                for _ in range(30)
            ]
            for shift in (10.0, 15.0)  # what the treatment adds is no likeness of clusters
        ]
        found.append(intraclass_correlation(variants))
    assert np.mean([one or 0.0 for one in found]) == pytest.approx(correlation, abs=0.01)


@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.integers(2, 8))
def test_equal_clusters_are_the_mean_correlation_of_pairs(seed: int, count: int, size: int) -> None:
    """Of one variant with clusters of one size, by the sums of squares of a textbook's table."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 1, (count, 1)) + rng.normal(0, 1, (count, size))
    between = size * rows.mean(axis=1).var(ddof=1)
    within = rows.var(axis=1, ddof=1).mean()
    wanted = (between - within) / (between + (size - 1) * within)
    assert intraclass_correlation([[moments(row) for row in rows]]) == pytest.approx(wanted)


def test_what_has_no_correlation() -> None:
    single = [Moments(1, 2.0, 0.0), Moments(1, 3.0, 0.0)]
    assert intraclass_correlation([]) is None
    assert intraclass_correlation([single]) is None
    assert intraclass_correlation([[Moments(5, 2.0, 4.0)], [Moments(5, 2.0, 4.0)]]) is None
    assert intraclass_correlation([[Moments(5, 2.0, 0.0), Moments(5, 2.0, 0.0)]]) is None
    alike = [[Moments(5, 2.0, 0.0), Moments(5, 3.0, 0.0), Moments(0, 0.0, 0.0)], []]
    assert intraclass_correlation(alike) == 1
