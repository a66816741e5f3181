"""Intervals that other tools print; statsmodels and the delta method by hand are the witnesses."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep

from abtest.stats.proportions.textbook import (
    agresti_caffo,
    linear_delta_lift,
    wald_difference,
    walter_log_lift,
)
from abtest.stats.summaries import Moments, PairMoments, Proportion
from support import expected, golden_cases

units = st.integers(1, 100_000)
ci_levels = st.floats(0.5, 0.999)


@pytest.mark.parametrize("case", golden_cases("a_proportions", "a-wald-family"))
def test_reference_cases(case: dict[str, Any]) -> None:
    level = case["inputs"]["conf"]
    control, treatment = (
        Proportion(case["inputs"][side]["n"], case["inputs"][side]["x"])
        for side in ("control", "treatment")
    )
    walter = walter_log_lift(control, treatment)
    assert walter is not None
    ratio = walter.lift_ci(level)
    assert [1 + ratio.low, 1 + ratio.high] == expected(case, "walter_adjusted_log_rr_ci")
    for key, ends in {
        "wald_diff_ci": wald_difference(control, treatment, level),
        "agresti_caffo_ci": agresti_caffo(control, treatment, level),
        "linear_delta_rel_ci": linear_delta_lift(control, treatment, level),
    }.items():
        assert ends is not None
        assert [ends.low, ends.high] == expected(case, key), key


@given(units, units, st.data(), ci_levels)
def test_statsmodels_agrees(n_c: int, n_t: int, data: st.DataObject, ci_level: float) -> None:
    x_c, x_t = data.draw(st.integers(0, n_c)), data.draw(st.integers(0, n_t))
    control, treatment = Proportion(n_c, x_c), Proportion(n_t, x_t)
    for one, method in ((wald_difference, "wald"), (agresti_caffo, "agresti-caffo")):
        wanted = confint_proportions_2indep(
            x_t, n_t, x_c, n_c, method=method, compare="diff", alpha=1 - ci_level
        )
        there, back = one(control, treatment, ci_level), one(treatment, control, ci_level)
        assert there is not None
        assert back is not None
        assert [there.low, there.high] == pytest.approx(wanted, rel=1e-9, abs=1e-12)
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-14)
    walter = walter_log_lift(control, treatment)
    assert walter is not None
    wanted = confint_proportions_2indep(
        x_t, n_t, x_c, n_c, method="log-adjusted", compare="ratio", alpha=1 - ci_level
    )
    ratio = walter.lift_ci(ci_level)
    assert [1 + ratio.low, 1 + ratio.high] == pytest.approx(wanted, rel=1e-7)


@given(units, units, st.data(), ci_levels)
def test_the_linear_delta_lift_divides_two_delta_errors(
    n_c: int, n_t: int, data: st.DataObject, ci_level: float
) -> None:
    x_c, x_t = data.draw(st.integers(0, n_c)), data.draw(st.integers(0, n_t))
    found = linear_delta_lift(Proportion(n_c, x_c), Proportion(n_t, x_t), ci_level)
    if x_c == 0:
        assert found is None
        return
    assert found is not None
    p, q = x_t / n_t, x_c / n_c
    variance = p * (1 - p) / n_t / q**2 + p**2 * q * (1 - q) / n_c / q**4
    half = norm.ppf(0.5 + ci_level / 2) * math.sqrt(variance)
    assert found.low == pytest.approx(p / q - 1 - half, rel=1e-9, abs=1e-9)
    assert found.high == pytest.approx(p / q - 1 + half, rel=1e-9, abs=1e-9)


def test_the_linear_delta_lift_of_a_ratio_of_sums() -> None:
    constant = [PairMoments(50, mean, 1.0, 98.0, 0.0, 0.0) for mean in (10.0, 11.0)]
    means = [Moments(50, mean, 98.0) for mean in (10.0, 11.0)]
    assert linear_delta_lift(constant[0], constant[1]) == linear_delta_lift(means[0], means[1])


@pytest.mark.parametrize(
    ("control", "treatment"),
    [
        (Moments(5, 0.0, 3.0), Moments(5, 1.0, 3.0)),
        (Moments(5, -1.0, 3.0), Moments(5, 1.0, 3.0)),
        (Moments(1, 2.0, 0.0), Moments(5, 1.0, 3.0)),
        (Moments(5, 2.0, 3.0), Moments(0, 0.0, 0.0)),
        (Moments(5, 1e-300, 1.0), Moments(5, 1e300, 3.0)),
        (Proportion(0, 0), Proportion(5, 1)),
    ],
)
def test_no_linear_delta_lift(control: Any, treatment: Any) -> None:
    assert linear_delta_lift(control, treatment) is None


def test_no_units_and_impossible_counts() -> None:
    nobody, some = Proportion(0, 0), Proportion(9, 2)
    assert wald_difference(nobody, some) is None
    assert agresti_caffo(some, nobody) is None
    assert walter_log_lift(nobody, some) is None
    for one in (wald_difference, agresti_caffo, walter_log_lift):
        with pytest.raises(ValueError, match="treatment has 10 events in 9 units"):
            one(some, Proportion(9, 10))
    for interval in (wald_difference, agresti_caffo, linear_delta_lift):
        with pytest.raises(ValueError, match="ci_level is 95"):
            interval(some, some, 95)
