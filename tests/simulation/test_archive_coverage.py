"""Archives of 200 experiments with a known mean: the meta-analysis keeps its promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abtest.analysis.archive import archive_of
from archive_support import simulated

MEAN, TAU = 0.02, 0.05


def covered(archives: int, seed: int, experiments: int = 200) -> dict[str, float]:
    """The share of archives whose intervals cover, and what believing instead of seeing changes."""
    rng = np.random.default_rng(seed)
    mean = ahead = 0
    for _ in range(archives):
        (pool,) = archive_of(simulated(rng, MEAN, TAU, experiments), "2026-04-01").pools
        mean += math.log1p(pool.lift_low) <= MEAN <= math.log1p(pool.lift_high)
        assert pool.prediction_low is not None
        assert pool.prediction_high is not None
        following = rng.normal(MEAN, TAU)
        ahead += math.log1p(pool.prediction_low) <= following <= math.log1p(pool.prediction_high)
    return {"mean": mean / archives, "next": ahead / archives}


def band(archives: int) -> float:
    """Three Monte Carlo standard errors of a rate of 95%."""
    return 3 * math.sqrt(0.95 * 0.05 / archives)


def test_the_mean_of_200_experiments_is_covered() -> None:
    found = covered(60, seed=1)
    assert found["mean"] == pytest.approx(0.95, abs=band(60))
    assert found["next"] == pytest.approx(0.95, abs=band(60))


@pytest.mark.slow
def test_in_many_archives() -> None:
    found = covered(2000, seed=2)
    assert found["mean"] == pytest.approx(0.95, abs=band(2000))
    assert found["next"] == pytest.approx(0.95, abs=band(2000))


@pytest.mark.slow
def test_in_small_archives() -> None:
    """The mean holds; what is said of the next is too narrow, because tau is hardly known."""
    found = covered(2000, seed=2, experiments=30)
    assert found["mean"] == pytest.approx(0.95, abs=band(2000))
    assert 0.90 < found["next"] < 0.95
