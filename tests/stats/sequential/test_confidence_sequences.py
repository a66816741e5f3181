from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from abtest.stats.sequential.binary_sequences import (
    bernoulli_interval,
    beta_binomial_interval,
    block_e_value,
    bounded_mean_interval,
    difference_interval,
    two_by_two_e_values,
)
from abtest.stats.sequential.normal_mixture import (
    NormalMixture,
    asymptotic_rho,
    asymptotic_sequence,
    log_e_value,
    mixture_sprt,
    multiplier,
)
from abtest.stats.tails import normal_quantile
from support import expected, golden_cases

HERMITE = np.polynomial.hermite_e.hermegauss(60)


@pytest.mark.parametrize("case", golden_cases("g_sequential", "g-msprt"))
def test_reference_mixture_sprt(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    found = mixture_sprt(
        inputs["mean_treatment"] - inputs["mean_control"],
        2 * inputs["variance_per_observation"] / inputs["n_per_arm"],
        inputs["tau2"],
        inputs["alpha"],
        inputs["theta0"],
    )
    assert found.e_value == expected(case, "likelihood_ratio")
    assert found.pvalue == expected(case, "p_value_at_n")
    assert (found.interval.high - found.interval.low) / 2 == expected(case, "ci_halfwidth")


@pytest.mark.parametrize("case", golden_cases("g_sequential", "g-asympcs"))
def test_reference_asymptotic_sequences(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    if "z_multipliers" in case["expected"]:
        rho2 = asymptotic_rho(inputs["n_opt"], inputs["alpha"]) ** 2
        found = [
            multiplier(share * inputs["n_opt"] * rho2, inputs["alpha"])
            for share in inputs["n_over_n_opt"]
        ]
        assert found == expected(case, "z_multipliers")
        return
    assert asymptotic_rho(inputs["n_opt"], inputs["alpha"]) == expected(case, "rho")
    sequence = asymptotic_sequence(
        inputs["estimate"], inputs["se"], inputs["n"], inputs["n_opt"], inputs["alpha"]
    )
    assert [sequence.interval.low, sequence.interval.high] == expected(case, "ci")
    assert sequence.interval.high - inputs["estimate"] == expected(case, "halfwidth")
    assert sequence.multiplier == expected(case, "z_multiplier")
    assert sequence.e_value == expected(case, "e_value")
    assert sequence.pvalue == expected(case, "p_value")
    assert normal_quantile(1 - inputs["alpha"]) == expected(case, "fixed_n_multiplier")


@pytest.mark.parametrize("case", golden_cases("g_sequential", "g-howard-normal"))
def test_reference_normal_mixture(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    mixture = NormalMixture.tuned(inputs["v_opt"], inputs["alpha_opt"])
    assert mixture.rho == expected(case, "best_rho")
    assert mixture.log_value(inputs["s"], inputs["v"]) == expected(case, "log_mixture")
    assert mixture.bound(inputs["v"], inputs["alpha"]) == expected(case, "bound_at_v")


def test_the_one_sided_mixture_by_integration() -> None:
    """The half-normal mixture of exp(l s - l^2 v / 2), once more by scipy's integration."""
    mixture = NormalMixture.tuned(100, 0.05, two_sided=False)
    density = 2 * math.sqrt(mixture.rho / (2 * math.pi))
    by_hand, _ = quad(
        lambda x: density * math.exp(10 * x - 50 * x**2 - mixture.rho * x**2 / 2), 0, 5, limit=200
    )
    assert mixture.log_value(10, 100) == pytest.approx(math.log(by_hand), rel=1e-9)
    bound = mixture.bound(100, 0.05)
    assert mixture.log_value(bound, 100) == pytest.approx(math.log(20), rel=1e-9)
    assert bound < NormalMixture.tuned(100, 0.05).bound(100, 0.05)


@pytest.mark.parametrize("case", golden_cases("g_sequential", "g-howard-bernoulli"))
def test_reference_bernoulli(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    found = bernoulli_interval(inputs["successes"], inputs["n"], inputs["alpha"], inputs["t_opt"])
    assert [found.low, found.high] == expected(case, "ci")


@pytest.mark.parametrize("case", golden_cases("g_sequential", "g-betabinomial"))
def test_reference_beta_binomial(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    found = beta_binomial_interval(
        inputs["successes"], inputs["n"], inputs["alpha"], tuple(inputs["prior"])
    )
    assert [found.low, found.high] == expected(case, "ci")


@pytest.mark.parametrize("case", golden_cases("g_sequential", "g-prpl-eb"))
def test_reference_empirical_bernstein(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    for key, n in (("ci_at_10", 10), ("ci_at_20", 20)):
        found = bounded_mean_interval(
            inputs["x"][:n], inputs["alpha"], truncation=inputs["truncation_c"]
        )
        assert [found.low, found.high] == expected(case, key)


@given(st.floats(-8, 8), st.floats(0.01, 100))
def test_the_mixture_by_integration(z: float, ratio: float) -> None:
    """The normal mixture of likelihood ratios, once more by Gauss-Hermite."""
    nodes, weights = HERMITE
    # Centred where the integrand has its peak: then few nodes reach far tails.
    shrunk = ratio / (1 + ratio)
    centre, sd = z * shrunk, math.sqrt(shrunk)
    effects = centre + sd * nodes
    log_ratio = z * effects - effects**2 / 2 - effects**2 / (2 * ratio) + nodes**2 / 2
    by_hand = float(weights @ np.exp(log_ratio)) * sd / math.sqrt(2 * math.pi * ratio)
    assert log_e_value(z, ratio) == pytest.approx(math.log(by_hand), rel=1e-8, abs=1e-8)


@given(st.floats(-5, 5), st.floats(0.01, 3), st.floats(100, 1e6), st.floats(0.01, 0.2))
def test_p_is_below_alpha_exactly_where_the_interval_leaves_out_no_effect(
    estimate: float, se: float, n: float, alpha: float
) -> None:
    found = asymptotic_sequence(estimate, se, n, 10_000, alpha)
    if abs(abs(estimate) - found.multiplier * se) < 1e-9:
        return
    assert (found.pvalue < alpha) == (0.0 not in found.interval)
    other = asymptotic_sequence(-estimate, se, n, 10_000, alpha)
    assert other.interval.low == pytest.approx(-found.interval.high)
    assert other.e_value == pytest.approx(found.e_value)


def test_the_mixture_errs_at_most_as_often_as_it_says() -> None:
    """20,000 paths without an effect, looked at 200 times: the band is 3 standard errors."""
    steps = np.random.default_rng(7).normal(size=(20_000, 200))
    n = np.arange(1, 201)
    z = np.cumsum(steps, axis=1) / np.sqrt(n)
    rho2 = asymptotic_rho(100, 0.05) ** 2
    widths = np.array([multiplier(count * rho2, 0.05) for count in n.tolist()])
    share = float((np.abs(z) >= widths).any(axis=1).mean())
    assert 0.001 < share < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 20_000)


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.01, 0.2))
def test_a_share_lies_in_its_interval_and_its_edge_is_where_the_evidence_reaches_the_threshold(
    successes: int, failures: int, alpha: float
) -> None:
    n = successes + failures
    found = beta_binomial_interval(successes, n, alpha)
    assert 0 <= found.low <= found.high <= 1
    if n == 0:
        assert (found.low, found.high) == (0, 1)
        return
    assert successes / n in found
    for p in (found.low, found.high):
        if 0 < p < 1:
            evidence = math.lgamma(1 + successes) + math.lgamma(1 + failures) - math.lgamma(n + 2)
            evidence -= successes * math.log(p) + failures * math.log(1 - p)
            assert evidence == pytest.approx(-math.log(alpha), rel=1e-6)


def test_no_event_and_nothing_but_events() -> None:
    # With no event of 10 units, B(1, 11) / (1 - p)^10 = 10 at the upper end.
    found = beta_binomial_interval(0, 10, 0.1)
    assert found.low == 0
    assert found.high == pytest.approx(1 - 110**-0.1, rel=1e-12)
    assert beta_binomial_interval(10, 10, 0.1).low == pytest.approx(110**-0.1, rel=1e-12)
    assert bernoulli_interval(0, 10, 0.1, 50).high < 1


def test_shares_are_covered_at_all_times_together() -> None:
    """2,000 paths of 300 units with a share of 0.1; the band is 3 standard errors."""
    drawn = np.random.default_rng(11).random((2_000, 300)) < 0.1
    totals = np.cumsum(drawn, axis=1)[:, 9::10]
    missed = np.zeros(2_000, dtype=bool)
    for column, n in enumerate(range(10, 301, 10)):
        for count in np.unique(totals[:, column]).tolist():
            if 0.1 not in beta_binomial_interval(count, n, 0.1):
                missed |= totals[:, column] == count
    assert missed.mean() < 0.1 + 3 * math.sqrt(0.09 / 2_000)


def test_the_difference_is_as_wide_as_its_two_shares() -> None:
    found = difference_interval((0, 0), (5, 5), 0.05)
    assert found.low == pytest.approx(beta_binomial_interval(5, 5, 0.025).low - 1)
    assert found.high == 1
    one = difference_interval((10, 100), (30, 100), 0.05)
    other = difference_interval((30, 100), (10, 100), 0.05)
    assert one.low == pytest.approx(-other.high)


def test_a_block_is_worth_one_on_average_whatever_the_common_share() -> None:
    """By enumeration over all tables of a block with 3 and 2 units."""
    for share in (0.05, 0.3, 0.9):
        mean = sum(
            math.comb(3, x)
            * math.comb(2, y)
            * share ** (x + y)
            * (1 - share) ** (5 - x - y)
            * block_e_value((x, 3), (y, 2), (0.2, 0.5))
            for x in range(4)
            for y in range(3)
        )
        assert mean <= 1 + 1e-12
    pooled = (3 * 0.2 + 2 * 0.5) / 5
    at_null = sum(
        math.comb(3, x)
        * math.comb(2, y)
        * pooled ** (x + y)
        * (1 - pooled) ** (5 - x - y)
        * block_e_value((x, 3), (y, 2), (0.2, 0.5))
        for x in range(4)
        for y in range(3)
    )
    assert at_null == pytest.approx(1, rel=1e-12)


def test_blocks_multiply_and_learn() -> None:
    blocks = [((0, 1), (1, 1)), ((0, 1), (1, 1)), ((1, 1), (1, 1))]
    found = two_by_two_e_values(blocks)
    # After one block the shares bet on are 0.18 / 1.36 and 1.18 / 1.36; their mean is 0.5.
    bet = 1.18 / 1.36
    assert found[0] == pytest.approx(1)
    assert found[1] == pytest.approx((bet / 0.5) ** 2)
    low, high = 0.18 / 2.36, 2.18 / 2.36
    assert found[2] == pytest.approx(found[1] * low * high / 0.25)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: asymptotic_sequence(0, 0, 10, 10, 0.05), "se is 0; it must be above 0"),
        (lambda: asymptotic_sequence(0, 1, 10, 0, 0.05), "n_opt is 0; it must be above 0"),
        (lambda: mixture_sprt(0, 1, 1, 1.0), r"alpha is 1\.0; it must lie strictly"),
        (lambda: multiplier(0, 0.05), "ratio is 0; it must be above 0"),
        (lambda: beta_binomial_interval(3, 2, 0.05), "there are 3 successes of 2"),
        (lambda: beta_binomial_interval(1, 2, 0), "alpha is 0; it must lie strictly"),
        (lambda: beta_binomial_interval(1, 2, 0.1, (0, 1)), r"the prior is \(0, 1\)"),
        (lambda: bernoulli_interval(1, 2, 0.1, 0), "n_opt is 0; it must be above 0"),
        (lambda: bernoulli_interval(1, 2, 0.1, 5, 1), "alpha_opt is 1; it must lie"),
        (lambda: bounded_mean_interval([], 0.1), "values must lie between 0 and 1"),
        (lambda: bounded_mean_interval([2], 0.1), "values must lie between 0 and 1"),
        (lambda: bounded_mean_interval([0.5], 0.1, truncation=1), "the largest bet must lie"),
        (lambda: block_e_value((2, 1), (0, 1), (0.1, 0.2)), "a block has 2 of 1 and 0 of 1"),
        (lambda: block_e_value((1, 1), (0, 1), (0, 0.2)), r"the shares are \(0, 0\.2\)"),
        (lambda: two_by_two_e_values([], 0), "the prior is 0; it must be above 0"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
