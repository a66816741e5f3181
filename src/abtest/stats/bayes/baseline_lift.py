"""The posterior for small counts: binomial likelihoods, the same prior on the log lift."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.bayes.quadrature import (
    Floats,
    best_of,
    blocks,
    cumulative,
    panels,
    top_breaks,
)
from abtest.stats.posterior import Posterior, VariantPosterior
from abtest.stats.roots import find_root
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from abtest.stats.bayes.normal import Normal
    from abtest.stats.bayes.question import Question
    from abtest.stats.summaries import Proportion

BASELINE_MEAN, BASELINE_SD = -2.0, 2.5  # logits: 95% of the prior lies between 0.1% and 95%
_DROP = 40.0  # where a log density has fallen by this much, exp(-40) = 4e-18 is left
_STEPS = np.linspace(0.0, 1.0, 9)
_HALVINGS = 45
_OUTER_PANELS = 16
_SEARCHES = 4


def baseline_lift(
    control: Proportion, treatments: Sequence[Proportion], prior: Normal, question: Question
) -> Posterior:
    """The posterior of the lifts where some variant has too few events for a normal model.

    logit p_c ~ N(-2, 2.5^2), log lift theta_j ~ N(prior), independent, restricted to
    p_j = p_c exp(theta_j) < 1; counts are binomial. The weak prior on the rate says that any rate
    from 0.1% to 95% is ordinary. As in the normal model, each lift is updated from its own
    contrast, by integrals over the logit and the lift on fixed panels, so that a variant's
    posterior never depends on which others were tried. The chance to be the best needs all at once:
    given control's rate the lifts are independent, and their product is integrated over the logit.

    Args:
        control: The control's units and events.
        treatments: The other variants' units and events.
        prior: The prior of each log lift.
        question: The direction, the coverage and the region of practical equivalence.

    Returns:
        The posterior; lifts and losses are relative (0.01 is 1%).

    Source:
        Spiegelhalter, Abrams & Myles (2004), chapter 8, for the baseline and log-risk prior.

    Example:
        >>> from abtest.stats.bayes.normal import Normal
        >>> from abtest.stats.bayes.question import Question
        >>> from abtest.stats.summaries import Proportion
        >>> counts = Proportion(34, 1), Proportion(34, 7)
        >>> result = baseline_lift(counts[0], [counts[1]], Normal(0.0, 0.05), Question())
        >>> 0.5 < result.variants[0].prob_beats_control < 0.6
        True
    """
    pairs = [_posterior(control, [treatment], prior) for treatment in treatments]
    together, slices = _posterior(control, treatments, prior) if len(pairs) > 1 else pairs[0]
    best = _prob_best(slices, increase=question.increase) @ together
    return Posterior(
        model="baseline_lift",
        prior_mean=prior.mean,
        prior_sd=prior.sd,
        control_prob_best=float(best[0]),
        variants=tuple(
            _summary(one, weight, float(chance), question)
            for (weight, (one,)), chance in zip(pairs, best[1:], strict=True)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Slices:
    """The density of one variant's log lift, one slice for each of several control rates.

    Attributes:
        variant: The variant's units and events.
        prior: The prior of the log lift.
        log_rate: Logarithm of control's rate.
        low: Where the density starts to count.
        high: Where it ends.
        log_mass: Logarithm of prior times likelihood, integrated.
    """

    variant: Proportion
    prior: Normal
    log_rate: Floats
    low: Floats
    high: Floats
    log_mass: Floats

    def rows(self, rows: slice) -> _Slices:
        """The slices of some of the control rates."""
        parts = (self.log_rate, self.low, self.high, self.log_mass)
        return _Slices(self.variant, self.prior, *(part[rows] for part in parts))

    def breaks(self, start: float = -math.inf, end: Floats | float = math.inf) -> Floats:
        """Panels over the part of each slice between two log lifts."""
        low, high = np.clip(start, self.low, self.high), np.clip(end, self.low, self.high)
        result: Floats = low[:, None] + (high - low)[:, None] * _STEPS
        return result

    def density(self, log_lift: Floats) -> Floats:
        """The posterior density of the log lift given control's rate."""
        low, high = self.low[:, None], self.high[:, None]
        inside = (log_lift >= low) & (log_lift <= high)
        height = _log_density(
            self.variant, self.prior, self.log_rate[:, None], np.clip(log_lift, low, high)
        )
        result: Floats = np.where(inside, np.exp(height - self.log_mass[:, None]), 0.0)
        return result

    def below(self, log_lift: Floats | float) -> Floats:
        """The probability of less than a log lift, or one for each rate, given control's rate."""
        nodes, weights = panels(self.breaks(end=log_lift))
        result: Floats = (weights * self.density(nodes)).sum(axis=1)
        return result

    def loss(self, *, increase: bool) -> Floats:
        """The expected relative loss given control's rate: E[max(0, -lift)], or of the lift."""
        nodes, weights = panels(self.breaks(end=0.0) if increase else self.breaks(start=0.0))
        result: Floats = (weights * self.density(nodes) * np.abs(np.expm1(nodes))).sum(axis=1)
        return result


def _log_density(variant: Proportion, prior: Normal, log_rate: Floats, log_lift: Floats) -> Floats:
    """Log of prior times likelihood of one log lift, but for constants."""
    log_p = log_rate + log_lift
    scaled = (log_lift - prior.mean) / prior.sd
    result: Floats = variant.successes * log_p - scaled * scaled / 2
    if variant.n > variant.successes:
        result = result + (variant.n - variant.successes) * np.log(-np.expm1(log_p))
    return result


def _slices(variant: Proportion, prior: Normal, log_rate: Floats) -> _Slices:
    """Find, for each control rate, the mode of the log lift and the range that holds its mass."""
    top = np.nextafter(-log_rate, -np.inf)  # the variant's rate stays below 1
    n, events = variant.n, variant.successes

    def rises(log_lift: Floats) -> npt.NDArray[np.bool_]:
        rest = -np.expm1(log_rate + log_lift)
        pull = (log_lift - prior.mean) / prior.sd**2
        return events - (n - events) * (1 - rest) / rest > pull

    # The log density is concave. It rises where the pull of the prior exceeds all n units, and
    # falls where it exceeds all events.
    lowest = np.minimum(prior.mean, top - 1.0) - n * prior.sd**2
    mode = _halve(rises, lowest, np.minimum(top, prior.mean + events * prior.sd**2))
    peak = _log_density(variant, prior, log_rate, mode)

    def counts(log_lift: Floats) -> npt.NDArray[np.bool_]:
        return _log_density(variant, prior, log_rate, log_lift) > peak - _DROP

    # The prior alone makes the density fall that much within this reach of the mode.
    reach = math.sqrt(2 * _DROP) * prior.sd
    low = _halve(lambda x: ~counts(x), mode - reach, mode)
    high = _halve(counts, mode, np.minimum(mode + reach, top))
    raw = _Slices(variant, prior, log_rate, low, high, peak)
    return replace(raw, log_mass=peak + np.log(raw.below(math.inf)))


def _halve(is_left: Callable[[Floats], npt.NDArray[np.bool_]], low: Floats, high: Floats) -> Floats:
    """Bisect many brackets at once; ``is_left`` is true below the points that are sought."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        left = is_left(middle)
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    result: Floats = (low + high) / 2
    return result


def _posterior(
    control: Proportion, treatments: Sequence[Proportion], prior: Normal
) -> tuple[Floats, list[_Slices]]:
    """Posterior weights of nodes over control's logit, and each variant's slices there."""
    centre = float(special.logit((control.successes + 0.5) / (control.n + 1)))
    low, high = min(centre, BASELINE_MEAN), max(centre, BASELINE_MEAN)
    low, high = low - 10 * BASELINE_SD, high + 10 * BASELINE_SD
    for _ in range(_SEARCHES):
        coarse = np.linspace(low, high, 201)
        height, _ = _log_marginal(control, treatments, prior, coarse)
        kept = np.flatnonzero(height > height.max() - _DROP)
        low, high = coarse[max(kept[0] - 1, 0)], coarse[min(kept[-1] + 1, 200)]
    logit, weights = panels(np.linspace(low, high, _OUTER_PANELS + 1))
    height, slices = _log_marginal(control, treatments, prior, logit)
    weight = weights * np.exp(height - height.max())
    return weight / weight.sum(), slices


def _log_marginal(
    control: Proportion, treatments: Sequence[Proportion], prior: Normal, logit: Floats
) -> tuple[Floats, list[_Slices]]:
    """Log posterior of control's logit with the lifts integrated out, but for a constant."""
    log_p, log_q = special.log_expit(logit), special.log_expit(-logit)
    scaled = (logit - BASELINE_MEAN) / BASELINE_SD
    height = control.successes * log_p + (control.n - control.successes) * log_q
    height = height - scaled * scaled / 2
    slices = [_slices(variant, prior, log_p) for variant in treatments]
    for one in slices:
        height = height + one.log_mass
    return height, slices


def _summary(
    slices: _Slices, weight: Floats, prob_best: float, question: Question
) -> VariantPosterior:
    def below(log_lift: float) -> float:
        return float(slices.below(log_lift) @ weight)

    def quantile(mass: float) -> float:
        ends = float(slices.low.min()), float(slices.high.max())
        return math.expm1(find_root(lambda x: mass - below(x), *ends))

    inside, rope = None, question.rope
    if rope is not None:
        inside = below(math.log1p(rope)) - below(math.log1p(-rope))
    worse = below(0.0)
    return VariantPosterior(
        prob_beats_control=1 - worse if question.increase else worse,
        prob_best=prob_best,
        expected_loss=float(slices.loss(increase=question.increase) @ weight),
        lift=quantile(0.5),
        lift_low=quantile(question.tail),
        lift_high=quantile(1 - question.tail),
        prob_in_rope=inside,
    )


def _prob_best(slices: Sequence[_Slices], *, increase: bool) -> Floats:
    """Chance to be the best given control's rate: control first, then the variants."""
    low, high = np.stack([one.low for one in slices]), np.stack([one.high for one in slices])
    breaks = top_breaks(low, high, 0.0) if increase else -top_breaks(-high, -low, 0.0)[:, ::-1]
    cells = len(slices) * len(panels(breaks[0])[0])
    parts = [
        _best_in_block([one.rows(rows) for one in slices], breaks[rows], increase=increase)
        for rows in blocks(len(breaks), cells)
    ]
    return np.concatenate(parts, axis=1)


def _best_in_block(slices: Sequence[_Slices], breaks: Floats, *, increase: bool) -> Floats:
    nodes, weights = panels(breaks)
    densities = np.stack([one.density(nodes) for one in slices])
    start = np.stack([one.below(breaks[:, 0]) for one in slices])
    masses = start[..., None] + cumulative(densities, breaks)
    below = np.stack([one.below(0.0) for one in slices])
    control = (below if increase else 1 - below).prod(axis=0)
    best = best_of(densities, masses if increase else 1 - masses, weights)
    return np.concatenate([control[None], best])
