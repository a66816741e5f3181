"""Inference at the stop: stage-wise p-value, median-unbiased estimate and interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.comparison import Interval
from abtest.stats.roots import find_root
from abtest.stats.sequential.recursion import walk
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class StagewiseResult:
    """What a plan that has stopped says.

    Attributes:
        pvalue: Two-sided p-value of no effect.
        pvalue_above: The one-sided p-value against an effect above zero.
        estimate: The median-unbiased effect, as the mean of the statistic at information 1: divide
            it by the square root of the information that 1 stands for.
        interval: Its interval, on the same scale.
    """

    pvalue: float
    pvalue_above: float
    estimate: float
    interval: Interval


def stagewise(
    information: Sequence[float],
    bounds: Sequence[tuple[float, float]],
    statistic: float,
    ci_level: float,
) -> StagewiseResult:
    """Inference for a plan that stopped at its last look.

    Results are ordered by when the plan stopped: an upper boundary crossed earlier is more extreme
    than one crossed later, and at the same look a larger statistic is. With P(d) the chance under
    the effect d of a result at least as extreme, the p-value is 2 min(P(0), 1 - P(0)), the estimate
    solves P(d) = 1/2 and the interval has P(d) = a/2 and 1 - a/2. So p-value and interval agree,
    and neither depends on looks that did not happen.

    Args:
        information: Information of each look up to the stop, growing.
        bounds: Lower and upper boundary of the statistic at each of these looks; those of the last
            one do not matter.
        statistic: The statistic at the stop.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        p-value, estimate and interval.

    Raises:
        ValueError: Information that does not grow, or a coverage that is none.

    Source:
        Armitage (1957), Biometrika 44, 9; Tsiatis, Rosner & Mehta (1984), Biometrics 40, 797;
        Jennison & Turnbull (2000), sections 8.4 and 8.5.

    Example:
        >>> found = stagewise([0.5, 1.0], [(-2.9626, 2.9626), (-1.9686, 1.9686)], 2.5, 0.95)
        >>> round(found.pvalue, 4), found.interval.low > 0
        (0.0143, True)
    """
    check_ci_level(ci_level)
    if statistic < 0:  # by symmetry, so that small tails stay exact
        mirrored = [(-high, -low) for low, high in bounds]
        found = stagewise(information, mirrored, -statistic, ci_level)
        low, high = -found.interval.high, -found.interval.low
        above = 1 - found.pvalue_above
        return StagewiseResult(found.pvalue, above, -found.estimate, Interval(low, high))
    states = walk(information, bounds)
    levels = [*(high for _, high in bounds[:-1]), statistic]

    def extreme(drift: float) -> float:
        return math.fsum(
            state.above(t, z, drift)
            for state, t, z in zip(states, information, levels, strict=True)
        )

    naive = statistic / math.sqrt(information[-1])
    reach = 10 / math.sqrt(information[0])

    def solve(chance: float) -> float:
        return find_root(lambda drift: chance - extreme(drift), naive - 2 * reach, naive + reach)

    tail = (1 - ci_level) / 2
    above = extreme(0.0)
    return StagewiseResult(
        pvalue=min(2 * min(above, 1 - above), 1.0),
        pvalue_above=above,
        estimate=solve(0.5),
        interval=Interval(solve(tail), solve(1 - tail)),
    )
