"""A plan as text, ready to be drawn; pure, like the view of a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.report.numbers import ABSENT
from abtest.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.analysis.planning.model import (
        BalancePlan,
        FactorPlan,
        LooksPlan,
        MetricPlan,
        Plan,
        PriorPlan,
        Week,
    )

METRIC_HEAD = ("Metric", "Now", "To find", "Units", "Weeks", "Readable on", "Power", "MDE")
BALANCE_HEAD = ("Known beforehand", "Control", "Variant", "Difference in sd")
FACTOR_HEAD = ("Effect of factors", "Units", "Weeks", "Readable on", "Power", "MDE")
CURVE_HEAD = ("Week", "Units", "Readable on", "MDE", "Power")


@dataclass(frozen=True, slots=True)
class PlanView:
    """A whole plan.

    Attributes:
        title: The experiment's key.
        verdict: The answer in a sentence.
        tone: ``yes``, ``no`` or ``unknown``.
        facts: Dates and rates, as (name, value).
        metrics: A row for each metric: a cell for each title of ``METRIC_HEAD``.
        factors: A row for each effect of a factor, or of two together: a cell for each title of
            ``FACTOR_HEAD``.
        balance: A row for each covariate of each variant: a cell for each title of
            ``BALANCE_HEAD``.
        curve_title: Of which metric the curve is; None where there is no curve.
        curve: A row for each week: a cell for each title of ``CURVE_HEAD``.
        notes: What to know about the numbers.
    """

    title: str
    verdict: str
    tone: str
    facts: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[str, ...], ...]
    factors: tuple[tuple[str, ...], ...]
    balance: tuple[tuple[str, ...], ...]
    curve_title: str | None
    curve: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def build_view(plan: Plan) -> PlanView:
    """Turn a plan into what is shown."""
    drawn = curve_of(plan)
    return PlanView(
        title=clean(plan.experiment),
        verdict=clean(plan.verdict),
        tone={True: "yes", False: "no", None: "unknown"}[plan.readable],
        facts=tuple(_facts(plan)),
        metrics=tuple(_metric_row(metric) for metric in plan.metrics),
        factors=tuple(
            _factor_row(metric, effect) for metric in plan.metrics for effect in metric.factors
        ),
        balance=tuple(_balance_rows(plan.balance)),
        curve_title=clean(drawn.metric) if drawn is not None else None,
        curve=tuple(_curve_row(week) for week in (drawn.curve if drawn is not None else ())),
        notes=(*_notes(plan.metrics), *_balance_notes(plan.balance)),
    )


def curve_of(plan: Plan) -> MetricPlan | None:
    """The metric whose weeks are shown: the first primary one that has any."""
    metrics = [metric for metric in plan.metrics if metric.curve]
    primary = [metric for metric in metrics if metric.role == "primary"]
    return next(iter([*primary, *metrics]), None)


def _facts(plan: Plan) -> list[tuple[str, str]]:
    rate = f"{plan.units_per_week:,.0f}" if plan.units_per_week is not None else None
    facts = [
        ("Enrolment starts", str(plan.start)),
        ("Enrolment ends", plan.enrol_until),
        ("Last window over", plan.mature_on),
        ("Readable on", plan.readable_on),
        ("Answer needed by", str(plan.latest)),
        ("Units in the first week", rate),
        ("Time zone", plan.timezone),
    ]
    return [(name, clean(str(value))) for name, value in facts if value is not None]


def _metric_row(metric: MetricPlan) -> tuple[str, ...]:
    name = clean(f"{metric.metric} ({metric.role})")
    if metric.problem is not None:
        return (name, *[ABSENT] * (len(METRIC_HEAD) - 1))
    planned = metric.planned
    return (
        name,
        f"{metric.value:,.4g}",
        _effect(metric),
        ABSENT if metric.units is None else f"{metric.units:,}",
        ABSENT if metric.weeks is None else str(metric.weeks),
        ABSENT if metric.readable_on is None else str(metric.readable_on),
        _percent(planned.power if planned is not None else None),
        _mde(planned),
    )


def _factor_row(metric: MetricPlan, effect: FactorPlan) -> tuple[str, ...]:
    return (
        clean(f"{metric.metric}, {effect.effect}"),
        ABSENT if effect.units is None else f"{effect.units:,}",
        ABSENT if effect.weeks is None else str(effect.weeks),
        ABSENT if effect.readable_on is None else str(effect.readable_on),
        _percent(effect.power),
        _mde(effect),
    )


def _balance_rows(balance: BalancePlan | None) -> Iterator[tuple[str, ...]]:
    for variant in balance.variants if balance is not None else ():
        for one in variant.covariates:
            gap = one.standardized_difference
            yield (
                clean(f"{one.covariate}, {variant.variant}"),
                f"{one.mean_control:,.4g}",
                f"{one.mean:,.4g}",
                ABSENT if gap is None else f"{gap:+.3f}",
            )


def _balance_notes(balance: BalancePlan | None) -> Iterator[str]:
    for variant in balance.variants if balance is not None else ():
        if variant.pvalue is not None:
            yield clean(
                f"All covariates of {variant.variant} together differ from control's with p = "
                f"{variant.pvalue:.3f}: seeds alone make it small once in a while."
            )
    if balance is not None and balance.seeds > 1:
        yield clean(
            f"{balance.seed} is the best balanced of {balance.seeds} seeds (distance "
            f"{balance.distance:.3g}; the spec's own has {balance.own_distance:.3g}). The analysis "
            "must adjust for what was balanced: an unadjusted test would be conservative."
        )


def _curve_row(week: Week) -> tuple[str, ...]:
    return (
        str(week.week),
        f"{week.units:,}",
        str(week.readable_on),
        _mde(week),
        _percent(week.power),
    )


def _effect(metric: MetricPlan) -> str:
    if metric.effect is None:
        return ABSENT
    if metric.effect_relative is None:
        return f"{metric.effect:,.4g}"
    margin = " margin" if metric.role == "guardrail" else ""
    return f"{metric.effect_relative:.1%}{margin}"


def _mde(week: Week | FactorPlan | None) -> str:
    if week is None or week.mde is None:
        return ABSENT
    return f"{week.mde:,.4g}" if week.mde_relative is None else f"{week.mde_relative:.1%}"


def _percent(share: float | None) -> str:
    return ABSENT if share is None else f"{share:.0%}"


def _notes(metrics: Sequence[MetricPlan]) -> Iterator[str]:
    for metric in metrics:
        if metric.problem is not None:
            yield clean(f"{metric.metric} is not planned: {metric.problem}.")
    for metric in metrics:
        if metric.source == "history":
            yield clean(_of_history(metric))
        elif (metric.variance_factor or 1) < 1:
            left = f"{metric.variance_factor:.0%} of the variance of {metric.metric}"
            yield clean(f"Adjustment for what is known beforehand leaves {left}.")
    clustered = [metric for metric in metrics if (metric.design_effect or 1) > 1]
    if clustered:
        yield (
            f"Whole clusters are split: that takes {clustered[0].design_effect:.2f} times the "
            "units that single ones would take."
        )
    shared = [metric for metric in metrics if (metric.comparisons or 1) > 1]
    for role in dict.fromkeys(metric.role for metric in shared):
        each = next(metric for metric in shared if metric.role == role)
        yield (
            f"The error rate is shared over {each.comparisons} comparisons of {role} metrics: each "
            f"is tested at {each.alpha:.4g}."
        )
    yield from _design_notes(metrics)
    if any(metric.planned is not None for metric in metrics):
        yield "Power and MDE are those of the planned enrolment."


def _design_notes(metrics: Sequence[MetricPlan]) -> Iterator[str]:
    """Looks, factors, and the prior."""
    for metric in metrics:
        if metric.role == "primary" and metric.looks is not None:
            yield clean(_of_looks(metric.metric, metric.looks))
    if any(metric.factors for metric in metrics):
        yield (
            "The metrics' rows compare one cell with control. Main effects use all cells, and each "
            "interaction is sized for an effect as large as the metric's own."
        )
    for metric in metrics:
        if metric.role == "primary" and metric.assurance is not None:
            yield (
                f"Under the prior of the lift, the chance of a significant improvement of "
                f"{clean(metric.metric)} is {metric.assurance:.0%} (assurance)."
            )
        if metric.role == "primary" and metric.prior is not None:
            yield clean(_of_prior(metric.metric, metric.prior))


def _of_looks(name: str, looks: LooksPlan) -> str:
    """What looking more than once costs, and what to write into the spec."""
    told = f"{name} is looked at {looks.looks} times, which takes {looks.inflation:.2f} times"
    told += " the units of one look"
    if looks.max_units is None or looks.expected_units is None:
        return f"{told}."
    return (
        f"{told}: analysis.sequential.max_units should be {looks.max_units:,}. Where the effect is "
        f"the planned one it stops after {looks.expected_units:,} on average."
    )


def _of_prior(name: str, prior: PriorPlan) -> str:
    """What the prior expects: is that what the team believes?"""
    return (
        f"The prior takes improvements of {name} from {prior.lift_low:+.1%} to "
        f"{prior.lift_high:+.1%} for likely; the data may show {prior.observed_low:+.1%} to "
        f"{prior.observed_high:+.1%}. It gives {prior.prob_worthwhile:.0%} to one that is large "
        f"enough. The posterior will claim one with 95% certainty in {prior.prob_claimed:.0%} of "
        f"such experiments, and be right in {prior.prob_right:.0%} of those."
    )


def _of_history(metric: MetricPlan) -> str:
    told = f"{metric.metric} was read off {metric.n_history:,} units"
    if metric.eligible is not None and metric.eligible < 1:
        told += f", {metric.eligible:.0%} of those who come"
    if metric.variance_factor is not None and metric.variance_factor < 1:
        told += f"; adjustment for history leaves {metric.variance_factor:.0%} of its variance"
    return f"{told}."
