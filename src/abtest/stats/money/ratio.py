"""Fieller's set for a ratio of two estimates that may share their errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Shape = Literal["interval", "outside", "everything"]


@dataclass(frozen=True, slots=True)
class Estimated:
    """Two estimates with their joint variance.

    Attributes:
        top: The numerator.
        bottom: The denominator.
        variance_top: The variance of the numerator, at least 0.
        variance_bottom: The variance of the denominator, at least 0.
        covariance: Their covariance.
    """

    top: float
    bottom: float
    variance_top: float
    variance_bottom: float
    covariance: float = 0.0


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio and the values that the data do not reject.

    Attributes:
        value: The numerator over the denominator; None where the denominator is 0.
        low: The lower end; for the shape ``outside`` the end of the left half-line.
        high: The upper end; for ``outside`` the start of the right half-line.
        shape: ``interval`` is [low, high]. ``outside`` is everything up to low and everything
            from high on: the denominator may be 0 or of the other sign. ``everything`` is every
            number: nothing is rejected, and the ends are infinite.
    """

    value: float | None
    low: float
    high: float
    shape: Shape

    @property
    def bounded(self) -> bool:
        """Whether the set is an interval with two ends."""
        return self.shape == "interval"


def fieller_ratio(pair: Estimated, quantile: float) -> Ratio:
    """The values r that T(r) = (t - r b) / sqrt(v_t - 2 r c + r^2 v_b) does not reject.

    They solve A r^2 - 2 B r + C <= 0 with A = b^2 - q^2 v_b, B = t b - q^2 c and
    C = t^2 - q^2 v_t. A > 0: an interval. A <= 0: the denominator is not clear of zero, and the
    set is the two half-lines outside the roots, or every number where there are no roots.

    Assumes jointly normal estimates.

    Args:
        pair: Numerator and denominator with their joint variance.
        quantile: The critical value q, such as 1.96.

    Returns:
        The ratio and its set.

    Source:
        Fieller (1954), Some problems in interval estimation, JRSS B 16, 175-185; Willan & O'Brien
        (1996), Health Economics 5, 297-305, for a cost per effect.

    Example:
        >>> fieller_ratio(Estimated(10.0, 5.0, 1.0, 0.0), 2.0)
        Ratio(value=2.0, low=1.6, high=2.4, shape='interval')
    """
    slack = quantile * quantile
    leading = pair.bottom * pair.bottom - slack * pair.variance_bottom
    middle = pair.top * pair.bottom - slack * pair.covariance
    last = pair.top * pair.top - slack * pair.variance_top
    value = pair.top / pair.bottom if pair.bottom else None
    discriminant = middle * middle - leading * last
    if leading > 0:
        root = math.sqrt(max(discriminant, 0.0))
        return Ratio(value, (middle - root) / leading, (middle + root) / leading, "interval")
    if discriminant <= 0 or (leading == 0 and middle == 0):
        return Ratio(value, -math.inf, math.inf, "everything")
    if leading == 0:
        end = last / (2 * middle)
        low, high = (-math.inf, end) if middle < 0 else (end, math.inf)
        return Ratio(value, low, high, "outside")
    root = math.sqrt(discriminant)
    ends = sorted(((middle - root) / leading, (middle + root) / leading))
    return Ratio(value, ends[0], ends[1], "outside")
