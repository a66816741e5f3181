from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from abtest.stats.sequential.boundaries import Plan, shaped_plan, spending_plan
from abtest.stats.sequential.planning import peeking_error, plan_cost, power
from abtest.stats.sequential.recursion import crossing_probabilities, walk
from abtest.stats.sequential.spending import Kind, Spending
from support import expected, golden_cases

SPENDING_CASES = (
    golden_cases("g_sequential", "g-ld-")
    + golden_cases("g_sequential", "g-hsd-")
    + golden_cases("g_sequential", "g-power-")
    + golden_cases("g_sequential", "g-underrun")
    + golden_cases("g_sequential", "g-overrun")
)
SHAPES = {"Pocock": 0.5, "O'Brien-Fleming": 0.0}


def equal(looks: int) -> list[float]:
    return [(look + 1) / looks for look in range(looks)]


def spending_of(text: str) -> Spending:
    if "OBF" in text:
        return Spending()
    if "Pocock" in text:
        return Spending("pocock")
    if "gamma=" in text:
        return Spending("hwang_shih_decani", float(text.partition("gamma=")[2]))
    return Spending("power", float(text.partition("rho=")[2].partition(":")[0]))


@pytest.mark.parametrize("case", SPENDING_CASES)
def test_reference_plans_by_spending(case: dict[str, Any]) -> None:
    inputs, keys = case["inputs"], case["expected"]
    plan = spending_plan(
        inputs["information_fractions"],
        spending_of(inputs["spending"]),
        inputs["alpha"],
        two_sided=inputs["two_sided"],
        final="spends all" in inputs.get("final_look", ""),
    )
    assert list(plan.boundaries) == expected(case, "z_boundaries")
    assert list(plan.spent) == expected(case, "cumulative_alpha")
    if "nominal_p" in keys:
        assert list(plan.nominal_pvalues) == expected(case, "nominal_p")
    if "drift_power80" in keys:
        cost = plan_cost(plan, 0.8)
        assert cost.drift == expected(case, "drift_power80")
        assert cost.inflation == expected(case, "max_inflation_power80")
        assert cost.expected_sample == expected(case, "expected_sample_H1_power80")


@pytest.mark.parametrize(
    "case", golden_cases("g_sequential", "g-jt-") + golden_cases("g_sequential", "g-wang-")
)
def test_reference_shapes(case: dict[str, Any]) -> None:
    inputs, keys = case["inputs"], case["expected"]
    delta = SHAPES.get(inputs["type"], inputs.get("delta"))
    plan = shaped_plan(
        equal(inputs["looks"]), delta, inputs["alpha"], two_sided=inputs["two_sided"]
    )
    assert plan.boundaries[-1] == expected(case, "c_constant")
    if "z_boundaries" in keys:
        assert list(plan.boundaries) == expected(case, "z_boundaries")
    if "nominal_two_sided_p" in keys:
        assert plan.nominal_pvalues[-1] == expected(case, "nominal_two_sided_p")
    for wanted, key in ((0.8, "max_inflation_power80"), (0.9, "max_inflation_power90")):
        if key in keys:
            assert plan_cost(plan, wanted).inflation == expected(case, key)
    if "expected_sample_H1_power80" in keys:
        found = plan_cost(plan, 0.8).expected_sample
        assert found == expected(case, "expected_sample_H1_power80")


@pytest.mark.parametrize("case", golden_cases("g_sequential", "g-naive-peeking"))
def test_reference_peeking(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    found = peeking_error(equal(inputs["looks"]), inputs["nominal_two_sided_alpha"])
    assert found == expected(case, "actual_type1")


@pytest.mark.parametrize(
    ("delta", "looks", "constant"),
    # Jennison & Turnbull (2000), tables 2.1 and 2.3, alpha 0.05.
    [
        (0.5, 2, 2.178),
        (0.5, 3, 2.289),
        (0.5, 4, 2.361),
        (0.5, 5, 2.413),
        (0.5, 10, 2.555),
        (0.0, 2, 1.977),
        (0.0, 3, 2.004),
        (0.0, 4, 2.024),
        (0.0, 5, 2.040),
        (0.0, 10, 2.087),
    ],
)
def test_printed_constants(delta: float, looks: int, constant: float) -> None:
    assert shaped_plan(equal(looks), delta, 0.05).boundaries[-1] == pytest.approx(
        constant, abs=5e-4
    )


def by_simpson(information: list[float], spending: Spending, alpha: float) -> list[float]:
    """Boundaries once more, by Simpson's rule on a plain grid and scipy's root search."""
    found: list[float] = []
    grid, density = np.zeros(1), np.ones(1)
    before, spent = 0.0, 0.0
    for t in information:
        gain = t - before
        step = math.sqrt(gain)
        target = spending.spent(t, alpha / 2) - spent

        def excess(
            score: float,
            grid: npt.NDArray[np.float64] = grid,
            density: npt.NDArray[np.float64] = density,
            step: float = step,
            target: float = target,
        ) -> float:
            return math.log(max(float(density @ norm.sf((score - grid) / step)), 1e-300) / target)

        bound = float(brentq(excess, 0.1, 20 * math.sqrt(t), xtol=1e-13))
        points = 2 * math.ceil(12 * bound / step) + 201
        points += 1 - points % 2
        new = np.linspace(-bound, bound, points)
        weights = np.full(points, 2.0)
        weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
        kernel = norm.pdf((new[:, None] - grid) / step) / step
        density = (weights * (new[1] - new[0]) / 3) * (kernel @ density)
        found.append(bound / math.sqrt(t))
        grid, before, spent = new, t, spent + target
    return found


@pytest.mark.parametrize("looks", [14, 28, 56])
@pytest.mark.parametrize("kind", ["obrien_fleming", "pocock"])
def test_nightly_boundaries_by_another_rule(looks: int, kind: Kind) -> None:
    spending = Spending(kind)
    plan = spending_plan(equal(looks), spending, 0.05)
    assert list(plan.boundaries) == pytest.approx(
        by_simpson(equal(looks), spending, 0.05), abs=1e-6
    )


@pytest.mark.parametrize("looks", [14, 56])
@pytest.mark.parametrize("drift", [0.0, 2.8])
def test_stops_as_often_as_drawn_paths(looks: int, drift: float) -> None:
    """100,000 drawn paths; the band is 4 standard errors."""
    information = np.array(equal(looks))
    plan = spending_plan(list(information), Spending(), 0.05)
    steps = np.random.default_rng(1).normal(size=(100_000, looks)) / math.sqrt(looks)
    scores = np.cumsum(steps, axis=1) + drift * information
    over = scores / np.sqrt(information) >= np.array(plan.boundaries)
    under = scores / np.sqrt(information) <= -np.array(plan.boundaries)
    up_first = over.any(axis=1) & ~(
        under.any(axis=1) & (under.argmax(axis=1) < over.argmax(axis=1))
    )
    share = float(up_first.mean())
    assert power(plan, drift) == pytest.approx(
        share, abs=4 * math.sqrt(share * (1 - share) / 100_000)
    )


fractions = st.lists(st.integers(1, 300), min_size=1, max_size=10, unique=True).map(
    lambda found: [step / 250 for step in sorted(found)]
)


@given(fractions, st.sampled_from(["obrien_fleming", "pocock", "power", "hwang_shih_decani"]))
@settings(max_examples=30, deadline=None)
def test_a_passed_boundary_never_changes(information: list[float], kind: Kind) -> None:
    whole = spending_plan(information, Spending(kind), 0.05)
    for looks in range(1, len(information)):
        part = spending_plan(information[:looks], Spending(kind), 0.05)
        assert part.boundaries == whole.boundaries[:looks]
        ended = spending_plan(information[:looks], Spending(kind), 0.05, final=True)
        assert ended.boundaries[:-1] == whole.boundaries[: looks - 1]


@given(fractions, st.booleans())
@settings(max_examples=30, deadline=None)
def test_what_is_spent_is_what_is_crossed(information: list[float], two_sided: bool) -> None:
    plan = spending_plan(information, Spending("pocock"), 0.05, two_sided=two_sided, final=True)
    above, below = crossing_probabilities(plan.information, plan.bounds)
    total = sum(above) + sum(below)
    assert total == pytest.approx(0.05, rel=1e-9)
    assert plan.spent[-1] == pytest.approx(0.05, rel=1e-12)


def test_nothing_is_left_after_an_over_run() -> None:
    plan = spending_plan([0.5, 1.0, 1.2], Spending(), 0.05)
    assert plan.boundaries[-1] == math.inf
    assert plan.spent == (plan.spent[0], 0.05, 0.05)


def test_too_early_to_spend_anything() -> None:
    plan = spending_plan([0.001, 1.0], Spending(), 0.05)
    assert plan.boundaries[0] == math.inf
    assert plan.boundaries[1] == pytest.approx(norm.isf(0.025), rel=1e-12)


def test_one_look_is_a_fixed_test() -> None:
    assert spending_plan([0.3], Spending(), 0.05, final=True).boundaries[0] == pytest.approx(
        norm.isf(0.025), rel=1e-12
    )
    assert shaped_plan([3.0], 0.5, 0.05, two_sided=False).boundaries[0] == pytest.approx(
        norm.isf(0.05), rel=1e-9
    )
    plan = Plan((1.0,), (norm.isf(0.025),), (0.05,), 0.05, two_sided=True)
    cost = plan_cost(plan, 0.8)
    assert cost.inflation == pytest.approx(1, rel=1e-9)
    assert cost.expected_sample == pytest.approx(1, rel=1e-9)


def test_looks_that_hardly_differ() -> None:
    """Little new information: the density needs many nodes, and nothing is lost."""
    information = [0.4, 0.401, 0.4011, 1.0]
    plan = spending_plan(information, Spending("pocock"), 0.05)
    above, below = crossing_probabilities(information, plan.bounds)
    assert sum(above) + sum(below) == pytest.approx(0.05, rel=1e-9)


def test_without_boundaries_nothing_stops_and_nothing_is_lost() -> None:
    bounds = [(-math.inf, math.inf)] * 3
    above, below = crossing_probabilities([0.2, 0.5, 1.0], bounds, 1.0)
    assert above == below == [0, 0, 0]
    (*_, last) = walk([0.2, 0.5, 1.0], bounds)
    assert last.above(1.0, 2.0, 1.0) == pytest.approx(norm.sf(1.0), rel=1e-10)
    assert last.below(1.0, math.inf, 1.0) == pytest.approx(1, rel=1e-10)


@pytest.mark.parametrize("information", [[0.5, 0.5], [0.5, 0.4], [0.0], [0.5, 0.500001]])
def test_information_must_grow(information: list[float]) -> None:
    with pytest.raises(ValueError, match="it must grow by at least 1e-05"):
        spending_plan(information, Spending(), 0.05)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="there is no look"):
        spending_plan([], Spending(), 0.05)
    with pytest.raises(ValueError, match=r"alpha is 0\.0; it must lie strictly"):
        spending_plan([1.0], Spending(), 0.0)
    with pytest.raises(ValueError, match="alpha is 2; it must lie strictly"):
        shaped_plan([1.0], 0.5, 2)
    with pytest.raises(ValueError, match="obrien_fleming spending has no parameter; 1 is given"):
        Spending("obrien_fleming", 1)
    with pytest.raises(ValueError, match="the power of spending is -1; it must be above 0"):
        Spending("power", -1)
    with pytest.raises(ValueError, match=r"an information fraction is 0; it must be above 0"):
        Spending().spent(0, 0.05)
    with pytest.raises(ValueError, match="there are 1 looks and 2 pairs of bounds"):
        crossing_probabilities([1.0], [(-1, 1), (-1, 1)])
    with pytest.raises(ValueError, match=r"power is 0\.01; it must lie between 0\.025 and 1"):
        plan_cost(shaped_plan([1.0], 0.5, 0.05), 0.01)


def test_a_straight_line_of_spending() -> None:
    assert Spending("hwang_shih_decani", 0).spent(0.3, 0.05) == pytest.approx(0.015)
    # Far out nearly all is spent at the end, or at once; floats do not overflow.
    assert Spending("hwang_shih_decani", -1e4).spent(0.999, 0.05) == pytest.approx(
        0.05 * math.exp(-10)
    )
    assert Spending("hwang_shih_decani", -1e4).spent(0.5, 0.05) == 0
    assert Spending("hwang_shih_decani", 1e4).spent(0.5, 0.05) == pytest.approx(0.05)
    assert Spending("power").spent(0.5, 0.05) == pytest.approx(0.05 / 8)
    assert Spending("hwang_shih_decani").spent(0.5, 0.05) == pytest.approx(
        0.05 * (1 - math.exp(2)) / (1 - math.exp(4))
    )
