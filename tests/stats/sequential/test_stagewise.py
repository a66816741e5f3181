from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from abtest.stats.sequential.boundaries import spending_plan
from abtest.stats.sequential.spending import Spending
from abtest.stats.sequential.stagewise import stagewise

INFORMATION = [0.2, 0.4, 0.6, 0.8, 1.0]
PLAN = spending_plan(INFORMATION, Spending("pocock"), 0.05)


def test_one_look_is_a_fixed_test() -> None:
    found = stagewise([1.0], [(-9, 9)], 2.5, 0.95)
    assert found.pvalue == pytest.approx(2 * norm.sf(2.5), rel=1e-12)
    assert found.estimate == pytest.approx(2.5, rel=1e-9)
    assert found.interval.low == pytest.approx(2.5 - norm.isf(0.025), rel=1e-9)
    assert found.interval.high == pytest.approx(2.5 + norm.isf(0.025), rel=1e-9)


def test_a_stop_at_the_first_look_is_a_fixed_test_at_its_information() -> None:
    found = stagewise([0.25], [(-3, 3)], 4.0, 0.9)
    assert found.pvalue == pytest.approx(2 * norm.sf(4.0), rel=1e-10)
    assert found.estimate == pytest.approx(8.0, rel=1e-9)
    assert found.interval.low == pytest.approx(2 * (4 - norm.isf(0.05)), rel=1e-9)


@given(
    st.integers(1, 5),
    st.floats(-6, 6),
    st.sampled_from(["obrien_fleming", "pocock", "hwang_shih_decani"]),
)
@settings(max_examples=60, deadline=None)
def test_p_below_alpha_exactly_where_a_boundary_is_crossed(
    looks: int, statistic: float, kind: str
) -> None:
    """At the end of the plan all of alpha is spent, so both say the same."""
    information = INFORMATION[:looks]
    plan = spending_plan(information, Spending(kind), 0.05, final=True)  # type: ignore[arg-type]
    if abs(abs(statistic) - plan.boundaries[-1]) < 1e-6:
        return
    found = stagewise(information, plan.bounds, statistic, 0.95)
    crossed = abs(statistic) > plan.boundaries[-1]
    assert (found.pvalue < 0.05) == crossed
    assert (0.0 not in found.interval) == crossed
    assert found.interval.low < found.estimate < found.interval.high
    assert 0 <= found.pvalue <= 1


@given(st.integers(1, 5), st.floats(0, 8))
@settings(max_examples=30, deadline=None)
def test_the_other_direction_is_the_mirror_image(looks: int, statistic: float) -> None:
    information, bounds = INFORMATION[:looks], PLAN.bounds[:looks]
    one = stagewise(information, bounds, statistic, 0.9)
    other = stagewise(information, bounds, -statistic, 0.9)
    assert other.pvalue == pytest.approx(one.pvalue, rel=1e-9)
    assert other.estimate == pytest.approx(-one.estimate, rel=1e-9, abs=1e-9)
    assert other.interval.low == pytest.approx(-one.interval.high, rel=1e-9, abs=1e-9)


def test_the_pvalue_is_the_share_of_drawn_results_that_are_as_extreme() -> None:
    """400,000 paths without an effect; the band is 4 standard errors."""
    steps = np.random.default_rng(3).normal(size=(400_000, 5)) * math.sqrt(0.2)
    z = np.cumsum(steps, axis=1) / np.sqrt(INFORMATION)
    crossed = np.abs(z) >= np.array(PLAN.boundaries)
    stop = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 4)
    at_stop = z[np.arange(len(z)), stop]
    # The observed result: look 3, z = 2.6, above the boundary of 2.33 or so.
    assert PLAN.boundaries[2] < 2.6
    earlier = (stop < 2) & (at_stop > 0)
    extreme = float((earlier | ((stop == 2) & (at_stop >= 2.6))).mean())
    found = stagewise(INFORMATION[:3], PLAN.bounds[:3], 2.6, 0.95)
    band = 4 * math.sqrt(extreme / 400_000)
    assert found.pvalue_above == pytest.approx(extreme, abs=band)
    assert found.pvalue == pytest.approx(2 * found.pvalue_above)


@pytest.mark.parametrize("drift", [0.0, 2.0])
def test_interval_and_estimate_are_right_as_often_as_they_say(drift: float) -> None:
    """500 drawn plans; the bands are 4 standard errors."""
    runs = 500
    steps = np.random.default_rng(5).normal(size=(runs, 3)) / math.sqrt(3)
    information = [1 / 3, 2 / 3, 1.0]
    plan = spending_plan(information, Spending("pocock"), 0.05)
    z = (np.cumsum(steps, axis=1) + drift * np.array(information)) / np.sqrt(information)
    covered = above = 0
    for path in z:
        stop = next((i for i in range(3) if abs(path[i]) >= plan.boundaries[i]), 2)
        found = stagewise(information[: stop + 1], plan.bounds[: stop + 1], float(path[stop]), 0.9)
        covered += drift in found.interval
        above += found.estimate > drift
    assert covered / runs == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / runs))
    assert above / runs == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / runs))


def test_a_huge_effect_at_an_early_look() -> None:
    information = [look / 56 for look in range(1, 4)]
    plan = spending_plan(information, Spending(), 0.05)
    found = stagewise(information, plan.bounds, 30.0, 0.95)
    assert 0 <= found.pvalue < 1e-20
    assert found.interval.low > 0
    assert math.isfinite(found.interval.high)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"ci_level is 1\.0; it must lie strictly"):
        stagewise([1.0], [(-2, 2)], 1.0, 1.0)
    with pytest.raises(ValueError, match="it must grow by at least"):
        stagewise([0.5, 0.5], [(-2, 2)] * 2, 1.0, 0.95)
