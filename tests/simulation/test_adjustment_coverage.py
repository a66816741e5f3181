"""Suites S6 and S7 of the methods report: coverage of adjusted intervals, size with clusters.

A rate's Monte Carlo error is sqrt(p (1 - p) / R); bands are three of them wide.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from abtest.stats.adjustment.by_variant import adjust_means
from abtest.stats.adjustment.co_moments import Columns, from_rows
from abtest.stats.clusters.cr2 import Clusters, cluster_robust

SLOPES = [(1.0, 1.0), (1.5, 0.5), (1.2, 0.2), (0.0, 0.0)]


def band(rate: float, repeats: int) -> float:
    return 3 * math.sqrt(rate * (1 - rate) / repeats)


def adjusted_trials(
    slopes: tuple[float, float], share: float, missing: float, repeats: int
) -> tuple[float, float, float]:
    """Coverage of the difference and the lift, and the mean ratio of variances."""
    n, n_treatment = 1000, round(1000 * share)
    rng = np.random.default_rng([6, n_treatment, round(100 * missing), round(10 * slopes[0])])
    columns = Columns(("y",), ("x",), ("x",) if missing else ())
    of_difference = of_lift = 0
    kept = 0.0
    for _ in range(repeats):
        x, gone = rng.normal(size=n), rng.random(n) < missing
        slope = np.repeat(slopes, [n_treatment, n - n_treatment])
        effect = np.repeat([1.0, 0.0], [n_treatment, n - n_treatment])
        y = 10 + effect + slope * x + rng.normal(size=n)
        history = [np.where(gone, 0, x)] + ([gone.astype(float)] if missing else [])
        rows = np.column_stack([y, *history])
        found = adjust_means(
            {
                "control": from_rows(columns, rows[n_treatment:]),
                "treatment": from_rows(columns, rows[:n_treatment]),
            }
        ).compare("control", "treatment")
        assert found.comparison.difference_ci is not None
        assert found.comparison.lift_ci is not None
        assert found.variance_reduction is not None
        of_difference += 1.0 in found.comparison.difference_ci
        of_lift += 0.1 in found.comparison.lift_ci
        kept += 1 - found.variance_reduction
    return of_difference / repeats, of_lift / repeats, kept / repeats


def check_adjusted(slopes: tuple[float, float], share: float, missing: float, repeats: int) -> None:
    difference, lift, kept = adjusted_trials(slopes, share, missing, repeats)
    assert difference == pytest.approx(0.95, abs=band(0.95, repeats))
    assert lift == pytest.approx(0.95, abs=band(0.95, repeats))
    assert kept <= 1.02


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("slopes", [(1.5, 0.5), (0.0, 0.0)])
def test_adjusted_intervals_cover(slopes: tuple[float, float], share: float) -> None:
    check_adjusted(slopes, share, 0.2, 600)


@pytest.mark.slow
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("slopes", SLOPES)
def test_adjusted_intervals_cover_closely(
    slopes: tuple[float, float], share: float, missing: float
) -> None:
    check_adjusted(slopes, share, missing, 6000)


def size_with_clusters(count: int, correlation: float, repeats: int) -> float:
    """How often no effect is called one at 5%, with stores of 5 to 60 customers."""
    rng = np.random.default_rng([7, count, round(100 * correlation)])
    rejected = 0
    for _ in range(repeats):
        sides = []
        for _side in range(2):
            sizes = rng.integers(5, 61, count)
            # A store's sum: its own level, and the customers' noise.
            level = rng.normal(0, math.sqrt(correlation), count)
            noise = rng.normal(0, 1, count) * np.sqrt((1 - correlation) * sizes)
            sums = sizes * (10 + level) + noise
            sides.append(
                Clusters(tuple(sizes.tolist()), tuple(sums.tolist()), tuple(map(float, sizes)))
            )
        pvalue = cluster_robust(sides[0], sides[1]).pvalue
        assert pvalue is not None
        rejected += pvalue < 0.05
    return rejected / repeats


@pytest.mark.parametrize("correlation", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("count", [6, 50])
def test_size_with_clusters(count: int, correlation: float) -> None:
    assert size_with_clusters(count, correlation, 2000) <= 0.06 + band(0.06, 2000)


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("count", [6, 10, 20, 50])
def test_size_with_clusters_closely(count: int, correlation: float) -> None:
    assert size_with_clusters(count, correlation, 20_000) <= 0.06 + band(0.06, 20_000)
