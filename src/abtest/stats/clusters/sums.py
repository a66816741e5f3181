"""Sums per cluster, and a mean, share or ratio of one variant with its CR2 variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.means.t_pivot import Level

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 2e-15  # a residual below this share of its terms is rounding, not variation
_ALONE = 1e-12  # what the other clusters hold, where one holds all but rounding


@dataclass(frozen=True, slots=True)
class Clusters:
    """One variant's clusters: how many units, the sum of the outcome, and what it is divided by.

    Attributes:
        sizes: Units observed in each cluster, at least 1.
        y: The sum of the outcome (0/1 for a share; the numerator of a ratio) over those units.
        x: The sum of the denominator, at least 0; for a mean or a share the same as ``sizes``.

    Raises:
        ValueError: The three are not of one length, or a cluster has no unit.

    Example:
        >>> Clusters(sizes=(3, 1), y=(6.0, 2.0), x=(3.0, 1.0)) + Clusters((2,), (5.0,), (2.0,))
        Clusters(sizes=(3, 1, 2), y=(6.0, 2.0, 5.0), x=(3.0, 1.0, 2.0))
    """

    sizes: tuple[int, ...]
    y: tuple[float, ...]
    x: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.sizes) == len(self.y) == len(self.x):
            raise ValueError("sizes, y and x must have one entry for each cluster.")
        if self.sizes and min(self.sizes) < 1:
            raise ValueError(f"a cluster has {min(self.sizes)} units; it must have at least 1.")

    def __add__(self, other: Clusters) -> Clusters:
        """The clusters of two shards, none of which is in both."""
        return Clusters(self.sizes + other.sizes, self.y + other.y, self.x + other.x)

    @property
    def n(self) -> int:
        """Units over all clusters."""
        return sum(self.sizes)


@dataclass(frozen=True, slots=True)
class ClusterLevel:
    """One variant's value with what the comparison needs.

    Attributes:
        level: The value, its CR2 variance and its own degrees of freedom.
        weight: 1 / sum(x): the variance that the degrees of freedom take it to have, in units of
            the variance of one unit.
    """

    level: Level
    weight: float


def cluster_level(clusters: Clusters) -> ClusterLevel:
    """R = sum(y) / sum(x) of one variant with its CR2 variance.

    v = sum_g u_g^2 / (1 - h_g) / X^2 with u_g = y_g - R x_g, X = sum(x) and the cluster's leverage
    h_g = x_g / X: the variance of Bell and McCaffrey for a regression on a constant, whose
    matrices (I - H_g)^(-1/2) act on sums as 1 / sqrt(1 - h_g). Degrees of freedom
    1 / (sum_g h_g^2 + (sum_g q_g)^2 - sum_g q_g^2) with q_g = h_g^2 / (1 - h_g); with G clusters
    of one size they are G - 1.

    Args:
        clusters: The variant's clusters.

    Returns:
        The level; its variance is None with fewer than two clusters or where one holds all of x.

    Source:
        Bell & McCaffrey (2002), Survey Methodology 28, 169-181; Pustejovsky & Tipton (2018), JBES
        36, 672-683, with independent units as the working model.

    Example:
        >>> two = cluster_level(Clusters(sizes=(2, 2), y=(2.0, 6.0), x=(2.0, 2.0)))
        >>> two.level
        Level(value=2.0, variance=1.0, df=1.0, problem='')
    """
    y, x = np.asarray(clusters.y, dtype=float), np.asarray(clusters.x, dtype=float)
    total = float(x.sum())
    problem = _problem(y, x, total)
    if problem:
        return ClusterLevel(Level(None, None, 0, problem), 0.0)
    value = float(y.sum()) / total
    residuals = y - value * x
    # The first quotient of sums with a large offset is rounded: take out what it left behind.
    correction = float(residuals.sum()) / total
    value, residuals = value + correction, residuals - correction * x
    leverage = x / total
    room = 1 - leverage
    if len(y) == 1 or room.min() <= _ALONE:
        reason = sentence("has one cluster, which shows no variation")
        if len(y) > 1:
            reason = sentence("has one cluster that holds the whole denominator")
        return ClusterLevel(Level(value, None, 0, reason), 1 / total)
    noise = _ROUNDING * (np.abs(y) + abs(value) * x)
    residuals = np.where(np.abs(residuals) > noise, residuals, 0.0) / total
    variance = float((residuals * residuals / room).sum())
    return ClusterLevel(Level(value, variance, _own_df(leverage, room)), 1 / total)


def _problem(y: NDArray[np.float64], x: NDArray[np.float64], total: float) -> str:
    """Why there is no value, or nothing."""
    if len(y) == 0:
        return sentence("has no observed units")
    if not (np.isfinite(y).all() and np.isfinite(x).all() and np.isfinite(y.sum() + total)):
        return sentence("has values too large to average")
    if x.min() < 0:
        return sentence("has a cluster with a negative denominator")
    if total <= 0:
        return sentence("has a denominator that does not add up to more than zero")
    return ""


def _own_df(leverage: NDArray[np.float64], room: NDArray[np.float64]) -> float:
    squares = leverage * leverage
    pulls = squares / room
    return float(1 / (squares.sum() + pulls.sum() ** 2 - (pulls * pulls).sum()))
