"""A plan as it is shown and written: sizes, dates, and a verdict."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict


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


class LooksPlan(_Frozen):
    """What looking more than once costs a metric.

    Attributes:
        engine: ``lan_demets`` or ``confidence_sequence``.
        looks: How many looks are counted with.
        inflation: The largest sample as a multiple of that of one look.
        max_units: Mature units of all variants at the end: what `analysis.sequential.max_units`
            should be. None without an effect to size for.
        expected_units: Mature units when it stops, on average, where the effect is the planned one.
        ends_at: The spec's `max_units` where that is below what the effect needs: the plan ends
            there, however many come. None where it is enough, or the spec has none.
    """

    engine: Literal["lan_demets", "confidence_sequence"]
    looks: int
    inflation: float
    max_units: int | None
    expected_units: int | None
    ends_at: int | None = None


class FactorPlan(_Frozen):
    """What an effect of a factor needs, or of two together, that is as large as the metric's mde.

    Attributes:
        effect: ``main:gift``, or ``interaction:discount_pct*gift``.
        alpha: The error rate of one such effect, after correction.
        units: Units that must be enrolled in all cells together.
        weeks: Weeks of enrolment until then.
        readable_on: When it is readable after that enrolment.
        mde: The smallest effect that the planned enrolment finds.
        mde_relative: The same as a share of the metric's value.
        power: The chance that the planned enrolment finds an effect as large as the mde.
    """

    effect: str
    kind: Literal["main", "interaction"]
    alpha: float
    units: int | None
    weeks: int | None
    readable_on: date | None
    mde: float | None = None
    mde_relative: float | None = None
    power: float | None = None


class PriorPlan(_Frozen):
    """What the prior on the lift expects, before there are data.

    Attributes:
        lift_low: The lower end of the improvements that it holds likely (95%).
        lift_high: The upper end.
        observed_low: The lower end of what the planned experiment may show: chance is in it too.
        observed_high: The upper end.
        prob_worthwhile: The chance of an improvement as large as the mde.
        prob_claimed: The chance that the posterior will say better with 95% certainty.
        prob_right: The share of such claims that is right.
    """

    lift_low: float
    lift_high: float
    observed_low: float
    observed_high: float
    prob_worthwhile: float
    prob_claimed: float
    prob_right: float


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
        prior: What the prior on the lift expects of the planned enrolment.
        curve: The same week by week.
        by_latest: The same of the last week of enrolment that can be read in time; None where
            none can.
        looks: What a sequential plan costs; None where there is one look.
        factors: Effects of a factorial design's factors; the rest is about its cells.
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
    prior: PriorPlan | None = None
    curve: tuple[Week, ...] = ()
    by_latest: Week | None = None
    looks: LooksPlan | None = None
    factors: tuple[FactorPlan, ...] = ()
    problem: str | None = None


class CovariateBalance(_Frozen):
    """One covariate of a variant beside control's.

    Attributes:
        standardized_difference: In standard deviations; None where nothing varies.
    """

    covariate: str
    mean: float
    mean_control: float
    standardized_difference: float | None


class VariantBalance(_Frozen):
    """How a variant differs from control beforehand.

    Attributes:
        distance: Mahalanobis's, of all covariates' means; None where nothing varies.
        pvalue: Of one F test for all covariates together.
    """

    variant: str
    n: int
    n_control: int
    distance: float | None
    pvalue: float | None
    covariates: tuple[CovariateBalance, ...]


class BalancePlan(_Frozen):
    """How alike the variants of a known list are before anything is sent.

    Attributes:
        seed: The seed that is best balanced of those that were tried.
        seeds: How many were tried; 1 is the spec's own.
        covariates: What was compared.
        distance: The largest distance of any variant, which ranks seeds.
        own_distance: The same of the spec's own seed.
    """

    seed: str
    seeds: int
    covariates: tuple[str, ...]
    distance: float
    own_distance: float | None = None
    variants: tuple[VariantBalance, ...]


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
        balance: How alike the variants of a known list are; None without a list.
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
    balance: BalancePlan | None = None

    def to_dict(self) -> dict[str, object]:
        """The plan as plain JSON types, with the key ``schema`` first."""
        data = self.model_dump(mode="json")
        return {"schema": data.pop("schema_"), **data}
