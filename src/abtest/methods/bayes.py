"""The Bayesian reading of the same summaries, and which model a metric gets."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from abtest.sentences import sentence
from abtest.stats.bayes.baseline_lift import baseline_lift
from abtest.stats.bayes.beta_binomial import beta_binomial
from abtest.stats.bayes.gamma_poisson import Gamma, gamma_poisson
from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.normal_difference import normal_difference
from abtest.stats.bayes.normal_log_lift import LogLevel, normal_log_lift
from abtest.stats.bayes.question import Question
from abtest.stats.clusters.sums import Clusters, cluster_level
from abtest.stats.means.ratios import ratio_level
from abtest.stats.means.welch import mean_level
from abtest.stats.posterior import Posterior, VariantPosterior
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.summaries import Moments, Proportion, Summary
from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SPREAD = 1.2  # variance over mean from which counts are not Poisson
ENOUGH = 20  # events from which the logarithm of a rate is close to normal
_CLEAR = math.sqrt(ENOUGH)  # a mean this many standard errors from zero is known as well

Known: TypeAlias = Proportion | Normal
HURDLE: Literal["hurdle_lognormal"] = "hurdle_lognormal"
ModelName: TypeAlias = Literal[
    "normal_lift",
    "beta_binomial",
    "gamma_poisson",
    "normal_inverse_gamma",
    "dirichlet",
    "hurdle_lognormal",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class LogLiftPrior(_Frozen):
    """A normal prior on the log lift."""

    mean: float = 0.0
    """Its mean; 0 says that lifts in either direction are equally likely."""
    sd: float = Field(default=0.05, gt=0)
    """Its standard deviation: 0.05 says that 95% of lifts lie between -9% and +10%."""


class LiftPrior(_Frozen):
    """A normal prior on the lift itself."""

    mean: float = Field(default=0.0, gt=-1)
    """Its mean: 0.02 is +2%."""
    sd: float = Field(gt=0)
    """Its standard deviation: 0.05 says that 95% of lifts lie between -10% and +10%."""


class RatePrior(_Frozen):
    """A prior on each variant's own rate, worth so many units."""

    mean: float = Field(gt=0)
    """The expected rate: a share below 1 for beta_binomial and for who pays in hurdle_lognormal,
    events per unit for gamma_poisson, the mean for normal_inverse_gamma."""
    units: float = Field(gt=0)
    """How many units it is worth: with 100, a hundred real ones count as much as the prior."""


class Prior(_Frozen):
    """The prior of a Bayesian analysis."""

    log_lift: LogLiftPrior = LogLiftPrior()
    """The prior on the log lift, where the model has one."""
    lift: LiftPrior | None = None
    """The same on the lift itself, instead of log_lift: the log lift is then normal with mean
    log(1 + mean) and sd / (1 + mean)."""
    rate: RatePrior | None = None
    """The prior on each rate or mean, for the models without a prior on the lift; a weak one where
    none is given."""
    from_: Annotated[str, Field(min_length=1)] | None = Field(default=None, alias="from")
    """An archive's JSON, relative to the spec, as `abtest archive -o archive.json` writes it: its
    prior for experiments of this kind and metrics like the first primary one replaces log_lift."""

    @property
    def on_log_lift(self) -> LogLiftPrior:
        """The prior on the log lift, from whichever of the two the spec gives.

        >>> Prior(lift=LiftPrior(mean=0.0, sd=0.1)).on_log_lift.sd
        0.1
        """
        if self.lift is None:
            return self.log_lift
        return LogLiftPrior(mean=math.log1p(self.lift.mean), sd=self.lift.sd / (1 + self.lift.mean))


class Rope(_Frozen):
    """The region of practical equivalence."""

    relative: float = Field(gt=0, lt=1)
    """Lifts within plus or minus this share are practically nothing."""


class Bayes(_Frozen):
    """The block ``analysis.bayes`` of a spec."""

    model: Literal["normal_lift", "beta_binomial", "gamma_poisson"] = "normal_lift"
    """normal_lift: a prior on the lift; beta_binomial: a prior on each rate; gamma_poisson: a prior
    on each rate of counts, while other metrics are read by normal_lift."""
    models: dict[str, ModelName] = {}
    """A model for a metric by its key, where model is not the right one: normal_inverse_gamma
    (means of unknown variance), dirichlet (a net promoter score: the default there),
    hurdle_lognormal (revenue with many zeros: quantiles only), or one of model's."""
    bayes_factor: bool = False
    """Also say how the data speak for an effect against none."""
    prior: Prior = Prior()
    """What is believed before the data; normal_lift reads it."""
    rope: Rope | None = None
    """Lifts that are practically nothing, or null."""

    def posterior(
        self,
        control: Summary,
        treatments: Sequence[Summary],
        *,
        increase: bool,
        ci_level: float,
        counts: bool = False,
    ) -> Posterior:
        """The joint posterior of all variants of one metric.

        ``normal_lift`` is a normal model on the log lift where every variant is known well enough:
        20 events and 20 units without, or a mean 4.5 standard errors above zero. Proportions with
        less get binomial likelihoods with the same prior on the lift; other metrics get a flat
        prior on the difference. Where it is not the normal model, the notes say why.

        Args:
            control: The control's summary.
            treatments: The other variants' summaries, of the same type.
            increase: Whether a higher value is better.
            ci_level: Coverage of the credible intervals, between 0 and 1.
            counts: Whether the values are counts of events, which gamma_poisson reads.

        Returns:
            The posterior, one entry for each treatment; None for a treatment without data.

        Raises:
            TypeError: The summaries are of different types.
            ValueError: ``ci_level`` is no coverage.

        Example:
            >>> control, treatment = Proportion(1000, 110), Proportion(1000, 130)
            >>> result = Bayes().posterior(control, [treatment], increase=True, ci_level=0.95)
            >>> result.model, round(result.variants[0].prob_beats_control, 3)
            ('normal_log_lift', 0.699)
        """
        if any(type(treatment) is not type(control) for treatment in treatments):
            raise TypeError("the summaries are of different types; compare one metric at a time.")
        rope = self.rope.relative if self.rope else None
        question = Question(increase=increase, ci_level=ci_level, rope=rope)
        if self.model == "beta_binomial" and not isinstance(control, Proportion):
            note = sentence("beta_binomial is a model of proportions: this metric has no posterior")
            return self._nothing(treatments, note)
        if counts and self.model == "gamma_poisson" and isinstance(control, Moments):
            others = [one for one in treatments if isinstance(one, Moments)]
            return counted(control, others, self.prior.rate, question)
        base = _known(control)
        if isinstance(base, str):
            return self._nothing(
                treatments, sentence("control {problem}: no posterior", problem=base)
            )
        levels = [_known(treatment) for treatment in treatments]
        usable = [level for level in levels if not isinstance(level, str)]
        notes = tuple(
            sentence("treatment {place} {problem}: no posterior", place=place, problem=level)
            for place, level in enumerate(levels, start=1)
            if isinstance(level, str)
        )
        if not usable:
            return self._nothing(treatments, *notes)
        result = self._model(base, usable, question)
        found = iter(result.variants)
        spread = tuple(None if isinstance(level, str) else next(found) for level in levels)
        return replace(result, variants=spread, notes=notes + result.notes)

    def _nothing(self, treatments: Sequence[Summary], *notes: str) -> Posterior:
        nobody: tuple[VariantPosterior | None, ...] = (None,) * len(treatments)
        return Posterior(self.model, None, None, None, nobody, notes)

    def _model(self, control: Known, treatments: Sequence[Known], question: Question) -> Posterior:
        """Choose the model by what is known of every variant, and say why."""
        log_lift = self.prior.on_log_lift
        prior = Normal(log_lift.mean, log_lift.sd)
        rates = [level for level in (control, *treatments) if isinstance(level, Proportion)]
        if rates:
            return self._of_rates(rates[0], rates[1:], prior, question)
        means = [level for level in (control, *treatments) if isinstance(level, Normal)]
        if all(level.mean >= _CLEAR * level.sd for level in means):
            base, *others = [LogLevel(math.log(m.mean), (m.sd / m.mean) ** 2) for m in means]
            return normal_log_lift(base, others, prior, question)
        note = sentence("normal_difference with a flat prior: a mean is not clear of zero")
        if question.rope is not None:
            note = sentence(
                "{note}; a relative region of practical equivalence does not apply", note=note
            )
        return _noted(normal_difference(means[0], means[1:], increase=question.increase), note)

    def _of_rates(
        self,
        control: Proportion,
        treatments: Sequence[Proportion],
        prior: Normal,
        question: Question,
    ) -> Posterior:
        if self.model == "beta_binomial":
            return _noted(
                beta_binomial(control, treatments, question, beta_of(self.prior.rate)),
                sentence("beta_binomial: as the spec asks"),
            )
        rates = (control, *treatments)
        if all(min(rate.successes, rate.n - rate.successes) >= ENOUGH for rate in rates):
            levels = [LogLevel(math.log(p.value), (1 - p.value) / p.successes) for p in rates]
            return normal_log_lift(levels[0], levels[1:], prior, question)
        note = sentence(
            "baseline_lift: a variant has fewer than {n} events or non-events", n=ENOUGH
        )
        return _noted(baseline_lift(control, treatments, prior, question), note)


def beta_of(rate: RatePrior | None) -> tuple[float, float]:
    """The parameters of each rate's prior: uniform where the spec gives none."""
    if rate is None:
        return 1.0, 1.0
    return rate.mean * rate.units, (1 - rate.mean) * rate.units


def counted(
    control: Moments, treatments: Sequence[Moments], rate: RatePrior | None, question: Question
) -> Posterior:
    """The Gamma-Poisson posterior of counts per unit, and a note where they vary too much."""
    shape, weight = (0.5, 1e-6) if rate is None else (rate.mean * rate.units, rate.units)
    everybody = [control, *treatments]
    if any(one.n == 0 for one in everybody):
        note = sentence("a variant has no observed units: no posterior")
        return Posterior("gamma_poisson", None, None, None, (None,) * len(treatments), (note,))
    base, *others = (Gamma(shape, weight).updated(one.n * one.mean, one.n) for one in everybody)
    posterior = gamma_poisson(base, others, question)
    times = max(one.m2 / one.n / one.mean if one.mean > 0 else 0.0 for one in everybody)
    if times <= MOST_SPREAD:
        return posterior
    note = sentence(
        "counts vary {times:.1f} times as much as Poisson counts do: the posterior is too sure",
        times=times,
    )
    return _noted(posterior, note)


def _noted(posterior: Posterior, note: str) -> Posterior:
    return replace(posterior, notes=(note, *posterior.notes))


def _known(summary: Summary) -> Known | str:
    """Counts, or an estimate with its standard error, or why there is neither."""
    if isinstance(summary, Proportion):
        return summary if summary.n else sentence("has no observed units")
    if isinstance(summary, LifeTable | ValueCounts):
        return sentence("has no mean or share that these models take")
    if isinstance(summary, Clusters):
        level = cluster_level(summary).level
    else:
        level = mean_level(summary) if isinstance(summary, Moments) else ratio_level(summary)
    if level.value is None or level.variance is None:
        return level.problem
    if level.variance == 0:
        return sentence("does not vary")
    return Normal(level.value, math.sqrt(level.variance))
