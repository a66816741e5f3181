"""The models that are asked for by name, against reference cases, draws and exact values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtest.stats.bayes.beta_rate import BetaRate, rate_difference
from abtest.stats.bayes.dirichlet_nps import DirichletNps
from abtest.stats.bayes.distributions import best, difference_below, difference_quantile
from abtest.stats.bayes.factors import log_factor_jzs, log_factor_normal, log_factor_rates
from abtest.stats.bayes.gamma_poisson import Gamma, expected_shortfall, gamma_poisson, ratio_below
from abtest.stats.bayes.hurdle_lognormal import HurdleLogNormal, revenue_ratio
from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.partial_pooling import (
    james_stein,
    learned_prior,
    learned_spread,
    partial_pool,
)
from abtest.stats.bayes.question import Question
from abtest.stats.bayes.student import NormalInverseGamma, Student
from abtest.stats.summaries import Moments, Proportion
from support import Case, expected, golden_cases


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-bf-betabinom"))
def test_golden_factor_of_rates(case: Case) -> None:
    control, treatment = (
        Proportion(case["inputs"][name]["n"], case["inputs"][name]["x"])
        for name in ("control", "treatment")
    )
    found = log_factor_rates(control, treatment)
    assert found == expected(case, "log_bf10")
    assert math.exp(found) == expected(case, "bf10")


def _rate(case: Case, counts: dict[str, int]) -> BetaRate:
    return BetaRate(*case["inputs"]["prior_beta"]).updated(counts["x"], counts["n"])


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-betabinom"))
def test_golden_difference_of_rates(case: Case) -> None:
    control, treatment = (_rate(case, case["inputs"][name]) for name in ("control", "treatment"))
    found = rate_difference(control, treatment)
    assert found.mean == expected(case, "posterior_mean_diff")
    assert [found.low, found.high] == expected(case, "diff_ci95")
    assert found.prob_positive == expected(case, "prob_treatment_better")


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-prob-best"))
def test_golden_best_of_rates(case: Case) -> None:
    rates = [_rate(case, counts) for counts in case["inputs"]["arms"]]
    found = best(rates, [rate.mean for rate in rates])
    assert list(found.prob_best) == expected(case, "prob_best")
    assert list(found.expected_loss) == expected(case, "expected_loss")
    assert found.expected_max == expected(case, "expected_max")


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-jzs"))
def test_golden_jzs(case: Case) -> None:
    given_ = case["inputs"]
    found = log_factor_jzs(given_["t"], given_["n2"], given_["n1"])
    assert found == expected(case, "log_bf10")
    assert math.exp(found) == expected(case, "bf10")


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-normal-prior"))
def test_golden_factor_of_an_effect(case: Case) -> None:
    given_ = case["inputs"]
    prior = Normal(given_["prior_mean"], given_["prior_sd"])
    found = log_factor_normal(given_["estimate"], given_["se"], prior)
    assert math.exp(found) == expected(case, "bayes_factor_vs_null")


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-nig"))
def test_golden_normal_inverse_gamma(case: Case) -> None:
    prior = case["inputs"]["prior"]
    belief = NormalInverseGamma(prior["m0"], prior["kappa0"], prior["a0"], prior["b0"])
    control, treatment = (
        belief.updated(Moments(d["n"], d["mean"], (d["n"] - 1) * d["sd"] ** 2)).mean()
        for d in (case["inputs"]["control"], case["inputs"]["treatment"])
    )
    for found, key in ((control, "post_t_control"), (treatment, "post_t_treatment")):
        assert [found.location, found.scale, found.df] == expected(case, key)
    better = 1 - difference_below(control, treatment, 0.0)
    assert better == expected(case, "prob_treatment_better")
    ends = [difference_quantile(control, treatment, mass) for mass in (0.025, 0.975)]
    assert ends == expected(case, "diff_ci95")


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-nps-dirichlet"))
def test_golden_nps(case: Case) -> None:
    prior = tuple(case["inputs"]["prior"])
    control, treatment = (
        DirichletNps.of_counts(**case["inputs"][name], prior=prior)
        for name in ("control", "treatment")
    )
    assert treatment.mean() == expected(case, "nps_mean_treatment")
    assert treatment.sd() == expected(case, "nps_sd_treatment")
    assert control.mean() == expected(case, "nps_mean_control")
    assert control.sd() == expected(case, "nps_sd_control")
    better = 1 - difference_below(control, treatment, 0.0)
    assert better == expected(case, "prob_treatment_better")


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-hurdle-lognormal"))
def test_golden_hurdle(case: Case) -> None:
    a, b = case["inputs"]["prior_beta"]
    prior = case["inputs"]["prior_nig"]
    belief = NormalInverseGamma(prior["m0"], prior["kappa0"], prior["a0"], prior["b0"])

    def posterior(d: dict[str, Any]) -> HurdleLogNormal:
        k = d["payers"]
        logs = belief.updated(Moments(k, d["mean_log"], (k - 1) * d["sd_log"] ** 2))
        return HurdleLogNormal(a + k, b + d["n"] - k, logs)

    found = revenue_ratio(
        posterior(case["inputs"]["control"]), posterior(case["inputs"]["treatment"])
    )
    assert found.prob_better == expected(case, "prob_treatment_better")
    assert found.median == expected(case, "revenue_ratio_median")
    assert [found.low, found.high] == expected(case, "revenue_ratio_ci95")
    assert "infinite" in found.note


def test_few_promoters_against_draws() -> None:
    few, more = DirichletNps.of_counts(0, 3, 1), DirichletNps.of_counts(2, 1, 0)
    rng = np.random.default_rng(5)
    one, other = rng.dirichlet([1, 4, 2], 400_000), rng.dirichlet([3, 2, 1], 400_000)
    better = (other[:, 0] - other[:, 2] > one[:, 0] - one[:, 2]).mean()
    assert 1 - difference_below(few, more, 0.0) == pytest.approx(better, abs=0.003)
    with pytest.raises(ValueError, match="each weight must be above 0"):
        DirichletNps.of_counts(1, 1, 1, prior=(0.0, 1.0, 1.0))


def test_a_factor_is_asked_for_with_sense() -> None:
    with pytest.raises(ValueError, match="scale is 0"):
        log_factor_jzs(1.0, 10, 10, 0.0)
    with pytest.raises(ValueError, match="must be at least"):
        log_factor_jzs(1.0, 1, 1)


def test_gamma_poisson_against_scipy_and_draws() -> None:
    control, treatment = Gamma(101.0, 100.0), Gamma(131.0, 110.0)
    ratio = stats.f(2 * treatment.shape, 2 * control.shape)
    scale = treatment.mean / control.mean
    found = gamma_poisson(control, [treatment], Question(rope=0.05)).variants[0]
    assert found is not None
    assert found.prob_beats_control == pytest.approx(ratio.sf(1 / scale), rel=1e-10)
    assert found.lift == pytest.approx(ratio.ppf(0.5) * scale - 1, rel=1e-9)
    assert found.lift_low == pytest.approx(ratio.ppf(0.025) * scale - 1, rel=1e-9)
    assert found.prob_in_rope == pytest.approx(
        ratio.cdf(1.05 / scale) - ratio.cdf(0.95 / scale), rel=1e-9
    )
    rng = np.random.default_rng(3)
    draws = rng.gamma(control.shape, 1 / control.rate, 10**6)
    others = rng.gamma(treatment.shape, 1 / treatment.rate, 10**6)
    loss = np.maximum(draws - others, 0)
    assert found.expected_loss is not None
    assert found.expected_loss * control.mean == pytest.approx(
        loss.mean(), abs=4 * loss.std() / 1000
    )


@pytest.mark.parametrize("increase", [True, False])
def test_the_best_of_three_rates(increase: bool) -> None:
    rates = [Gamma(30.0, 20.0), Gamma(36.0, 20.0), Gamma(3.0, 2.0)]
    found = gamma_poisson(rates[0], rates[1:], Question(increase=increase))
    chances = [found.control_prob_best, *(v.prob_best for v in found.variants if v)]
    rng = np.random.default_rng(4)
    draws = np.stack([rng.gamma(one.shape, 1 / one.rate, 400_000) for one in rates])
    winners = draws.argmax(axis=0) if increase else draws.argmin(axis=0)
    assert chances == pytest.approx(np.bincount(winners) / 400_000, abs=0.004)
    assert sum(chance or 0 for chance in chances) == pytest.approx(1, abs=1e-9)


shapes = st.floats(0.5, 500)


@given(shapes, shapes, shapes, shapes)
def test_swapping_rates(a: float, b: float, c: float, d: float) -> None:
    one, other = Gamma(a, b), Gamma(c, d)
    assert ratio_below(one, other, 1.0) == pytest.approx(1 - ratio_below(other, one, 1.0))
    # E[(x - y)+] - E[(y - x)+] is E[x] - E[y], and neither is below 0.
    losses = expected_shortfall(one, other), expected_shortfall(other, one)
    assert min(losses) >= 0
    size = max(one.mean, other.mean)
    assert losses[0] - losses[1] == pytest.approx(other.mean - one.mean, abs=1e-9 * size)


def test_the_best_of_means_by_losses() -> None:
    """Two normals by t with many degrees: E[max] = s / sqrt(pi) for standard errors s."""
    one = Student(0.0, 1.0, 1e9)
    found = best([one, one], [0.0, 0.0])
    assert found.expected_max == pytest.approx(1 / math.sqrt(math.pi), rel=1e-7)
    assert found.expected_loss == pytest.approx([1 / math.sqrt(math.pi)] * 2, rel=1e-7)


def test_the_spread_is_where_the_likelihood_is_highest() -> None:
    rng = np.random.default_rng(8)
    ses = rng.uniform(0.01, 0.05, 30)
    estimates = rng.normal(0.02, 0.04, 30) + rng.normal(0, ses)
    mean, tau = learned_spread(list(estimates), list(ses))

    def height(center: float, spread: float) -> float:
        sd = np.sqrt(ses**2 + spread**2)
        return float(np.sum(stats.norm.logpdf(estimates, center, sd)))

    top = height(mean, tau)
    assert top >= max(height(mean, tau * 1.001), height(mean, tau * 0.999))
    assert top >= max(height(mean + 1e-4, tau), height(mean - 1e-4, tau))
    assert top >= max(height(0.02, spread) for spread in np.linspace(0, 0.2, 200))


def test_estimates_that_agree_are_one() -> None:
    found = partial_pool([0.1, 0.1, 0.1], [0.05, 0.05, 0.1])
    assert found.tau == 0
    assert [one.mean for one in found.posteriors] == pytest.approx([0.1] * 3)
    assert found.posteriors[0].sd == pytest.approx((2 / 0.0025 + 1 / 0.01) ** -0.5)


def test_the_best_of_eight_is_drawn_in() -> None:
    rng = np.random.default_rng(2)
    raw = list(rng.normal(0, 0.05, 8) + rng.normal(0, 0.05, 8))
    found = partial_pool(raw, [0.05] * 8)
    top = int(np.argmax(raw))
    assert found.mean < found.posteriors[top].mean < raw[top]


def test_few_past_results_draw_the_spread_in() -> None:
    lifts, ses = [0.2, -0.2, 0.2, -0.2], [0.01] * 4
    few, many = learned_prior(lifts, ses), learned_prior(lifts * 5, ses * 5)
    assert few is not None
    assert many is not None
    assert few.sd < many.sd == pytest.approx(math.sqrt(0.04 - 0.0001), rel=1e-6)
    assert learned_prior([0.001, -0.001], [0.05, 0.05]) is None


@pytest.mark.parametrize(
    ("estimates", "ses", "message"),
    [([], [], "0 estimates"), ([1.0], [1.0, 2.0], "1 estimates"), ([1.0], [0.0], "an error is 0")],
)
def test_estimates_without_sense(estimates: list[float], ses: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        learned_spread(estimates, ses)


def test_james_stein_of_baseball() -> None:
    """Efron & Morris (1975): Clemente's transformed average of -1.35 comes to about -2.1..."""
    # Their transformed batting averages of 18 players, variance 1, drawn to the mean.
    x = [
        -1.35, -1.66, -1.97, -2.28, -2.60, -2.60, -2.92, -3.26, -3.60,
        -3.60, -3.95, -3.95, -3.95, -3.95, -3.95, -4.32, -4.70, -5.10,
    ]  # fmt: skip
    found = james_stein(x, 1.0)
    mean = sum(x) / 18
    # 1 - 15 / 18.96 = 0.209 is what the paper prints for the shrinkage.
    assert (found[0] - mean) / (x[0] - mean) == pytest.approx(0.209, abs=0.003)
    assert james_stein([1.0, 1.0, 1.0, 1.0], 1.0) == (1.0, 1.0, 1.0, 1.0)
    # Towards a point: 1 - (3 - 2) / 12 = 11 / 12.
    assert james_stein([2.0, 2.0, 2.0], 1.0, towards=0.0) == pytest.approx([22 / 12] * 3)
    with pytest.raises(ValueError, match="at least 4"):
        james_stein([1.0, 2.0, 3.0], 1.0)
    with pytest.raises(ValueError, match="se is 0"):
        james_stein([1.0, 2.0, 3.0, 4.0], 0.0)
