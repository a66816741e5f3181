"""Fieller by other degrees of freedom; the test that it inverts, rho by rho, is the witness."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import t

from abtest.stats.comparison import Interval
from abtest.stats.means.fieller_df import DegreesOfFreedom, fieller_lift_of_means
from abtest.stats.means.welch import mean_level, welch
from abtest.stats.summaries import Moments

KINDS: tuple[DegreesOfFreedom, ...] = ("welch", "plug_in", "iterative")
kinds = pytest.mark.parametrize("kind", KINDS)
ci_levels = st.floats(0.5, 0.999)
moments = st.builds(Moments, st.integers(2, 60), st.floats(-50, 100), st.floats(0.01, 1e5))


def accepts(
    control: Moments, treatment: Moments, rho: float, ci_level: float, at: float | None = None
) -> bool:
    """Whether the test of the ratio rho accepts, with degrees of freedom of that ratio or of at."""
    base, other = mean_level(control), mean_level(treatment)
    v_c, v_t = base.variance or 0.0, other.variance or 0.0
    r = rho if at is None else at
    df = (v_t + r * r * v_c) ** 2 / (v_t**2 / other.df + r**4 * v_c**2 / base.df)
    distance = abs((other.value or 0.0) - rho * (base.value or 0.0))
    return bool(distance <= t.isf((1 - ci_level) / 2, df) * math.sqrt(v_t + rho * rho * v_c))


@kinds
@given(moments, moments, ci_levels)
def test_the_ends_are_where_the_test_turns(
    kind: DegreesOfFreedom, control: Moments, treatment: Moments, ci_level: float
) -> None:
    found = fieller_lift_of_means(control, treatment, ci_level, kind)
    if found is None:
        return
    estimate = treatment.mean / control.mean
    at = {"welch": 1.0, "plug_in": estimate, "iterative": None}[kind]
    low, high = 1 + found.low, 1 + found.high
    slack = 1e-7 * (1 + abs(low) + abs(high))
    assume(high - low > 100 * slack)
    assert low <= estimate <= high
    for rho in np.linspace(low + slack, high - slack, 50):
        assert accepts(control, treatment, float(rho), ci_level, at)
    for rho in (low - slack, high + slack):
        assert not accepts(control, treatment, rho, ci_level, at)


@kinds
@given(moments, moments, ci_levels)
def test_there_is_none_just_where_control_is_not_clear_of_zero(
    kind: DegreesOfFreedom, control: Moments, treatment: Moments, ci_level: float
) -> None:
    found = fieller_lift_of_means(control, treatment, ci_level, kind)
    if control.mean <= 0:
        assert found is None
        return
    # Infinite ratios are those of control against nothing.
    at = {"welch": 1.0, "plug_in": treatment.mean / control.mean, "iterative": None}[kind]
    assume(abs(treatment.mean / control.mean) < 1e5)
    far = 1e9 * (1 + abs(treatment.mean / control.mean))
    if found is None:
        assert accepts(control, treatment, far, ci_level - 1e-6, at) or accepts(
            control, treatment, far, ci_level + 1e-6, at
        )
    else:
        assert not accepts(control, treatment, far, ci_level - 1e-6, at)


@given(moments, moments, ci_levels)
def test_by_default_it_is_the_lift_of_welch(
    control: Moments, treatment: Moments, ci_level: float
) -> None:
    found = fieller_lift_of_means(control, treatment, ci_level)
    assert found == welch(control, treatment, ci_level).lift_ci


@kinds
@given(moments, moments, st.integers(-9, 9))
def test_the_currency_does_not_matter(
    kind: DegreesOfFreedom, control: Moments, treatment: Moments, power: int
) -> None:
    def with_rate(rate: float) -> Interval | None:
        base, other = (
            Moments(one.n, one.mean * rate, one.m2 * rate * rate) for one in (control, treatment)
        )
        return fieller_lift_of_means(base, other, 0.95, kind)

    plain, scaled = with_rate(1.0), with_rate(2.0**power)
    assert (plain is None) == (scaled is None)
    if plain is not None and scaled is not None:
        assert (scaled.low, scaled.high) == pytest.approx((plain.low, plain.high), rel=1e-9)


@kinds
def test_one_variant_that_does_not_vary(kind: DegreesOfFreedom) -> None:
    some, constant = Moments(9, 10.0, 72.0), Moments(6, 10.0, 0.0)
    assert fieller_lift_of_means(constant, constant, df=kind) is None
    half = float(t.isf(0.025, 8))
    found = fieller_lift_of_means(constant, some, df=kind)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((-half / 10, half / 10))
    back = fieller_lift_of_means(some, constant, df=kind)
    assert back is not None
    assert (1 + back.low) * (1 + found.high) == pytest.approx(1)


@kinds
@pytest.mark.parametrize("few", [Moments(0, 0.0, 0.0), Moments(1, 5.0, 0.0)])
def test_too_few_units(kind: DegreesOfFreedom, few: Moments) -> None:
    some = Moments(9, 10.0, 72.0)
    assert fieller_lift_of_means(some, few, df=kind) is None
    assert fieller_lift_of_means(few, some, df=kind) is None
    with pytest.raises(ValueError, match="ci_level is 95"):
        fieller_lift_of_means(some, some, 95, kind)
