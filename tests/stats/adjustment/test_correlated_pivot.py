from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abtest.stats.adjustment.correlated_pivot import Pair, correlated_comparison, joint_fieller_lift
from abtest.stats.comparison import Interval
from abtest.stats.means.fieller import fieller_lift
from abtest.stats.means.t_pivot import Level, t_comparison

pairs = st.builds(
    lambda mean, lift, se_c, se_t, rho, df: Pair(
        mean,
        mean * (1 + lift),
        (mean * se_c) ** 2,
        (mean * se_t) ** 2,
        rho * mean * se_c * mean * se_t,
        df,
    ),
    st.floats(1e-3, 1e6),
    st.floats(-0.9, 3),
    st.floats(1e-3, 0.4),
    st.floats(1e-3, 0.4),
    st.floats(-0.99, 0.99),
    st.floats(2, 1e6),
)


@given(pairs)
def test_without_covariance_it_is_the_plain_pivot(pair: Pair) -> None:
    control = Level(pair.value_control, pair.variance_control, 50)
    treatment = Level(pair.value, pair.variance, 70)
    plain = t_comparison(control, treatment, 0.9, "any")
    assert plain.df is not None
    alone = Pair(
        pair.value_control, pair.value, pair.variance_control, pair.variance, 0.0, plain.df
    )
    ours = correlated_comparison(alone, ci_level=0.9, method="any")
    for name in ("difference", "se", "statistic", "pvalue", "lift", "notes"):
        assert getattr(ours, name) == pytest.approx(getattr(plain, name), rel=1e-12), name
    assert (ours.lift_ci is None) == (plain.lift_ci is None)
    witness = fieller_lift(
        pair.value_control, pair.variance_control, pair.value, pair.variance, 1.6
    )
    got = joint_fieller_lift(alone, 1.6)
    if witness is not None and got is not None:
        assert (got.low, got.high) == pytest.approx((witness.low, witness.high), rel=1e-9, abs=1e-9)


@given(pairs, st.floats(0.5, 3))
def test_the_limits_are_where_the_statistic_is_the_quantile(pair: Pair, quantile: float) -> None:
    interval = joint_fieller_lift(pair, quantile)
    if interval is None:
        assert pair.value_control**2 <= quantile**2 * pair.variance_control * (1 + 1e-9)
        return
    assume(pair.value_control**2 > 1.01 * quantile**2 * pair.variance_control)
    for limit in (interval.low, interval.high):
        rho = 1 + limit
        variance = pair.variance - 2 * rho * pair.covariance + rho * rho * pair.variance_control
        distance = pair.value - rho * pair.value_control
        assert abs(distance) == pytest.approx(quantile * math.sqrt(variance), rel=1e-5)


@given(pairs, st.floats(0.5, 0.999))
def test_pvalue_and_intervals_never_contradict_each_other(pair: Pair, ci_level: float) -> None:
    result = correlated_comparison(pair, ci_level=ci_level, method="any")
    assert result.pvalue is not None
    assert result.difference_ci is not None
    assume(abs(result.pvalue - (1 - ci_level)) > 1e-9)
    rejected = result.pvalue < 1 - ci_level
    assert rejected == (0 not in result.difference_ci)
    if result.lift_ci is not None:
        assert rejected == (0 not in result.lift_ci)


def test_simulated_coverage_of_the_lift() -> None:
    """With known variances the interval covers exactly; 20,000 draws have an error of 0.0015."""
    rng = np.random.default_rng(7)
    joint = np.array([[1.0, 0.7], [0.7, 1.5]])
    draws = rng.multivariate_normal([10.0, 12.0], joint, 20_000)
    hits = 0
    for control, treatment in draws.tolist():
        interval = joint_fieller_lift(Pair(control, treatment, 1.0, 1.5, 0.7, 1), 1.959964)
        assert interval is not None
        hits += 0.2 in interval
    assert hits / 20_000 == pytest.approx(0.95, abs=0.0046)


def test_control_that_is_not_clear_of_zero() -> None:
    result = correlated_comparison(Pair(1.0, 2.0, 1.0, 1.0, 0.5, 99), ci_level=0.95, method="any")
    assert result.lift == 1.0
    assert result.lift_ci is None
    assert result.notes == ("relative lift cannot be bounded",)
    result = correlated_comparison(Pair(0.0, 2.0, 1.0, 1.0, 0.5, 99), ci_level=0.95, method="any")
    assert result.lift is None
    assert result.notes == ("control is zero or negative: a relative lift has no meaning",)


def test_no_difference_and_next_to_no_error() -> None:
    assert joint_fieller_lift(Pair(1.0, 1.0, 0.0, 0.0, 0.0, 9), 2.0) == Interval(0.0, 0.0)


@pytest.mark.parametrize("mean", [1e-200, 1e200])
def test_tiny_and_huge_values(mean: float) -> None:
    interval = joint_fieller_lift(Pair(mean, 1.5 * mean, 0.0, 0.0, 0.0, 9), 2.0)
    assert interval is not None
    assert interval.low == pytest.approx(0.5)


def test_bad_level() -> None:
    with pytest.raises(ValueError, match=r"ci_level is 0; it must lie strictly"):
        correlated_comparison(Pair(1.0, 2.0, 1.0, 1.0, 0.5, 99), ci_level=0, method="any")


def test_the_log_lift_with_its_error() -> None:
    pair = Pair(10.0, 12.0, 0.5, 0.7, 0.2, 99)
    assert pair.log_lift is not None
    assert pair.log_lift.value == pytest.approx(math.log(1.2))
    wanted = 0.7 / 144 + 0.5 / 100 - 2 * 0.2 / 120
    assert pair.log_lift.se == pytest.approx(math.sqrt(wanted))
    assert Pair(0.0, 12.0, 0.5, 0.7, 0.2, 99).log_lift is None
    assert Pair(1e-300, 1e300, 0.0, 0.0, 0.0, 99).log_lift is None
