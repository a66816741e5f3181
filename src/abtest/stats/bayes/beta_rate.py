"""What is believed of a rate: a Beta distribution, for differences and for the best of several."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.bayes.distributions import difference_below, difference_quantile
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.stats.bayes.quadrature import Floats


@dataclass(frozen=True, slots=True)
class BetaRate:
    """A Beta distribution of a rate.

    Attributes:
        a: Prior parameter plus the events; above 0.
        b: Prior parameter plus the units without one; above 0.
    """

    a: float
    b: float

    @property
    def mean(self) -> float:
        """The expected rate.

        Example:
            >>> BetaRate(1.0, 3.0).mean
            0.25
        """
        return self.a / (self.a + self.b)

    def updated(self, events: int, units: int) -> BetaRate:
        """The belief after counting.

        Example:
            >>> BetaRate(1.0, 1.0).updated(7, 34)
            BetaRate(a=8.0, b=28.0)
        """
        return BetaRate(self.a + events, self.b + units - events)

    def breaks(self) -> Floats:
        """Breakpoints over the rate, even on the logit scale."""
        centre = special.digamma(self.a) - special.digamma(self.b)
        spread = math.sqrt(special.polygamma(1, self.a) + special.polygamma(1, self.b))
        ends = np.linspace(centre - 9 * spread - 38 / self.a, centre + 9 * spread + 38 / self.b, 61)
        return np.unique(special.expit(ends))

    def density(self, value: Floats) -> Floats:
        """The density."""
        rate = np.clip(value, 0.0, 1.0)
        height = special.xlogy(self.a - 1, rate) + special.xlog1py(self.b - 1, -rate)
        result: Floats = np.exp(height - special.betaln(self.a, self.b))
        return result

    def below(self, value: Floats) -> Floats:
        """The probability of a lower rate."""
        result: Floats = special.betainc(self.a, self.b, np.clip(value, 0.0, 1.0))
        return result


@dataclass(frozen=True, slots=True)
class RateDifference:
    """The difference of two rates.

    Attributes:
        mean: Its posterior mean.
        low: The lower end of the equal-tailed credible interval.
        high: The upper end.
        prob_positive: The probability that the treatment's rate is higher.
    """

    mean: float
    low: float
    high: float
    prob_positive: float


def rate_difference(
    control: BetaRate, treatment: BetaRate, ci_level: float = 0.95
) -> RateDifference:
    """The posterior of treatment minus control, from independent Betas.

    Args:
        control: The control's rate.
        treatment: The treatment's.
        ci_level: Coverage of the credible interval, between 0 and 1.

    Returns:
        The difference.

    Source:
        Stucchio (2015), Bayesian A/B testing at VWO, section 3.

    Example:
        >>> found = rate_difference(BetaRate(2.0, 34.0), BetaRate(8.0, 28.0))
        >>> round(found.prob_positive, 6)
        0.986248
    """
    tail = (1 - ci_level) / 2
    return RateDifference(
        treatment.mean - control.mean,
        difference_quantile(control, treatment, tail),
        difference_quantile(control, treatment, 1 - tail),
        1 - difference_below(control, treatment, 0.0),
    )
