from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from abtest.stats.bayes.normal import Normal, lift_loss, update
from support import expected, golden_cases


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-normal-prior"))
def test_reference_case(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    prior = Normal(inputs["prior_mean"], inputs["prior_sd"])
    posterior = update(inputs["estimate"], inputs["se"], prior)
    got = {
        "posterior_mean": posterior.mean,
        "posterior_sd": posterior.sd,
        "shrinkage": posterior.mean / inputs["estimate"],
        "prob_positive": posterior.above(0),
        "expected_loss_choose_treatment": posterior.expected_shortfall(),
        "expected_loss_choose_control": posterior.expected_excess(),
        "ci95": list(posterior.interval(inputs["cred"])),
    }
    for key, value in got.items():
        assert value == expected(case, key), key


@given(st.floats(-0.5, 0.5), st.floats(0.01, 0.5), st.booleans())
def test_lift_loss_against_integration(mean: float, sd: float, increase: bool) -> None:
    def integrand(z: float) -> float:
        lift = np.expm1(mean + sd * z)
        return float(max(0.0, -lift if increase else lift) * norm.pdf(z))

    kink = min(max(-mean / sd, -10.0), 10.0)
    witness = sum(quad(integrand, *ends)[0] for ends in ((-10, kink), (kink, 10)))
    assert lift_loss(Normal(mean, sd), increase=increase) == pytest.approx(
        witness, rel=1e-7, abs=1e-12
    )


def test_far_tails_do_not_vanish_or_go_negative() -> None:
    far = Normal(30.0, 1.0)
    assert 0 < far.below(0.0) < 1e-190
    assert far.expected_shortfall() >= 0
    assert lift_loss(Normal(3.0, 0.1), increase=True) >= 0


@given(st.floats(-5, 5), st.floats(0.1, 5))
def test_gain_less_loss_is_the_mean(mean: float, sd: float) -> None:
    normal = Normal(mean, sd)
    assert normal.expected_excess() - normal.expected_shortfall() == pytest.approx(mean, abs=1e-12)
