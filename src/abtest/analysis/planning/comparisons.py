"""How a metric will be compared: error rates after correction, the split, and the looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from abtest.analysis.planning.looks import LooksCost, looks_cost
from abtest.spec.cells import cell_key, weights_of
from abtest.stats.families.max_t import MaxT, loadings_of
from abtest.stats.power.design import Design
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
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
        looks: What a sequential plan costs; None where there is one look.
    """

    design: Design
    share_control: float
    comparisons: int
    margin: RelativeOrAbsolute | None = None
    looks: LooksCost | None = None

    @property
    def inflation(self) -> float:
        """By how much looking more than once multiplies the units."""
        return 1.0 if self.looks is None else self.looks.inflation


def comparison_of(spec: Spec, metric: Metric) -> Comparison:
    """The comparison of a metric that needs the most units.

    The error rate of a family is shared over its metrics and treatments: by Dunnett's critical
    value where the spec asks for it, else by Bonferroni, which every procedure that bounds the
    chance of any false claim is at least as strong as; a sequential plan shares it by Bonferroni
    among the primary metrics alone. A guardrail with a margin is tested on one side at alpha / 2,
    without correction; instead the chance that all of them pass is what the power is for, so that
    each gets 1 - (1 - power) / guardrails.
    """
    found = _one_look(spec, metric)
    return replace(found, looks=looks_cost(spec, metric, found.design))


def _one_look(spec: Spec, metric: Metric) -> Comparison:
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
    if spec.analysis.correction.primary != "dunnett" or spec.analysis.sequential is not None:
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
    if spec.analysis.sequential is not None and metric.role != "primary":
        return 1
    corrected = getattr(spec.analysis.correction, metric.role) not in ("none", "bh", "by")
    if spec.analysis.sequential is None and not corrected:
        return 1
    family = sum(other.role == metric.role for other in spec.metrics)
    return family * (len(weights_of(spec)) - 1)
