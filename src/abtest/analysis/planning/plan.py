"""The plan of an experiment: sizes, dates, and a blunt verdict."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

from abtest.analysis.planning.arrivals import MOST_WEEKS, arrivals_of
from abtest.analysis.planning.baselines import Known, baseline
from abtest.analysis.planning.comparisons import comparison_of
from abtest.analysis.planning.factors import factor_effects
from abtest.analysis.planning.model import FactorPlan, LooksPlan, MetricPlan, Plan, Week
from abtest.analysis.planning.prior import prior_plan, under_prior
from abtest.analysis.planning.sizes import (
    difference_of,
    mde_at,
    power_at,
    units_for,
)
from abtest.analysis.planning.timeline import timeline
from abtest.analysis.planning.verdict import verdict_of
from abtest.errors import Fault, SpecError
from abtest.fields import DAY

if TYPE_CHECKING:
    from abtest.analysis.planning.comparisons import Comparison
    from abtest.analysis.planning.factors import FactorEffect
    from abtest.analysis.planning.history import History
    from abtest.metrics.base import Metric
    from abtest.spec import Spec

WEEK = 7 * DAY
YEAR = 52
_CURVE = 26  # weeks of the curve, at most


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
        weeks = self._weeks(units)
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
            looks=_looks(comparison, units, known, self._most(comparison)),
            factors=self._factors(metric, known, effect),
        )

    def _factors(
        self, metric: Metric, known: Known, difference: float | None
    ) -> tuple[FactorPlan, ...]:
        """What effects of factors need, where they are as large as the mde."""
        return tuple(
            self._factor(metric, known, effect, difference)
            for effect in factor_effects(self._spec, metric)
        )

    def _factor(
        self, metric: Metric, known: Known, effect: FactorEffect, difference: float | None
    ) -> FactorPlan:
        units = None
        if difference is not None and known.variance > 0:
            units = math.ceil(effect.units(known, difference) / known.eligible)
        weeks = self._weeks(units)
        return FactorPlan(
            effect=effect.name,
            kind=effect.kind,
            alpha=effect.design.alpha,
            units=units,
            weeks=weeks,
            readable_on=self._readable(metric, weeks),
        )

    def _weeks(self, units: int | None) -> int | None:
        return self._arrivals.weeks_for(units) if units and self._arrivals is not None else None

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
        least = 1 if self._arrivals.at_once else 8  # a list is whole from the first week
        last = min(max(-(-(days or 0) // 7), sized.weeks or 0, least), _CURVE)
        curve = [
            self._week(metric, known, comparison, sized.effect, 7 * week)
            for week in range(1, last + 1)
        ]
        planned = self._week(metric, known, comparison, sized.effect, days) if days else None
        factors = self._factors_in(metric, known, sized, days) if days else sized.factors
        update: dict[str, Any] = {"curve": tuple(curve), "planned": planned, "factors": factors}
        in_time = self._weeks_in_time(metric)
        if in_time:
            by = self._week(metric, known, comparison, sized.effect, 7 * in_time)
            update["by_latest"] = by
        n_control = self._n_control(known, comparison, days) if days else 0.0
        told = under_prior(self._spec, known, comparison, n_control, up=_up(metric))
        if told is not None:
            chance, prior, se = told
            update |= {"assurance": chance, "prior": prior_plan(prior, se, sized.effect_relative)}
        return sized.model_copy(update=update)

    def _weeks_in_time(self, metric: Metric) -> int:
        """The most weeks of enrolment after which a metric can be read in time."""
        weeks = min((self._latest - self._start) // WEEK, MOST_WEEKS)
        while weeks > 0 and (
            timeline(self._spec, metric, self._start, 7 * weeks).readable_on > self._latest
        ):
            weeks -= 1
        return max(weeks, 0)

    def _factors_in(
        self, metric: Metric, known: Known, sized: MetricPlan, days: int
    ) -> tuple[FactorPlan, ...]:
        """The same effects of factors with what the planned enrolment finds."""
        units = self._arrivals.by(days / 7) * known.eligible if self._arrivals is not None else 0.0
        if units < 1 or known.variance == 0:
            return sized.factors
        found = []
        effects = factor_effects(self._spec, metric)
        for effect, planned in zip(effects, sized.factors, strict=True):
            mde = effect.mde(known, units)
            power = None if sized.effect is None else effect.power(known, units, sized.effect)
            update = {"mde": mde, "mde_relative": _relative(mde, known), "power": power}
            found.append(planned.model_copy(update=update))
        return tuple(found)

    def _n_control(self, known: Known, comparison: Comparison, days: int) -> float:
        units = self._arrivals.by(days / 7) if self._arrivals is not None else 0.0
        return self._read(units * known.eligible, comparison) * comparison.share_control

    def _read(self, units: float, comparison: Comparison) -> float:
        """Units that are read: a plan that spends alpha ends at its own size."""
        most = self._most(comparison)
        return units if most is None else min(units, most)

    def _most(self, comparison: Comparison) -> int | None:
        """The mature units at which a plan that spends alpha ends; None where nothing ends it."""
        said, looks = self._spec.analysis.sequential, comparison.looks
        spends = said is not None and looks is not None and looks.engine == "lan_demets"
        return said.max_units if said is not None and spends else None

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


def _looks(
    comparison: Comparison, units: int | None, known: Known, limit: int | None
) -> LooksPlan | None:
    """What looking more than once costs, in mature units of all variants."""
    cost = comparison.looks
    if cost is None:
        return None
    most = None if units is None else math.ceil(units * known.eligible)
    return LooksPlan(
        engine=cost.engine,
        looks=cost.looks,
        inflation=cost.inflation,
        max_units=most,
        expected_units=None if most is None else math.ceil(most * cost.expected),
        ends_at=limit if limit is not None and most is not None and limit < most else None,
    )


def _relative(effect: float | None, known: Known) -> float | None:
    return effect / abs(known.value) if effect is not None and known.value else None


def _up(metric: Metric) -> bool:
    return metric.desired_change == "increase"
