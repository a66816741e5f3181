"""Which method compares which metric, and on which sufficient statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.strata import entry_weights
from abtest.methods import (
    MiettinenNurminen,
    Quantile,
    Scas,
    default_method,
    recommended_proportion_method,
)
from abtest.methods.survival import SurvivalMethod
from abtest.metrics.first_event import FirstEventMetric
from abtest.metrics.quantile import QuantileMetric
from abtest.metrics.survival import SurvivalMetric
from abtest.sentences import sentence
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.summaries import Moments, Proportion
from abtest.stats.survival.life_table import LifeTable, common_horizon

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.methods import Method
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.spec.variants import Variant
    from abtest.stats.summaries import Summary


def summary_for(spec: Spec, metric: Metric) -> type[Summary]:
    """The sufficient statistics that a metric's method takes.

    A mean may be compared by a method on value counts, such as the bootstrap; otherwise the metric
    says what it is.
    """
    chosen = spec.analysis.methods.get(metric.key)
    if chosen is not None and metric.summary is Moments and chosen.takes is ValueCounts:
        return ValueCounts
    return metric.summary


def choose_method(spec: Spec, metric: Metric, summaries: Sequence[Summary]) -> Method:
    """The method of the spec, else the default, with what only the metric or the data can say.

    Args:
        spec: The experiment.
        metric: The metric.
        summaries: All variants' summaries.
    """
    chosen = spec.analysis.methods.get(metric.key)
    if isinstance(metric, QuantileMetric):
        chosen = _of_quantile(chosen or Quantile(), metric.q)
    if chosen is None and isinstance(summaries[0], Proportion):
        chosen = _for_shares(spec, metric)
    method = chosen or default_method(summaries[0])
    if not isinstance(method, SurvivalMethod):
        return method
    end = horizon_of(metric, summaries)
    for field in ("horizon", "until"):
        if field in type(method).model_fields and getattr(method, field) is None:
            return method.model_copy(update={field: end})
    return method


def _for_shares(spec: Spec, metric: Metric) -> MiettinenNurminen | Scas:
    """The method for a metric's shares, from the planned weights and never from the counts.

    It is one for all contrasts of the metric, so that its p-values form one family: the corrected
    score where any contrast needs it, under any of the weights that were in force.
    """
    one_sided = metric.role == "guardrail" and metric.non_inferiority_margin is not None
    found = [
        recommended_proportion_method(control, treatment, non_inferiority=one_sided)
        for variant in spec.treatments
        for control, treatment in _planned(spec, variant)
    ]
    return next((method for method in found if isinstance(method, Scas)), MiettinenNurminen())


def uneven_contrasts(spec: Spec) -> list[str]:
    """The treatments that are planned to be larger or smaller than control, at any time."""
    return [
        variant.key
        for variant in spec.treatments
        if any(control != treatment for control, treatment in _planned(spec, variant))
    ]


def _planned(spec: Spec, treatment: Variant) -> Iterator[tuple[int, int]]:
    """The weights of control and a treatment, at each time at which both were dealt out."""
    if spec.control is None:
        return
    for _, weights in entry_weights(spec):
        pair = weights[spec.control.key], weights[treatment.key]
        if min(pair) > 0:
            yield pair


def _of_quantile(method: Method, q: float) -> Method:
    """The method for the quantile that the metric asks for."""
    has_q = "q" in type(method).model_fields
    return method.model_copy(update={"q": q}) if has_q else method


def unadjusted_notes(spec: Spec, method: str, *, pooled: bool) -> list[str]:
    """What to say of a method that neither adjusts nor weights the strata.

    Args:
        spec: The experiment.
        method: The method's kind.
        pooled: Whether it compares units that entered under different weights.
    """
    notes: list[str] = []
    if spec.analysis.covariates:
        notes.append(sentence("Not adjusted for covariates: {method} does not.", method=method))
    if pooled:
        notes.append(
            sentence(
                "The weights changed while units entered, and {method} compares all of them "
                "together: descriptive, for who came when may look like an effect.",
                method=method,
            )
        )
    return notes


def horizon_of(metric: Metric, summaries: Sequence[Summary]) -> float | None:
    """Where a metric's survival curves are read; None where no unit was followed."""
    if isinstance(metric, FirstEventMetric):
        return float(metric.horizon)
    if isinstance(metric, SurvivalMetric) and metric.horizon is not None:
        return metric.horizon
    tables = [summary for summary in summaries if isinstance(summary, LifeTable)]
    return common_horizon(tables) or None
