from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from abtest.stats.clusters.cr2 import cluster_pair
from abtest.stats.log_lift import LogLift, log_lift
from abtest.stats.summaries import Clusters, Moments, PairMoments, Proportion
from support import expected, golden_cases


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-loglift-prior"))
def test_reference_case(case: dict[str, Any]) -> None:
    control, treatment = (
        Proportion(case["inputs"][side]["n"], case["inputs"][side]["x"])
        for side in ("control", "treatment")
    )
    result = log_lift(control, treatment)
    assert result is not None
    assert result.value == expected(case, "log_rr")
    assert result.se == expected(case, "se")


@pytest.mark.parametrize("case", golden_cases("a_proportions", "a-wald-family"))
def test_the_standard_error_is_that_of_katz(case: dict[str, Any]) -> None:
    control, treatment = (
        Proportion(case["inputs"][side]["n"], case["inputs"][side]["x"])
        for side in ("control", "treatment")
    )
    result = log_lift(control, treatment)
    assert result is not None
    assert result.se == expected(case, "katz_log_se")
    ends = result.lift_ci(case["inputs"]["conf"])
    assert [1 + ends.low, 1 + ends.high] == expected(case, "katz_log_rr_ci")


@given(st.floats(-800, 800), st.floats(0, 100), st.floats(0.5, 0.999))
def test_interval_and_pvalue_of_a_log_lift(value: float, se: float, ci_level: float) -> None:
    found = LogLift(value, se)
    ends = found.lift_ci(ci_level)
    half = norm.ppf(0.5 + ci_level / 2) * se
    with np.errstate(over="ignore"):
        wanted = np.expm1([value - half, value + half])
    assert [ends.low, ends.high] == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    if se == 0:
        assert found.pvalue is None
        return
    assert found.pvalue == pytest.approx(2 * norm.sf(abs(value) / se), rel=1e-9)
    if found.pvalue is not None and abs(found.pvalue - (1 - ci_level)) > 1e-9:
        assert (found.pvalue < 1 - ci_level) == (0 not in ends)


def test_a_level_is_a_share() -> None:
    with pytest.raises(ValueError, match="ci_level is 95"):
        LogLift(0.1, 0.1).lift_ci(95)


def test_clusters_by_the_delta_method() -> None:
    """The variances are CR2's, which test_clusters.py holds against the textbook's matrices."""
    control = Clusters((2, 1, 3), (4.0, 3.0, 6.0), (2.0, 1.0, 3.0))
    treatment = Clusters((1, 2, 2), (5.0, 7.0, 4.0), (1.0, 2.0, 2.0))
    result = log_lift(control, treatment)
    pair = cluster_pair(control, treatment)
    assert result is not None
    assert not isinstance(pair, str)
    assert result.value == pytest.approx(math.log((16 / 5) / (13 / 6)))
    assert pair.log_lift is not None
    assert result.se == pytest.approx(pair.log_lift.se)
    assert log_lift(Clusters((2,), (4.0,), (2.0,)), treatment) is None


def test_means_by_the_delta_method() -> None:
    result = log_lift(Moments(100, 10.0, 99 * 4.0), Moments(50, 12.0, 49 * 9.0))
    assert result is not None
    assert result.value == pytest.approx(math.log(1.2))
    assert result.se == pytest.approx(math.sqrt(4 / 100 / 100 + 9 / 50 / 144))


def test_a_ratio_with_a_constant_denominator_is_a_mean() -> None:
    mean = log_lift(Moments(100, 10.0, 396.0), Moments(50, 12.0, 441.0))
    ratio = log_lift(
        PairMoments(100, 10.0, 1.0, 396.0, 0.0, 0.0), PairMoments(50, 12.0, 1.0, 441.0, 0.0, 0.0)
    )
    assert mean is not None
    assert ratio is not None
    assert ratio.value == pytest.approx(mean.value)
    assert ratio.se == pytest.approx(mean.se)


@pytest.mark.parametrize(("mean", "variance"), [(1e-200, 1e-300), (1e-300, 1e-100), (1e160, 1e296)])
def test_values_whose_squares_are_no_floats(mean: float, variance: float) -> None:
    """Exact: variance is that of the mean, m2 / 90, so se = sqrt(2 variance) / mean."""
    control, treatment = Moments(10, mean, 90 * variance), Moments(10, 2 * mean, 360 * variance)
    result = log_lift(control, treatment)
    assert result is not None
    assert result.value == pytest.approx(math.log(2))
    assert result.se == pytest.approx(math.sqrt(2) * (math.sqrt(variance) / mean))


@pytest.mark.parametrize(
    ("control", "treatment"),
    [
        (Proportion(10, 0), Proportion(10, 3)),
        (Proportion(10, 3), Proportion(0, 0)),
        (Proportion(90, 90), Proportion(100, 100)),  # nothing varies: no error is that of nothing
        (Moments(10, -1.0, 5.0), Moments(10, 2.0, 5.0)),
        (Moments(1, 1.0, 0.0), Moments(10, 2.0, 5.0)),
        # Out of the range of floats: a standard error above 1e308, and lifts by 1e500 and 1e-500.
        (Moments(10, 2.0, 5.0), Moments(10, 1e-300, 1e200)),
        (Moments(10, 1e-200, 0.0), Moments(10, 1e300, 0.0)),
        (Moments(10, 1e300, 0.0), Moments(10, 1e-200, 0.0)),
    ],
)
def test_no_log_lift_where_there_is_none(control: Any, treatment: Any) -> None:
    assert log_lift(control, treatment) is None
