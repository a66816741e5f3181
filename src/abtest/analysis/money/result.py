"""What a decision in money found: small enough to be read by hand, and part of the result."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from abtest.analysis.texts import Text


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Step(_Frozen):
    """One line of the arithmetic, per assigned customer.

    Attributes:
        key: What it is, such as ``revenue`` or ``contribution``.
        control: Control's mean.
        variant: The variant's mean.
        difference: The variant's less control's.
        how: How it follows from the lines above; empty for what was counted.
    """

    key: str
    control: float
    variant: float
    difference: float
    how: Text = ""


class Measure(_Frozen):
    """One number about the money, with its interval.

    Attributes:
        key: What it is, such as ``bought_anyway``.
        unit: ``money``, ``share``, ``count`` or ``weeks``.
        value: The number; None where there is none, and the notes say why.
        ci_low: The lower end; None where that side has no bound.
        ci_high: The upper end.
        shape: ``outside`` where the set is what lies outside the ends, up to ci_low and from
            ci_high on; ``everything`` where the data reject no value at all.
        notes: What it assumes and what needs care.
    """

    key: str
    unit: Literal["money", "share", "count", "weeks"]
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    shape: Literal["interval", "outside", "everything"] = "interval"
    notes: tuple[Text, ...] = ()


class Week(_Frozen):
    """Incremental contribution of one stretch of time, per assigned customer.

    Attributes:
        start: Days after the assignment on which it starts.
        end: Days on which it ends.
        difference: The variant's contribution less control's.
        ci_low: The lower end of its interval.
        ci_high: The upper end.
        running: The sum of the differences up to its end.
    """

    start: float
    end: float
    difference: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    running: float | None = None


class SegmentMoney(_Frozen):
    """What a variant is worth to the customers of one segment.

    Attributes:
        segment: The segment: a value of the attribute.
        n: Customers counted.
        n_control: Customers of control counted.
        share: The segment's share of all customers counted.
        difference: Incremental contribution per customer of the segment.
        ci_low: The lower end of its interval.
        ci_high: The upper end.
        shrunk_difference: What is left of it once it is drawn towards the other segments.
        treat: Whether that is above 0.
    """

    segment: str
    n: int
    n_control: int
    share: float
    difference: float
    ci_low: float
    ci_high: float
    shrunk_difference: float
    treat: bool


class PolicyMoney(_Frozen):
    """What a way to choose customers is worth, compared with treating nobody.

    Attributes:
        policy: ``nobody``, ``everybody`` or ``chosen``.
        value: Contribution per customer, treated or not.
        ci_low: The lower end of its interval; None where it is 0 without doubt.
        ci_high: The upper end.
        total: The same for the whole population, less launch costs; None without a population, or
            where nobody is chosen.
    """

    policy: Literal["nobody", "everybody", "chosen"]
    value: float
    ci_low: float | None = None
    ci_high: float | None = None
    total: float | None = None


class TargetingMoney(_Frozen):
    """Who should get the variant, by one attribute.

    Attributes:
        attribute: The attribute that makes the segments.
        segments: What the variant is worth to each; empty where nothing can be said.
        policies: What treating nobody, everybody and the chosen segments is worth.
        notes: What needs care.
    """

    attribute: str
    segments: tuple[SegmentMoney, ...] = ()
    policies: tuple[PolicyMoney, ...] = ()
    notes: tuple[Text, ...] = ()


class VariantMoney(_Frozen):
    """What one variant is worth compared with control.

    Attributes:
        variant: The variant.
        n: Customers counted.
        n_control: Customers of control counted.
        contribution: Contribution per assigned customer.
        contribution_control: Control's.
        difference: Incremental contribution per assigned customer, the main outcome.
        ci_low: The lower end of its interval.
        ci_high: The upper end.
        se: Its standard error.
        df: Degrees of freedom of the standard error.
        pvalue: Two-sided p-value of no difference.
        method: How it was compared.
        pvalue_adjusted: The p-value that allows for several variants; None with one.
        ci_low_adjusted: The lower end of the interval that goes with it, which the decision takes.
        ci_high_adjusted: Its upper end.
        ci_adjustment: How it was widened.
        posterior_mean: The mean of the belief about it.
        posterior_sd: Its standard deviation.
        posterior_low: The lower end of the credible interval.
        posterior_high: The upper end.
        prob_pays: The probability that it is above 0, after what it costs to change.
        expected_loss: What shipping is expected to lose per customer where it does not pay.
        launch_cost: Per customer of the population: the fixed cost and the cost to change.
        value: Incremental contribution of the whole population less launch costs.
        value_ci_low: The lower end of its interval.
        value_ci_high: The upper end.
        regret: Expected loss of the better choice over the population.
        value_of_waiting: What one more cycle is expected to be worth over the population, less
            the cost of waiting.
        steps: The arithmetic.
        measures: What the money did.
        weeks: Incremental contribution over time.
        targeting: Who should get the variant, by each declared attribute.
        notes: What needs care.
    """

    variant: str
    n: int
    n_control: int
    contribution: float | None = None
    contribution_control: float | None = None
    difference: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    se: float | None = None
    df: float | None = None
    pvalue: float | None = None
    method: str | None = None
    pvalue_adjusted: float | None = None
    ci_low_adjusted: float | None = None
    ci_high_adjusted: float | None = None
    ci_adjustment: str | None = None
    posterior_mean: float | None = None
    posterior_sd: float | None = None
    posterior_low: float | None = None
    posterior_high: float | None = None
    prob_pays: float | None = None
    expected_loss: float | None = None
    launch_cost: float = 0.0
    value: float | None = None
    value_ci_low: float | None = None
    value_ci_high: float | None = None
    regret: float | None = None
    value_of_waiting: float | None = None
    steps: tuple[Step, ...] = ()
    measures: tuple[Measure, ...] = ()
    weeks: tuple[Week, ...] = ()
    targeting: tuple[TargetingMoney, ...] = ()
    notes: tuple[Text, ...] = ()

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The interval that the decision takes: it allows for several variants."""
        if self.ci_low_adjusted is None or self.ci_high_adjusted is None:
            return self.ci_low, self.ci_high
        return self.ci_low_adjusted, self.ci_high_adjusted


class Money(_Frozen):
    """The decision in money.

    Attributes:
        currency: The currency's label; None where the spec names none.
        horizon: Over which time money was counted, such as ``30d``; None for one row per unit.
        asked_horizon: What the spec asks for, where the data do not reach that far.
        population: How many customers the decision is for; None where values are per customer.
        ci_level: Coverage of the intervals.
        prior_mean: The prior's mean; None for a flat prior.
        prior_sd: Its standard deviation.
        variants: One for each variant but control.
        notes: What holds for all variants.
    """

    currency: str | None = None
    horizon: str | None = None
    asked_horizon: str | None = None
    population: int | None = None
    ci_level: float
    prior_mean: float | None = None
    prior_sd: float | None = None
    variants: tuple[VariantMoney, ...] = ()
    notes: tuple[Text, ...] = ()
