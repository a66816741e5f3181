"""From sufficient statistics to records: each metric's contrasts with control."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from abtest.analysis.adjusting import Adjustment, can_adjust
from abtest.analysis.aggregates import aggregate_notes
from abtest.analysis.bayes.factors import factor_notes, log_factor
from abtest.analysis.bayes.false_ships import false_ship_notes
from abtest.analysis.bayes.models import Reader
from abtest.analysis.factorial import effect_records
from abtest.analysis.families import adjust_families
from abtest.analysis.guardrails import is_equivalent, read_guardrail
from abtest.analysis.method_choice import choose_method, unadjusted_notes
from abtest.analysis.result import Record, VariantEstimate
from abtest.metrics.base import EventMetric
from abtest.metrics.ratio import RatioMetric
from abtest.sentences import sentence
from abtest.sources.tables import AssignmentsFromEvents
from abtest.stats.log_lift import LogLift, log_lift, value_and_variance
from abtest.stats.posterior import Posterior

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from abtest.analysis.population import Population
    from abtest.analysis.summaries import MetricCounts, Summaries
    from abtest.methods import Method
    from abtest.methods.bayes import Bayes
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.stats.adjustment.adjusted_means import AdjustedComparison
    from abtest.stats.comparison import Comparison, Interval
    from abtest.stats.posterior import VariantPosterior
    from abtest.stats.summaries import Summary


# In standard deviations of what the prior expects of the data.
PRIOR_CONFLICT = 3.0


@dataclass(frozen=True, slots=True)
class Contrast:
    """One metric, one treatment against control, with what is needed to look at it once more."""

    metric: Metric
    variant: str
    control: MetricCounts
    treatment: MetricCounts
    at_level: Callable[[float], Comparison]
    comparison: Comparison
    adjusted: AdjustedComparison | None = None


class Comparer:
    """Compares every metric's treatments with control and fills the records."""

    def __init__(
        self,
        spec: Spec,
        population: Population,
        summaries: Summaries,
        readable_on: Mapping[str, str | None],
    ) -> None:
        self._spec = spec
        self._population = population
        self._summaries = summaries
        self._readable_on = readable_on
        self._ci_level = 1 - spec.analysis.alpha
        self._adjustments: dict[str, Adjustment | None] = {}
        keys = (self._control_key(), *(variant.key for variant in spec.treatments))
        self._reader = Reader(summaries, keys, self._ci_level)
        self.posteriors: dict[str, Posterior] = {}
        self.contrasts: list[Contrast] = []

    def of_part(self, population: Population, summaries: Summaries) -> Comparer:
        """The same for a part of the units."""
        return Comparer(self._spec, population, summaries, self._readable_on)

    def records(self) -> tuple[Record, ...]:
        """One record per metric and contrast; per metric and variant where there is one variant."""
        if self._spec.control is None:
            variants = self._spec.variants or ()
            return tuple(
                self._descriptive(metric, variant.key)
                for metric in self._spec.metrics
                for variant in variants
            )
        contrasts = [c for metric in self._spec.metrics for c in self.contrasts_of(metric)]
        self.contrasts = contrasts
        adjusted = adjust_families(self._spec, contrasts, self._variance)
        bayes = self._spec.analysis.bayes
        self.posteriors = {m.key: self.posterior(m, bayes) for m in self._spec.metrics}
        compared = [
            self._record(contrast, place, adjusted) for place, contrast in enumerate(contrasts)
        ]
        return (*compared, *effect_records(self._spec, self._summaries, self._who))

    def estimates(self) -> tuple[VariantEstimate, ...]:
        """Each variant's own value with its interval."""
        return tuple(
            self._estimate(metric, variant.key)
            for metric in self._spec.metrics
            for variant in self._spec.variants or ()
        )

    def _method(self, metric: Metric) -> Method:
        variants = self._spec.variants or ()
        summaries = [self._summaries[metric.key, variant.key].summary for variant in variants]
        return choose_method(self._spec, metric, summaries)

    def contrasts_of(self, metric: Metric) -> list[Contrast]:
        """One metric's treatments against control."""
        control = self._summaries[metric.key, self._control_key()]
        method = self._method(metric)
        adjustment = self._adjustment(metric)
        contrasts = []
        for variant in self._spec.treatments:
            treatment = self._summaries[metric.key, variant.key]
            if adjustment is None:
                at_level = partial(method.compare, control.summary, treatment.summary)
                found, comparison = None, at_level(self._ci_level)
            else:
                at_level = partial(_adjusted_at, adjustment, self._control_key(), variant.key)
                found = adjustment.compare(self._control_key(), variant.key, self._ci_level)
                comparison = found.comparison
            contrast = Contrast(
                metric, variant.key, control, treatment, at_level, comparison, found
            )
            contrasts.append(contrast)
        return contrasts

    def _adjustment(self, metric: Metric) -> Adjustment | None:
        """What the metric is adjusted for; None where there is nothing, or it cannot be."""
        if metric.key not in self._adjustments:
            counts = {
                variant.key: self._summaries[metric.key, variant.key]
                for variant in self._spec.variants or ()
            }
            wanted = metric.key not in self._spec.analysis.methods and can_adjust(counts)
            found = Adjustment(counts) if wanted else None
            self._adjustments[metric.key] = found
        return self._adjustments[metric.key]

    def _control_key(self) -> str:
        control = self._spec.control
        return control.key if control is not None else ""

    def _variance(self, metric: str, variant: str) -> float | None:
        """The variance of a value, for what contrasts with one control share.

        Where it hangs on more than the variant's own units, it goes by their number, as it does
        where the treatments do nothing.
        """
        counts, adjustment = self._summaries[metric, variant], self._adjustments.get(metric)
        summary: Summary = counts.summary
        if adjustment is not None:
            moments = adjustment.moments()
            if moments is None:  # each pair is compared over strata of its own
                return None
            summary = moments[variant]
        _, variance = value_and_variance(summary)
        return variance if variance is not None or not counts.n else 1 / counts.n

    def posterior(self, metric: Metric, bayes: Bayes) -> Posterior:
        """The joint posterior of one metric's variants, by a model and its prior."""
        adjustment = self._adjustment(metric)
        values = None if adjustment is None else adjustment.moments()
        if adjustment is not None and values is None:
            return _no_posterior(len(self._spec.treatments))
        return self._reader.posterior(metric, bayes, values)

    def _record(
        self, contrast: Contrast, place: int, adjusted: Mapping[int, dict[str, Any]]
    ) -> Record:
        metric, comparison = contrast.metric, contrast.comparison
        posterior = self.posteriors[metric.key]
        index = [variant.key for variant in self._spec.treatments].index(contrast.variant)
        guardrail = read_guardrail(metric, comparison)
        conflict = _conflict(posterior, self._log_lift(contrast))
        family = {**adjusted.get(place, {})}
        factor = self._log_factor(contrast, posterior)
        notes = (
            *comparison.notes,
            *posterior.notes,
            *conflict,
            *factor_notes(factor),
            *guardrail.notes,
            *family.pop("notes", ()),
            *self._notes(metric),
        )
        return Record(
            **self.compared(contrast),
            rule_notes=false_ship_notes(self._spec, metric, posterior, self._log_lift(contrast)),
            family=metric.role if metric.role != "guardrail" else None,
            **_posterior_numbers(posterior, posterior.variants[index]),
            log_bayes_factor=factor,
            **family,
            margin=guardrail.margin,
            guardrail=guardrail.verdict,
            harm=guardrail.harm,
            equivalent=self._equivalent(contrast),
            notes=tuple(dict.fromkeys(notes)),
        )

    def compared(self, contrast: Contrast) -> dict[str, Any]:
        """What a record says of the comparison itself."""
        found = self._log_lift(contrast)
        return {
            **self._who(contrast.metric, contrast.variant),
            "control": self._control_key(),
            "n_control": contrast.control.n,
            "n_immature_control": contrast.control.immature,
            "n_ineligible_control": contrast.control.ineligible,
            **_numbers(contrast.comparison),
            **_unadjusted(contrast.adjusted),
            "log_lift": found.value if found is not None else None,
            "log_lift_se": found.se if found is not None else None,
        }

    def _log_factor(self, contrast: Contrast, posterior: Posterior) -> float | None:
        bayes = self._spec.analysis.bayes
        if not bayes.bayes_factor:
            return None
        pair = contrast.control.summary, contrast.treatment.summary
        return log_factor(bayes, posterior, pair, self._log_lift(contrast))

    def _log_lift(self, contrast: Contrast) -> LogLift | None:
        adjustment = self._adjustment(contrast.metric)
        if adjustment is not None:
            return adjustment.log_lift(self._control_key(), contrast.variant)
        return log_lift(contrast.control.summary, contrast.treatment.summary)

    def _equivalent(self, contrast: Contrast) -> bool | None:
        level = 1 - 2 * self._spec.analysis.alpha
        if contrast.metric.equivalence is None or level <= 0:
            return None
        return is_equivalent(contrast.metric, contrast.at_level(level))

    def _who(self, metric: Metric, variant: str) -> dict[str, Any]:
        """What a record says about its metric, its variant and their counts."""
        counts = self._summaries[metric.key, variant]
        return {
            "experiment": self._spec.key,
            "metric": metric.key,
            "kind": metric.kind,
            "role": metric.role,
            "label": self._label(metric),
            "contrast": "variant",
            "variant": variant,
            "n": counts.n,
            "n_assigned": self._population.assigned[variant],
            "n_immature": counts.immature,
            "n_ineligible": counts.ineligible,
            "readable_on": self._readable_on.get(metric.key),
            "ci_level": self._ci_level,
        }

    def _label(self, metric: Metric) -> str:
        biased = _biased(metric) or self._is_pooled(metric)
        if self._spec.control is None or biased or self._on_later_event(metric):
            return "descriptive"
        return "exploratory" if metric.role == "exploratory" else "confirmatory"

    def _on_later_event(self, metric: Metric) -> bool:
        """Whether the metric is anchored on something that the treatment may have moved."""
        if isinstance(metric, RatioMetric):
            parts = [
                m for m in self._spec.metrics if m.key in (metric.numerator, metric.denominator)
            ]
            return any(self._on_later_event(part) for part in parts)
        logged = isinstance(self._spec.data.assignments, AssignmentsFromEvents)
        return isinstance(metric, EventMetric) and metric.anchor_stream is not None and not logged

    def _notes(self, metric: Metric) -> list[str]:
        notes = aggregate_notes(self._spec, metric)
        if self._on_later_event(metric):
            notes.append(
                sentence(
                    "Anchored on an event after assignment, which the treatment may have moved: "
                    "descriptive, not a randomised comparison."
                )
            )
        if _biased(metric):
            notes.append(sentence("Counts units whose window is not over (maturity: all): biased."))
        return [*notes, *self._unadjusted_notes(metric)]

    def _is_pooled(self, metric: Metric) -> bool:
        """Whether units that entered under different weights are compared all together."""
        return bool(self._population.by_entry) and self._is_plain(metric)

    def _is_plain(self, metric: Metric) -> bool:
        """Whether there are units to compare, and their values are compared as they are."""
        variants = self._spec.variants or ()
        observed = any(self._summaries[metric.key, variant.key].n for variant in variants)
        return observed and self._adjustment(metric) is None

    def _unadjusted_notes(self, metric: Metric) -> list[str]:
        """What to say of a metric whose method neither adjusts nor weights the strata."""
        if self._spec.control is None or not self._is_plain(metric):
            return []
        method = self._method(metric).kind
        return unadjusted_notes(self._spec, method, pooled=self._is_pooled(metric))

    def _descriptive(self, metric: Metric, variant: str) -> Record:
        estimate = self._estimate(metric, variant)
        notes = self._notes(metric)
        if estimate.value is None:
            notes.append(sentence("There is no mature unit to count."))
        return Record(
            **self._who(metric, variant),
            value=estimate.value,
            method=estimate.method,
            notes=tuple(notes),
        )

    def _estimate(self, metric: Metric, variant: str) -> VariantEstimate:
        counts = self._summaries[metric.key, variant]
        adjustment = self._adjustment(metric) if self._spec.control is not None else None
        if adjustment is None:
            estimate = self._method(metric).estimate(counts.summary, self._ci_level)
        else:
            estimate = adjustment.estimate(variant, self._ci_level)
        return VariantEstimate(
            metric=metric.key,
            variant=variant,
            n=counts.n,
            value=estimate.value,
            ci_low=_low(estimate.ci),
            ci_high=_high(estimate.ci),
            method=estimate.method,
        )


def _adjusted_at(
    adjustment: Adjustment, control: str, treatment: str, ci_level: float
) -> Comparison:
    return adjustment.compare(control, treatment, ci_level).comparison


def _no_posterior(treatments: int) -> Posterior:
    note = sentence("Variants are compared over different strata: there is no joint posterior.")
    return Posterior("none", None, None, None, (None,) * treatments, (note,))


def _unadjusted(found: AdjustedComparison | None) -> dict[str, float | None]:
    if found is None:
        return {}
    return {
        "unadjusted_difference": found.unadjusted_difference,
        "unadjusted_se": found.unadjusted_se,
        "variance_reduction": found.variance_reduction,
    }


def _biased(metric: Metric) -> bool:
    return isinstance(metric, EventMetric) and metric.readings[0] == "all"


def _low(interval: Interval | None) -> float | None:
    return None if interval is None or interval.low == float("-inf") else interval.low


def _high(interval: Interval | None) -> float | None:
    return None if interval is None or interval.high == float("inf") else interval.high


def _numbers(comparison: Comparison) -> dict[str, Any]:
    return {
        "value": comparison.value,
        "value_control": comparison.value_control,
        "difference": comparison.difference,
        "difference_ci_low": _low(comparison.difference_ci),
        "difference_ci_high": _high(comparison.difference_ci),
        "lift": comparison.lift,
        "lift_ci_low": _low(comparison.lift_ci),
        "lift_ci_high": _high(comparison.lift_ci),
        "se": comparison.se,
        "statistic": comparison.statistic,
        "df": comparison.df,
        "pvalue": comparison.pvalue,
        "coherent": comparison.coherent,
        "method": comparison.method,
    }


def _conflict(posterior: Posterior, found: LogLift | None) -> list[str]:
    """A note where the prior could hardly have produced the data (Box 1980, J. R. Stat. Soc. A)."""
    mean, sd = posterior.prior_mean, posterior.prior_sd
    if found is None or mean is None or sd is None:
        return []
    if abs(found.value - mean) <= PRIOR_CONFLICT * math.hypot(sd, found.se):
        return []
    return [
        sentence(
            "The lift is far from what the prior expects; the Bayesian reading is drawn back to it."
        )
    ]


def _posterior_numbers(posterior: Posterior, variant: VariantPosterior | None) -> dict[str, Any]:
    if variant is None:
        return {}
    return {
        "bayes_model": posterior.model,
        "prior_mean": posterior.prior_mean,
        "prior_sd": posterior.prior_sd,
        "prob_beats_control": variant.prob_beats_control,
        "prob_best": variant.prob_best,
        "expected_loss": variant.expected_loss,
        "posterior_lift": variant.lift,
        "posterior_lift_low": variant.lift_low,
        "posterior_lift_high": variant.lift_high,
        "prob_in_rope": variant.prob_in_rope,
    }
