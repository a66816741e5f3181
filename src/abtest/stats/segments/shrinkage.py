"""Segments' effects drawn towards their mean: what is left once luck is taken off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.past.meta_analysis import TauMethod, random_effects

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Shrunk:
    """Effects drawn towards their mean.

    Attributes:
        mean: The mean of the true effects, which the others are drawn to.
        tau: Standard deviation of the true effects; at 0 nothing is left of the differences.
        effects: The effects, in the order that was passed.
        ses: Their standard errors, given the mean and tau.
    """

    mean: float
    tau: float
    effects: tuple[float, ...]
    ses: tuple[float, ...]


def shrink(
    effects: Sequence[float], ses: Sequence[float], method: TauMethod = "dersimonian_laird"
) -> Shrunk:
    """Empirical Bayes: draw each effect towards the mean, the more the less it is known.

    With d_k ~ N(theta_k, se_k^2) and theta_k ~ N(mu, tau^2), tau^2 estimated from the effects:
    (tau^2 d_k + se_k^2 mu) / (tau^2 + se_k^2), with the variance tau^2 se_k^2 / (tau^2 + se_k^2).
    The most remarkable of many segments is mostly lucky; this takes the luck off.

    Assumes independent effects of about normal distribution. That mu and tau are estimated too is
    not in the standard errors.

    Args:
        effects: One effect for each segment, at least two.
        ses: Their standard errors, above 0.
        method: How tau^2 is estimated.

    Returns:
        The effects after shrinkage.

    Raises:
        ValueError: There are fewer than two effects, or as `random_effects`.

    Source:
        Efron & Morris (1975), JASA 70, 311-319; DerSimonian & Laird (1986), Controlled Clinical
        Trials 7, 177-188.

    Example:
        >>> found = shrink([0.03, -0.03, 0.0], [0.01, 0.01, 0.01])
        >>> [round(effect, 4) for effect in found.effects]
        [0.0267, -0.0267, 0.0]
    """
    if len(effects) < 2:
        raise ValueError(f"there are {len(effects)} effects to shrink; there must be at least two.")
    found = random_effects(effects, ses, method=method)
    tau = found.tau or 0.0
    drawn = [_draw(effect, se, found.mean, tau) for effect, se in zip(effects, ses, strict=True)]
    return Shrunk(found.mean, tau, tuple(one for one, _ in drawn), tuple(se for _, se in drawn))


def _draw(effect: float, se: float, mean: float, tau: float) -> tuple[float, float]:
    kept = tau**2 / (tau**2 + se**2)
    return kept * effect + (1 - kept) * mean, math.sqrt(kept) * se
