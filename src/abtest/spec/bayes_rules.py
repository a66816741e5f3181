"""Which Bayesian model fits which metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.methods.bayes import HURDLE
from abtest.metrics.survey import SurveyMetric
from abtest.spec.faults import nearest
from abtest.stats.summaries import Moments, Proportion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.methods.bayes import ModelName
    from abtest.metrics.base import Metric
    from abtest.spec.experiment import Spec


def bayes_faults(spec: Spec, known: Sequence[str]) -> Iterator[Fault]:
    """Models of metrics that do not exist, do not fit, or need what the data do not have.

    Args:
        spec: The spec.
        known: Keys of all its metrics, also of those with faults.
    """
    metrics = {metric.key: metric for metric in spec.metrics}
    summed = spec.data.totals is not None or spec.data.moments is not None
    for key, model in spec.analysis.bayes.models.items():
        path = ("analysis", "bayes", "models", key)
        metric = metrics.get(key)
        if key not in known:
            yield Fault(path, "is no metric", nearest(key, list(known)))
        elif metric is not None and not _fits(model, metric):
            yield Fault(path, f"is {model}, which does not fit a {metric.kind}")
        elif model == HURDLE and (summed or spec.cluster is not None):
            message = "is hurdle_lognormal, which needs one row per unit that is analysed"
            yield Fault(path, message, "take it out: normal_lift reads means")


def _fits(model: ModelName, metric: Metric) -> bool:
    if model == "dirichlet":
        return isinstance(metric, SurveyMetric) and metric.scale == "nps"
    if model == HURDLE:
        return metric.kind in ("sum", "mean")
    if model == "gamma_poisson":
        return metric.kind == "count"
    if model == "beta_binomial":
        return metric.summary is Proportion
    return model == "normal_lift" or metric.summary is Moments
