"""Closed forms for a normal posterior."""

from __future__ import annotations

import math
from dataclasses import dataclass

from abtest.stats.scipy_special import special
from abtest.stats.tails import normal_quantile

_LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal distribution.

    Attributes:
        mean: Its mean.
        sd: Its standard deviation, above 0, in the same unit.
    """

    mean: float
    sd: float

    def below(self, value: float) -> float:
        """Probability of less than ``value``.

        Example:
            >>> Normal(1.0, 2.0).below(1.0)
            0.5
        """
        return float(special.ndtr((value - self.mean) / self.sd))

    def above(self, value: float) -> float:
        """Probability of more than ``value``, from the upper tail.

        Example:
            >>> Normal(1.0, 2.0).above(1.0)
            0.5
        """
        return float(special.ndtr((self.mean - value) / self.sd))

    def interval(self, ci_level: float) -> tuple[float, float]:
        """The equal-tailed interval of a coverage between 0 and 1.

        Example:
            >>> [round(end, 2) for end in Normal(0.0, 1.0).interval(0.95)]
            [-1.96, 1.96]
        """
        half_width = normal_quantile(ci_level) * self.sd
        return self.mean - half_width, self.mean + half_width

    def expected_shortfall(self) -> float:
        """E[max(0, -X)] = s [phi(m / s) - (m / s) Phi(-m / s)], in the unit of X.

        Example:
            >>> round(Normal(0.0, 1.0).expected_shortfall(), 6)
            0.398942
        """
        ratio = self.mean / self.sd
        density = math.exp(-(ratio * ratio + _LOG_2PI) / 2)
        return max(0.0, self.sd * (density - ratio * float(special.ndtr(-ratio))))

    def expected_excess(self) -> float:
        """E[max(0, X)], in the unit of X.

        Example:
            >>> round(Normal(0.0, 1.0).expected_excess(), 6)
            0.398942
        """
        return Normal(-self.mean, self.sd).expected_shortfall()


def update(estimate: float, se: float, prior: Normal) -> Normal:
    """The posterior of a normal estimate with known standard error under a normal prior.

    Precisions add: 1 / s^2 = 1 / se^2 + 1 / tau^2; the mean weighs estimate and prior by them.

    Args:
        estimate: The estimate.
        se: Its standard error, above 0.
        prior: The prior, in the same unit.

    Returns:
        The posterior.

    Source:
        Gelman et al. (2013), Bayesian Data Analysis, eq. 2.10.

    Example:
        >>> update(1.0, 1.0, Normal(0.0, 1.0)).mean
        0.5
    """
    share = prior.sd**2 / (prior.sd**2 + se**2)
    return Normal(prior.mean + share * (estimate - prior.mean), math.sqrt(share) * se)


def lift_loss(log_lift: Normal, *, increase: bool) -> float:
    """Expected relative loss of shipping where control is better, for a normal log lift.

    With L = exp(X) - 1: E[max(0, -L)] = Phi(-m/s) - exp(m + s^2/2) Phi(-m/s - s) where more is
    better, E[max(0, L)] = exp(m + s^2/2) Phi(m/s + s) - Phi(m/s) where less is.

    Args:
        log_lift: The posterior of the log lift.
        increase: Whether a higher value is better.

    Returns:
        The loss as a share of control's value (0.01 is 1%).

    Source:
        Partial expectation of a log-normal; Johnson, Kotz & Balakrishnan (1994), chapter 14.

    Example:
        >>> round(lift_loss(Normal(0.0, 0.1), increase=True), 4)
        0.0375
    """
    ratio, spread = log_lift.mean / log_lift.sd, log_lift.sd
    mean = math.exp(log_lift.mean + spread * spread / 2)
    if increase:
        loss = special.ndtr(-ratio) - mean * special.ndtr(-ratio - spread)
    else:
        loss = mean * special.ndtr(ratio + spread) - special.ndtr(ratio)
    return max(0.0, float(loss))
