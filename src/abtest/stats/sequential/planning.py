"""What a group-sequential plan costs: its power, its largest and its expected sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special
from abtest.stats.sequential.recursion import crossing_probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.sequential.boundaries import Plan


@dataclass(frozen=True, slots=True)
class PlanCost:
    """A plan against one look at a fixed sample with the same power.

    Attributes:
        drift: The effect, as the mean of the statistic at information 1, that is found with the
            wanted power.
        inflation: The largest sample as a multiple of the fixed one.
        expected_sample: The mean sample at that effect, as a multiple of the fixed one.
    """

    drift: float
    inflation: float
    expected_sample: float


def power(plan: Plan, drift: float) -> float:
    """Chance to stop on the upper side: to find the effect in its right direction.

    Args:
        plan: The boundaries.
        drift: The effect, as the mean of the statistic at information 1.

    Example:
        >>> from abtest.stats.sequential.boundaries import shaped_plan
        >>> round(power(shaped_plan([0.5, 1.0], 0.5, 0.05), 0.0), 4)
        0.025
    """
    return math.fsum(crossing_probabilities(plan.information, plan.bounds, drift)[0])


def plan_cost(plan: Plan, wanted: float) -> PlanCost:
    """The effect that a plan finds with the wanted power, and what sample it takes.

    inflation = drift^2 / (z_a + z_b)^2, with a the error rate of one side and b one less the power.

    Args:
        plan: The boundaries, up to information 1.
        wanted: The power, between the error rate and 1.

    Returns:
        The plan's cost.

    Raises:
        ValueError: A power that is none.

    Source:
        Jennison & Turnbull (2000), section 2.3 and tables 2.2 and 2.4.

    Example:
        >>> from abtest.stats.sequential.boundaries import shaped_plan
        >>> round(plan_cost(shaped_plan([0.5, 1.0], 0.5, 0.05), 0.8).inflation, 3)
        1.11
    """
    side = plan.alpha / 2 if plan.two_sided else plan.alpha
    if not side < wanted < 1:
        raise ValueError(f"power is {wanted}; it must lie between {side:g} and 1.")
    drift = find_root(lambda effect: wanted - power(plan, effect), 0.0, 20.0)
    fixed = float(special.ndtri(wanted) - special.ndtri(side))
    inflation = (drift / fixed) ** 2
    above, below = crossing_probabilities(plan.information, plan.bounds, drift)
    stops = [up + down for up, down in zip(above, below, strict=True)]
    stops[-1] = 1 - math.fsum(stops[:-1])
    mean = math.fsum(share * t for share, t in zip(stops, plan.information, strict=True))
    return PlanCost(drift, inflation, inflation * mean)


def peeking_error(looks: Sequence[float], alpha: float) -> float:
    """Type I error of looking several times at a test that is made for one look.

    Args:
        looks: Information of each look, growing; only the ratios matter.
        alpha: The two-sided error rate of one look.

    Returns:
        The chance that any look is below alpha where there is no effect.

    Raises:
        ValueError: Information that does not grow.

    Source:
        Armitage, McPherson & Rowe (1969), JRSS A 132, 235-244, table 2.

    Example:
        >>> round(peeking_error([1, 2, 3, 4, 5], 0.05), 3)
        0.142
    """
    z = -float(special.ndtri(alpha / 2))
    above, below = crossing_probabilities(looks, [(-z, z)] * len(looks))
    return math.fsum([*above, *below])
