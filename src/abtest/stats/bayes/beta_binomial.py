"""Independent Beta priors on the rates: exact, but with no shared prior on the lift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.bayes.quadrature import Floats, best_of, panels
from abtest.stats.posterior import Posterior, VariantPosterior
from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.bayes.question import Question
    from abtest.stats.summaries import Proportion

_PANELS = 25


@dataclass(frozen=True, slots=True)
class _Beta:
    """A Beta posterior, integrated on the logit scale, where it is smooth at both ends."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def grid(self) -> Floats:
        """Breakpoints in logits that hold all but about 1e-16 of the mass.

        A logit's standard deviation covers its middle; its tails fall like exp(a x) and exp(-b x).
        """
        centre = special.digamma(self.a) - special.digamma(self.b)
        spread = math.sqrt(special.polygamma(1, self.a) + special.polygamma(1, self.b))
        return np.linspace(
            centre - 9 * spread - 38 / self.a, centre + 9 * spread + 38 / self.b, _PANELS
        )

    def density(self, logit: Floats) -> Floats:
        """Density of the logit."""
        log_p, log_q = special.log_expit(logit), special.log_expit(-logit)
        norm = special.betaln(self.a, self.b)
        result: Floats = np.exp(self.a * log_p + self.b * log_q - norm)
        return result

    def below(self, rate: Floats) -> Floats:
        result: Floats = special.betainc(self.a, self.b, rate)
        return result

    def above(self, rate: Floats) -> Floats:
        result: Floats = special.betaincc(self.a, self.b, rate)
        return result


def beta_binomial(
    control: Proportion,
    treatments: Sequence[Proportion],
    question: Question,
    prior: tuple[float, float] = (1.0, 1.0),
) -> Posterior:
    """The posterior of rates under independent Beta priors, Beta(a + x, b + n - x) each.

    Everything is a one-dimensional integral of Beta densities and distribution functions. A uniform
    prior on each rate means that lifts of plus or minus 50% are commonplace: prefer the normal
    model with its prior on the lift where counts allow.

    Args:
        control: The control's units and events.
        treatments: The other variants' units and events.
        question: The direction, the coverage and the region of practical equivalence.
        prior: The parameters a and b of each rate's prior, above 0; uniform by default.

    Returns:
        The posterior; the expected loss is E[max(0, p_c - p_t)] over control's posterior mean.

    Source:
        Stucchio (2015), Bayesian A/B testing at VWO, sections 3 to 6.

    Example:
        >>> from abtest.stats.bayes.question import Question
        >>> from abtest.stats.summaries import Proportion
        >>> result = beta_binomial(Proportion(34, 1), [Proportion(34, 7)], Question())
        >>> round(result.variants[0].prob_beats_control, 6)
        0.986248
    """
    base, *others = [
        _Beta(prior[0] + p.successes, prior[1] + p.n - p.successes) for p in (control, *treatments)
    ]
    best = _prob_best([base, *others], increase=question.increase)
    return Posterior(
        model="beta_binomial",
        prior_mean=None,
        prior_sd=None,
        control_prob_best=float(best[0]),
        variants=tuple(
            _summary(base, other, float(chance), question)
            for other, chance in zip(others, best[1:], strict=True)
        ),
        notes=(sentence("independent priors on each rate: no shared prior on the lift"),),
    )


def prob_lift_above(
    control: Proportion, treatment: Proportion, lift: float, prior: tuple[float, float] = (1.0, 1.0)
) -> float:
    """The probability that the lift exceeds a smallest worthwhile one, under Beta priors.

    Args:
        control: The control's units and events.
        treatment: The treatment's.
        lift: The lift, above -1; 0.02 is +2%.
        prior: The parameters of the prior of each rate, above 0.

    Returns:
        The probability.

    Source:
        Stucchio (2015), Bayesian A/B testing at VWO, section 3.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(prob_lift_above(Proportion(34, 1), Proportion(34, 7), 0.02), 6)
        0.98509
    """
    base, other = (
        _Beta(prior[0] + p.successes, prior[1] + p.n - p.successes) for p in (control, treatment)
    )
    return 1 - _ratio_below(base, other, 1 + lift)


def _summary(
    control: _Beta, treatment: _Beta, prob_best: float, question: Question
) -> VariantPosterior:
    lower = _ratio_below(control, treatment, 1.0)
    worse, better = (treatment, control) if question.increase else (control, treatment)
    inside, rope = None, question.rope
    if rope is not None:
        inside = _ratio_below(control, treatment, 1 + rope)
        inside -= _ratio_below(control, treatment, 1 - rope)
    masses = (question.tail, 0.5, 1 - question.tail)
    low, middle, high = (_lift(control, treatment, mass) for mass in masses)
    return VariantPosterior(
        prob_beats_control=1 - lower if question.increase else lower,
        prob_best=prob_best,
        expected_loss=_shortfall(worse, better) / control.mean,
        lift=middle,
        lift_low=low,
        lift_high=high,
        prob_in_rope=inside,
    )


def _joint_grid(*grids: Floats) -> Floats:
    return np.sort(np.concatenate(grids))


def _shortfall(lower: _Beta, upper: _Beta) -> float:
    """E[max(0, upper - lower)]: the integral over rates of P(lower < r) P(upper > r)."""
    logit, weights = panels(_joint_grid(lower.grid(), upper.grid()))
    rate, rest = special.expit(logit), special.expit(-logit)
    return float((weights * rate * rest * lower.below(rate) * upper.above(rate)).sum())


def _ratio_below(control: _Beta, treatment: _Beta, ratio: float) -> float:
    """P(p_t / p_c <= ratio), integrating the rate for which the other stays below 1."""
    if ratio <= 1:
        bound = special.expit(treatment.grid()) / ratio
        grid = _joint_grid(control.grid(), special.logit(bound[bound < 1]))
        logit, weights = panels(_within(grid, control))
        return float(weights * control.density(logit) @ treatment.below(ratio * _rate(logit)))
    bound = special.expit(control.grid()) * ratio
    grid = _joint_grid(treatment.grid(), special.logit(bound[bound < 1]))
    logit, weights = panels(_within(grid, treatment))
    return float(weights * treatment.density(logit) @ control.above(_rate(logit) / ratio))


def _rate(logit: Floats) -> Floats:
    result: Floats = special.expit(logit)
    return result


def _within(grid: Floats, beta: _Beta) -> Floats:
    """The breakpoints of a grid within the mass of one posterior."""
    own = beta.grid()
    result: Floats = grid[(grid >= own[0]) & (grid <= own[-1])]
    return result


def _lift(control: _Beta, treatment: _Beta, mass: float) -> float:
    """The quantile of the lift, by root search over the log ratio."""
    log_ratio = find_root(
        lambda x: mass - _ratio_below(control, treatment, math.exp(x)),
        *_bracket(control, treatment),
    )
    return math.expm1(log_ratio)


def _bracket(control: _Beta, treatment: _Beta) -> tuple[float, float]:
    ends_t, ends_c = (special.log_expit(beta.grid()[[0, -1]]) for beta in (treatment, control))
    return float(ends_t[0] - ends_c[1]), float(ends_t[1] - ends_c[0])


def _prob_best(betas: Sequence[_Beta], *, increase: bool) -> Floats:
    logit, weights = panels(_joint_grid(*(beta.grid() for beta in betas)))
    rate = _rate(logit)
    densities = np.stack([beta.density(logit) for beta in betas])
    masses = np.stack([beta.below(rate) if increase else beta.above(rate) for beta in betas])
    return best_of(densities, masses, weights)
