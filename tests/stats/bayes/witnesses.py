"""Monte Carlo summaries with their errors: an outside witness for the quadrature."""

from __future__ import annotations

import math
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from abtest.stats.posterior import Posterior

ERRORS = 4.0  # a right answer lies this many Monte Carlo errors away once in 16,000 numbers


def check_against_draws(
    posterior: Posterior,
    lifts: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64] | None = None,
    *,
    increase: bool,
    rope: float | None = None,
) -> None:
    """Hold every summary of a posterior against draws of the lifts, shape (variants, draws)."""
    weights = np.ones(lifts.shape[1]) if weights is None else weights
    sign = 1.0 if increase else -1.0
    everyone = np.vstack([np.zeros(lifts.shape[1]), sign * lifts])
    winner = everyone.argmax(axis=0)
    close(posterior.control_prob_best, winner == 0, weights)
    for j, variant in enumerate(posterior.variants):
        assert variant is not None
        gain = sign * lifts[j]
        close(variant.prob_beats_control, gain > 0, weights)
        close(variant.prob_best, winner == j + 1, weights)
        close(variant.expected_loss, np.maximum(0, -gain), weights)
        if rope is not None:
            close(variant.prob_in_rope, np.abs(lifts[j]) < rope, weights)
        for limit, mass in ((variant.lift_low, 0.025), (variant.lift, 0.5)):
            if limit is not None:
                assert_near(mass, lifts[j] < limit, weights)
        if variant.lift_high is not None:
            assert_near(0.975, lifts[j] < variant.lift_high, weights)


def close(
    got: float | None, values: npt.NDArray[np.generic], weights: npt.NDArray[np.float64]
) -> None:
    assert got is not None
    assert_near(got, values, weights)


def assert_near(
    got: float, values: npt.NDArray[np.generic], weights: npt.NDArray[np.float64]
) -> None:
    draws = values.astype(np.float64)
    mean = float((weights * draws).sum() / weights.sum())
    error = math.sqrt(float((weights**2 * (draws - mean) ** 2).sum())) / float(weights.sum())
    assert abs(got - mean) <= ERRORS * error + 1e-6, (got, mean, error)


def within_memory(run: Callable[[], Posterior], *, megabytes: float) -> Posterior:
    """Run it with a bound on its memory, far above what it needs."""
    tracemalloc.start()
    result = run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < megabytes * 1e6
    return result


def chances(posterior: Posterior) -> npt.NDArray[np.float64]:
    """The chances to be the best: control first, then the variants."""
    best = [posterior.control_prob_best, *(one.prob_best for one in posterior.variants if one)]
    return np.array(best, dtype=np.float64)
