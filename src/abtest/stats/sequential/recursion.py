"""How likely a statistic is to cross boundaries at planned looks: the exact recursion.

The score S(t) = z sqrt(t) of accumulating data is a Brownian motion with drift at the information
fractions t. Its density over the paths that have not stopped yet is carried from look to look by
numerical integration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats: TypeAlias = npt.NDArray[np.float64]

# With 9 instead of 18 standard deviations, early boundaries of 56 looks are off by 0.018.
REACH = 18.0
LEAST_STEP = 1e-5  # of the information: the density of less would need too many nodes
_ORDER = 16
_PANEL = 3.0  # standard deviations of the shorter step: with 16 nodes good to 1e-12
_BLOCK = 4_000_000  # numbers held at once: 32 MB


@dataclass(frozen=True, slots=True)
class Running:
    """Where the score stands over the paths that have not stopped, under no effect.

    Attributes:
        information: The information t of the look.
        score: Nodes over the score.
        mass: The density at the nodes times their weights; it adds up to the chance of not having
            stopped.
    """

    information: float
    score: Floats
    mass: Floats

    def above(self, information: float, z: float, drift: float = 0.0) -> float:
        """Chance of not having stopped before and of a statistic of at least z at the next look.

        Args:
            information: The next look's information, above this one's.
            z: A value of the statistic; infinite ones are allowed.
            drift: The effect: the mean of the statistic at information 1.
        """
        if math.isinf(z):
            return float(self._weights(drift).sum()) if z < 0 else 0.0
        gain = information - self.information
        away = (self.score + drift * gain - z * math.sqrt(information)) / math.sqrt(gain)
        return float(self._weights(drift) @ special.ndtr(away))

    def below(self, information: float, z: float, drift: float = 0.0) -> float:
        """The same for a statistic of at most z."""
        return Running(self.information, -self.score, self.mass).above(information, -z, -drift)

    def _weights(self, drift: float) -> Floats:
        """The mass under an effect: the likelihood ratio depends on where the path stands alone."""
        if drift == 0:
            return self.mass
        log_ratio = drift * self.score - drift**2 * self.information / 2
        with np.errstate(divide="ignore"):
            weights: Floats = np.exp(np.log(self.mass) + log_ratio)
        return weights

    def onward(self, information: float, bounds: tuple[float, float], finest: float) -> Running:
        """The density at the next look over the paths that do not stop there.

        Args:
            information: The next look's information.
            bounds: The values of the statistic between which it goes on.
            finest: The shorter of the steps of information to that look and from it.
        """
        gain, root = information - self.information, math.sqrt(information)
        low, high = (min(max(bound, -REACH), REACH) * root for bound in bounds)
        score, weight = _nodes(low, high, math.sqrt(finest))
        density = np.empty_like(score)
        rows = max(_BLOCK // len(self.score), 1)
        for start in range(0, len(score), rows):
            part = slice(start, start + rows)
            gap = score[part, None] - self.score
            density[part] = np.exp(gap * gap / (-2 * gain)) @ self.mass
        return Running(information, score, weight * density / math.sqrt(2 * math.pi * gain))


START = Running(0.0, np.zeros(1), np.ones(1))


def _nodes(low: float, high: float, step: float) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on panels that are a few steps wide."""
    count = max(math.ceil((high - low) / (_PANEL * step)), 1)
    unit, weight = np.polynomial.legendre.leggauss(_ORDER)
    width = (high - low) / count
    starts = low + width * np.arange(count)
    nodes = starts[:, None] + width * (unit + 1) / 2
    return nodes.ravel(), np.tile(width * weight / 2, count)


def check_information(information: Sequence[float]) -> None:
    """Raise ValueError unless the information grows from look to look, and by enough to compute."""
    if not information:
        raise ValueError("there is no look; pass the information of at least one.")
    for before, after in pairwise((0.0, *information)):
        if not after - before >= LEAST_STEP:
            raise ValueError(
                f"information goes from {before:g} to {after:g}; it must grow by at least "
                f"{LEAST_STEP:g} from look to look."
            )


def walk(information: Sequence[float], bounds: Sequence[tuple[float, float]]) -> list[Running]:
    """The density of the paths that have not stopped, before each look.

    Args:
        information: Information of each look, growing.
        bounds: Lower and upper boundary of the statistic at each look; the last look's are not
            needed, and are not used.

    Returns:
        One state for each look: that before it.

    Raises:
        ValueError: The information does not grow.
    """
    check_information(information)
    states = [START]
    for place in range(len(information) - 1):
        states.append(advance(states[-1], information[: place + 2], bounds[place]))
    return states


def advance(state: Running, information: Sequence[float], bounds: tuple[float, float]) -> Running:
    """Past one look: the state before the last look from the state before the one ahead of it.

    Args:
        state: The state before the last look but one.
        information: The information up to and including the last look.
        bounds: The boundaries at the last look but one.
    """
    now, following = information[-2:]
    return state.onward(now, bounds, min(now - state.information, following - now))


def crossing_probabilities(
    information: Sequence[float], bounds: Sequence[tuple[float, float]], drift: float = 0.0
) -> tuple[list[float], list[float]]:
    """Chance to stop at each look, above the upper and below the lower boundary.

    Args:
        information: Information of each look as a share of the plan's, growing.
        bounds: Lower and upper boundary of the statistic at each look; infinite where that side
            does not stop.
        drift: The effect: the mean of the statistic at information 1.

    Returns:
        The chances to stop above, and those to stop below, look by look.

    Raises:
        ValueError: The information does not grow, or the looks are not as many as the boundaries.

    Source:
        Armitage, McPherson & Rowe (1969), JRSS A 132, 235-244; Jennison & Turnbull (2000), ch. 19.

    Example:
        >>> above, below = crossing_probabilities([0.5, 1.0], [(-1.96, 1.96)] * 2)
        >>> round(sum(above) + sum(below), 4)
        0.0831
    """
    if len(information) != len(bounds):
        raise ValueError(f"there are {len(information)} looks and {len(bounds)} pairs of bounds.")
    states = walk(information, bounds)
    looks = list(zip(states, information, bounds, strict=True))
    above = [state.above(t, high, drift) for state, t, (_, high) in looks]
    below = [state.below(t, low, drift) for state, t, (low, _) in looks]
    return above, below
