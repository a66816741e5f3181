"""The power of tests of two proportions, exactly: every table with its probability."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from abtest.stats.scipy_special import special

Floats = npt.NDArray[np.float64]
Statistic = Literal["n_minus_1", "pooled", "yates", "wald"]

MOST_UNITS = 10_000  # tables of 5,000 by 5,000: a second
_TIE = 1e-12  # a statistic this close to its limit is on it


def exact_power(  # noqa: PLR0913, PLR0917 - two variants of two numbers, and their test
    n_control: int,
    p_control: float,
    n_treatment: int,
    p_treatment: float,
    alpha: float = 0.05,
    statistic: Statistic = "n_minus_1",
) -> float:
    """The chance that a two-sided test of two shares rejects, by enumeration of all tables.

    ``n_minus_1`` is the test of `abtest analyze` (Miettinen & Nurminen at no effect), ``pooled``
    the plain z-test, ``yates`` the same with the continuity correction, ``wald`` with the variance
    not pooled. Where both shares are the same, the answer is the true error rate of the test.

    Args:
        n_control: Units of control; with treatment's at most 10,000.
        p_control: The share in control, 0 to 1.
        n_treatment: Units of treatment.
        p_treatment: The share in treatment, 0 to 1.
        alpha: The error rate that the test claims.
        statistic: Which test.

    Returns:
        The probability of |Z| >= z, both sides together.

    Raises:
        ValueError: A share or alpha is out of range, or there are no units or too many.

    Example:
        >>> round(exact_power(100, 0.15, 100, 0.30), 4)
        0.724
    """
    if not (n_control > 0 and n_treatment > 0 and n_control + n_treatment <= MOST_UNITS):
        raise ValueError(
            f"there are {n_control} and {n_treatment} units; each variant needs one, and both "
            f"together may have {MOST_UNITS}."
        )
    for name, value in (("p_control", p_control), ("p_treatment", p_treatment)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}; it must lie between 0 and 1.")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie strictly between 0 and 1.")
    limit = -float(special.ndtri(alpha / 2)) - _TIE
    chance_control = _binomial(n_control, p_control)
    chance_treatment = _binomial(n_treatment, p_treatment)
    events = np.arange(n_treatment + 1)
    return math.fsum(
        chance
        * chance_treatment[_score(x, n_control, events, n_treatment, statistic) >= limit].sum()
        for x, chance in enumerate(chance_control)
        if chance > 0
    )


def _score(
    x: int, n_control: int, events: npt.NDArray[np.int64], n_treatment: int, statistic: Statistic
) -> Floats:
    """|Z| of the tables with x events in control; 0 where nothing can be tested."""
    n = n_control + n_treatment
    p_control, p_treatment = x / n_control, events / n_treatment
    pooled = (x + events) / n
    variance = pooled * (1 - pooled) * (1 / n_control + 1 / n_treatment)
    distance = np.abs(p_treatment - p_control)
    if statistic == "n_minus_1":
        variance = variance * n / (n - 1)
    elif statistic == "yates":
        distance = np.maximum(distance - (1 / n_control + 1 / n_treatment) / 2, 0)
    elif statistic == "wald":
        own_control = p_control * (1 - p_control) / n_control
        variance = own_control + p_treatment * (1 - p_treatment) / n_treatment
    # Without variance the shares are 0 or 1: equal, or (unpooled) as far apart as can be.
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(distance > 0, distance / np.sqrt(variance), 0.0)
    return np.asarray(score, dtype=np.float64)


def _binomial(n: int, p: float) -> Floats:
    k = np.arange(n + 1)
    logs = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    logs = logs + special.xlogy(k, p) + special.xlog1py(n - k, -p)
    return np.asarray(np.exp(logs), dtype=np.float64)
