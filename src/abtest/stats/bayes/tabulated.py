"""A quantity whose density and distribution function are computed once, for searches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.bayes.quadrature import Floats, panels

if TYPE_CHECKING:
    from abtest.stats.bayes.distributions import Quantity

_ORDER = 12


@dataclass(frozen=True, slots=True)
class Tabulated:
    """Polynomials between a quantity's breakpoints, in place of its own integrals.

    Attributes:
        edges: Ascending breakpoints.
        densities: Legendre coefficients of the density by panel, shape (12, panels).
        masses: The same of the probability of less.
    """

    edges: Floats
    densities: Floats
    masses: Floats

    @classmethod
    def of(cls, quantity: Quantity) -> Tabulated:
        """Compute a quantity at 12 nodes between each two breakpoints.

        Args:
            quantity: Smooth between its breakpoints.

        Example:
            >>> from abtest.stats.bayes.student import Student
            >>> table = Tabulated.of(Student(0.0, 1.0, 10.0))
            >>> round(float(table.below(np.array([0.0]))[0]), 12)
            0.5
        """
        edges = quantity.breaks()
        nodes, _ = panels(edges)
        local, _ = np.polynomial.legendre.leggauss(_ORDER)
        inverse = np.linalg.inv(np.polynomial.legendre.legvander(local, _ORDER - 1))
        density = quantity.density(nodes).reshape(-1, _ORDER)
        mass = quantity.below(nodes).reshape(-1, _ORDER)
        return cls(edges, inverse @ density.T, inverse @ mass.T)

    def breaks(self) -> Floats:
        """The breakpoints."""
        return self.edges

    def density(self, value: Floats) -> Floats:
        """The density; 0 beyond the outermost breakpoints."""
        inside = (value >= self.edges[0]) & (value <= self.edges[-1])
        return np.where(inside, self._at(self.densities, value), 0.0)

    def below(self, value: Floats) -> Floats:
        """The probability of less; 0 and 1 beyond the outermost breakpoints."""
        found = np.clip(self._at(self.masses, value), 0.0, 1.0)
        found = np.where(value < self.edges[0], 0.0, found)
        return np.where(value > self.edges[-1], 1.0, found)

    def _at(self, coefficients: Floats, value: Floats) -> Floats:
        place = np.clip(np.searchsorted(self.edges, value, side="right") - 1, 0, None)
        place = np.minimum(place, len(self.edges) - 2)
        start, end = self.edges[place], self.edges[place + 1]
        local = np.clip(2 * (value - start) / (end - start) - 1, -1.0, 1.0)
        found = np.polynomial.legendre.legval(local, coefficients[:, place], tensor=False)
        return np.asarray(found, dtype=np.float64)
