"""The posterior of a difference of means, for metrics that may be zero or negative."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.quadrature import Floats, best_of, panels
from abtest.stats.posterior import Posterior, VariantPosterior
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

_REACH = 8.5  # standard deviations; what lies beyond is below 1e-16


def normal_difference(
    control: Normal, treatments: Sequence[Normal], *, increase: bool = True
) -> Posterior:
    """The posterior of each mean under a flat prior, and what it says about the differences.

    Each mean is N(estimate, se), so the difference is N(m_j - m_c, sqrt(v_j + v_c)). The expected
    loss is E[max(0, -difference)] in the metric's unit; there is no lift and no region of practical
    equivalence, since both need a control clear of zero.

    Assumes estimates that are close to normal.

    Args:
        control: The control's estimate and its standard error.
        treatments: The other variants' estimates and standard errors.
        increase: Whether a higher value is better.

    Returns:
        The posterior; the expected loss is in the metric's unit, the lifts are None.

    Source:
        Gelman et al. (2013), Bayesian Data Analysis, section 2.5 with a flat prior.

    Example:
        >>> result = normal_difference(Normal(0.0, 3.0), [Normal(5.0, 4.0)])
        >>> round(result.variants[0].prob_beats_control, 6)
        0.841345
    """
    sign = 1.0 if increase else -1.0
    best = _prob_best([Normal(sign * level.mean, level.sd) for level in (control, *treatments)])
    variants = []
    for level, chance in zip(treatments, best[1:], strict=True):
        gain = Normal(sign * (level.mean - control.mean), math.hypot(level.sd, control.sd))
        variants.append(
            VariantPosterior(
                prob_beats_control=gain.above(0.0),
                prob_best=float(chance),
                expected_loss=gain.expected_shortfall(),
                lift=None,
                lift_low=None,
                lift_high=None,
                prob_in_rope=None,
            )
        )
    return Posterior(
        model="normal_difference",
        prior_mean=None,
        prior_sd=None,
        control_prob_best=float(best[0]),
        variants=tuple(variants),
        notes=(sentence("expected_loss is in the metric's unit: the model is on the difference"),),
    )


def _prob_best(levels: Sequence[Normal]) -> Floats:
    mean = np.array([level.mean for level in levels])[:, None]
    sd = np.array([level.sd for level in levels])[:, None]
    nodes, weights = panels(np.sort((mean + sd * np.linspace(-_REACH, _REACH, 9)).ravel()))
    scaled = (nodes - mean) / sd
    densities = np.exp(-scaled * scaled / 2) / (sd * math.sqrt(2 * math.pi))
    return best_of(densities, special.ndtr(scaled), weights)
