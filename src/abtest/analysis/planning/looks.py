"""What it costs to look more than once: the largest and the expected sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abtest.stats.sequential.boundaries import Plan, spending_plan
from abtest.stats.sequential.normal_mixture import asymptotic_rho, multiplier
from abtest.stats.sequential.planning import plan_cost
from abtest.stats.sequential.spending import Spending

if TYPE_CHECKING:
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.spec.analysis import Sequential
    from abtest.stats.power.design import Design

NIGHTS = 28
"""Looks of a nightly plan: twice as many change its size by less than a hundredth."""


@dataclass(frozen=True, slots=True)
class LooksCost:
    """A sequential plan beside one look with the same power.

    Attributes:
        engine: How it is watched.
        looks: How many looks are counted with.
        inflation: The largest sample as a multiple of that of one look.
        expected: The mean sample as a multiple of the largest, where the effect is the planned one.
    """

    engine: Literal["lan_demets", "confidence_sequence"]
    looks: int
    inflation: float
    expected: float


def looks_cost(spec: Spec, metric: Metric, design: Design) -> LooksCost | None:
    """What the looks of a spec cost a metric; None where there is one look.

    Looks are spread evenly over the maturing units. A confidence sequence is taken to be tightest
    at the end, which is so where `max_units` is what the plan says.

    Args:
        spec: The experiment.
        metric: The metric: only primary ones spend alpha, the others get confidence sequences.
        design: Error rates of one comparison.
    """
    said = spec.analysis.sequential
    if said is None:
        return None
    looks = said.looks if isinstance(said.looks, int) else NIGHTS
    spends = said.engine == "lan_demets" and metric.role == "primary"
    alpha = design.alpha * (2 if design.sides == 1 else 1)  # of both sides
    plan = _spending(said, looks, alpha) if spends else _sequence(looks, alpha)
    cost = plan_cost(plan, design.power)
    return LooksCost(
        "lan_demets" if spends else "confidence_sequence",
        looks,
        cost.inflation,
        cost.expected_sample / cost.inflation,
    )


def _spending(said: Sequential, looks: int, alpha: float) -> Plan:
    spending = Spending(said.spending or "obrien_fleming", said.parameter)
    return spending_plan(_even(looks), spending, alpha)


def _sequence(looks: int, alpha: float) -> Plan:
    """A confidence sequence as a plan: it stops where its interval leaves out no effect."""
    information = _even(looks)
    at_end = asymptotic_rho(1.0, alpha) ** 2  # the mixture's variance over the estimate's
    widths = tuple(multiplier(at_end * share, alpha) for share in information)
    return Plan(tuple(information), widths, (), alpha, two_sided=True)


def _even(looks: int) -> list[float]:
    return [place / looks for place in range(1, looks + 1)]
