"""Empirical Bayes: many estimates together, so that the best is not just the luckiest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.bayes.normal import Normal, update
from abtest.stats.roots import find_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.bayes.quadrature import Floats

FEW_PAST = 20  # with fewer past results the spread itself is drawn towards 0
SPREAD_SCALE = 0.05


@dataclass(frozen=True, slots=True)
class Pooled:
    """Estimates drawn towards each other.

    Attributes:
        mean: The common mean.
        tau: How far true effects lie apart: the standard deviation of the prior.
        posteriors: What is believed of each; where ``tau`` is 0 all are the common mean.
    """

    mean: float
    tau: float
    posteriors: tuple[Normal, ...]


def learned_spread(
    estimates: Sequence[float],
    ses: Sequence[float],
    *,
    mean: float | None = None,
    half_normal: float | None = None,
) -> tuple[float, float]:
    """The mean and the spread of true effects, by marginal likelihood.

    estimate_i ~ N(mean, tau^2 + se_i^2). With ``half_normal`` tau has that prior, and its mode is
    taken: with few past results the likelihood alone is too sure, of 0 or of too much.

    Args:
        estimates: Estimates, such as log lifts of past experiments.
        ses: Their standard errors, above 0.
        mean: The common mean where it is known, such as 0; None to estimate it.
        half_normal: The scale of a half-normal prior on tau; None for none.

    Returns:
        Mean and tau; tau is 0 where the estimates vary no more than their errors.

    Raises:
        ValueError: There is no estimate, the lengths differ, or an error is not above 0.

    Source:
        Efron & Morris (1973), JASA 68, 117-130; Azevedo et al. (2020), Journal of Political
        Economy 128, 4614-4672.

    Example:
        >>> mean, tau = learned_spread([0.1, -0.1, 0.1, -0.1], [1e-6] * 4, mean=0.0)
        >>> round(tau, 6)
        0.1
    """
    values, errors = _checked(estimates, ses)

    def slope(tau: float) -> float:
        """The derivative of the log posterior of tau, over tau."""
        variance = errors**2 + tau * tau
        centre = _centre(values, variance, mean)
        pull = ((values - centre) ** 2 / variance**2 - 1 / variance).sum()
        return float(pull) - (0.0 if half_normal is None else half_normal**-2)

    widest = float(np.abs(values - _centre(values, errors**2, mean)).max()) * 2 + 1e-300
    if slope(0.0) <= 0:
        # Zero may be a lower mode than one further out: look for where the likelihood rises again.
        grid = np.linspace(0.0, widest, 201)
        rising = [tau for tau in grid if slope(float(tau)) > 0]
        if not rising or _height(values, errors, mean, rising[-1], half_normal) <= _height(
            values, errors, mean, 0.0, half_normal
        ):
            return _centre(values, errors**2, mean), 0.0
        low = float(rising[-1])
    else:
        low = 0.0
    tau = find_root(slope, low, widest)
    return _centre(values, errors**2 + tau * tau, mean), tau


def partial_pool(
    estimates: Sequence[float], ses: Sequence[float], *, mean: float | None = None
) -> Pooled:
    """Draw several estimates towards their common mean, each by how little it is known.

    Args:
        estimates: Estimates of the variants or segments.
        ses: Their standard errors, above 0.
        mean: The common mean where it is known; None to estimate it.

    Returns:
        The pooled estimates, in the order given.

    Raises:
        ValueError: As `learned_spread`.

    Source:
        Efron & Morris (1975), JASA 70, 311-319.

    Example:
        >>> found = partial_pool([0.1, 0.1, 0.1], [0.05, 0.05, 0.05])
        >>> found.tau, round(found.posteriors[0].mean, 9)
        (0.0, 0.1)
    """
    centre, tau = learned_spread(estimates, ses, mean=mean)
    if tau == 0:
        precision = math.fsum(se**-2 for se in ses)
        same = Normal(centre, 0.0 if mean is not None else precision**-0.5)
        return Pooled(centre, 0.0, (same,) * len(estimates))
    prior = Normal(centre, tau)
    posteriors = tuple(
        update(estimate, se, prior) for estimate, se in zip(estimates, ses, strict=True)
    )
    return Pooled(centre, tau, posteriors)


def learned_prior(log_lifts: Sequence[float], ses: Sequence[float]) -> Normal | None:
    """A prior on the log lift from a team's past results, centred on no effect.

    Args:
        log_lifts: Log lifts of past experiments.
        ses: Their standard errors.

    Returns:
        N(0, tau^2), with a half-normal(0.05) prior on tau where there are fewer than 20 results;
        None where the past results vary no more than their errors, and so say nothing.

    Raises:
        ValueError: As `learned_spread`.

    Source:
        Azevedo et al. (2020), Journal of Political Economy 128, 4614-4672.

    Example:
        >>> round(learned_prior([0.04, -0.03, 0.05, 0.01], [0.01] * 4).sd, 4)
        0.0323
    """
    scale = SPREAD_SCALE if len(log_lifts) < FEW_PAST else None
    _, tau = learned_spread(log_lifts, ses, mean=0.0, half_normal=scale)
    return Normal(0.0, tau) if tau > 0 else None


def james_stein(
    estimates: Sequence[float], se: float, *, towards: float | None = None
) -> tuple[float, ...]:
    """The positive-part James-Stein estimator of several means with one standard error.

    y_i -> c + max(0, 1 - (k - q) se^2 / sum (y_j - c)^2) (y_i - c), where q is 3 with the mean of
    all for c, and 2 with a point that was chosen before the data.

    Args:
        estimates: The estimates y.
        se: Their common standard error, above 0.
        towards: The point c that estimates are drawn to; None for their mean.

    Returns:
        The shrunken estimates.

    Raises:
        ValueError: Too few estimates (four for their mean, three for a point), or ``se`` <= 0.

    Source:
        Efron & Morris (1975), JASA 70, 311-319, eq. 1.4 and 1.9.

    Example:
        >>> [round(value, 3) for value in james_stein([1.0, 2.0, 3.0, 6.0], 1.0)]
        [1.143, 2.071, 3.0, 5.786]
    """
    least = 4 if towards is None else 3
    if len(estimates) < least:
        raise ValueError(f"estimates has {len(estimates)} values; it must have at least {least}.")
    if not se > 0:
        raise ValueError(f"se is {se}; it must be above 0.")
    centre = math.fsum(estimates) / len(estimates) if towards is None else towards
    squares = math.fsum((value - centre) ** 2 for value in estimates)
    lost = len(estimates) - (3 if towards is None else 2)
    kept = max(0.0, 1 - lost * se * se / squares) if squares > 0 else 0.0
    return tuple(centre + kept * (value - centre) for value in estimates)


def _checked(estimates: Sequence[float], ses: Sequence[float]) -> tuple[Floats, Floats]:
    if not estimates or len(estimates) != len(ses):
        raise ValueError(
            f"there are {len(estimates)} estimates and {len(ses)} errors; there must be as many of "
            "both, and at least one."
        )
    if min(ses) <= 0:
        raise ValueError(f"an error is {min(ses)}; each must be above 0.")
    return np.asarray(estimates, dtype=np.float64), np.asarray(ses, dtype=np.float64)


def _centre(values: Floats, variance: Floats, mean: float | None) -> float:
    return float(np.average(values, weights=1 / variance)) if mean is None else mean


def _height(
    values: Floats, errors: Floats, mean: float | None, tau: float, half_normal: float | None
) -> float:
    """The log posterior of tau, but for a constant."""
    variance = errors**2 + tau * tau
    centre = _centre(values, variance, mean)
    height = -float((np.log(variance) + (values - centre) ** 2 / variance).sum()) / 2
    return height if half_normal is None else height - (tau / half_normal) ** 2 / 2
