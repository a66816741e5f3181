"""Sums of values and of their products over units, and the centred moments they amount to.

One pass finds everything. Sums of squares around zero lose digits where values are far from zero
compared with how much they vary; where that is so, and only there, a second pass takes them around
the means that the first one found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from abtest.analysis.readings import OBSERVED
from abtest.analysis.streams import VARIANT
from abtest.stats.adjustment.co_moments import CoMoments, from_arrays
from abtest.stats.summaries import Moments, PairMoments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from abtest.analysis.readings import Reading
    from abtest.stats.adjustment.co_moments import Columns

# Squares that are this much larger than what they vary by have lost three of sixteen digits.
MANY_TIMES = 1_000.0

Centres = dict[str, tuple[float, ...]]
"""What is taken off each column before squaring, by variant."""


@dataclass(frozen=True, slots=True)
class CentredSums:
    """Count, means and centred products of some columns, of the units of one group.

    Attributes:
        n: Units observed.
        means: The mean of each column; 0 where there is no unit.
        products: The matrix of centred sums of products.
        lost: Whether products lost digits because the means are far from the centre.
    """

    n: int
    means: npt.NDArray[np.float64]
    products: npt.NDArray[np.float64]
    lost: bool

    def moments(self) -> Moments:
        """Of the first column."""
        return Moments(self.n, float(self.means[0]), float(self.products[0, 0]))

    def pair_moments(self) -> PairMoments:
        """Of the first two columns, numerator and denominator."""
        return PairMoments(
            n=self.n,
            mean_y=float(self.means[0]),
            mean_x=float(self.means[1]),
            m2_y=float(self.products[0, 0]),
            m2_x=float(self.products[1, 1]),
            c_xy=float(self.products[0, 1]),
        )

    def co_moments(self, columns: Columns) -> CoMoments:
        """Of all columns."""
        return from_arrays(columns, self.n, self.means, self.products)


@dataclass(frozen=True, slots=True)
class MomentSums:
    """The sums that one reading needs.

    Attributes:
        reading: Whose observed units count.
        columns: The columns of values: the outcome, and what it is compared or adjusted with.
    """

    reading: Reading
    columns: tuple[str, ...]

    def expressions(self, centres: Centres) -> Iterator[nw.Expr]:
        """One column per sum, null where the unit does not count."""
        counts = nw.col(self.reading.state) == OBSERVED
        values = [
            nw.col(column).cast(nw.Float64) - centre
            for column, centre in zip(self.columns, self._centre(centres), strict=True)
        ]
        for i, value in enumerate(values):
            yield nw.when(counts).then(value).alias(self._name(i))
            for j in range(i + 1):
                yield nw.when(counts).then(value * values[j]).alias(self._name(i, j))

    def read(self, row: Mapping[str, Any], n: int, centre: Sequence[float]) -> CentredSums:
        """The centred moments, from one group's sums."""
        size = len(self.columns)
        sums = np.array([float(row.get(self._name(i)) or 0.0) for i in range(size)])
        raw = np.zeros((size, size))
        for i in range(size):
            for j in range(i + 1):
                raw[i, j] = raw[j, i] = float(row.get(self._name(i, j)) or 0.0)
        if n == 0:
            return CentredSums(0, np.zeros(size), np.zeros((size, size)), lost=False)
        with np.errstate(over="ignore", invalid="ignore"):
            products = raw - np.outer(sums, sums) / n
        np.fill_diagonal(products, np.maximum(np.diag(products), 0.0))
        lost = bool(np.any(np.diag(raw) > MANY_TIMES * np.diag(products)))
        return CentredSums(n, np.asarray(centre) + sums / n, products, lost)

    def names(self) -> Iterator[str]:
        """The names of the sums."""
        for i in range(len(self.columns)):
            yield self._name(i)
            yield from (self._name(i, j) for j in range(i + 1))

    def _name(self, *places: int) -> str:
        return f"{self.reading.name}:{'*'.join(map(str, places))}"

    def _centre(self, centres: Centres) -> list[float | nw.Expr]:
        """What is taken off each column: a number, or one for each variant."""
        if not centres:
            return [0.0] * len(self.columns)
        return [
            _per_variant({variant: centre[i] for variant, centre in centres.items()})
            for i in range(len(self.columns))
        ]


def _per_variant(values: Mapping[str, float]) -> nw.Expr:
    """A number for each variant, as a column."""
    # Not one case inside another: with 20 parts of 12 variants that is deeper than Python goes.
    cases = [nw.when(nw.col(VARIANT) == name).then(nw.lit(value)) for name, value in values.items()]
    return nw.coalesce(*cases)
