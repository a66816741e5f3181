"""Means of several amounts per assigned customer, and their covariances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.money.ratio import Estimated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.stats.adjustment.co_moments import CoMoments

Weights = dict[str, float]
"""How much of each amount is added up, by the amount's name."""


@dataclass(frozen=True, slots=True)
class JointMeans:
    """The means of one variant's amounts and the covariance of those means.

    Attributes:
        names: The amounts, such as revenue and redemptions per assigned customer.
        means: The mean of each.
        covariance: The covariance matrix of the means (not of the customers).
        n: Customers.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    n: int

    def mean(self, weights: Weights) -> float:
        """The mean of a weighted sum of the amounts.

        Example:
            >>> one = JointMeans(("revenue", "used"), (10.0, 0.5), ((1.0, 0.0), (0.0, 0.01)), 9)
            >>> one.mean({"revenue": 0.4, "used": -4.0})
            2.0
        """
        return math.fsum(self.means[self._place(name)] * weight for name, weight in weights.items())

    def shared(self, weights: Weights, others: Weights) -> float:
        """The covariance of the means of two weighted sums; the variance where both are the same.

        Example:
            >>> one = JointMeans(("revenue", "used"), (10.0, 0.5), ((1.0, 0.0), (0.0, 0.01)), 9)
            >>> one.shared({"used": -4.0}, {"used": -4.0})
            0.16
        """
        return math.fsum(
            weight * other * self.covariance[self._place(name)][self._place(another)]
            for name, weight in weights.items()
            for another, other in others.items()
        )

    def _place(self, name: str) -> int:
        return self.names.index(name)


@dataclass(frozen=True, slots=True)
class Contrast:
    """A quantity over both variants: a sum over the treatment less one over control.

    Attributes:
        treatment: What is added up of the treatment's means.
        control: What is subtracted of control's.
    """

    treatment: Weights
    control: Weights


def joint_means(parts: Mapping[str, CoMoments], shares: Mapping[str, float]) -> JointMeans:
    """The means over all strata, each weighted by its share of all customers.

    sum_k w_k m_k with covariance sum_k w_k^2 S_k / (n_k (n_k - 1)); one stratum is the plain mean.

    Args:
        parts: One variant's co-moments by stratum; each with at least two customers.
        shares: The share of all variants' customers in each stratum.

    Returns:
        The means.

    Raises:
        ValueError: A stratum has fewer than two customers.

    Source:
        Miratrix, Sekhon & Yu (2013), JRSS B 75, section 2, for the weights.

    Example:
        >>> from abtest.stats.adjustment.co_moments import Columns, from_rows
        >>> joint_means({"": from_rows(Columns(("y",)), [[1.0], [3.0]])}, {"": 1.0}).covariance
        ((1.0,),)
    """
    columns = next(iter(parts.values())).columns
    means = np.zeros(len(columns.names))
    covariance = np.zeros((len(columns.names), len(columns.names)))
    for name, part in parts.items():
        if part.n < 2:
            raise ValueError(f"stratum {name!r} has {part.n} customers; it must have at least 2.")
        means += shares[name] * np.asarray(part.means)
        covariance += shares[name] ** 2 * np.asarray(part.products) / (part.n * (part.n - 1))
    return JointMeans(
        columns.names,
        tuple(means.tolist()),
        tuple(map(tuple, covariance.tolist())),
        sum(part.n for part in parts.values()),
    )


def estimated(
    control: JointMeans, treatment: JointMeans, top: Contrast, bottom: Contrast
) -> Estimated:
    """Two quantities over both variants with their joint variance; the variants are independent.

    Args:
        control: The control's means.
        treatment: The treatment's means.
        top: The numerator.
        bottom: The denominator.

    Returns:
        Both with their variances and covariance.

    Example:
        >>> one = JointMeans(("cost",), (2.0,), ((0.25,),), 9)
        >>> less = Contrast({"cost": 1.0}, {"cost": 1.0})
        >>> estimated(one, one, less, Contrast({"cost": 1.0}, {})).covariance
        0.25
    """

    def value(one: Contrast) -> float:
        return treatment.mean(one.treatment) - control.mean(one.control)

    def shared(one: Contrast, other: Contrast) -> float:
        own = treatment.shared(one.treatment, other.treatment)
        return own + control.shared(one.control, other.control)

    return Estimated(
        value(top), value(bottom), shared(top, top), shared(bottom, bottom), shared(top, bottom)
    )


def pooled_shares(variants: Sequence[Mapping[str, CoMoments]]) -> dict[str, float]:
    """Each stratum's share of all variants' customers.

    Example:
        >>> from abtest.stats.adjustment.co_moments import Columns, from_rows
        >>> part = from_rows(Columns(("y",)), [[1.0], [3.0]])
        >>> pooled_shares([{"a": part, "b": part}, {"a": part, "b": part}])
        {'a': 0.5, 'b': 0.5}
    """
    names = sorted({name for parts in variants for name in parts})
    units = {name: sum(parts[name].n for parts in variants if name in parts) for name in names}
    total = sum(units.values())
    return {name: n / total for name, n in units.items()}
