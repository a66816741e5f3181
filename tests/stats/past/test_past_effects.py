"""Priors from past experiments, and winners corrected for their luck."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from abtest.stats.bayes.normal import Normal
from abtest.stats.past.meta_analysis import random_effects
from abtest.stats.past.past_effects import LEAST_SD, START_SD, conditional_estimate, prior_from


def by_quadrature(y: list[float], se: list[float]) -> tuple[float, float]:
    """E[mu] and the root of E[tau^2], by adaptive integration over tau and multivariate normals."""
    k = len(y)

    def likelihood(tau: float) -> float:
        spread = np.diag(np.square(se) + tau**2) + START_SD**2 * np.ones((k, k))
        return float(stats.multivariate_normal.pdf(y, np.zeros(k), spread)) * float(
            stats.halfnorm.pdf(tau, scale=START_SD)
        )

    def mean_given(tau: float) -> float:
        spread = np.diag(np.square(se) + tau**2) + START_SD**2 * np.ones((k, k))
        return float(START_SD**2 * np.ones(k) @ np.linalg.solve(spread, np.array(y)))

    def integral(function: Callable[[float], float]) -> float:
        found = integrate.quad(function, 0, 1, points=[0.01, 0.05, 0.2], limit=200, epsabs=0)
        return float(found[0])

    total = integral(likelihood)
    mean = integral(lambda tau: likelihood(tau) * mean_given(tau)) / total
    square = integral(lambda tau: likelihood(tau) * tau**2) / total
    return mean, math.sqrt(square)


@pytest.mark.parametrize(
    ("y", "se"),
    [
        ([0.10], [0.03]),
        ([0.04, 0.05], [0.02, 0.02]),
        ([0.3, -0.2, 0.1, 0.0], [0.05, 0.02, 0.1, 0.04]),
        ([0.001 * i for i in range(15)], [0.01] * 15),
    ],
)
def test_few_experiments(y: list[float], se: list[float]) -> None:
    prior = prior_from(y, se)
    mean, sd = by_quadrature(y, se)
    assert prior.mean == pytest.approx(mean, rel=1e-6, abs=1e-12)
    assert prior.sd == pytest.approx(sd, rel=1e-6)


def test_a_narrow_peak_is_not_missed() -> None:
    """Lifts that are known to a tenth of a percent."""
    y = [0.002 * math.sin(i) for i in range(19)]
    mean, sd = by_quadrature(y, [0.0003] * 19)
    prior = prior_from(y, [0.0003] * 19)
    assert (prior.mean, prior.sd) == pytest.approx((mean, sd), rel=1e-4)


def test_no_experiment_leaves_the_start() -> None:
    assert prior_from([], []) == Normal(0.0, 0.05)


def test_many_experiments_speak_for_themselves() -> None:
    rng = np.random.default_rng(7)
    y = list(rng.normal(0.02, 0.08, 40))
    found = random_effects(y, [0.03] * 40)
    assert prior_from(y, [0.03] * 40) == Normal(found.mean, found.tau or 0.0)
    alike = prior_from([0.02] * 20, [0.03] * 20)
    assert alike.mean == pytest.approx(0.02)
    assert alike.sd == LEAST_SD


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="one standard error for each effect"):
        prior_from([0.1], [])


@given(z=st.floats(1.97, 8.0), sign=st.sampled_from([-1.0, 1.0]))
def test_the_conditional_estimate_maximises_the_conditional_likelihood(
    z: float, sign: float
) -> None:
    cut = stats.norm.isf(0.025)

    def minus_log(t: float) -> float:
        told = stats.norm.logpdf(z - t)
        return float(np.logaddexp(stats.norm.logcdf(t - cut), stats.norm.logcdf(-t - cut)) - told)

    best = optimize.minimize_scalar(minus_log, bounds=(0, z), method="bounded")
    found = conditional_estimate(sign * z * 0.04, 0.04, 0.05)
    assert found is not None
    assert sign * found / 0.04 == pytest.approx(best.x, abs=2e-4)
    assert 0 <= sign * found <= z * 0.04


def test_what_is_not_significant_has_no_conditional_estimate() -> None:
    assert conditional_estimate(0.0783, 0.04, 0.05) is None
    assert conditional_estimate(0.0785, 0.04, 0.05) is not None
    far = conditional_estimate(4.0, 0.04, 0.05)
    assert far == pytest.approx(4.0)


def test_shrunken_winners_are_right_on_average_and_raw_ones_are_not() -> None:
    """True log lifts N(0.01, 0.04^2), 2,000 experiments, seen with se 0.04."""
    rng = np.random.default_rng(11)
    truth = rng.normal(0.01, 0.04, 2000)
    seen = rng.normal(truth, 0.04)
    prior = prior_from(list(seen), [0.04] * 2000)
    won = seen / 0.04 > 1.959964
    share = prior.sd**2 / (prior.sd**2 + 0.04**2)
    shrunk = prior.mean + share * (seen - prior.mean)
    error = 3 * (0.04 * math.sqrt(share)) / math.sqrt(won.sum())
    assert abs((shrunk - truth)[won].mean()) < error + 0.005  # the prior is estimated as well
    assert (seen - truth)[won].mean() > 0.03
    conditional = np.array([conditional_estimate(one, 0.04, 0.05) for one in seen[won]])
    assert abs((conditional - truth[won]).mean()) < 0.5 * (seen - truth)[won].mean()
