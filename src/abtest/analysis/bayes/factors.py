"""Bayes factors of records, where the spec asks for them. They decide nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.methods.bayes import beta_of
from abtest.sentences import sentence
from abtest.stats.bayes.factors import log_factor_jzs, log_factor_normal, log_factor_rates
from abtest.stats.bayes.normal import Normal
from abtest.stats.summaries import Moments, Proportion

if TYPE_CHECKING:
    from abtest.methods.bayes import Bayes
    from abtest.stats.log_lift import LogLift
    from abtest.stats.posterior import Posterior
    from abtest.stats.summaries import Summary

_MOST = 700.0  # beyond, the factor itself is no number that a computer holds


def log_factor(
    bayes: Bayes, posterior: Posterior, pair: tuple[Summary, Summary], lift: LogLift | None
) -> float | None:
    """How the data of one contrast speak for an effect, under the model that was used.

    Two rates against one with beta_binomial; the JZS factor of two means with
    normal_inverse_gamma; elsewhere a log lift from the prior against none.

    Args:
        bayes: The model and its prior.
        posterior: What came of it.
        pair: Control's and the treatment's summaries.
        lift: The log lift and its error; None where there is none.
    """
    control, treatment = pair
    if posterior.model == "beta_binomial":
        if isinstance(control, Proportion) and isinstance(treatment, Proportion):
            return log_factor_rates(control, treatment, *beta_of(bayes.prior.rate))
        return None
    if posterior.model == "normal_inverse_gamma":
        if isinstance(control, Moments) and isinstance(treatment, Moments):
            return _of_means(control, treatment)
        return None
    if lift is None or lift.se == 0:
        return None
    prior = bayes.prior.on_log_lift
    return log_factor_normal(lift.value, lift.se, Normal(prior.mean, prior.sd))


def factor_notes(value: float | None) -> list[str]:
    """The factor in words, in the direction in which it is above 1."""
    if value is None:
        return []
    times = math.exp(min(abs(value), _MOST))
    if value >= 0:
        return [
            sentence(
                "Bayes factor: the data are {times:.3g} times as likely with an effect from the "
                "prior as with none. It decides nothing.",
                times=times,
            )
        ]
    return [
        sentence(
            "Bayes factor: the data are {times:.3g} times as likely without an effect as with one "
            "from the prior. It decides nothing.",
            times=times,
        )
    ]


def _of_means(control: Moments, treatment: Moments) -> float | None:
    df = control.n + treatment.n - 2
    if df < 1 or control.m2 + treatment.m2 == 0:
        return None
    pooled = (control.m2 + treatment.m2) / df
    error = math.sqrt(pooled * (1 / control.n + 1 / treatment.n))
    return log_factor_jzs((treatment.mean - control.mean) / error, control.n, treatment.n)
