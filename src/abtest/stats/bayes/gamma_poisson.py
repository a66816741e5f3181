"""Counts per customer: Gamma priors on the rates, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.bayes.distributions import best
from abtest.stats.posterior import Posterior, VariantPosterior
from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.bayes.quadrature import Floats
    from abtest.stats.bayes.question import Question


@dataclass(frozen=True, slots=True)
class Gamma:
    """A Gamma distribution of a rate.

    Attributes:
        shape: Above 0: prior shape plus the events.
        rate: Above 0: prior rate plus the customers.
    """

    shape: float
    rate: float

    @property
    def mean(self) -> float:
        """The expected rate."""
        return self.shape / self.rate

    def updated(self, events: float, customers: float) -> Gamma:
        """The belief after counting.

        Example:
            >>> Gamma(1.0, 0.1).updated(12, 10).mean
            1.2871287128712872
        """
        return Gamma(self.shape + events, self.rate + customers)

    def breaks(self) -> Floats:
        """Breakpoints over the logarithm of the rate."""
        centre, sd = special.digamma(self.shape), math.sqrt(special.polygamma(1, self.shape))
        ends = np.linspace(centre - 9 * sd - 36 / self.shape, centre + 9 * sd, 31)
        result: Floats = ends - math.log(self.rate)
        return result

    def density(self, value: Floats) -> Floats:
        """The density of the logarithm of the rate."""
        log_g = value + math.log(self.rate)
        height = self.shape * log_g - np.exp(log_g) - special.gammaln(self.shape)
        result: Floats = np.exp(height)
        return result

    def below(self, value: Floats) -> Floats:
        """The probability of a lower logarithm of the rate."""
        scaled: Floats = self.rate * np.exp(value)
        result: Floats = np.asarray(special.gammainc(self.shape, scaled), dtype=np.float64)
        return result


def ratio_below(control: Gamma, treatment: Gamma, ratio: float) -> float:
    """P(rate_t / rate_c <= ratio): a ratio of Gammas is a scaled F, so an incomplete Beta.

    Example:
        >>> ratio_below(Gamma(3.0, 2.0), Gamma(3.0, 2.0), 1.0)
        0.5
    """
    scaled = treatment.rate * ratio
    share = scaled / (scaled + control.rate)
    return float(special.betainc(treatment.shape, control.shape, share))


def gamma_poisson(control: Gamma, treatments: Sequence[Gamma], question: Question) -> Posterior:
    """The posterior of the lifts of rates, from independent Gammas.

    The ratio of two rates has a closed form, and so has the expected loss:
    E[max(0, l_c - l_t)] = E[l_c] P(l_t < l_c') - E[l_t] P(l_t' < l_c), where a prime adds 1 to the
    shape.

    Assumes Poisson counts: the variance over customers equals the mean. Where some customers buy
    much more often than others the posterior is too narrow.

    Args:
        control: The control's posterior rate.
        treatments: The other variants'.
        question: The direction, the coverage and the region of practical equivalence.

    Returns:
        The posterior; lifts and losses are relative (0.01 is 1%).

    Source:
        Gelman et al. (2013), Bayesian Data Analysis, section 2.6.

    Example:
        >>> from abtest.stats.bayes.question import Question
        >>> rates = Gamma(101.0, 100.1), Gamma(131.0, 100.1)
        >>> found = gamma_poisson(rates[0], [rates[1]], Question())
        >>> round(found.variants[0].prob_beats_control, 4)
        0.9759
    """
    everybody = [control, *treatments]
    chances: Sequence[float]
    if question.increase:
        chances = best(everybody, [0.0] * len(everybody)).prob_best
    else:
        chances = best([_Reversed(one) for one in everybody], [0.0] * len(everybody)).prob_best
    return Posterior(
        model="gamma_poisson",
        prior_mean=None,
        prior_sd=None,
        control_prob_best=chances[0],
        variants=tuple(
            _summary(control, one, chance, question)
            for one, chance in zip(treatments, chances[1:], strict=True)
        ),
        notes=("independent priors on each rate: no shared prior on the lift",),
    )


def expected_shortfall(lower: Gamma, upper: Gamma) -> float:
    """E[max(0, upper - lower)] of two rates, in closed form.

    Example:
        >>> round(expected_shortfall(Gamma(1.0, 1.0), Gamma(1.0, 1.0)), 9)
        0.5
    """
    more = upper.mean * ratio_below(Gamma(upper.shape + 1, upper.rate), lower, 1.0)
    less = lower.mean * ratio_below(upper, Gamma(lower.shape + 1, lower.rate), 1.0)
    return max(0.0, more - less)


def _summary(
    control: Gamma, treatment: Gamma, chance: float, question: Question
) -> VariantPosterior:
    worse, better = (treatment, control) if question.increase else (control, treatment)
    below = ratio_below(control, treatment, 1.0)
    inside, rope = None, question.rope
    if rope is not None:
        inside = ratio_below(control, treatment, 1 + rope)
        inside -= ratio_below(control, treatment, 1 - rope)
    low, middle, high = (
        _quantile(control, treatment, mass) for mass in (question.tail, 0.5, 1 - question.tail)
    )
    return VariantPosterior(
        prob_beats_control=1 - below if question.increase else below,
        prob_best=chance,
        expected_loss=expected_shortfall(worse, better) / control.mean,
        lift=middle,
        lift_low=low,
        lift_high=high,
        prob_in_rope=inside,
    )


def _quantile(control: Gamma, treatment: Gamma, mass: float) -> float:
    ends_c, ends_t = control.breaks()[[0, -1]], treatment.breaks()[[0, -1]]
    return math.expm1(
        find_root(
            lambda x: mass - ratio_below(control, treatment, math.exp(x)),
            float(ends_t[0] - ends_c[1]),
            float(ends_t[1] - ends_c[0]),
        )
    )


@dataclass(frozen=True, slots=True)
class _Reversed:
    """A quantity of which less is better."""

    of: Gamma

    def breaks(self) -> Floats:
        return -self.of.breaks()[::-1]

    def density(self, value: Floats) -> Floats:
        return self.of.density(-value)

    def below(self, value: Floats) -> Floats:
        scaled: Floats = self.of.rate * np.exp(-value)
        result: Floats = np.asarray(special.gammaincc(self.of.shape, scaled), dtype=np.float64)
        return result
