"""How often a rule on the expected loss ships a variant that does nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.sentences import sentence
from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.predictive import false_ships_by_loss
from abtest.stats.tails import normal_quantile

if TYPE_CHECKING:
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.stats.log_lift import LogLift
    from abtest.stats.posterior import Posterior

LOOKS = 5


def false_ship_notes(
    spec: Spec, metric: Metric, posterior: Posterior, lift: LogLift | None
) -> tuple[str, ...]:
    """The rate with one look at this precision, and with five even ones up to it.

    Args:
        spec: The experiment.
        metric: The metric; only a primary one can ship.
        posterior: Its Bayesian reading.
        lift: The log lift and its error; None where there is none.
    """
    rule = spec.decision.rule if spec.decision is not None else None
    if rule is None or rule.max_expected_loss is None or metric.role != "primary":
        return ()
    mean, sd = posterior.prior_mean, posterior.prior_sd
    if posterior.model != "normal_log_lift" or mean is None or sd is None:
        return ()
    if lift is None or lift.se == 0:
        return ()
    asked = "primary" in rule.require
    least_z = normal_quantile(1 - spec.analysis.alpha) if asked else -math.inf
    one, more = (
        false_ships_by_loss(
            [look / looks for look in range(1, looks + 1)],
            Normal(mean, sd),
            lift.se,
            rule.max_expected_loss,
            increase=metric.desired_change == "increase",
            least_z=least_z,
        )
        for looks in (1, LOOKS)
    )
    return (
        sentence(
            "False ships: at this precision the rule ships a variant that does nothing in "
            "{one:.1%} of experiments with one look, in {more:.1%} with {looks} even looks.",
            one=one,
            more=more,
            looks=LOOKS,
        ),
    )
