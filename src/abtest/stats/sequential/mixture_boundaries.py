"""Boundaries for sums whose tails are not those of a normal variable, uniformly over time.

Each mixture M(s, v) is a supermartingale of a sum s with intrinsic time v, so that the chance that
it ever reaches 1 / alpha is at most alpha. ``bound`` turns it round: the sum at which it does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special
from abtest.stats.sequential.normal_mixture import NormalMixture

if TYPE_CHECKING:
    from collections.abc import Callable

_DOUBLINGS = 60


class Mixture(Protocol):
    """A mixture of exponential supermartingales."""

    def log_value(self, s: float, v: float) -> float:
        """The logarithm of M(s, v)."""


def bound(mixture: Mixture, v: float, alpha: float, largest: float = math.inf) -> float:
    """The sum at which a mixture reaches 1 / alpha.

    Args:
        mixture: The mixture.
        v: The intrinsic time, above 0.
        alpha: The error rate over all times.
        largest: The largest sum that there can be at that time.

    Returns:
        The sum; ``largest`` where even that is not enough.

    Raises:
        ValueError: A time or an error rate that is none.

    Example:
        >>> round(bound(GammaExponential.tuned(100, 0.05, 2.0), 100, 0.05), 5)
        33.02017
    """
    if not v > 0:
        raise ValueError(f"the intrinsic time is {v}; it must be above 0.")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie strictly between 0 and 1.")

    def room(s: float) -> float:
        return -math.log(alpha) - mixture.log_value(s, v)

    return find_root(room, 0.0, _far_enough(room, v, largest))


def _far_enough(room: Callable[[float], float], v: float, largest: float) -> float:
    if math.isfinite(largest):
        return largest
    s = v
    for _ in range(_DOUBLINGS):
        if room(s) < 0:
            break
        s *= 2
    return s


def _precision(v_opt: float, alpha: float) -> float:
    """The precision of a one-sided mixture that is tightest near a time."""
    return NormalMixture.tuned(v_opt, alpha, two_sided=False).rho


@dataclass(frozen=True, slots=True)
class GammaExponential:
    """For sums with sub-exponential tails of scale c, such as amounts.

    Attributes:
        rho: The mixture's precision.
        c: The scale of the tail, above 0.

    Source:
        Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49, 1055, section 3.2.
    """

    rho: float
    c: float

    @classmethod
    def tuned(cls, v_opt: float, alpha: float, c: float) -> GammaExponential:
        """The mixture that is tightest near a time."""
        return cls(_precision(v_opt, alpha), _scale(c))

    def log_value(self, s: float, v: float) -> float:
        """The logarithm of M(s, v)."""
        a, b = self.rho / self.c**2, (v + self.rho) / self.c**2
        moved = (self.c * s + v) / self.c**2
        lead = a * math.log(a) - math.lgamma(a) - math.log(float(special.gammainc(a, a)))
        inner = math.log(float(special.gammainc(b, moved + a)))
        return lead + math.lgamma(b) + inner - b * math.log(moved + a) + moved


@dataclass(frozen=True, slots=True)
class GammaPoisson:
    """For sums with sub-Poisson tails of scale c, such as counts.

    Attributes:
        rho: The mixture's precision.
        c: The scale of the tail, above 0.

    Source:
        Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49, 1055, section 3.2.
    """

    rho: float
    c: float

    @classmethod
    def tuned(cls, v_opt: float, alpha: float, c: float) -> GammaPoisson:
        """The mixture that is tightest near a time."""
        return cls(_precision(v_opt, alpha), _scale(c))

    def log_value(self, s: float, v: float) -> float:
        """The logarithm of M(s, v)."""
        a, b = self.rho / self.c**2, (v + self.rho) / self.c**2
        moved = s / self.c + b
        lead = a * math.log(a) - math.lgamma(a) - math.log(float(special.gammaincc(a, a)))
        inner = math.log(float(special.gammaincc(moved, b)))
        return lead + math.lgamma(moved) + inner - moved * math.log(b) + v / self.c**2


@dataclass(frozen=True, slots=True)
class BetaBinomial:
    """For sums of values between -g and h.

    Attributes:
        r: The mixture's strength.
        g: How far a value may lie below 0.
        h: How far above.
        two_sided: Whether both directions count.

    Source:
        Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49, 1055, section 3.2.
    """

    r: float
    g: float
    h: float
    two_sided: bool = True

    @classmethod
    def tuned(
        cls, v_opt: float, alpha: float, g: float, h: float, *, two_sided: bool = True
    ) -> BetaBinomial:
        """The mixture that is tightest near a time."""
        if not (g > 0 and h > 0):
            raise ValueError(f"values lie between -{g} and {h}; both must be above 0.")
        rho = NormalMixture.tuned(v_opt, alpha, two_sided=two_sided).rho
        return cls(max(rho - g * h, 1e-3 * g * h), g, h, two_sided)

    def log_value(self, s: float, v: float) -> float:
        """The logarithm of M(s, v)."""
        g, h, width = self.g, self.h, self.g + self.h
        below, above = (v - g * s) / (g * width), (v + h * s) / (h * width)
        prior = self._log_beta(self.r / (g * width), self.r / (h * width))
        after = self._log_beta(self.r / (g * width) + below, self.r / (h * width) + above)
        likelihood = v / (g * h) * math.log(width) - above * math.log(g) - below * math.log(h)
        return likelihood + after - prior

    def _log_beta(self, a: float, b: float) -> float:
        whole = float(special.betaln(a, b))
        if self.two_sided:
            return whole
        return whole + math.log(float(special.betainc(a, b, self.h / (self.g + self.h))))


def stitched_bound(  # noqa: PLR0913 - the formula's own six numbers
    v: float, alpha: float, v_min: float, c: float = 0.0, *, s: float = 1.4, eta: float = 2.0
) -> float:
    """A boundary in closed form that grows as slowly as the law of the iterated logarithm.

    With l = s ln(ln(eta v / v_min)) + ln(zeta(s) / ln(eta)^s) + ln(1 / a), k1 = (eta^(1/4) +
    eta^(-1/4)) / sqrt(2) and k2 = (sqrt(eta) + 1) / 2: sqrt(k1^2 v l + (k2 c l)^2) + k2 c l.

    Args:
        v: The intrinsic time; below ``v_min`` it counts as that.
        alpha: The error rate over all times.
        v_min: The time from which it should be tight, above 0.
        c: The scale of the tail; 0 for sub-Gaussian sums.
        s: How fast the error is spent, above 1.
        eta: The ratio of neighbouring epochs, above 1.

    Returns:
        The sum that is not reached with chance 1 - alpha.

    Raises:
        ValueError: A number that is out of its range.

    Source:
        Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49, 1055, theorem 1.

    Example:
        >>> round(stitched_bound(100, 0.05, 10, 3), 5)
        64.48755
    """
    if not (0 < alpha < 1 and v_min > 0 and s > 1 and eta > 1):
        raise ValueError("alpha must lie between 0 and 1, v_min above 0, and s and eta above 1.")
    v = max(v, v_min)
    log = s * math.log(math.log(eta * v / v_min)) - math.log(alpha)
    log += math.log(float(special.zeta(s)) / math.log(eta) ** s)
    k1, k2 = (eta**0.25 + eta**-0.25) / math.sqrt(2), (math.sqrt(eta) + 1) / 2
    return math.sqrt(k1**2 * v * log + (k2 * c * log) ** 2) + k2 * c * log


def _scale(c: float) -> float:
    if not c > 0:
        raise ValueError(f"the scale of the tail is {c}; it must be above 0.")
    return c
