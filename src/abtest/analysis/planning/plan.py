"""The plan of an experiment: sizes, dates, and a blunt verdict."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from abtest.analysis.planning.arrivals import arrivals_of
from abtest.analysis.planning.baselines import Known, baseline
from abtest.analysis.planning.sizes import (
    Comparison,
    comparison_of,
    difference_of,
    mde_at,
    power_at,
    units_for,
)
from abtest.analysis.planning.timeline import timeline
from abtest.analysis.planning.verdict import verdict_of
from abtest.errors import Fault, SpecError
from abtest.fields import DAY
from abtest.stats.power.assurance import assurance

if TYPE_CHECKING:
    from abtest.analysis.planning.history import History
    from abtest.metrics.base import Metric
    from abtest.spec import Spec

WEEK = 7 * DAY
YEAR = 52
_CURVE = 26  # weeks of the curve, at most


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Week(_Frozen):
    """What could be read if enrolment ended after so many weeks.

    Attributes:
        week: Weeks of enrolment.
        units: Units that have entered by then, in all variants.
        readable_on: When their outcomes are all in the data.
        mde: The smallest effect that is found with the planned power, in the metric's unit.
        mde_relative: The same as a share of the metric's value.
        power: The chance of finding the declared effect.
    """

    week: int
    units: int
    readable_on: date
    mde: float | None
    mde_relative: float | None
    power: float | None


class MetricPlan(_Frozen):
    """What is planned for one metric.

    Attributes:
        source: Where the baseline comes from: ``history`` or ``spec``.
        value: The metric without the experiment.
        sd: Standard deviation of one unit, before any adjustment.
        eligible: The share of entering units that can have the outcome.
        variance_factor: The share of the variance that adjustment for history leaves.
        design_effect: By how much clusters multiply the units.
        alpha: The error rate of one comparison, after correction.
        power_target: The chance that the size is for.
        comparisons: Over how many comparisons the error rate of the family is shared.
        effect: The effect that the size is for, in the metric's unit; a guardrail's margin.
        effect_relative: The same as a share of the value.
        units: Units that must be enrolled in all variants together.
        weeks: Weeks of enrolment until then.
        readable_on: When the metric is readable after that enrolment.
        planned: What the planned enrolment can find.
        assurance: The chance of a significant improvement, averaged over the prior of the lift.
        curve: The same week by week.
        problem: Why there is no plan; None where there is one.
    """

    metric: str
    role: str
    kind: str
    source: Literal["history", "spec"] | None = None
    value: float | None = None
    sd: float | None = None
    n_history: int | None = None
    eligible: float | None = None
    variance_factor: float | None = None
    design_effect: float | None = None
    alpha: float | None = None
    power_target: float | None = None
    comparisons: int | None = None
    effect: float | None = None
    effect_relative: float | None = None
    units: int | None = None
    weeks: int | None = None
    readable_on: date | None = None
    planned: Week | None = None
    assurance: float | None = None
    curve: tuple[Week, ...] = ()
    problem: str | None = None


class Plan(_Frozen):
    """The plan of an experiment.

    Attributes:
        start: The first day of enrolment.
        enrol_until: When enrolment ends: as the schedule says, else when every primary metric has
            its units; None where it cannot be said.
        mature_on: When the last unit's window is over, on the primary metrics.
        readable_on: When the primary metrics can be read.
        units_per_week: Units that enter in the first week.
        latest: The day by which there must be an answer.
        readable: Whether the declared effects can be found by then; None where it cannot be said.
        verdict: One sentence.
        metrics: Metric by metric, in the spec's order.
    """

    schema_: Literal["abtest-plan/v1"] = "abtest-plan/v1"
    experiment: str
    spec_fingerprint: str
    timezone: str
    start: date
    enrol_until: date | None
    mature_on: date | None
    readable_on: date | None
    units_per_week: float | None
    latest: date
    readable: bool | None
    verdict: str
    metrics: tuple[MetricPlan, ...]

    def to_dict(self) -> dict[str, object]:
        """The plan as plain JSON types, with the key ``schema`` first."""
        data = self.model_dump(mode="json")
        return {"schema": data.pop("schema_"), **data}


def make_plan(spec: Spec, start: date, history: History | None = None) -> Plan:
    """Plan an experiment: from the spec, and from history where there is one.

    Args:
        spec: The experiment.
        start: The first day of enrolment.
        history: What the past says.

    Returns:
        The plan.

    Raises:
        SpecError: There is nothing to compare.
    """
    if spec.control is None and spec.factors is None:
        fault = Fault(("variants",), "has one variant, so there is nothing to plan for")
        raise SpecError([fault])
    return _Planner(spec, start, history).plan()


class _Planner:
    def __init__(self, spec: Spec, start: date, history: History | None) -> None:
        self._spec = spec
        self._start = start
        self._arrivals = arrivals_of(spec, history)
        self._known = {metric.key: baseline(spec, metric, history) for metric in spec.metrics}
        said = spec.plan.latest if spec.plan is not None else None
        self._latest = date.fromisoformat(said) if said else start + YEAR * WEEK

    def plan(self) -> Plan:
        sized = [self._sized(metric) for metric in self._spec.metrics]
        days = self._days(sized)
        metrics = tuple(
            self._with_enrolment(metric, one, days)
            for metric, one in zip(self._spec.metrics, sized, strict=True)
        )
        primary = [m for m in self._spec.metrics if m.role == "primary"]
        dates = [timeline(self._spec, m, self._start, days) for m in primary] if days else []
        said = verdict_of(metrics, self._latest, fixed=self._fixed_days() is not None)
        return Plan(
            experiment=self._spec.key,
            spec_fingerprint=self._spec.fingerprint(),
            timezone=self._spec.schedule.timezone,
            start=self._start,
            enrol_until=self._start + days * DAY if days else None,
            mature_on=max((one.mature_on for one in dates), default=None),
            readable_on=max((one.readable_on for one in dates), default=None),
            units_per_week=self._arrivals.by(1) if self._arrivals is not None else None,
            latest=self._latest,
            readable=said.readable,
            verdict=said.sentence,
            metrics=metrics,
        )

    def _fixed_days(self) -> int | None:
        """Days of enrolment, where the schedule says them."""
        until = self._spec.schedule.enrol_until
        if until is None:
            return None
        days = (date.fromisoformat(until) - self._start) // DAY
        return days if days > 0 else None

    def _days(self, sized: list[MetricPlan]) -> int | None:
        """Days of enrolment: the schedule's, else what the primary metrics need."""
        fixed = self._fixed_days()
        if fixed is not None:
            return fixed
        weeks = [one.weeks for one in sized if one.role == "primary" and one.weeks is not None]
        return 7 * max(weeks) if weeks else None

    def _sized(self, metric: Metric) -> MetricPlan:
        """A metric's size and the weeks that it takes; without what depends on the others."""
        who = {"metric": metric.key, "role": metric.role, "kind": metric.kind}
        known = self._known[metric.key]
        if isinstance(known, str):
            return MetricPlan(**who, problem=known)
        comparison = comparison_of(self._spec, metric)
        effect = self._effect(metric, known, comparison)
        units = self._units(metric, known, comparison, effect)
        weeks = self._arrivals.weeks_for(units) if units and self._arrivals is not None else None
        return MetricPlan(
            **who,
            source="spec" if known.n is None else "history",
            value=known.value,
            sd=known.variance**0.5,
            n_history=known.n,
            eligible=known.eligible,
            variance_factor=known.factor,
            design_effect=known.effect,
            alpha=comparison.design.alpha,
            power_target=comparison.design.power,
            comparisons=comparison.comparisons,
            effect=effect,
            effect_relative=_relative(effect, known),
            units=units,
            weeks=weeks,
            readable_on=self._readable(metric, weeks),
        )

    def _effect(self, metric: Metric, known: Known, comparison: Comparison) -> float | None:
        size = comparison.margin or metric.mde
        found = difference_of(size, known) if size is not None else None
        return found or None

    def _units(
        self, metric: Metric, known: Known, comparison: Comparison, effect: float | None
    ) -> int | None:
        """Units to enrol in all variants, so that control has as many as it needs."""
        if effect is None or known.variance == 0:
            return None
        n_control = units_for(known, comparison, effect, up=_up(metric))
        if n_control == float("inf"):
            return None
        return int(-(-n_control // (comparison.share_control * known.eligible)))

    def _readable(self, metric: Metric, weeks: int | None) -> date | None:
        if weeks is None:
            return None
        return timeline(self._spec, metric, self._start, 7 * weeks).readable_on

    def _with_enrolment(self, metric: Metric, sized: MetricPlan, days: int | None) -> MetricPlan:
        """The same with what the planned enrolment, and each week of it, can find."""
        known = self._known[metric.key]
        if isinstance(known, str) or self._arrivals is None:
            return sized
        comparison = comparison_of(self._spec, metric)
        last = min(max(-(-(days or 0) // 7), sized.weeks or 0, 8), _CURVE)
        curve = [
            self._week(metric, known, comparison, sized.effect, 7 * week)
            for week in range(1, last + 1)
        ]
        planned = self._week(metric, known, comparison, sized.effect, days) if days else None
        at_plan = self._assurance(metric, known, comparison, days) if days else None
        update = {"curve": tuple(curve), "planned": planned, "assurance": at_plan}
        return sized.model_copy(update=update)

    def _n_control(self, known: Known, comparison: Comparison, days: int) -> float:
        units = self._arrivals.by(days / 7) if self._arrivals is not None else 0.0
        return units * comparison.share_control * known.eligible

    def _week(
        self,
        metric: Metric,
        known: Known,
        comparison: Comparison,
        effect: float | None,
        days: int,
    ) -> Week:
        n_control = self._n_control(known, comparison, days)
        up = _up(metric)
        mde = mde_at(known, comparison, n_control, up=up)
        power = None
        if effect is not None:
            power = power_at(known, comparison, n_control, effect, up=up)
        return Week(
            week=-(-days // 7),
            units=int(self._arrivals.by(days / 7)) if self._arrivals is not None else 0,
            readable_on=timeline(self._spec, metric, self._start, days).readable_on,
            mde=mde,
            mde_relative=_relative(mde, known),
            power=power,
        )

    def _assurance(
        self, metric: Metric, known: Known, comparison: Comparison, days: int
    ) -> float | None:
        """The chance of a significant improvement, averaged over the prior of the lift."""
        if comparison.margin is not None or known.value <= 0 or known.variance == 0:
            return None
        prior = self._spec.analysis.bayes.prior.on_log_lift
        n_control = self._n_control(known, comparison, days) / (known.factor * known.effect)
        if n_control <= 1:
            return None
        variance = known.variance * (1 + 1 / comparison.design.ratio) / n_control
        return assurance(
            prior.mean if _up(metric) else -prior.mean,
            prior.sd,
            known.value,
            variance**0.5,
            comparison.design.z_alpha,
        )


def _relative(effect: float | None, known: Known) -> float | None:
    return effect / abs(known.value) if effect is not None and known.value else None


def _up(metric: Metric) -> bool:
    return metric.desired_change == "increase"
