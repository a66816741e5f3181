"""What a spec plans, in the few numbers that a result is held against."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from abtest.analysis.planning.plan import make_plan
from abtest.spec.cells import weights_of

if TYPE_CHECKING:
    from abtest.analysis.planning.model import MetricPlan, Plan
    from abtest.spec import Spec


def as_declared(spec: Spec) -> dict[str, Any]:
    """What a result says of its spec: the whole of it, its fingerprint, and what it plans."""
    return {
        "spec": spec.to_dict(),
        "spec_fingerprint": spec.fingerprint(),
        "plan": recorded_plan(spec),
    }


def recorded_plan(spec: Spec) -> dict[str, Any] | None:
    """The plan that follows from the spec alone, for ``Result.plan``.

    Args:
        spec: The experiment.

    Returns:
        ``units`` by variant at the end of the planned enrolment, ``metrics`` with baseline, mde (a
        share of it) and power, and ``read_on``; None where the spec has no block ``plan``, no
        start, or nothing to compare.
    """
    said = spec.plan is not None and spec.schedule.start is not None
    if not said or (spec.control is None and spec.factors is None):
        return None
    plan = make_plan(spec, date.fromisoformat(spec.schedule.start or ""))
    metrics = [_metric(metric) for metric in plan.metrics if metric.problem is None]
    if not metrics:
        return None
    return {
        "units": _units(spec, plan),
        "metrics": metrics,
        "read_on": None if plan.readable_on is None else plan.readable_on.isoformat(),
    }


def _metric(metric: MetricPlan) -> dict[str, Any]:
    planned = metric.planned
    return {
        "metric": metric.metric,
        "baseline": metric.value,
        "mde": None if planned is None else planned.mde_relative,
        "power": None if planned is None else planned.power,
    }


def _units(spec: Spec, plan: Plan) -> dict[str, int]:
    """Units of each variant at the end of the planned enrolment, by the weights."""
    enrolled = next((m.planned.units for m in plan.metrics if m.planned is not None), None)
    if enrolled is None:
        return {}
    weights = weights_of(spec)
    total = sum(weights.values())
    return {key: round(enrolled * weight / total) for key, weight in weights.items()}
