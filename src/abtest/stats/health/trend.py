"""Does an effect change with time: the lift in each span of time, and the slope through them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.scipy_special import special
from abtest.stats.tails import normal_pvalue

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

LEAST_PRECISION = 0.2
"""A mean whose standard error is a larger share of it has no logarithm that is nearly normal."""


@dataclass(frozen=True, slots=True)
class Spans:
    """One variant's units in several spans of time: the same units in each.

    Attributes:
        n: The units.
        means: Their mean in each span.
        products: The matrix of centred sums of products.
    """

    n: int
    means: tuple[float, ...]
    products: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """Lifts by span, and a line through their logarithms.

    Attributes:
        places: Which spans can be read, from 0.
        log_lifts: ln(1 + lift) in each of these.
        ses: Their standard errors.
        slope: By how much ln(1 + lift) changes from a span to the next.
        slope_se: Its standard error.
        pvalue: Two-sided, of a slope of 0.
        first: The lift in the first of these spans, on the line.
        last: The lift in the last.
        q: Cochran's Q, of one lift in all spans.
        q_pvalue: Its p-value.
    """

    places: tuple[int, ...]
    log_lifts: tuple[float, ...]
    ses: tuple[float, ...]
    slope: float
    slope_se: float
    pvalue: float
    first: float
    last: float
    q: float
    q_pvalue: float


def lift_trend(control: Spans, treatment: Spans) -> Trend | None:
    """A line through the logarithms of the lifts of several spans, by generalised least squares.

    With L_i = ln(m_t,i / m_c,i) and V the covariance of all L by the delta method: the sum over
    both variants of S_ij / (n m_i m_j), where S is the covariance of the units' values (the same
    units are in all spans, so that these hang together). With X the columns 1 and i,
    b = (X' V^-1 X)^-1 X' V^-1 L, and its covariance is (X' V^-1 X)^-1. Q = r' V^-1 r with r what is
    left of L around its weighted mean is chi-squared with one degree of freedom less than spans.
    A base rate that falls with time is no trend of the lift.

    Args:
        control: The control's units.
        treatment: The treatment's, in the same spans.

    Returns:
        The lifts and the line; None where fewer than two spans can be read.

    Source:
        Greenland & Longnecker (1992), American Journal of Epidemiology 135, 1301-1309, equations 2
        to 4 (a trend through correlated log ratios); Cochran (1954), Biometrics 10, 101-129.

    Example:
        >>> control = Spans(1000, (0.2, 0.2), ((160.0, 0.0), (0.0, 160.0)))
        >>> found = lift_trend(control, Spans(1000, (0.4, 0.2), ((240.0, 0.0), (0.0, 160.0))))
        >>> round(found.first, 3), round(found.last, 3), found.pvalue < 0.01
        (1.0, 0.0, True)
    """
    places = [
        i for i in range(len(control.means)) if _is_known(control, i) and _is_known(treatment, i)
    ]
    if len(places) < 2:
        return None
    logs = np.log(_at(treatment, places)) - np.log(_at(control, places))
    covariance = _relative(control, places) + _relative(treatment, places)
    if np.linalg.matrix_rank(covariance) < len(places):
        return None
    weights = np.linalg.inv(covariance)
    design = np.column_stack([np.ones(len(places)), places])
    spread = np.linalg.inv(design.T @ weights @ design)
    line = spread @ design.T @ weights @ logs
    se = math.sqrt(spread[1, 1])
    ones = design[:, 0]
    rest = logs - (ones @ weights @ logs) / (ones @ weights @ ones)
    q = float(rest @ weights @ rest)
    fitted = np.expm1(design @ line)
    return Trend(
        places=tuple(places),
        log_lifts=tuple(map(float, logs)),
        ses=tuple(map(float, np.sqrt(np.diag(covariance)))),
        slope=float(line[1]),
        slope_se=se,
        pvalue=normal_pvalue(float(line[1]) / se),
        first=float(fitted[0]),
        last=float(fitted[-1]),
        q=q,
        q_pvalue=float(special.chdtrc(len(places) - 1, q)),
    )


def _is_known(side: Spans, i: int) -> bool:
    if side.n < 2 or not side.means[i] > 0:
        return False
    variance = side.products[i][i] / (side.n - 1) / side.n
    return 0 < variance <= (LEAST_PRECISION * side.means[i]) ** 2


def _at(side: Spans, places: Sequence[int]) -> npt.NDArray[np.float64]:
    return np.array([side.means[i] for i in places])


def _relative(side: Spans, places: Sequence[int]) -> npt.NDArray[np.float64]:
    """The covariance of the logarithms of the means."""
    products = np.array([[side.products[i][j] for j in places] for i in places])
    means = _at(side, places)
    return products / (side.n - 1) / side.n / np.outer(means, means)
