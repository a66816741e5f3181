from __future__ import annotations

import math
from typing import Any

import pytest

from abtest.analysis.guardrails import (
    GuardrailReading,
    is_equivalent,
    is_worse,
    read_guardrail,
)
from abtest.metrics.mean import MeanMetric
from abtest.stats.comparison import Comparison, Interval
from abtest.stats.proportions.miettinen_nurminen import miettinen_nurminen
from abtest.stats.summaries import Proportion
from support import Case, golden_cases


def metric(**changes: Any) -> MeanMetric:
    fields = {"key": "m", "kind": "mean", "column": "c", "role": "guardrail", **changes}
    return MeanMetric.model_validate(fields)


def comparison(
    difference: tuple[float, float] | None, lift: tuple[float, float] | None = None
) -> Comparison:
    return Comparison(
        value=1.0,
        value_control=1.0,
        difference=0.0,
        difference_ci=Interval(*difference) if difference else None,
        lift=0.0,
        lift_ci=Interval(*lift) if lift else None,
        se=None,
        statistic=None,
        df=None,
        pvalue=None,
        ci_level=0.95,
        method="by hand",
    )


@pytest.mark.parametrize(
    ("increase", "interval", "verdict", "harm"),
    [
        (True, (-0.9, 3.0), "pass", False),
        (True, (-0.9, -0.1), "pass", True),
        (True, (-1.0, 3.0), "inconclusive", False),  # at the margin is not better than it
        (True, (-3.0, -1.0), "inconclusive", True),
        (True, (-3.0, -1.1), "breach", True),
        (False, (-3.0, 0.9), "pass", False),
        (False, (0.1, 0.9), "pass", True),
        (False, (-3.0, 1.0), "inconclusive", False),
        (False, (1.1, 3.0), "breach", True),
        (True, (-math.inf, 3.0), "inconclusive", False),
        (True, (-0.5, math.inf), "pass", False),
    ],
)
def test_a_margin_against_an_interval(
    increase: bool, interval: tuple[float, float], verdict: str, harm: bool
) -> None:
    direction = "increase" if increase else "decrease"
    guarded = metric(desired_change=direction, non_inferiority_margin={"absolute": 1.0})
    reading = read_guardrail(guarded, comparison(interval))
    assert reading == GuardrailReading(1.0, verdict, harm)  # type: ignore[arg-type]


def test_a_relative_margin_is_held_against_the_lift() -> None:
    guarded = metric(non_inferiority_margin={"relative": 0.1})
    assert read_guardrail(guarded, comparison((-9.0, 9.0), (-0.05, 0.1))).verdict == "pass"
    unbounded = read_guardrail(guarded, comparison((-9.0, 9.0), None))
    assert (unbounded.margin, unbounded.verdict) == (0.1, "inconclusive")
    assert "its interval has no bound on the margin's scale" in unbounded.notes[0]


def test_without_a_margin_there_is_only_harm() -> None:
    assert read_guardrail(metric(), comparison((-2.0, -1.0))) == GuardrailReading(harm=True)
    assert read_guardrail(metric(), comparison(None)) == GuardrailReading(harm=None)


def test_other_roles_are_no_guardrails() -> None:
    assert read_guardrail(metric(role="primary"), comparison((-2.0, -1.0))) == GuardrailReading()


@pytest.mark.parametrize(
    ("interval", "expected"),
    [((-0.9, 0.9), True), ((-1.0, 0.5), False), ((-0.5, 1.0), False), ((0.1, 0.2), True)],
)
def test_equivalence(interval: tuple[float, float], expected: bool) -> None:
    within = metric(equivalence={"absolute": 1.0})
    assert is_equivalent(within, comparison(interval)) is expected


def test_no_equivalence_without_a_margin_or_an_interval() -> None:
    assert is_equivalent(metric(), comparison((0.0, 0.0))) is None
    assert is_equivalent(metric(equivalence={"relative": 1.0}), comparison((0.0, 0.0))) is None


def test_better_and_worse() -> None:
    above, below, around = Interval(0.1, 1.0), Interval(-1.0, -0.1), Interval(-1.0, 1.0)
    assert is_worse(above, increase=False)
    assert is_worse(below, increase=True)
    assert not is_worse(around, increase=True)
    assert is_worse(None, increase=True) is None


NON_INFERIORITY = [
    *golden_cases("h_noninferiority", "h-ni-diff"),
    *golden_cases("h_noninferiority", "h-ni-ratio"),
]


def proportion(counts: dict[str, int]) -> Proportion:
    return Proportion(counts["n"], counts["x"])


@pytest.mark.parametrize("case", NON_INFERIORITY)
def test_non_inferiority_of_proportions(case: Case) -> None:
    """Two-sided 95% is one-sided 2.5%: the golden file tests the margin itself."""
    inputs = case["inputs"]
    margin = (
        {"absolute": inputs["margin"]}
        if "margin" in inputs
        else {"relative": 1 - inputs["ratio_margin"]}
    )
    compared = miettinen_nurminen(
        proportion(inputs["control"]), proportion(inputs["treatment"]), 0.95
    )
    reading = read_guardrail(metric(non_inferiority_margin=margin), compared)
    assert (reading.verdict == "pass") == case["expected"]["non_inferior_at_025"]


@pytest.mark.parametrize("case", golden_cases("h_noninferiority", "h-tost-prop"))
def test_equivalence_of_proportions(case: Case) -> None:
    """Two one-sided tests at alpha: the interval at 1 - 2 alpha."""
    inputs = case["inputs"]
    level = 1 - 2 * inputs["alpha"]
    compared = miettinen_nurminen(
        proportion(inputs["control"]), proportion(inputs["treatment"]), level
    )
    within = metric(equivalence={"absolute": inputs["margin"]})
    assert is_equivalent(within, compared) == case["expected"]["equivalent"]
    narrow = metric(equivalence={"absolute": 0.015})  # inside the golden interval's upper end
    assert is_equivalent(narrow, compared) is False


def test_swapping_sides_and_direction_changes_nothing() -> None:
    a, b = Proportion(500, 40), Proportion(480, 60)
    for margin in (0.01, 0.05, 0.1):
        down = metric(desired_change="decrease", non_inferiority_margin={"absolute": margin})
        up = metric(non_inferiority_margin={"absolute": margin})
        lost = miettinen_nurminen(a, b, 0.95)
        kept = miettinen_nurminen(Proportion(500, 460), Proportion(480, 420), 0.95)
        assert read_guardrail(down, lost).verdict == read_guardrail(up, kept).verdict
