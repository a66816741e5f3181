"""What past experiments say about the next: a prior, and how lucky the winners were."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.bayes.normal import Normal
from abtest.stats.past.meta_analysis import random_effects
from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

START_SD = 0.05  # what is believed of tau, and of the mean, before there are past experiments
ENOUGH_TESTS = 20  # from which their own spread is trusted alone
LEAST_SD = 0.005  # no archive shows that lifts differ by less than half a percent

# Where the integral over tau is cut, so that a narrow peak near zero is not missed.
_CUTS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def prior_from(estimates: Sequence[float], ses: Sequence[float]) -> Normal:
    """The prior N(mean, tau^2) on the next log lift that past experiments imply.

    From 20 experiments on: the random-effects mean and Paule and Mandel's tau, at least 0.005. With
    fewer, tau is shrunk with a half-normal(0.05) and the mean with N(0, 0.05^2): mean = E[mu] and
    tau^2 = E[tau^2] under their joint posterior, so that no experiment at all gives N(0, 0.05^2).

    Args:
        estimates: Past log lifts, one for each experiment.
        ses: Their standard errors, above 0.

    Returns:
        The prior.

    Raises:
        ValueError: The lengths differ, or a number is not finite or no standard error.

    Source:
        Azevedo, Deng, Montiel Olea, Rao & Weyl (2020), J. Political Economy 128, 4614-4672, for
        priors from an archive; Rover et al. (2021), Research Synthesis Methods 12, 448-474, for the
        half-normal on tau.

    Example:
        >>> prior_from([], []) == Normal(0.0, START_SD)
        True
        >>> prior = prior_from([0.04, 0.05], [0.02, 0.02])
        >>> round(prior.mean, 3), round(prior.sd, 3)
        (0.036, 0.035)
    """
    if not estimates:
        return Normal(0.0, START_SD)
    found = random_effects(estimates, ses)
    if found.k >= ENOUGH_TESTS:
        return Normal(found.mean, max(found.tau or 0.0, LEAST_SD))
    nodes, weights = _nodes()
    y = np.asarray(estimates, dtype=float)
    # One row per tau, one column per experiment.
    precisions = 1 / (np.square(np.asarray(ses, dtype=float)) + np.square(nodes)[:, None])
    total = precisions.sum(axis=1) + 1 / START_SD**2
    means = (precisions @ y) / total
    log_density = (
        0.5 * np.log(precisions).sum(axis=1)
        - 0.5 * np.log(total)
        - 0.5 * (precisions @ np.square(y) - total * np.square(means))
        - 0.5 * np.square(nodes / START_SD)
    )
    density = weights * np.exp(log_density - log_density.max())
    density /= density.sum()
    return Normal(float(density @ means), math.sqrt(float(density @ np.square(nodes))))


def _nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the integral over tau is evaluated, and with which weights."""
    lows, highs = np.array(_CUTS[:-1]), np.array(_CUTS[1:])
    half = (highs - lows) / 2
    nodes = (lows + half)[:, None] + half[:, None] * _NODES
    return nodes.ravel(), (half[:, None] * _WEIGHTS).ravel()


def conditional_estimate(estimate: float, se: float, alpha: float) -> float | None:
    """An effect that was reported because it was significant, corrected for that.

    The maximum of the likelihood given |estimate / se| > c, with c the two-sided quantile of alpha:
    with z = estimate / se and t = effect / se it solves z = t + (phi(c - t) - phi(c + t)) /
    (Phi(t - c) + Phi(-t - c)). It is close to 0 for an effect that is barely significant, and close
    to the estimate for one that is significant by far. It uses no other experiment.

    Args:
        estimate: The effect.
        se: Its standard error, above 0.
        alpha: The two-sided error rate at which it was significant.

    Returns:
        The corrected effect, between 0 and the estimate; None where it was not significant.

    Source:
        Zhong & Prentice (2008), Biostatistics 9, 621-634, section 2; Ghosh, Zou & Wright (2008),
        Am. J. Human Genetics 82, 1064-1074.

    Example:
        >>> round(conditional_estimate(0.10, 0.04, 0.05), 3)
        0.046
        >>> conditional_estimate(0.05, 0.04, 0.05) is None
        True
    """
    cut = -float(special.ndtri(alpha / 2))
    z = abs(estimate) / se
    if z <= cut:
        return None

    def distance(t: float) -> float:
        # Logarithms: far below the cut both the density and the tail vanish.
        tail = np.logaddexp(special.log_ndtr(t - cut), special.log_ndtr(-t - cut))
        pull = math.exp(_log_phi(cut - t) - tail) - math.exp(_log_phi(cut + t) - tail)
        return z - t - pull

    return math.copysign(find_root(distance, 0.0, z) * se, estimate)


def _log_phi(x: float) -> float:
    return -0.5 * (x * x + math.log(2 * math.pi))
