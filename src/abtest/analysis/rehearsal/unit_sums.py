"""Sums over many different choices of the same units, with what they add up computed once.

A replay needs count, means and products of deviations of each variant's units. All of them follow
from sums of one row of products per unit, so that a replay only adds rows up. The values are taken
about a fixed centre, so that data with a large offset lose no digits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


class UnitSums:
    """Rows of products of units' values.

    Args:
        values: One row per unit.
        observed: Which units count; the others add nothing.

    Attributes:
        rows: For each unit 1, each value and each product of two, about the centre; all of them 0
            where it does not count.
    """

    def __init__(self, values: Floats, observed: npt.NDArray[np.bool_]) -> None:
        self._observed = observed
        self._width = values.shape[1]
        seen = values[observed]
        self._centres = seen.mean(axis=0) if len(seen) else np.zeros(self._width)
        self._pairs = np.triu_indices(self._width)
        self.rows = self._rows(values, observed)

    def _rows(self, values: Floats, observed: npt.NDArray[np.bool_]) -> Floats:
        deviations = values - self._centres
        first, second = self._pairs
        products = deviations[:, first] * deviations[:, second]
        ones = np.ones((len(values), 1))
        return np.asarray(np.hstack([ones, deviations, products]) * observed[:, np.newaxis])

    def change(self, places: Places, values: Floats) -> Floats:
        """How the rows of some units change if these have other values, one row each."""
        return np.asarray(self._rows(values, self._observed[places]) - self.rows[places])

    def of(self, places: Places, added: Floats | None = None) -> tuple[int, Floats, Floats]:
        """Count, means and centred products of some units.

        Args:
            places: Which units.
            added: What other values of some of them add to the sum of the rows.
        """
        total = self.rows.take(places, axis=0).sum(axis=0)
        if added is not None:
            total = total + added
        n = round(float(total[0]))
        products = np.zeros((self._width, self._width))
        if n == 0:
            return 0, np.zeros(self._width), products
        shift = total[1 : 1 + self._width] / n
        products[self._pairs] = total[1 + self._width :]
        products = products + np.triu(products, 1).T - n * np.outer(shift, shift)
        np.fill_diagonal(products, np.maximum(np.diagonal(products), 0.0))
        return n, self._centres + shift, products
