"""Revenue per customer: some pay nothing, and what the others pay is log-normal.

Under any inverse-gamma belief about the variance of the logarithms the expected revenue is
infinite: E[exp(mu + s2 / 2)] does not exist, because the density of s2 falls as a power and
exp(s2 / 2) grows faster. So there is no posterior mean and no expected loss, however many customers
there are; quantiles and the probability to be better exist, and are all that is given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.bayes.distributions import difference_below, difference_quantile
from abtest.stats.bayes.quadrature import Floats, panels
from abtest.stats.bayes.tabulated import Tabulated
from abtest.stats.scipy_special import special
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from abtest.stats.bayes.student import NormalInverseGamma

_MOST_CELLS = 4_000_000
_REACH = 7.0  # standard deviations; what lies beyond is below 1e-11
_LEFT_OUT = 1e-12
_LIGHT = 1e-15  # parts of a mixture that are lighter next to the heaviest are left out
_WIDE, _STEP = 2.5, 0.5


@dataclass(frozen=True, slots=True)
class HurdleLogNormal:
    """What is believed of the logarithm of revenue per customer, log p + mu + s2 / 2.

    Attributes:
        payers: First parameter of the Beta posterior of the share who pay.
        others: The second.
        logs: The posterior of mean and variance of the payers' log amounts.
    """

    payers: float
    others: float
    logs: NormalInverseGamma

    def breaks(self) -> Floats:
        """Breakpoints over the log revenue."""
        centre, spread, weight = self._given()
        reach = np.array([-_REACH, _REACH])[:, None] * spread + centre
        low, high = float(reach[0].min()), float(reach[1].max())
        middle = float(weight @ centre)
        sd = math.sqrt(float(weight @ (spread**2 + (centre - middle) ** 2)))
        # Fine in the middle, coarse in tails that fall as a power.
        ends = np.arcsinh((np.array([low, high]) - middle) / sd)
        steps = math.ceil(float(ends[1] - ends[0]) / _STEP)
        result: Floats = middle + sd * np.sinh(np.linspace(ends[0], ends[1], steps + 1))
        return result

    def density(self, value: Floats) -> Floats:
        """The density of the log revenue."""
        centre, spread, weight = self._given()
        parts = []
        for block in _blocks(value, len(centre)):
            scaled = (block[:, None] - centre) / spread
            parts.append(np.exp(-scaled * scaled / 2) @ (weight / spread))
        result: Floats = np.concatenate(parts) / math.sqrt(2 * math.pi)
        return result

    def below(self, value: Floats) -> Floats:
        """The probability of less."""
        centre, spread, weight = self._given()
        parts = [
            special.ndtr((block[:, None] - centre) / spread) @ weight
            for block in _blocks(value, len(centre))
        ]
        result: Floats = np.concatenate(parts)
        return result

    def _given(self) -> tuple[Floats, Floats, Floats]:
        """Centre, spread and weight of the log revenue given the payers' share and the variance."""
        log_rate, rate_weight = self._log_rates()
        variance, variance_weight = self._variances()
        centre = log_rate[:, None] + self.logs.m + variance / 2
        spread = np.broadcast_to(np.sqrt(variance / self.logs.kappa), centre.shape)
        weight = rate_weight[:, None] * variance_weight
        kept = weight > _LIGHT * weight.max()
        return centre[kept], spread[kept], weight[kept]

    def _log_rates(self) -> tuple[Floats, Floats]:
        a, b = self.payers, self.others
        sd = math.sqrt(special.polygamma(1, a) + special.polygamma(1, b))
        low = float(special.logit(special.betaincinv(a, b, _LEFT_OUT)))
        high = -float(special.logit(special.betaincinv(b, a, _LEFT_OUT)))
        logit, weights = panels(_panels(low, high, sd))
        log_p, log_q = special.log_expit(logit), special.log_expit(-logit)
        return log_p, weights * np.exp(a * log_p + b * log_q - special.betaln(a, b))

    def _variances(self) -> tuple[Floats, Floats]:
        """Nodes over the variance, on the logarithm of its inverse, which is log-gamma."""
        a, b = self.logs.a, self.logs.b
        ends = special.gammaincinv(a, _LEFT_OUT), special.gammainccinv(a, _LEFT_OUT)
        sd = math.sqrt(special.polygamma(1, a))
        log_g, weights = panels(_panels(math.log(ends[0]), math.log(ends[1]), sd))
        height = a * log_g - np.exp(log_g) - special.gammaln(a)
        return b / np.exp(log_g), weights * np.exp(height)


@dataclass(frozen=True, slots=True)
class RevenueRatio:
    """Revenue per customer, treatment over control.

    Attributes:
        prob_better: Probability that the treatment's is higher.
        median: The median of the ratio.
        low: The lower end of the equal-tailed credible interval.
        high: The upper end.
        note: Why there is no mean and no expected loss.
    """

    prob_better: float
    median: float
    low: float
    high: float
    note: str = (
        "Quantiles only: under an inverse-gamma prior the expected revenue is infinite, and so is "
        "an expected loss."
    )


def revenue_ratio(
    control: HurdleLogNormal, treatment: HurdleLogNormal, ci_level: float = 0.95
) -> RevenueRatio:
    """Compare revenue per customer of two variants by the quantiles of its ratio.

    Args:
        control: What is believed of control.
        treatment: What is believed of the treatment.
        ci_level: Coverage of the credible interval, between 0 and 1.

    Returns:
        The comparison; a mean is not there, because it does not exist.

    Raises:
        ValueError: ``ci_level`` is no coverage.

    Source:
        Fabrizi & Trivisano (2012), Bayesian Analysis 7, 975-996, for the mean that does not exist.

    Example:
        >>> from abtest.stats.bayes.student import NormalInverseGamma
        >>> one = HurdleLogNormal(51.0, 151.0, NormalInverseGamma(3.0, 51.0, 27.0, 26.0))
        >>> round(revenue_ratio(one, one).median, 6)
        1.0
    """
    check_ci_level(ci_level)
    tail = (1 - ci_level) / 2
    # A search asks some fifty times; the mixtures of thousands of normals are added up once.
    base, other = Tabulated.of(control), Tabulated.of(treatment)
    low, middle, high = (
        math.exp(difference_quantile(base, other, mass)) for mass in (tail, 0.5, 1 - tail)
    )
    return RevenueRatio(1 - difference_below(base, other, 0.0), middle, low, high)


def _panels(low: float, high: float, sd: float) -> Floats:
    """Breakpoints that are a few standard deviations apart."""
    return np.linspace(low, high, math.ceil((high - low) / (_WIDE * sd)) + 1)


def _blocks(value: Floats, width: int) -> list[Floats]:
    """The values in blocks that keep arrays small."""
    step = max(_MOST_CELLS // width, 1)
    return [value[i : i + step] for i in range(0, len(value), step)]
