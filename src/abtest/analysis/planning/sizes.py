"""How many units a metric needs, and what a number of units can find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.spec.cells import cell_key, weights_of
from abtest.stats.max_t import MaxT, loadings_of
from abtest.stats.power.design import Design
from abtest.stats.power.exact import MOST_UNITS, exact_power
from abtest.stats.power.normal import normal_mde, normal_power, normal_size
from abtest.stats.power.proportions import (
    proportions_mde,
    proportions_power_pooled,
    proportions_size_pooled,
)
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from abtest.analysis.planning.baselines import Known
    from abtest.fields import RelativeOrAbsolute
    from abtest.metrics.base import Metric
    from abtest.spec import Spec

POWER = 0.8


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the planned comparison of a metric is made: the smallest treatment with control.

    Attributes:
        design: Error rates of one comparison, after correction, and its split.
        share_control: Control's share of all enrolled units.
        comparisons: Over how many comparisons the error rate is shared.
        margin: For non-inferiority, how much worse the metric may become, as declared.
    """

    design: Design
    share_control: float
    comparisons: int
    margin: RelativeOrAbsolute | None = None


def comparison_of(spec: Spec, metric: Metric) -> Comparison:
    """The comparison of a metric that needs the most units.

    The error rate of a family is shared over its metrics and treatments: by Dunnett's critical
    value where the spec asks for it, else by Bonferroni, which every procedure that bounds the
    chance of any false claim is at least as strong as. A guardrail with
    a margin is tested on one side at alpha / 2, without correction; instead the chance that all of
    them pass is what the power is for, so that each gets 1 - (1 - power) / guardrails.
    """
    weights = weights_of(spec)
    control = _control_key(spec)
    smallest = min(weight for key, weight in weights.items() if key != control)
    ratio = smallest / weights[control]
    share = weights[control] / sum(weights.values())
    alpha, power = spec.analysis.alpha, spec.plan.power if spec.plan is not None else POWER
    if metric.role == "guardrail" and metric.non_inferiority_margin is not None:
        guarded = sum(
            other.role == "guardrail" and other.non_inferiority_margin is not None
            for other in spec.metrics
        )
        each = 1 - (1 - power) / guarded
        design = Design(alpha=alpha / 2, power=each, sides=1, ratio=ratio)
        return Comparison(design, share, 1, metric.non_inferiority_margin)
    count = _comparisons(spec, metric)
    critical = _dunnett(spec, metric) if metric.role == "primary" else None
    each = alpha / count if critical is None else 2 * float(special.ndtr(-critical))
    design = Design(alpha=each, power=power, ratio=ratio, critical=critical)
    return Comparison(design, share, count)


def _dunnett(spec: Spec, metric: Metric) -> float | None:
    """The critical value of the largest of all treatments' statistics, where the spec asks for it.

    Several primary metrics share the error rate equally.
    """
    if spec.analysis.correction.primary != "dunnett":
        return None
    control, weights = _control_key(spec), weights_of(spec)
    variances = [1 / weight for key, weight in weights.items() if key != control]
    family = MaxT(loadings_of(1 / weights[control], variances))
    primary = sum(other.role == metric.role for other in spec.metrics)
    return family.critical_value(spec.analysis.alpha / primary)


def _control_key(spec: Spec) -> str:
    if spec.factors is not None:
        return cell_key(spec.factors.control, spec.factors.order)
    return spec.control.key if spec.control is not None else ""


def _comparisons(spec: Spec, metric: Metric) -> int:
    """Over how many comparisons the error rate of a metric's family is shared."""
    if metric.role == "guardrail":
        return 1
    if getattr(spec.analysis.correction, metric.role) in ("none", "bh", "by"):
        return 1
    family = sum(other.role == metric.role for other in spec.metrics)
    return family * (len(weights_of(spec)) - 1)


def difference_of(size: RelativeOrAbsolute, known: Known) -> float:
    """A declared effect in the metric's own unit."""
    if size.absolute is not None:
        return size.absolute
    return (size.relative or 0.0) * abs(known.value)


def units_for(known: Known, comparison: Comparison, difference: float, *, up: bool) -> float:
    """Observed units of control that an effect needs, clusters and history accounted for.

    Args:
        known: The metric without the experiment.
        comparison: How it is compared.
        difference: The size of the effect, above 0; for a margin the margin.
        up: Whether the effect is a rise.

    Returns:
        Units of control; infinite where the effect leaves the range of a share.
    """
    design = comparison.design
    scale = known.factor * known.effect
    if known.shape == "mean":
        return scale * normal_size(difference, known.variance, known.variance, design)
    if comparison.margin is not None:
        null = -difference if up else difference
        return scale * proportions_size_pooled(known.value, known.value, design, null)
    moved = known.value + (difference if up else -difference)
    if not 0 <= moved <= 1:
        return float("inf")
    return scale * proportions_size_pooled(known.value, moved, design)


def power_at(
    known: Known, comparison: Comparison, n_control: float, difference: float, *, up: bool
) -> float:
    """The chance of finding an effect with so many observed units of control.

    Shares without history or clusters, in up to 10,000 units: by enumeration of every table under
    the very test that decides. Otherwise by the normal formula.
    """
    design = comparison.design
    n = n_control / (known.factor * known.effect)
    if n <= 1:
        return 0.0
    if known.shape == "mean":
        return normal_power(n, difference, known.variance, known.variance, design)
    if comparison.margin is not None:
        null = -difference if up else difference
        return proportions_power_pooled(n, known.value, known.value, design, null)
    moved = min(max(known.value + (difference if up else -difference), 0.0), 1.0)
    units = round(n), round(n * design.ratio)
    if known.factor * known.effect == 1 and sum(units) <= MOST_UNITS and min(units) > 0:
        return exact_power(units[0], known.value, units[1], moved, design.alpha)
    return proportions_power_pooled(n, known.value, moved, design)


def mde_at(known: Known, comparison: Comparison, n_control: float, *, up: bool) -> float | None:
    """The smallest effect that is found with the planned power; None where there is none.

    For a guardrail with a margin it is the margin that could be shown to hold if nothing changes.
    """
    design = comparison.design
    n = n_control / (known.factor * known.effect)
    if n <= 1:
        return None
    if known.shape == "mean" or comparison.margin is not None:
        variance = known.variance
        return normal_mde(n, variance, variance, design) if variance > 0 else None
    rate = known.value if up else 1 - known.value  # a fall is a rise of the complement
    return proportions_mde(n, rate, design)
