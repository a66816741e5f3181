"""Prior predictive and false ships, against draws, exact values and published tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.predictive import false_ships, prior_predictive


def test_claims_against_draws() -> None:
    prior, se = Normal(0.01, 0.05), 0.03
    rng = np.random.default_rng(6)
    truth = rng.normal(prior.mean, prior.sd, 400_000)
    seen = truth + rng.normal(0, se, 400_000)
    share = prior.sd**2 / (prior.sd**2 + se**2)
    means = prior.mean + share * (seen - prior.mean)
    claimed = means > 1.6448536 * math.sqrt(share) * se
    found = prior_predictive(prior, se, worthwhile=0.02)
    assert found.prob_claimed == pytest.approx(claimed.mean(), abs=0.003)
    assert found.prob_right == pytest.approx((truth[claimed] > 0).mean(), abs=0.003)
    assert found.prob_worthwhile == pytest.approx((truth > math.log(1.02)).mean(), abs=0.003)
    ends = np.expm1(np.quantile(seen, [0.025, 0.975]))
    assert [found.observed_low, found.observed_high] == pytest.approx(ends, abs=0.002)
    assert found.prob_right > 0.95  # those who are at least so sure are right more often than that


def test_flat_prior_and_looks_by_the_published_inflation() -> None:
    """Armitage et al. (1969), table 2, two-sided 5%: 5 looks 0.142, so one-sided 2.5% is half."""
    looks = [k / 5 for k in range(1, 6)]
    found = false_ships(looks, Normal(0.0, 1e6), 0.01, certainty=0.975)
    assert found.rate == pytest.approx(0.142 / 2, abs=0.0006)
    assert found.one_look == pytest.approx(0.025, abs=1e-6)


def test_against_draws_with_a_prior() -> None:
    looks, prior, se = [0.25, 0.5, 0.75, 1.0], Normal(0.0, 0.03), 0.02
    rng = np.random.default_rng(9)
    paths = np.cumsum(rng.normal(0, 0.5, (200_000, 4)), axis=1)
    shipped = np.zeros(200_000, dtype=bool)
    for place, time in enumerate(looks):
        error = se / math.sqrt(time)
        estimate = paths[:, place] / time * se
        share = prior.sd**2 / (prior.sd**2 + error**2)
        shipped |= share * estimate > 1.6448536 * math.sqrt(share) * error
    found = false_ships(looks, prior, se)
    assert found.rate == pytest.approx(shipped.mean(), abs=0.002)


def test_without_sense() -> None:
    prior = Normal(0.0, 0.05)
    with pytest.raises(ValueError, match="it must rise"):
        false_ships([0.5, 0.5], prior, 0.01)
    with pytest.raises(ValueError, match="se is 0"):
        false_ships([1.0], prior, 0.0)
    with pytest.raises(ValueError, match="se is 0"):
        prior_predictive(prior, 0.0)
    with pytest.raises(ValueError, match="certainty is 1"):
        prior_predictive(prior, 0.1, certainty=1.0)
