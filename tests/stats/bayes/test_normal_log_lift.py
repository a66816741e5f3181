from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from abtest.stats.bayes.normal import Normal, update
from abtest.stats.bayes.normal_log_lift import LogLevel, normal_log_lift
from abtest.stats.bayes.question import Question
from stats.bayes.witnesses import chances, check_against_draws, within_memory
from support import expected, golden_cases


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-loglift-prior"))
def test_reference_case(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    control, treatment = (
        LogLevel(math.log(counts["x"] / counts["n"]), 1 / counts["x"] - 1 / counts["n"])
        for counts in (inputs["control"], inputs["treatment"])
    )
    prior = Normal(0.0, inputs["prior_log_lift_sd"])
    variant = normal_log_lift(control, [treatment], prior, Question()).variants[0]
    assert variant is not None
    assert variant.prob_beats_control == expected(case, "prob_positive")
    assert variant.lift == expected(case, "posterior_median_lift")
    assert [variant.lift_low, variant.lift_high] == expected(case, "relative_lift_ci95")
    se = math.sqrt(control.variance + treatment.variance)
    posterior = update(treatment.mean - control.mean, se, prior)
    assert posterior.mean == expected(case, "posterior_mean")
    assert posterior.sd == expected(case, "posterior_sd")


def _by_matrices(
    control: LogLevel, treatments: list[LogLevel], prior: Normal
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the estimates' errors from the whole matrix of what is random.

    Random are the k log lifts, the k own errors and control's error; each estimate is the posterior
    mean of its own contrast, a linear function of these.
    """
    k = len(treatments)
    own = np.array([t.variance for t in treatments])
    random = np.diag([prior.sd**2] * k + list(own) + [control.variance])
    contrast = np.hstack([np.eye(k), np.eye(k), -np.ones((k, 1))])
    weight = np.diag([prior.sd**2 / total for total in np.diag(contrast @ random @ contrast.T)])
    error = np.hstack([np.eye(k), np.zeros((k, k + 1))]) - weight @ contrast
    ratios = np.array([t.mean - control.mean for t in treatments])
    mean = prior.mean + weight @ (ratios - prior.mean)
    return mean, error @ random @ error.T


levels = st.builds(LogLevel, st.floats(-2.2, -1.8), st.floats(1e-5, 0.05))
priors = st.builds(Normal, st.floats(-0.05, 0.05), st.floats(0.01, 0.3))


@settings(deadline=None)
@given(levels, st.lists(levels, min_size=1, max_size=4), priors, st.booleans())
def test_marginals_by_matrix_algebra(
    control: LogLevel, treatments: list[LogLevel], prior: Normal, increase: bool
) -> None:
    result = normal_log_lift(control, treatments, prior, Question(increase=increase))
    mean, covariance = _by_matrices(control, treatments, prior)
    for j, variant in enumerate(result.variants):
        assert variant is not None
        marginal = Normal(mean[j], math.sqrt(covariance[j, j]))
        wins = marginal.above(0) if increase else marginal.below(0)
        assert variant.prob_beats_control == pytest.approx(wins, rel=1e-6, abs=1e-12)
        low, high = (math.expm1(end) for end in marginal.interval(0.95))
        assert [variant.lift_low, variant.lift_high] == pytest.approx([low, high], abs=1e-9)
    assert result.control_prob_best is not None
    total = result.control_prob_best + sum(v.prob_best for v in result.variants if v)
    assert total == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("increase", [True, False])
@pytest.mark.parametrize("holdout", [0.0005, 0.02])
def test_summaries_against_draws(increase: bool, holdout: float) -> None:
    control = LogLevel(-2.0, holdout)
    treatments = [LogLevel(-1.96, 0.0004), LogLevel(-1.93, 0.0008), LogLevel(-2.05, 0.0001)]
    prior = Normal(0.01, 0.05)
    question = Question(increase=increase, rope=0.02)
    mean, covariance = _by_matrices(control, treatments, prior)
    draws = np.random.default_rng(20260105).multivariate_normal(mean, covariance, 200_000)
    result = normal_log_lift(control, treatments, prior, question)
    check_against_draws(result, np.expm1(draws.T), increase=increase, rope=0.02)


def test_one_variant_does_not_move_another() -> None:
    """Hillstrom's conversions: the lift of one e-mail stands whatever the other one does."""
    control, mens, womens = (
        LogLevel(math.log(x / n), 1 / x - 1 / n)
        for x, n in ((122, 21306), (267, 21307), (189, 21387))
    )
    prior = Normal(0.0, 0.05)
    alone = normal_log_lift(control, [womens], prior, Question()).variants[0]
    beside = normal_log_lift(control, [mens, womens], prior, Question())
    assert alone is not None
    assert beside.variants[1] is not None
    assert beside.variants[1].prob_beats_control == alone.prob_beats_control
    assert alone.prob_beats_control == pytest.approx(0.928, abs=0.005)
    for variant in beside.variants:
        assert variant is not None
        assert variant.prob_best <= variant.prob_beats_control


def test_the_best_of_two_is_an_orthant_probability() -> None:
    """P(both lifts below 0) by scipy's bivariate normal distribution function."""
    control, treatments = LogLevel(-2.0, 0.001), [LogLevel(-1.98, 0.0005), LogLevel(-2.01, 0.002)]
    prior = Normal(0.0, 0.05)
    mean, covariance = _by_matrices(control, treatments, prior)
    witness = multivariate_normal(mean, covariance).cdf(np.zeros(2))
    result = normal_log_lift(control, treatments, prior, Question())
    assert result.control_prob_best == pytest.approx(witness, rel=1e-6)


def test_a_control_known_exactly() -> None:
    control, treatments = LogLevel(-2.0, 0.0), [LogLevel(-1.9, 0.001), LogLevel(-2.1, 0.001)]
    result = normal_log_lift(control, treatments, Normal(0.0, 0.05), Question())
    first, second = result.variants
    assert first is not None
    assert second is not None
    # Nothing is shared, so the two are independent: control is best where both lose.
    assert result.control_prob_best == pytest.approx(
        (1 - first.prob_beats_control) * (1 - second.prob_beats_control), rel=1e-9
    )
    assert first.prob_in_rope is None


@pytest.mark.parametrize("increase", [True, False])
def test_sixty_variants(increase: bool) -> None:
    """Four kinds of variant, fifteen of each, from a variance of 1e-6 to one of 1e-2."""
    # All do a little worse than control, so that draws can see every chance.
    worse = -0.1 if increase else 0.1
    kinds = [LogLevel(-2.0 + worse, 10.0 ** (-6 + 4 * i / 3)) for i in range(4)]
    control, treatments, prior = LogLevel(-2.0, 0.002), kinds * 15, Normal(0.0, 0.05)
    question = Question(increase=increase)
    result = within_memory(
        lambda: normal_log_lift(control, treatments, prior, question), megabytes=150
    )
    best = chances(result)
    assert best.sum() == pytest.approx(1, abs=1e-6)
    same = best[1:].reshape(15, 4)
    assert same == pytest.approx(np.tile(same[0], (15, 1)), rel=1e-9)
    mean, covariance = _by_matrices(control, treatments, prior)
    draws = np.random.default_rng(7).multivariate_normal(mean, covariance, 50_000)
    check_against_draws(result, np.expm1(draws.T), increase=increase)


def test_sixty_identical_variants() -> None:
    """Given control's error the lifts are independent, so P(control best) is one integral."""
    control, treatment, prior = LogLevel(-2.0, 0.001), LogLevel(-2.1, 0.003), Normal(0.0, 0.1)
    mean, covariance = _by_matrices(control, [treatment] * 2, prior)
    shared = math.sqrt(covariance[0, 1])
    own = math.sqrt(covariance[0, 0] - covariance[0, 1])
    witness, _ = quad(
        lambda c: norm.pdf(c) * norm.cdf(-(mean[0] + shared * c) / own) ** 60,
        -9,
        9,
        epsabs=1e-13,
        limit=200,
    )
    best = chances(normal_log_lift(control, [treatment] * 60, prior, Question()))
    assert best[0] == pytest.approx(witness, rel=1e-8)
    assert best[1:] == pytest.approx((1 - witness) / 60, rel=1e-8)
