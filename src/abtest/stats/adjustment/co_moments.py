"""Moments of an outcome together with covariates, and how a missing history is written down.

All that a regression adjustment needs, from one scan and without a customer's row.

The engine supplies one number per unit for every name in ``Columns.names``:

* each outcome column, for units that are eligible and observed;
* each covariate ``x``; where it is listed in ``missing``, the value or, where it is null, a
  constant (the same one in every variant and shard, such as 0);
* for each ``x`` in ``missing``, the column ``x:missing``: 1 where ``x`` is null, else 0.

Which constant fills in is of no consequence: see ``stats.adjustment``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def missing_column(covariate: str) -> str:
    """The name of the column that says where a covariate is missing.

    Example:
        >>> missing_column("orders_pre_90d")
        'orders_pre_90d:missing'
    """
    return f"{covariate}:missing"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns co-moments are taken of, in order.

    Attributes:
        outcome: The outcome's column; for a ratio of sums, numerator and denominator.
        covariates: What is known of each unit from before its assignment.
        missing: Those of the covariates that some unit has no value of.

    Raises:
        ValueError: No or three outcomes, a name that occurs twice, or one in ``missing`` that is
            no covariate.

    Example:
        >>> Columns(("spend",), ("history",), ("history",)).names
        ('spend', 'history', 'history:missing')
    """

    outcome: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.outcome) not in (1, 2):
            raise ValueError(f"outcome has {len(self.outcome)} columns; it must have 1 or 2.")
        stray = sorted(set(self.missing) - set(self.covariates))
        if stray:
            raise ValueError(f"missing names {', '.join(stray)}; it must name covariates only.")
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} occurs twice; each column must be named once.")

    @property
    def names(self) -> tuple[str, ...]:
        """Every column: the outcome, the covariates, then where covariates are missing."""
        return (*self.outcome, *self.history)

    @property
    def history(self) -> tuple[str, ...]:
        """The columns that an outcome is adjusted for."""
        return (*self.covariates, *(missing_column(name) for name in self.missing))


@dataclass(frozen=True, slots=True)
class CoMoments:
    """Count, means and centred co-moments of one variant's units.

    Merged by the pairwise formula of Chan, Golub & LeVeque (1983), so that data with a large
    offset lose no digits. What can be added are shards that partition the *units*.

    Attributes:
        columns: What the places of ``means`` and ``products`` are.
        n: Units eligible and observed.
        means: The mean of each column; 0 where ``n`` is 0.
        products: The symmetric matrix of sums of products of deviations from the means.

    Raises:
        ValueError: A shape that does not fit the columns, or a negative ``n``.
    """

    columns: Columns
    n: int
    means: tuple[float, ...]
    products: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        size = len(self.columns.names)
        if self.n < 0:
            raise ValueError(f"n is {self.n}; it must be at least 0.")
        if [len(row) for row in (self.means, *self.products)] != [size] * (size + 1):
            raise ValueError(f"means and products must have {size} places, one for each column.")

    def __add__(self, other: CoMoments) -> CoMoments:
        if self.columns != other.columns:
            raise ValueError("the co-moments are of different columns; they cannot be added.")
        n = self.n + other.n
        if n == 0:
            return self
        delta = np.subtract(other.means, self.means)
        means = np.asarray(self.means) + delta * (other.n / n)
        share = self.n * other.n / n
        products = np.add(self.products, other.products) + np.outer(delta, delta) * share
        return from_arrays(self.columns, n, means, products)


def from_arrays(columns: Columns, n: int, means: ArrayLike, products: ArrayLike) -> CoMoments:
    """Co-moments from numpy arrays or nested lists.

    Args:
        columns: What the places are.
        n: Units eligible and observed.
        means: The mean of each column, in the order of ``columns.names``.
        products: The matrix of centred sums of products.

    Returns:
        The co-moments.

    Raises:
        ValueError: A shape does not fit the columns.

    Example:
        >>> from_arrays(Columns(("y",), ("x",)), 2, [1, 2], [[2, 0], [0, 2]]).means
        (1.0, 2.0)
    """
    rows = np.asarray(products, dtype=float).tolist()
    return CoMoments(
        columns, n, tuple(np.asarray(means, dtype=float).tolist()), tuple(map(tuple, rows))
    )


def from_rows(columns: Columns, rows: ArrayLike) -> CoMoments:
    """Co-moments of rows that are in memory, one row per unit.

    Args:
        columns: What the columns of ``rows`` are.
        rows: Numbers of shape (units, columns), without gaps.

    Returns:
        The co-moments.

    Raises:
        ValueError: The shape does not fit, or a value is NaN.

    Example:
        >>> from_rows(Columns(("y",), ("x",)), [[1, 5], [3, 5]]).products
        ((2.0, 0.0), (0.0, 0.0))
    """
    size = len(columns.names)
    values = np.asarray(rows, dtype=float).reshape(-1, size)
    if np.isnan(values).any():
        raise ValueError("rows hold NaN; leave unobserved units out and fill in missing history.")
    if len(values) == 0:
        return from_arrays(columns, 0, np.zeros(size), np.zeros((size, size)))
    means = values.mean(axis=0)
    deviations = values - means
    # The mean of a large offset is rounded: the second pass takes out what it left behind.
    rest = deviations.mean(axis=0)
    products = deviations.T @ deviations - len(values) * np.outer(rest, rest)
    return from_arrays(columns, len(values), means + rest, products)
