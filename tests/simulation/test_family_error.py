"""The chance of any false claim, with Dunnett on the primary metric and secondaries behind it."""

from __future__ import annotations

import numpy as np
import pytest

from abtest.stats.families.max_t import MaxT, loadings_of

RUNS = 200_000
ALPHA = 0.05

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("works", [(), (0,), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("sizes", [(1.0, 1.0, 1.0, 1.0), (0.2, 1.0, 2.0, 5.0)])
def test_false_claims_stay_below_alpha(
    correlation: float, works: tuple[int, ...], sizes: tuple[float, ...]
) -> None:
    """Three variants, two secondary metrics without any effect; some primaries have a huge one.

    Args:
        correlation: Of the metrics within a customer.
        works: The variants whose primary metric has an effect.
        sizes: The variance of each variant's value, control first.
    """
    rng = np.random.default_rng(20260105)
    control, *others = sizes
    family = MaxT(loadings_of(control, others))
    bound = family.critical_value(ALPHA)
    common = np.sqrt(correlation) * rng.normal(size=(RUNS, 4, 1))
    values = common + np.sqrt(1 - correlation) * rng.normal(size=(RUNS, 4, 3))
    values *= np.sqrt(np.array(sizes))[None, :, None]
    z = (values[:, 1:] - values[:, :1]) / np.sqrt(control + np.array(others))[None, :, None]
    z[:, list(works), 0] += 100.0
    claimed = np.abs(z[:, :, 0]) > bound
    false = np.zeros(RUNS, dtype=bool)
    for variant in range(3):
        rest = family.without(variant)
        assert rest is not None
        rate = ALPHA - rest.pvalue(bound)
        if variant not in works:
            false |= claimed[:, variant]
        # Holm claims one of two at all only where the smaller p-value is below half the rate.
        half = MaxT((0.0,)).critical_value(rate / 2)
        false |= claimed[:, variant] & (np.abs(z[:, variant, 1:]).max(axis=1) > half)
    error = np.sqrt(ALPHA * (1 - ALPHA) / RUNS)
    assert false.mean() <= ALPHA + 3 * error
