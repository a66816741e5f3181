"""The blunt sentence of a plan: readable when, or why not, and what could be read instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.analysis.sentences import in_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from abtest.analysis.planning.model import MetricPlan, Week


@dataclass(frozen=True, slots=True)
class PlanVerdict:
    """What a plan comes to.

    Attributes:
        readable: Whether the declared effects can be found in time; None where that is not known.
        sentence: The answer in words.
    """

    readable: bool | None
    sentence: str


def verdict_of(metrics: Sequence[MetricPlan], latest: date, *, fixed: bool) -> PlanVerdict:
    """Hold the primary metrics against the day by which there must be an answer.

    Args:
        metrics: The plan of each metric.
        latest: The day by which there must be an answer.
        fixed: Whether the schedule says when enrolment ends.
    """
    primary = [metric for metric in metrics if metric.role == "primary"]
    for metric in primary:
        why = _unknown(metric)
        if why is not None:
            return PlanVerdict(
                readable=None, sentence=f"Cannot be planned: {in_sentence(metric.metric)}: {why}."
            )
    if fixed:
        return _of_schedule(metrics, primary, latest)
    short = [m for m in primary if m.looks is not None and m.looks.ends_at is not None]
    if short:
        return PlanVerdict(readable=False, sentence=f"Underpowered: {_ends_early(short[0])}.")
    late = [m for m in primary if m.readable_on is None or m.readable_on > latest]
    if late:
        return PlanVerdict(readable=False, sentence=_too_long(late[0], metrics, latest))
    slowest = max(primary, key=lambda metric: str(metric.readable_on))
    units = f"{slowest.units:,} units in {_weeks(slowest.weeks)} of enrolment"
    return PlanVerdict(readable=True, sentence=f"Readable on {slowest.readable_on}: {units}.")


def _unknown(metric: MetricPlan) -> str | None:
    if metric.problem is not None:
        return metric.problem
    if metric.effect is None and metric.value == 0:
        return "it needs an absolute mde: a share of 0 is 0"
    if metric.effect is None:
        return "it declares no mde, the smallest effect worth acting on"
    if metric.units is None:
        return "no number of units finds its mde, which leaves the range of the metric"
    if not metric.curve:
        return "say in plan.units_per_week how many units come (a list: units), or give a history"
    return None


def _of_schedule(
    metrics: Sequence[MetricPlan], primary: Sequence[MetricPlan], latest: date
) -> PlanVerdict:
    """Enrolment ends on a day that is given: what will it have found?"""
    weakest = min(primary, key=_power)
    planned = weakest.planned
    if planned is None:
        return PlanVerdict(
            readable=None, sentence="Cannot be planned: the schedule ends before it starts."
        )
    when = max(m.planned.readable_on for m in primary if m.planned is not None)
    name, power = in_sentence(weakest.metric), _power(weakest)
    found = f"{planned.units:,} units find {_effect(weakest)} in {name} with {power:.0%} power"
    if when > latest:
        return PlanVerdict(
            readable=False, sentence=f"Not readable before {when}, after {latest}: {found}."
        )
    if round(power, 2) >= (weakest.power_target or 1.0):  # as it is shown
        return PlanVerdict(readable=True, sentence=f"Readable on {when}: {found}.")
    if weakest.looks is not None and weakest.looks.ends_at is not None:
        early = _ends_early(weakest)
        told = f"Underpowered: {planned.units:,} units come, readable on {when}, but {early}."
        return PlanVerdict(readable=False, sentence=told)
    needed = f"{weakest.units:,} units are needed"
    if weakest.weeks is not None:
        needed += (
            f", which is {_weeks(weakest.weeks)} of enrolment, readable on {weakest.readable_on}"
        )
    instead = _instead(metrics, weakest)
    return PlanVerdict(
        readable=False,
        sentence=f"Underpowered: readable on {when}, but {found}; {needed}.{instead}",
    )


def _ends_early(metric: MetricPlan) -> str:
    """A sequential plan that ends at its own size, which is too small."""
    ends_at = metric.looks.ends_at if metric.looks is not None else None
    most = metric.looks.max_units if metric.looks is not None else None
    found = f"analysis.sequential.max_units ends the plan at {ends_at:,} mature units"
    effect = f"{_effect(metric)} in {in_sentence(metric.metric)}"
    if metric.planned is not None and metric.planned.power is not None:
        found += f", which find {effect} with {_power(metric):.0%} power"
    else:
        found += f", which are too few for {effect}"
    return f"{found}; it should be {most:,}"


def _too_long(metric: MetricPlan, metrics: Sequence[MetricPlan], latest: date) -> str:
    weeks = "more than ten years" if metric.weeks is None else _weeks(metric.weeks)
    return (
        f"Cannot be powered by {latest}: {_effect(metric)} in {in_sentence(metric.metric)} takes "
        f"{weeks} of enrolment.{_instead(metrics, metric, latest)}"
    )


def _instead(metrics: Sequence[MetricPlan], failing: MetricPlan, latest: date | None = None) -> str:
    """The metric that can be read best in that time, with its smallest effect."""
    found = [
        (week.mde_relative, metric, week)
        for metric in metrics
        if metric.role != "guardrail" and (week := _last_week(metric, latest)) is not None
        if week.mde_relative is not None
    ]
    if not found:
        return ""
    mde, metric, week = min(found, key=lambda one: one[0])
    if metric is failing:
        name = f"What {in_sentence(metric.metric)} can show"
    else:
        name = f"The nearest metric that can be read is {in_sentence(metric.metric)}"
    return f" {name} by {week.readable_on}: an MDE of {mde:.1%}."


def _last_week(metric: MetricPlan, latest: date | None) -> Week | None:
    if latest is None:
        return metric.planned
    return metric.by_latest


def _power(metric: MetricPlan) -> float:
    return (metric.planned.power if metric.planned is not None else None) or 0.0


def _effect(metric: MetricPlan) -> str:
    if metric.effect_relative is None:
        return f"a change of {metric.effect:,.4g}"
    return f"a change of {metric.effect_relative:.1%}"


def _weeks(count: int | None) -> str:
    return "1 week" if count == 1 else f"{count} weeks"
