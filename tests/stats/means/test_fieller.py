from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from abtest.stats.means.fieller import fieller_lift

positive = st.floats(0.01, 1e4)


@given(positive, positive, st.floats(-1e4, 1e4), positive, st.floats(0.1, 10))
def test_limits_are_where_the_pivot_is_critical(
    mean_control: float, se_control: float, mean: float, se: float, quantile: float
) -> None:
    """Root search on T(rho) instead of the closed form."""
    interval = fieller_lift(mean_control, se_control**2, mean, se**2, quantile)
    if quantile * se_control >= mean_control:
        assert interval is None
        return
    if quantile * se_control > 0.999 * mean_control:
        return  # the far limit runs off to infinity

    def pivot(ratio: float) -> float:
        return (mean - ratio * mean_control) / math.hypot(se, ratio * se_control)

    assert interval is not None
    estimate = mean / mean_control
    low = brentq(lambda r: pivot(r) - quantile, estimate - 1e12, estimate, xtol=1e-14, rtol=1e-14)
    high = brentq(lambda r: pivot(r) + quantile, estimate, estimate + 1e12, xtol=1e-14, rtol=1e-14)
    assert interval.low + 1 == pytest.approx(low, rel=1e-6, abs=1e-8)
    assert interval.high + 1 == pytest.approx(high, rel=1e-6, abs=1e-8)


@given(positive, st.floats(0, 0.4), positive, st.floats(0, 1), st.floats(0.1, 2))
def test_leaves_out_zero_exactly_when_the_difference_does(
    mean_control: float, share: float, mean: float, se: float, quantile: float
) -> None:
    se_control = share * mean_control
    interval = fieller_lift(mean_control, se_control**2, mean, se**2, quantile)
    assert interval is not None
    critical = quantile * math.sqrt(se_control**2 + se**2)
    if not math.isclose(abs(mean - mean_control), critical, rel_tol=1e-12):
        assert (abs(mean - mean_control) > critical) == (0 not in interval)


def test_known_control() -> None:
    """With a control known exactly, the interval is the treatment's own over control."""
    interval = fieller_lift(10.0, 0.0, 12.0, 1.0, 1.96)
    assert interval is not None
    assert interval.low == pytest.approx((12 - 1.96) / 10 - 1, rel=1e-12)
    assert interval.high == pytest.approx((12 + 1.96) / 10 - 1, rel=1e-12)


def test_nothing_uncertain_and_no_difference() -> None:
    interval = fieller_lift(10.0, 0.0, 10.0, 0.0, 1.96)
    assert interval is not None
    assert (interval.low, interval.high) == (0.0, 0.0)
