"""Against the values that the authors' library publishes with its tests, and by integration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma

from abtest.stats.sequential.mixture_boundaries import (
    BetaBinomial,
    GammaExponential,
    GammaPoisson,
    Mixture,
    bound,
    stitched_bound,
)
from abtest.stats.sequential.normal_mixture import NormalMixture

# confseq's unit tests at s = 10, v = 100, alpha 0.05: ln M, and the bound.
PUBLISHED: list[tuple[Mixture, float, float]] = [
    (NormalMixture.tuned(100, 0.05, two_sided=False), -0.06502391, 27.66071),
    (NormalMixture.tuned(100, 0.05), -0.6510052, 30.35209),
    (GammaExponential.tuned(100, 0.05, 2), -0.2490165, 33.02017),
    (GammaPoisson.tuned(100, 0.05, 2), -0.06991219, 30.1949),
    (BetaBinomial.tuned(100, 0.05, 0.2, 0.8), -0.6941012, 31.4308),
    (BetaBinomial.tuned(100, 0.05, 0.2, 0.8, two_sided=False), -0.07134019, 28.41238),
]


@pytest.mark.parametrize(("mixture", "log_value", "at"), PUBLISHED)
def test_published_values(mixture: Mixture, log_value: float, at: float) -> None:
    assert mixture.log_value(10, 100) == pytest.approx(log_value, abs=1e-5)
    largest = 500.0 if isinstance(mixture, BetaBinomial) else math.inf
    found = bound(mixture, 100, 0.05, largest)
    assert found == pytest.approx(at, abs=1e-4)
    assert mixture.log_value(found, 100) == pytest.approx(math.log(20), rel=1e-9)


def test_published_stitched_bounds() -> None:
    assert stitched_bound(100, 0.05, 10, 3) == pytest.approx(64.48755, abs=1e-5)
    assert stitched_bound(100, 0.05, 10, -1) == pytest.approx(28.99389, abs=1e-5)
    assert stitched_bound(1, 0.05, 10) == stitched_bound(10, 0.05, 10)


def test_the_gamma_mixture_by_integration() -> None:
    """exp(l s - psi(l) v), psi(l) = (-ln(1 - c l) - c l) / c^2, under a cut gamma density."""
    c, s, v = 2.0, 10.0, 100.0
    mixture = GammaExponential.tuned(100, 0.05, c)
    a = mixture.rho / c**2
    # 1 - c l has a gamma density of shape a and rate a, cut to 0..1.
    whole = gamma.cdf(1, a, scale=1 / a)

    def integrand(x: float) -> float:
        lam = (1 - x) / c
        psi = (-math.log(x) - (1 - x)) / c**2
        return float(gamma.pdf(x, a, scale=1 / a)) / whole * math.exp(lam * s - psi * v)

    by_hand, _ = quad(integrand, 1e-12, 1, points=[0.5, 0.8, 0.95], limit=200)
    assert mixture.log_value(s, v) == pytest.approx(math.log(by_hand), rel=1e-6)


def test_a_bounded_sum_errs_at_most_as_often_as_it_says() -> None:
    """4,000 sums of centred coins of 0.2, looked at 50 times."""
    drawn = (np.random.default_rng(17).random((4_000, 500)) < 0.2) - 0.2
    sums = np.cumsum(drawn, axis=1)[:, 9::10]
    mixture = BetaBinomial.tuned(50, 0.05, 0.2, 0.8)
    limits = [bound(mixture, 0.16 * n, 0.05, 0.8 * n) for n in range(10, 501, 10)]
    over = (sums > np.array(limits)).any(axis=1)
    assert over.mean() < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4_000)


def test_bad_input() -> None:
    mixture = PUBLISHED[2][0]
    with pytest.raises(ValueError, match="the intrinsic time is 0; it must be above 0"):
        bound(mixture, 0, 0.05)
    with pytest.raises(ValueError, match="alpha is 1; it must lie strictly"):
        bound(mixture, 1, 1)
    with pytest.raises(ValueError, match="the scale of the tail is 0; it must be above 0"):
        GammaPoisson.tuned(100, 0.05, 0)
    with pytest.raises(ValueError, match="values lie between -0 and 1; both must be above 0"):
        BetaBinomial.tuned(100, 0.05, 0, 1)
    with pytest.raises(ValueError, match="v_min above 0"):
        stitched_bound(1, 0.05, 0)
