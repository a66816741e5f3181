"""Comparisons of independent quantities that each have a density and a distribution function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from abtest.stats.bayes.quadrature import Floats, best_of, panels
from abtest.stats.roots import find_root

if TYPE_CHECKING:
    from collections.abc import Sequence


class Quantity(Protocol):
    """What is believed of one variant's value."""

    def breaks(self) -> Floats:
        """Ascending breakpoints that hold all but about 1e-15 of the mass."""
        ...

    def density(self, value: Floats) -> Floats:
        """The density."""
        ...

    def below(self, value: Floats) -> Floats:
        """The probability of less."""
        ...


@dataclass(frozen=True, slots=True)
class Best:
    """Which of several quantities is the best.

    Attributes:
        prob_best: The chance of each to be the largest.
        expected_loss: E[max - value] of each.
        expected_max: The expectation of the largest.
    """

    prob_best: tuple[float, ...]
    expected_loss: tuple[float, ...]
    expected_max: float


def difference_below(control: Quantity, treatment: Quantity, difference: float) -> float:
    """P(treatment - control <= difference), by integrating control's density.

    Example:
        >>> from abtest.stats.bayes.student import Student
        >>> one = Student(0.0, 1.0, 10.0)
        >>> round(difference_below(one, one, 0.0), 12)
        0.5
    """
    own, other = control.breaks(), treatment.breaks() - difference
    inside = other[(other > own[0]) & (other < own[-1])]
    nodes, weights = panels(np.sort(np.concatenate([own, inside])))
    return float((weights * control.density(nodes)) @ treatment.below(nodes + difference))


def difference_quantile(control: Quantity, treatment: Quantity, mass: float) -> float:
    """The quantile of treatment - control, by root search.

    Example:
        >>> from abtest.stats.bayes.student import Student
        >>> one = Student(0.0, 1.0, 10.0)
        >>> abs(difference_quantile(one, one, 0.5)) < 1e-9
        True
    """
    ends_c, ends_t = control.breaks()[[0, -1]], treatment.breaks()[[0, -1]]
    return find_root(
        lambda x: mass - difference_below(control, treatment, x),
        float(ends_t[0] - ends_c[1]),
        float(ends_t[1] - ends_c[0]),
    )


def best(quantities: Sequence[Quantity], means: Sequence[float]) -> Best:
    """The chance of each to be the largest, and what not choosing the largest costs.

    E[max] = end - integral of the product of the F_i, from the start to the end of all masses.

    Args:
        quantities: The quantities.
        means: The mean of each.

    Returns:
        The chances, which add up to 1, and the expected losses, none below 0.

    Source:
        Scott (2010), Applied Stochastic Models in Business and Industry 26, 639-658, for the chance
        to be the best.

    Example:
        >>> from abtest.stats.bayes.student import Student
        >>> one = Student(0.0, 1.0, 10.0)
        >>> [round(chance, 9) for chance in best([one, one], [0.0, 0.0]).prob_best]
        [0.5, 0.5]
    """
    grid = np.unique(np.concatenate([one.breaks() for one in quantities]))
    nodes, weights = panels(grid)
    masses = np.stack([one.below(nodes) for one in quantities])
    chances = best_of(np.stack([one.density(nodes) for one in quantities]), masses, weights)
    highest = float(grid[-1] - weights @ masses.prod(axis=0))
    return Best(
        tuple(float(chance) for chance in chances),
        tuple(max(0.0, highest - mean) for mean in means),
        highest,
    )
