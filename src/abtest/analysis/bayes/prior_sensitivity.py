"""How much the Bayesian reading of the primary metrics depends on the prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.methods.bayes import Bayes, LogLiftPrior, Prior

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.records import Comparer
    from abtest.spec import Spec

READING = "prior"
FLAT_SD = 10.0
"""Of the log lift: a lift of a factor of 20,000 is within two of it."""
MODELS = ("normal_log_lift", "baseline_lift")


def prior_sensitivity(spec: Spec, comparer: Comparer) -> Iterator[dict[str, Any]]:
    """The posterior under a flat, the spec's and a sceptical prior, for each primary contrast.

    The sceptical prior is centred on no effect and half as wide as the spec's.

    Args:
        spec: The experiment.
        comparer: Its comparison, after ``records``.
    """
    for metric in spec.metrics:
        posterior = comparer.posteriors.get(metric.key)
        if metric.role != "primary" or posterior is None or posterior.model not in MODELS:
            continue
        for name, bayes in _priors(spec.analysis.bayes):
            found = comparer.posterior(metric, bayes)
            for variant, one in zip(spec.treatments, found.variants, strict=True):
                if one is not None:
                    yield {
                        "reading": READING,
                        "metric": metric.key,
                        "variant": variant.key,
                        "prior": name,
                        "prior_mean": found.prior_mean,
                        "prior_sd": found.prior_sd,
                        "prob_beats_control": one.prob_beats_control,
                        "expected_loss": one.expected_loss,
                        "posterior_lift": one.lift,
                        "posterior_lift_low": one.lift_low,
                        "posterior_lift_high": one.lift_high,
                    }


def _priors(bayes: Bayes) -> Iterator[tuple[str, Bayes]]:
    own = bayes.prior.on_log_lift
    yield "flat", _with(bayes, 0.0, FLAT_SD)
    yield "spec", bayes
    yield "sceptical", _with(bayes, 0.0, own.sd / 2)


def _with(bayes: Bayes, mean: float, sd: float) -> Bayes:
    prior = Prior(log_lift=LogLiftPrior(mean=mean, sd=sd))
    return bayes.model_copy(update={"prior": prior})
