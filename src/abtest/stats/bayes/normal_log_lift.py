"""The default posterior: a normal likelihood and a normal prior on the log lift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.bayes.normal import Normal, lift_loss
from abtest.stats.bayes.quadrature import Floats, best_of, blocks, panels, top_breaks
from abtest.stats.posterior import Posterior, VariantPosterior
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.bayes.question import Question

_REACH = 8.5  # standard deviations; what lies beyond is below 1e-16


@dataclass(frozen=True, slots=True)
class LogLevel:
    """One variant's value on the log scale.

    Attributes:
        mean: Logarithm of the estimate.
        variance: Variance of that logarithm: (1 - p) / events for a proportion, v / m^2 for a mean.
    """

    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class _Joint:
    """The log lifts by control's error: what they share.

    Given that error in standard units, c ~ N(0, 1), the log lifts are independent:
    N(start[j] + slope[j] c, spread[j]).
    """

    start: Floats
    slope: Floats
    spread: Floats

    def marginal(self, j: int) -> Normal:
        return Normal(float(self.start[j]), math.hypot(self.spread[j], self.slope[j]))


def normal_log_lift(
    control: LogLevel,
    treatments: Sequence[LogLevel],
    prior: Normal,
    question: Question,
) -> Posterior:
    """The posterior of the lifts of several variants over one control.

    log(m_j / m_c) = theta_j + e_j - e_c with normal errors, theta_j ~ N(prior mean, tau^2). Each
    log lift is updated from its own contrast: with w_j = tau^2 / (tau^2 + v_j + v_c) it is normal
    with mean w_j log(m_j / m_c) + (1 - w_j) prior mean and variance tau^2 (1 - w_j). So a variant's
    posterior never depends on which others were tried. (Updating all at once would let one large
    lift, which a narrow prior cannot believe, be explained by an unlucky control, and so take away
    the lift of every other variant.) The errors of these estimates share control's:
    cov_ij = w_i w_j v_c; the chance to be the best integrates it and one log lift numerically.

    Assumes estimates that are close to normal on the log scale: some 20 events per variant.

    Args:
        control: The control's level.
        treatments: The other variants' levels.
        prior: The prior of each log lift.
        question: The direction, the coverage and the region of practical equivalence.

    Returns:
        The posterior; lifts and losses are relative (0.01 is 1%).

    Source:
        Spiegelhalter, Abrams & Myles (2004), chapter 3; Deng (2015).

    Example:
        >>> from abtest.stats.bayes.question import Question
        >>> levels = LogLevel(-2.0, 0.01), LogLevel(-1.9, 0.01)
        >>> result = normal_log_lift(levels[0], [levels[1]], Normal(0.0, 0.05), Question())
        >>> round(result.variants[0].prob_beats_control, 3)
        0.593
    """
    joint = _joint(control, treatments, prior)
    best = _prob_best(joint, increase=question.increase)
    return Posterior(
        model="normal_log_lift",
        prior_mean=prior.mean,
        prior_sd=prior.sd,
        control_prob_best=float(best[0]),
        variants=tuple(
            _summary(joint.marginal(j), float(best[j + 1]), question)
            for j in range(len(treatments))
        ),
    )


def _joint(control: LogLevel, treatments: Sequence[LogLevel], prior: Normal) -> _Joint:
    tau = prior.sd**2
    ratio = np.array([level.mean - control.mean for level in treatments])
    own = np.array([level.variance for level in treatments])
    weight = tau / (tau + own + control.variance)
    rest = 1 - weight
    # Of the error rest * (theta - prior mean) - weight * (own error - control's), control's part
    # is shared; the other two are not.
    return _Joint(
        start=weight * ratio + rest * prior.mean,
        slope=weight * math.sqrt(control.variance),
        spread=np.sqrt(rest**2 * tau + weight**2 * own),
    )


def _summary(log_lift: Normal, prob_best: float, question: Question) -> VariantPosterior:
    low, high = log_lift.interval(question.ci_level)
    inside, rope = None, question.rope
    if rope is not None:
        inside = log_lift.below(math.log1p(rope)) - log_lift.below(math.log1p(-rope))
    return VariantPosterior(
        prob_beats_control=log_lift.above(0.0) if question.increase else log_lift.below(0.0),
        prob_best=prob_best,
        expected_loss=lift_loss(log_lift, increase=question.increase),
        lift=math.expm1(log_lift.mean),
        lift_low=math.expm1(low),
        lift_high=math.expm1(high),
        prob_in_rope=inside,
    )


def _prob_best(joint: _Joint, *, increase: bool) -> Floats:
    """Chance to be the best: control first, then the variants."""
    if len(joint.start) == 1:
        marginal = joint.marginal(0)
        win, lose = marginal.above(0.0), marginal.below(0.0)
        return np.array([lose, win] if increase else [win, lose])
    sign = 1.0 if increase else -1.0
    # The finer the variants are known next to control's error, the sharper the steps over it.
    sharpness = float((joint.slope / joint.spread).max())
    steps = 16 * math.ceil(min(max(sharpness / 4, 1.0), 8.0))
    error, weight = panels(np.linspace(-_REACH, _REACH, steps + 1))
    weight = weight * _density(error)
    centre = sign * (joint.start[:, None] + joint.slope[:, None] * error)
    spread = joint.spread[:, None]
    # Each variant against the others over the values above control.
    breaks = top_breaks(centre - _REACH * spread, centre + _REACH * spread, 0.0)
    cells = len(centre) * len(panels(breaks[0])[0])
    parts = [
        _best_in_block(centre[:, rows], spread, breaks[rows]) for rows in blocks(len(error), cells)
    ]
    result: Floats = np.concatenate(parts, axis=1) @ weight
    return result


def _best_in_block(centre: Floats, spread: Floats, breaks: Floats) -> Floats:
    nodes, weights = panels(breaks)
    scaled = (nodes - centre[..., None]) / spread[..., None]
    best = best_of(_density(scaled) / spread[..., None], special.ndtr(scaled), weights)
    control = special.ndtr(-centre / spread).prod(axis=0)
    return np.concatenate([control[None], best])


def _density(scaled: Floats) -> Floats:
    result: Floats = np.exp(-scaled * scaled / 2) / math.sqrt(2 * math.pi)
    return result
