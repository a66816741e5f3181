"""What the prior on the lift says of a planned experiment, before there are data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from abtest.analysis.planning.model import PriorPlan
from abtest.analysis.planning.sizes import scale_of
from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.predictive import prior_predictive
from abtest.stats.power.assurance import assurance

if TYPE_CHECKING:
    from abtest.analysis.planning.baselines import Known
    from abtest.analysis.planning.comparisons import Comparison
    from abtest.spec import Spec


def under_prior(
    spec: Spec, known: Known, comparison: Comparison, n_control: float, *, up: bool
) -> tuple[float, Normal, float] | None:
    """The chance of a significant improvement, the prior of it, and the standard error of the lift.

    Args:
        spec: The experiment.
        known: The metric without it.
        comparison: How it is compared.
        n_control: Observed units of control.
        up: Whether a rise is an improvement.

    Returns:
        Assurance, prior on the log lift with improvements above 0, and standard error; None where
        there is no lift, or nothing is planned to be found.
    """
    n = n_control / scale_of(known, comparison)
    if comparison.margin is not None or known.value <= 0 or known.variance == 0 or n <= 1:
        return None
    said = spec.analysis.bayes.prior.on_log_lift
    prior = Normal(said.mean if up else -said.mean, said.sd)
    se = (known.variance * (1 + 1 / comparison.design.ratio) / n) ** 0.5
    chance = assurance(prior.mean, prior.sd, known.value, se, comparison.design.z_alpha)
    return chance, prior, se / known.value


def prior_plan(prior: Normal, se: float, mde: float | None) -> PriorPlan:
    """What the prior expects of an experiment with this standard error of the lift."""
    found = prior_predictive(prior, se, worthwhile=mde or 0.0)
    return PriorPlan(**dataclasses.asdict(found))
