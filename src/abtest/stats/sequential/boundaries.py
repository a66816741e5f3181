"""Boundaries of group-sequential plans: by alpha spending, and of Pocock's family of shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special
from abtest.stats.sequential.recursion import START, advance, check_information, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.sequential.recursion import Running
    from abtest.stats.sequential.spending import Spending

_FARTHEST = 40.0  # standard deviations: beyond it no probability can be told from 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A group-sequential plan as far as it has run.

    Attributes:
        information: Information of each look as a share of the planned maximum.
        boundaries: The statistic that stops at each look; infinite where nothing may be spent yet.
        spent: Cumulative alpha after each look, both sides together.
        alpha: The whole error rate.
        two_sided: Whether it also stops for the other direction, at the same distance.
    """

    information: tuple[float, ...]
    boundaries: tuple[float, ...]
    spent: tuple[float, ...]
    alpha: float
    two_sided: bool

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """Lower and upper boundary of each look."""
        return tuple((-z if self.two_sided else -math.inf, z) for z in self.boundaries)

    @property
    def nominal_pvalues(self) -> tuple[float, ...]:
        """The p-value of a single look that is as far out as each boundary."""
        sides = 2 if self.two_sided else 1
        return tuple(sides * float(special.ndtr(-z)) for z in self.boundaries)


def spending_plan(
    information: Sequence[float],
    spending: Spending,
    alpha: float,
    *,
    two_sided: bool = True,
    final: bool = False,
) -> Plan:
    """Boundaries by alpha spending at the information that there really was.

    At each look the boundary is where the chance to cross it now, not having stopped before, is
    what the spending function has released since the last look. A boundary depends on the looks up
    to its own alone: looks that are added later never change it. Two-sided plans spend half of
    alpha on each side. Information over 1 (over-run) spends what is left and keeps its own
    correlation with the earlier looks.

    Args:
        information: Information of each look as a share of the planned maximum, growing; over 1
            is an over-run.
        spending: The spending function.
        alpha: Error rate, of both sides together where two-sided.
        two_sided: Whether it also stops for the other direction.
        final: The last look is the end whatever its information (under-run): it spends all that is
            left.

    Returns:
        The plan.

    Raises:
        ValueError: Information that does not grow, or an alpha that is no error rate.

    Source:
        Lan & DeMets (1983), Biometrika 70, 659; Proschan, Lan & Wittes (2006), ch. 6.

    Example:
        >>> from abtest.stats.sequential.spending import Spending
        >>> plan = spending_plan([0.5, 1.0], Spending(), 0.05)
        >>> [round(z, 4) for z in plan.boundaries]
        [2.9626, 1.9686]
    """
    check_information(information)
    side = alpha / 2 if two_sided else alpha
    released = [spending.spent(t, side) for t in information]
    if final:
        released[-1] = side
    boundaries: list[float] = []
    state, before = START, 0.0
    for place, t in enumerate(information):
        if place:
            bound = boundaries[-1]
            low = -bound if two_sided else -math.inf
            state = advance(state, information[: place + 1], (low, bound))
        boundaries.append(
            _boundary(state, t, released[place] - before, lowest=0.0 if two_sided else -9.0)
        )
        before = released[place]
    sides = 2 if two_sided else 1
    spent = tuple(sides * share for share in released)
    return Plan(tuple(information), tuple(boundaries), spent, alpha, two_sided)


def _boundary(state: Running, information: float, chance: float, *, lowest: float) -> float:
    """Where the chance to lie above, not having stopped before, is the one that is given."""
    if not chance > 0:
        return math.inf

    def too_likely(z: float) -> float:
        found = state.above(information, z)
        return math.log(found / chance) if found > 0 else -math.inf

    if too_likely(_FARTHEST) > 0:
        return math.inf
    return find_root(too_likely, lowest, _FARTHEST)


def shaped_plan(
    information: Sequence[float], delta: float, alpha: float, *, two_sided: bool = True
) -> Plan:
    """Boundaries c t^(delta - 1/2) at looks that are fixed in advance.

    delta is 1/2 for Pocock's (the same boundary at each look), 0 for O'Brien and Fleming's, between
    them Wang and Tsiatis's. t is counted from the last look, so that c is the last boundary.

    Args:
        information: Information of each look, growing.
        delta: The shape.
        alpha: Error rate, of both sides together where two-sided.
        two_sided: Whether it also stops for the other direction.

    Returns:
        The plan.

    Raises:
        ValueError: Information that does not grow, or an alpha that is no error rate.

    Source:
        Pocock (1977), Biometrika 64, 191; O'Brien & Fleming (1979), Biometrics 35, 549;
        Wang & Tsiatis (1987), Biometrics 43, 193; Jennison & Turnbull (2000), tables 2.1, 2.3, 2.9.

    Example:
        >>> [round(z, 3) for z in shaped_plan([0.5, 1.0], 0.5, 0.05).boundaries]
        [2.178, 2.178]
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie strictly between 0 and 1.")
    check_information(information)
    shape = [(t / information[-1]) ** (delta - 0.5) for t in information]
    sides = 2 if two_sided else 1

    def cumulative(constant: float) -> list[float]:
        bounds = [(-constant * s if two_sided else -math.inf, constant * s) for s in shape]
        spent, total = [], 0.0
        for state, t, (_, high) in zip(walk(information, bounds), information, bounds, strict=True):
            total += sides * state.above(t, high)
            spent.append(total)
        return spent

    constant = find_root(lambda c: cumulative(c)[-1] - alpha, 0.0 if two_sided else -9.0, 18.0)
    boundaries = tuple(constant * s for s in shape)
    return Plan(tuple(information), boundaries, tuple(cumulative(constant)), alpha, two_sided)
