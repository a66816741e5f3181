"""Bayesian models that need more than a metric's own sufficient statistics, or are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.analysis.readings import PARTS, part_reading
from abtest.methods.bayes import HURDLE, beta_of
from abtest.metrics.survey import SurveyMetric
from abtest.sentences import sentence
from abtest.stats.bayes.dirichlet_nps import DirichletNps
from abtest.stats.bayes.hurdle_lognormal import HurdleLogNormal
from abtest.stats.bayes.independent import of_differences, of_revenue
from abtest.stats.bayes.question import Question
from abtest.stats.bayes.student import NormalInverseGamma
from abtest.stats.posterior import Posterior
from abtest.stats.summaries import Moments, Proportion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.analysis.summaries import Summaries
    from abtest.methods.bayes import Bayes, ModelName, RatePrior
    from abtest.metrics.base import Metric
    from abtest.stats.summaries import Summary

# A weak belief about the logarithm of an amount: worth a hundredth of a payer.
WEAK_LOGS = NormalInverseGamma(0.0, 0.01, 1.0, 1.0)
LEAST_PAYERS = 2


@dataclass(frozen=True, slots=True)
class Reader:
    """The Bayesian reading of one experiment.

    Attributes:
        summaries: What was counted.
        variants: Keys of the variants, control first.
        ci_level: Coverage of the credible intervals.
    """

    summaries: Summaries
    variants: tuple[str, ...]
    ci_level: float

    def posterior(
        self, metric: Metric, bayes: Bayes, adjusted: Mapping[str, Summary] | None
    ) -> Posterior:
        """The joint posterior of one metric's variants.

        Args:
            metric: The metric.
            bayes: The model and its prior.
            adjusted: Adjusted values by variant; None where they are taken as they are.
        """
        values = adjusted or {key: self.summaries[metric.key, key].summary for key in self.variants}
        ordered = [values[key] for key in self.variants]
        question = Question(
            increase=metric.desired_change == "increase",
            ci_level=self.ci_level,
            rope=bayes.rope.relative if bayes.rope else None,
        )
        name = model_of(metric, bayes)
        if name == HURDLE:
            return self._revenue(metric, bayes, question)
        moments = [one for one in ordered if isinstance(one, Moments)]
        if adjusted is None and len(moments) == len(ordered):
            if name == "dirichlet":
                return _scores(moments, question)
            if name == "normal_inverse_gamma":
                return _means(moments, bayes, question)
        if name in ("beta_binomial", "gamma_poisson", "normal_lift"):
            bayes = bayes.model_copy(update={"model": name})
        return bayes.posterior(
            ordered[0],
            ordered[1:],
            increase=question.increase,
            ci_level=self.ci_level,
            counts=metric.kind == "count",
        )

    def _revenue(self, metric: Metric, bayes: Bayes, question: Question) -> Posterior:
        beliefs = [self._hurdle(metric, key, bayes.prior.rate) for key in self.variants]
        found = [one for one in beliefs if not isinstance(one, str)]
        problem = next((one for one in beliefs if isinstance(one, str)), None)
        if problem is not None:
            return _nothing(HURDLE, len(beliefs) - 1, problem)
        return of_revenue(found[0], found[1:], question)

    def _hurdle(self, metric: Metric, key: str, rate: RatePrior | None) -> HurdleLogNormal | str:
        """The belief about one variant's revenue, or why there is none."""
        paid, below, logs = (
            self.summaries[part_reading(metric, part), key].summary for part in PARTS
        )
        if (
            not isinstance(paid, Proportion)
            or not isinstance(below, Proportion)
            or not isinstance(logs, Moments)
        ):
            return sentence("hurdle_lognormal takes one value per unit: no posterior")
        if below.successes:
            return sentence("hurdle_lognormal takes no value below 0: no posterior")
        if paid.successes < LEAST_PAYERS:
            return sentence(
                "hurdle_lognormal takes {n} units above 0 in each variant: no posterior",
                n=LEAST_PAYERS,
            )
        a, b = beta_of(rate)
        payers = among(paid, logs)
        return HurdleLogNormal(
            a + paid.successes, b + paid.n - paid.successes, WEAK_LOGS.updated(payers)
        )


def model_of(metric: Metric, bayes: Bayes) -> ModelName:
    """The model of the spec for one metric; a net promoter score is three shares by default."""
    chosen = bayes.models.get(metric.key)
    if chosen is not None:
        return chosen
    is_score = isinstance(metric, SurveyMetric) and metric.scale == "nps"
    return "dirichlet" if is_score and bayes.model == "normal_lift" else bayes.model


def among(paid: Proportion, logs: Moments) -> Moments:
    """The moments of the payers' logarithms, from those of all units with 0 for who did not pay.

    The sum of squares between payers and others, k (n - k) / n times the squared mean of the
    payers, comes off.

    Example:
        >>> among(Proportion(4, 2), Moments(4, 1.0, 6.0))
        Moments(n=2, mean=2.0, m2=2.0)
    """
    n, k = paid.n, paid.successes
    mean = logs.mean * n / k
    return Moments(k, mean, max(0.0, logs.m2 - k * (n - k) / n * mean * mean))


def control_posteriors(
    posteriors: Mapping[str, Posterior], control: str
) -> tuple[dict[str, Any], ...]:
    """What the records cannot hold: how likely control is the best, by metric."""
    return tuple(
        {
            "metric": metric,
            "model": posterior.model,
            "control": control,
            "control_prob_best": posterior.control_prob_best,
        }
        for metric, posterior in posteriors.items()
    )


def _scores(scores: Sequence[Moments], question: Question) -> Posterior:
    """Net promoter scores: who promotes and who detracts follows from mean and variance."""
    if any(one.n == 0 for one in scores):
        return _nothing("dirichlet", len(scores) - 1, _nobody())
    control, *others = (_of_scores(one) for one in scores)
    return of_differences("dirichlet", control, others, question)


def _of_scores(scores: Moments) -> DirichletNps:
    apart = scores.n * scores.mean / 100
    voiced = (scores.m2 + scores.n * scores.mean**2) / 100**2
    promoters, detractors = round((voiced + apart) / 2), round((voiced - apart) / 2)
    return DirichletNps.of_counts(promoters, scores.n - promoters - detractors, detractors)


def _means(values: Sequence[Moments], bayes: Bayes, question: Question) -> Posterior:
    """Means with unknown variances; flat on mean and log variance without a prior of the spec."""
    rate = bayes.prior.rate
    belief = NormalInverseGamma(
        0.0 if rate is None else rate.mean, 0.0 if rate is None else rate.units, -0.5, 0.0
    )
    model = "normal_inverse_gamma"
    if any(one.n < LEAST_PAYERS or one.m2 == 0 for one in values):
        why = sentence(
            "a variant has fewer than two units, or values that do not vary: no posterior"
        )
        return _nothing(model, len(values) - 1, why)
    control, *others = (belief.updated(one).mean() for one in values)
    return of_differences(model, control, others, question)


def _nobody() -> str:
    return sentence("a variant has no observed units: no posterior")


def _nothing(model: str, treatments: int, note: str) -> Posterior:
    return Posterior(model, None, None, None, (None,) * treatments, (note,))
