"""The largest of several correlated t statistics: adjusted p-values and critical values.

All contrasts with one control share its error, so that the correlation of contrasts i and j is a
product b_i b_j. Given the shared part they are independent, and the probability is an integral over
that part, and over the common chi where the degrees of freedom are finite. It is computed by
Gauss-Legendre quadrature: no random numbers, the same digits every time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_NODES = 12  # per panel
_PANELS = 36  # over the shared part
_NEGLIGIBLE = 9.0  # standard deviations beyond which a normal density adds nothing to 1e-16
_LARGEST = 38.0  # where the normal density ends in floats
_STEEP = 0.4  # residual deviations below this need panels of their own around the step
_AROUND = np.array([-8.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 8.0])
_ALMOST_ONE = 1 - 2.0**-53


@dataclass(frozen=True, slots=True)
class MaxT:
    """The distribution of the largest of several t statistics at no effect.

    P(max |T_i| <= c) = int f(s) int phi(z) prod_i [Phi((c s + b_i z) / r_i)
    - Phi((-c s + b_i z) / r_i)] dz ds with r_i^2 = 1 - b_i^2 and s = chi_df / sqrt(df); one-sided
    with the first Phi alone.

    Assumes statistics that are jointly normal over one common standard error (t), or jointly
    normal (``df`` None), with correlations b_i b_j.

    Attributes:
        loadings: b_i of each contrast, strictly between -1 and 1.
        df: Degrees of freedom, above 0; None for the normal distribution.
        two_sided: Whether both directions count.

    Raises:
        ValueError: A loading or the degrees of freedom are out of range, or there is no contrast.

    Source:
        Dunnett (1955), JASA 50, 1096-1121; Hothorn, Bretz & Westfall (2008), Biometrical Journal
        50, 346-363, section 3.

    Example:
        >>> three = MaxT((0.5**0.5,) * 3, df=20)
        >>> round(three.critical_value(0.05), 4)  # the printed table has 2.54
        2.5403
        >>> round(three.pvalue(2.54034), 5)
        0.05
    """

    loadings: tuple[float, ...]
    df: float | None = None
    two_sided: bool = True

    def __post_init__(self) -> None:
        if not self.loadings:
            raise ValueError("there is no contrast; there must be at least one.")
        for loading in self.loadings:
            if not -1 < loading < 1:
                raise ValueError(f"a loading is {loading}; it must lie strictly between -1 and 1.")
        if self.df is not None and not (self.df > 0 and math.isfinite(self.df)):
            raise ValueError(f"df is {self.df}; it must be above 0 and finite, or None.")

    def pvalue(self, statistic: float) -> float:
        """The chance that the largest statistic is at least as large as this one.

        Args:
            statistic: A contrast's statistic; its sign counts where the test is one-sided.

        Returns:
            The single-step adjusted p-value. Relative precision is kept in the far tail.
        """
        bound = abs(statistic) if self.two_sided else statistic
        if self.df is None:
            return min(float(self._given(np.array([bound]))[0]), 1.0)
        deviations, weights = _chi_nodes(self.df, max(bound, 0.0))
        return min(float(weights @ self._given(bound * deviations)), 1.0)

    def critical_value(self, alpha: float) -> float:
        """The value that the largest statistic exceeds with probability ``alpha``.

        Args:
            alpha: The family's error rate, strictly between 0 and 1.

        Raises:
            ValueError: ``alpha`` is out of range.
        """
        if not 0 < alpha < 1:
            raise ValueError(f"alpha is {alpha}; it must lie strictly between 0 and 1.")
        return _critical_value(self, alpha)

    def adjusted(self, pvalue: float) -> float:
        """The adjusted p-value of a contrast, from its own p-value.

        The same as ``pvalue`` of its statistic; a contrast alone keeps its p-value to the digit.

        Args:
            pvalue: The contrast's unadjusted p-value, 0 to 1.

        Raises:
            ValueError: It is not between 0 and 1.
        """
        if not 0 <= pvalue <= 1:
            raise ValueError(f"a p-value is {pvalue}; it must lie between 0 and 1.")
        if len(self.loadings) == 1 or pvalue == 0:
            return pvalue
        return max(self.pvalue(self.quantile(pvalue)), pvalue)

    def error_rate_of_one(self, alpha: float) -> float:
        """The unadjusted p-value whose adjusted one is ``alpha``: one contrast's own error rate.

        An interval at one minus this rate is the simultaneous one.

        Args:
            alpha: The family's error rate, strictly between 0 and 1.

        Raises:
            ValueError: ``alpha`` is out of range.
        """
        if len(self.loadings) == 1:
            check_ci_level(1 - alpha)
            return alpha
        bound = self.critical_value(alpha)
        below = special.ndtr(-bound) if self.df is None else special.stdtr(self.df, -bound)
        return float(below) * (2 if self.two_sided else 1)

    def without(self, place: int) -> MaxT | None:
        """The same without one contrast; None where none is left."""
        rest = self.loadings[:place] + self.loadings[place + 1 :]
        return MaxT(rest, self.df, self.two_sided) if rest else None

    def quantile(self, tail: float) -> float:
        """The critical value of a single contrast, at an error rate."""
        tail = tail / 2 if self.two_sided else tail
        if self.df is None:
            return -float(special.ndtri(tail))
        return -float(special.stdtrit(self.df, tail))

    def _given(self, bounds: Array) -> Array:
        """The chance that a statistic exceeds each bound, over the shared part."""
        groups = _grouped(self.loadings)
        points, weights = _normal_nodes(bounds, [loading for loading, _ in groups], self.two_sided)
        inside = np.zeros_like(points)  # the logarithm of the chance that none exceeds it
        for loading, count in groups:
            rest = math.sqrt((1 - loading) * (1 + loading))
            above = special.ndtr((loading * points - bounds[:, None]) / rest)
            if self.two_sided:
                above = above + special.ndtr((-loading * points - bounds[:, None]) / rest)
            inside += count * np.log1p(-np.minimum(above, _ALMOST_ONE))
        found: Array = (weights * -np.expm1(inside)).sum(axis=1)
        return found


@lru_cache(maxsize=256)  # a quarter of a second with few degrees of freedom, and asked for twice
def _critical_value(family: MaxT, alpha: float) -> float:
    # Between that of a single contrast and Bonferroni's.
    low, high = family.quantile(alpha), family.quantile(alpha / len(family.loadings))
    return find_root(lambda bound: family.pvalue(bound) - alpha, low, high)


def loadings_of(variance_control: float, variances: Sequence[float]) -> tuple[float, ...]:
    """What each contrast shares with the others: b_i = sqrt(v_c / (v_c + v_i)).

    Contrasts i and j then have the correlation b_i b_j; where all variants have the same size and
    spread it is 1/2. A contrast without a variance (0 for the treatment or for control) shares
    nothing: the adjustment is then on the safe side.

    Args:
        variance_control: The variance of control's estimate, at least 0.
        variances: The variance of each treatment's estimate, at least 0.

    Returns:
        The loadings, in the order that was passed.

    Raises:
        ValueError: A variance is negative or not finite.

    Example:
        >>> loadings_of(1.0, [1.0, 3.0])
        (0.7071067811865476, 0.5)
    """
    for variance in (variance_control, *variances):
        if not (variance >= 0 and math.isfinite(variance)):
            raise ValueError(f"a variance is {variance}; it must be at least 0 and finite.")
    found = [
        math.sqrt(variance_control / (variance_control + variance)) if variance > 0 else 0.0
        for variance in variances
    ]
    return tuple(min(loading, 1 - 1e-9) for loading in found)


def step_down(statistics: Sequence[float], family: MaxT) -> tuple[float, ...]:
    """Adjusted p-values that need no interval: the largest first, each against those that remain.

    p(i) = max over j <= i of P(max over the contrasts from j on >= |t(j)|). Never larger than
    ``MaxT.pvalue``, and with the same bound on the chance of any false claim.

    Args:
        statistics: One statistic for each loading of the family.
        family: All contrasts together.

    Returns:
        The adjusted p-values in the order that was passed.

    Raises:
        ValueError: The numbers of statistics and loadings differ.

    Source:
        Dunnett & Tamhane (1991), Statistics in Medicine 10, 939-947.

    Example:
        >>> family = MaxT((0.5**0.5,) * 2)
        >>> [round(p, 4) for p in step_down([1.0, 3.0], family)]
        [0.3173, 0.0052]
    """
    if len(statistics) != len(family.loadings):
        raise ValueError(
            f"there are {len(statistics)} statistics and {len(family.loadings)} loadings; "
            "there must be one for each."
        )
    sizes = [abs(value) if family.two_sided else value for value in statistics]
    places = sorted(range(len(sizes)), key=lambda place: -sizes[place])
    adjusted = [0.0] * len(sizes)
    largest = 0.0
    for rank, place in enumerate(places):
        left = MaxT(
            tuple(family.loadings[other] for other in places[rank:]), family.df, family.two_sided
        )
        largest = max(largest, left.pvalue(sizes[place]))
        adjusted[place] = largest
    return tuple(adjusted)


def _grouped(loadings: Sequence[float]) -> list[tuple[float, int]]:
    return [(loading, loadings.count(loading)) for loading in sorted(set(loadings))]


@cache
def _legendre() -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return (nodes + 1) / 2, weights / 2


def _composite(edges: Array) -> tuple[Array, Array]:
    """Nodes and weights over the panels between edges, row by row."""
    nodes, weights = _legendre()
    widths = np.diff(edges, axis=-1)[..., None]
    rows = edges.shape[:-1]
    points = (edges[..., :-1, None] + widths * nodes).reshape(*rows, -1)
    return points, (widths * weights).reshape(*rows, -1)


def _normal_nodes(bounds: Array, loadings: Sequence[float], two_sided: bool) -> tuple[Array, Array]:
    """Points of the shared part and their weights, one row for each bound.

    In the far tail the integrand sits near b c, and where b is close to 1 it steps at c / b.
    """
    largest = max(abs(loading) for loading in loadings)
    reach = np.maximum(_NEGLIGIBLE, largest * np.abs(bounds) + _NEGLIGIBLE)
    reach = np.minimum(reach, _LARGEST)
    lowest = 0.0 if two_sided else -1.0  # two-sided the two halves are the same
    panels = _PANELS if two_sided else 2 * _PANELS
    edges = [np.linspace(lowest, 1.0, panels + 1) * reach[:, None]]
    for loading in loadings:
        rest = math.sqrt((1 - loading) * (1 + loading))
        if rest < _STEEP:
            sign = math.copysign(1.0, loading)
            centre = bounds / abs(loading) * (1.0 if two_sided else sign)
            edges.append(centre[:, None] + rest / abs(loading) * _AROUND)
    low, high = lowest * reach[:, None], reach[:, None]
    every = np.sort(np.clip(np.concatenate(edges, axis=1), low, high), axis=1)
    points, weights = _composite(every)
    density = np.exp(-points * points / 2) / math.sqrt(2 * math.pi)
    return points, weights * density * (2.0 if two_sided else 1.0)


def _chi_nodes(df: float, bound: float) -> tuple[Array, Array]:
    """Values of s = chi_df / sqrt(df) and their weights, on the scale of log s.

    The density times the tail beyond c s has its peak at s^2 = df / (df + c^2), and falls to its
    left like s^df.
    """
    peak = 0.5 * math.log(df / (df + bound * bound))
    spread = 1 / math.sqrt(2 * df)
    left = 37 / df + 0.5 if df < 100 else 11 * spread
    right = max(min(2.6, 9.5 * spread), -peak + min(2.6, 9.5 * spread))
    panels = math.ceil((left + right) / min(1.5, 2 * spread))
    logs, weights = _composite(np.linspace(peak - left, peak + right, panels + 1))
    deviations = np.exp(logs)
    # Relative to its value at s = 1, so that nothing over- or underflows at large df.
    shape = df * (logs - (deviations * deviations - 1) / 2)
    half = df / 2
    at_one = math.log(2) + half * math.log(half) - float(special.gammaln(half)) - half
    found: Array = weights * np.exp(shape + at_one)
    return deviations, found
