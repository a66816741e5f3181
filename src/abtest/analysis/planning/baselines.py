"""What each metric is without the experiment: read off a history, or said by the spec."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from abtest.analysis.method_choice import horizon_of
from abtest.metrics.count import CountMetric
from abtest.metrics.ratio import RatioMetric
from abtest.metrics.sum import SumMetric
from abtest.stats.adjustment.by_variant import linearised
from abtest.stats.means.ratios import ratio_level
from abtest.stats.moments import Moments, PairMoments, Proportion
from abtest.stats.power.factors import design_effect, history_factor
from abtest.stats.survival.kaplan_meier import curve_point
from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from abtest.analysis.planning.history import History
    from abtest.analysis.summaries import MetricCounts
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.stats.adjustment.co_moments import CoMoments
    from abtest.stats.summaries import Summary

Shape = Literal["share", "mean", "hazard"]

_OF_HAZARDS = ("log_rank", "cox")  # methods that compare whole curves: events are what counts


@dataclass(frozen=True, slots=True)
class Known:
    """What a metric is without the experiment.

    Attributes:
        shape: ``share`` where the variance follows from the value; ``hazard`` where it is a share
            with an event by the end of the window whose whole curves are compared; else ``mean``.
        value: The share, mean or ratio.
        variance: Of one unit, before any adjustment.
        factor: The share of the variance that is left after adjustment for what was known before.
        effect: By how much clusters multiply the variance.
        eligible: The share of entering units that can have the outcome.
        n: Units that it was read off; None where the spec says it.
        zeros: Whether it is a sum or a number of events that many units have none of, so that an
            effect is taken to be more of them, which changes the variance too.
    """

    shape: Shape
    value: float
    variance: float
    factor: float = 1.0
    effect: float = 1.0
    eligible: float = 1.0
    n: int | None = None
    zeros: bool = False

    def moved_variance(self, moved: float) -> float:
        """The variance of one unit where the metric has moved to another value.

        With zeros, as many more units as the value has grown have an outcome, drawn from the same
        outcomes: E[Y^2] grows by the same share. A variance below the square of the mean says that
        nearly all units have one; it then stays what it is.
        """
        if not self.zeros or self.value <= 0 or self.variance <= self.value**2:
            return self.variance
        times = moved / self.value
        found = times * (self.variance + self.value**2) - moved**2
        return max(found, self.variance) if times > 1 else max(found, 0.0)


_LARGEST_SD = 1e100  # its fourth power is still a float


def baseline(spec: Spec, metric: Metric, history: History | None) -> Known | str:
    """What a metric is without the experiment, or why that is not known."""
    known = _baseline(spec, metric, history)
    if not isinstance(known, str) and isinstance(metric, SumMetric | CountMetric):
        known = replace(known, zeros=True)
    method = spec.analysis.methods.get(metric.key)
    if isinstance(known, str) or method is None or method.kind not in _OF_HAZARDS:
        return known
    return replace(known, shape="hazard")


def _baseline(spec: Spec, metric: Metric, history: History | None) -> Known | str:
    plan = spec.plan
    clusters = 1.0
    if spec.cluster is not None:
        if plan is None or plan.clusters is None:
            return "say in plan.clusters how alike units of a cluster are"
        clusters = design_effect(plan.clusters.mean_size, plan.clusters.icc, plan.clusters.size_cv)
    if history is not None and metric.key in history.counts:
        return _read(metric, history.counts[metric.key], history.units, clusters)
    said = plan.baselines.get(metric.key) if plan is not None else None
    if said is None:
        return "say what is normal in plan.baselines, or give a history of its tables"
    adjusts = spec.analysis.covariates and metric.summary is not LifeTable
    factor = history_factor(said.correlation, said.known) if adjusts else 1.0
    kind: Literal["share", "mean"] = "share" if _is_share(metric) else "mean"
    variance = _said_share(said.value) if kind == "share" else _said_mean(said.sd)
    if isinstance(variance, str):
        return variance
    return Known(kind, said.value, variance, factor, clusters, said.eligible)


def _said_share(value: float) -> float | str:
    """The variance of a share, or why there is none."""
    if not 0 <= value <= 1:
        return f"plan.baselines says {value}, which is no share"
    if value in (0, 1):
        return f"plan.baselines says {value:g}: every unit has the same outcome"
    return value * (1 - value)


def _said_mean(sd: float | None) -> float | str:
    """The variance of a mean, or why there is none."""
    if sd is None:
        return "plan.baselines must say its sd too"
    if sd > _LARGEST_SD:
        return f"plan.baselines says an sd of {sd:g}, which is too large to count with"
    if sd == 0:
        return "plan.baselines says an sd of 0: every unit has the same outcome"
    return sd**2


def _is_share(metric: Metric) -> bool:
    return metric.summary in (Proportion, LifeTable) and not isinstance(metric, RatioMetric)


def _read(metric: Metric, counts: MetricCounts, units: int, clusters: float) -> Known | str:
    summary, n = counts.summary, counts.n
    if n < 2:
        return "the history has fewer than two units that can be counted"
    known = _known(metric, summary, n)
    if isinstance(known, str):
        return known
    if known.variance == 0:
        return f"every unit of the history has the same outcome, {known.value:,.4g}"
    entered = n + counts.missing + counts.immature
    return replace(
        known,
        factor=_left(counts.parts.get("")),
        effect=clusters,
        eligible=entered / units if units else 1.0,
    )


def _known(metric: Metric, summary: Summary, n: int) -> Known | str:
    if isinstance(summary, Proportion):
        share = summary.value
        return Known("share", share, share * (1 - share), n=n)
    if isinstance(summary, Moments):
        return Known("mean", summary.mean, summary.variance, n=n)
    if isinstance(summary, PairMoments):
        level = ratio_level(summary)
        if level.value is None or level.variance is None:
            return f"the history {level.problem}"
        return Known("mean", level.value, level.variance * n, n=n)
    if isinstance(summary, LifeTable):
        end = horizon_of(metric, [summary])
        point = curve_point(summary, end) if end is not None else None
        if point is None or not point.reached:
            return "the history does not reach to the end of its window"
        share = point.incidence
        return Known("share", share, share * (1 - share), n=n)
    return "there is no closed form for it: rehearse it on the history"


def _left(moments: CoMoments | None) -> float:
    """1 - R^2 of the outcome on what was known before."""
    if moments is None or not moments.columns.history or moments.n < 3:
        return 1.0
    if len(moments.columns.outcome) == 2:
        mean_y, mean_x = moments.means[:2]
        if mean_x <= 0:
            return 1.0
        moments = linearised(moments, mean_y / mean_x, mean_x)
    products = np.asarray(moments.products)
    total, cross, among = products[0, 0], products[0, 1:], products[1:, 1:]
    if not total > 0:
        return 1.0
    slopes = np.linalg.pinv(among, hermitian=True) @ cross
    explained = float(cross @ slopes) / float(total)
    return min(max(1 - explained, 0.0), 1.0) if math.isfinite(explained) else 1.0
