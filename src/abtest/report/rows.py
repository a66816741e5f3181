"""One record as a row of text: every number formatted, every name made safe to show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.report import numbers, words
from abtest.report.asides import asides_of
from abtest.report.footnotes import method_line
from abtest.report.languages import _, date, isolated
from abtest.report.numbers import ABSENT
from abtest.report.text import clean
from abtest.report.units import unit_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.analysis.result import Record, VariantEstimate
    from abtest.report.asides import Aside, SecondReadings
    from abtest.report.units import Unit

EstimateKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One contrast on one metric, or one variant where there is no comparison.

    A number that should be there and is absent is an em dash; a field that does not belong to this
    result at all is None, and its place is left out.

    Attributes:
        metric: The metric's key.
        name: The variant, or the contrast where it is not a variant.
        control: What it is compared with; None in a descriptive row.
        segment: Which customers; None for all of them.
        tags: Short words about the row: its verdict, its guardrail, its label.
        n: Units counted.
        n_control: Units counted in control.
        immature: Units too young to count; None where there are none.
        immature_control: The same in control.
        pending: When the metric becomes readable, where it is not readable yet.
        value: The variant's value.
        value_ci: Its own interval; only in a descriptive row.
        value_control: Control's value.
        is_ratio: Whether the lift is a hazard ratio instead, and there is no difference.
        lift: Relative difference.
        lift_ci: Its interval.
        difference: Absolute difference.
        difference_ci: Its interval.
        difference_ci_adjusted: The interval that goes with the adjusted p-value.
        pvalue: Of no effect.
        pvalue_adjusted: The same, for the family.
        prob_beats_control: Posterior probability.
        prob_best: Posterior probability.
        expected_loss: Of shipping this variant.
        posterior_lift: Posterior median.
        posterior_lift_ci: Its credible interval.
        prob_in_rope: Posterior probability of practically no effect.
        method: How the numbers were made, in one line.
        notes: The marks of the row's footnotes.
        asides: What stands beside the numbers, as (label, text).
    """

    metric: str
    name: str
    control: str | None
    segment: str | None
    tags: tuple[str, ...]
    n: str
    n_control: str
    immature: str | None
    immature_control: str | None
    pending: str | None
    value: str
    value_ci: str
    value_control: str
    is_ratio: bool
    lift: str
    lift_ci: str
    difference: str
    difference_ci: str
    difference_ci_adjusted: str | None
    pvalue: str
    pvalue_adjusted: str | None
    prob_beats_control: str
    prob_best: str
    expected_loss: str
    posterior_lift: str
    posterior_lift_ci: str
    prob_in_rope: str | None
    method: str
    notes: tuple[int, ...]
    asides: tuple[Aside, ...]

    @property
    def has_posterior(self) -> bool:
        """Whether there is a Bayesian reading of this row."""
        return self.prob_beats_control != ABSENT

    @property
    def effect(self) -> tuple[str, str, str]:
        """What to show where there is room for one effect: its name, the number, its interval."""
        if self.is_ratio:
            return _("hazard ratio"), self.lift, self.lift_ci
        if self.lift_ci == ABSENT and self.difference_ci != ABSENT:
            return _("difference"), self.difference, self.difference_ci
        return _("lift"), self.lift, self.lift_ci

    @property
    def lift_or_ratio(self) -> str:
        """The lift; a hazard ratio says that it is one."""
        is_named = self.is_ratio and self.lift != ABSENT
        return _("hazard ratio {number}", number=self.lift) if is_named else self.lift

    @property
    def immature_both(self) -> str | None:
        """Immature units of control and variant; None where there are none."""
        if self.immature is None and self.immature_control is None:
            return None
        none = numbers.count(0)
        return numbers.arrow(self.immature_control or none, self.immature or none)

    @property
    def sentence(self) -> str:
        """The row in words, for people who do not read tables; for browsers."""
        name, number, interval = self.effect
        metric, variant = isolated(self.metric), isolated(self.name)
        if number == ABSENT:
            return _("{metric}, {variant}: no number yet.", metric=metric, variant=variant)
        if self.is_descriptive:
            metric = _("{metric} (descriptive, not a randomised comparison)", metric=metric)
        told = self._effect_told(metric, variant, isolated(self.control or ""))
        if interval == ABSENT:
            return _("{told}.", told=told)
        between = interval if numbers.is_open(interval) else _("from {range}", range=interval)
        return _(
            "{told}. The data supports a {effect} {between}.",
            told=told,
            effect=name,
            between=between,
        )

    def _effect_told(self, metric: str, variant: str, control: str) -> str:
        name, number, _interval = self.effect
        if self.value == ABSENT:
            return _(
                "{metric}, {variant} against {control}: a {effect} of {number}",
                metric=metric,
                variant=variant,
                control=control,
                effect=name,
                number=number,
            )
        return _(
            "{metric} was {value_control} with {control} and {value} with {variant}: "
            "a {effect} of {number}",
            metric=metric,
            variant=variant,
            control=control,
            value_control=self.value_control,
            value=self.value,
            effect=name,
            number=number,
        )

    @property
    def is_descriptive(self) -> bool:
        """Whether the row is labelled as no randomised comparison."""
        return _(words.DESCRIPTIVE) in self.tags


@dataclass(frozen=True, slots=True)
class Around:
    """What the result says about its records elsewhere.

    Attributes:
        spec: The spec.
        estimates: The variants' own intervals by metric and variant, used in descriptive rows.
        second: The readings off the survival curve.
    """

    spec: dict[str, Any]
    estimates: Mapping[EstimateKey, VariantEstimate]
    second: SecondReadings


def build_row(record: Record, around: Around, notes: tuple[int, ...]) -> Row:
    """Format one record.

    Args:
        record: The record.
        around: What the result says about it elsewhere.
        notes: The marks of its footnotes.

    Returns:
        The row.
    """
    unit = unit_of(record, around.spec)
    value_control, value, value_ci = _values(record, around.estimates, unit)
    lift, lift_ci, difference, difference_ci = _effects(record, unit)
    posterior, posterior_ci = numbers.lift_with_interval(
        record.posterior_lift, record.posterior_lift_low, record.posterior_lift_high
    )
    return Row(
        metric=clean(record.metric),
        name=contrast_name(record),
        control=None if record.control is None else clean(record.control),
        segment=None if record.segment is None else clean(record.segment),
        tags=_tags(record),
        n=numbers.count(record.n),
        n_control=numbers.count(record.n_control),
        immature=_immature(record.n_immature),
        immature_control=_immature(record.n_immature_control),
        pending=_pending(record),
        value=value,
        value_ci=value_ci,
        value_control=value_control,
        is_ratio=unit.is_ratio,
        lift=lift,
        lift_ci=lift_ci,
        difference=difference,
        difference_ci=difference_ci,
        difference_ci_adjusted=_adjusted_interval(record, unit),
        pvalue=numbers.pvalue(record.pvalue),
        pvalue_adjusted=_adjusted_pvalue(record),
        prob_beats_control=numbers.probability(record.prob_beats_control),
        prob_best=numbers.probability(record.prob_best),
        expected_loss=numbers.expected_loss(
            record.expected_loss, unit=unit, model=record.bayes_model
        ),
        posterior_lift=posterior,
        posterior_lift_ci=posterior_ci,
        prob_in_rope=_rope(record),
        method=method_line(record, around.spec),
        notes=notes,
        asides=asides_of(record, around.spec, unit, around.second),
    )


def contrast_name(record: Record) -> str:
    """The contrast where it is a main effect or an interaction, else the variant."""
    is_effect = record.contrast.startswith(("main:", "interaction:", "simple:"))
    return clean(record.contrast if is_effect else record.variant)


def _effects(record: Record, unit: Unit) -> tuple[str, str, str, str]:
    """Lift and difference with their intervals; for a hazard ratio that alone."""
    lift = record.lift, record.lift_ci_low, record.lift_ci_high
    if unit.is_ratio:
        return (*numbers.ratio_with_interval(*lift), ABSENT, ABSENT)
    difference = numbers.difference_with_interval(
        record.difference, record.difference_ci_low, record.difference_ci_high, unit=unit
    )
    return (*numbers.lift_with_interval(*lift), *difference)


def _values(
    record: Record, estimates: Mapping[EstimateKey, VariantEstimate], unit: Unit
) -> tuple[str, str, str]:
    """Control's value, the variant's, and its own interval where it stands alone."""
    if record.control is not None:
        return (
            *numbers.compared_values(record.value_control, record.value, unit=unit),
            ABSENT,
        )
    estimate = estimates.get((record.metric, record.variant))
    low, high = (estimate.ci_low, estimate.ci_high) if estimate else (None, None)
    return (ABSENT, *numbers.value_with_interval(record.value, low, high, unit=unit))


def _rope(record: Record) -> str | None:
    return None if record.prob_in_rope is None else numbers.probability(record.prob_in_rope)


def _tags(record: Record) -> tuple[str, ...]:
    tags: list[str] = []
    is_plain = record.label == "confirmatory" or record.control is None
    if not is_plain and record.label != record.role:
        tags.append(words.readable(record.label))
    if record.verdict == "invalid":  # the headline says any other
        tags.append(words.verdict(record.verdict).lower())
    if record.guardrail is not None:
        tags.append(_(words.GUARDRAIL_WORDS[record.guardrail]))
    if record.harm:
        tags.append(_("harm shown"))
    if record.equivalent:
        tags.append(_("equivalent to control"))
    return tuple(tags)


def _immature(n: int | None) -> str | None:
    return numbers.count(n) if n else None


def _pending(record: Record) -> str | None:
    if record.n > 0 or not record.n_immature:
        return None
    if not record.readable_on:
        return _("not readable yet")
    return _("readable on {day}", day=date(record.readable_on))


def _adjusted_pvalue(record: Record) -> str | None:
    return None if record.pvalue_adjusted is None else numbers.pvalue(record.pvalue_adjusted)


def _adjusted_interval(record: Record, unit: Unit) -> str | None:
    low, high = record.difference_ci_low_adjusted, record.difference_ci_high_adjusted
    if low is None and high is None:
        return None
    if unit.is_ratio:
        # The difference is the log of the ratio.
        lifts = (None if end is None else math.expm1(end) for end in (low, high))
        return _("hazard ratio {number}", number=numbers.ratio_with_interval(None, *lifts)[1])
    return numbers.difference_with_interval(None, low, high, unit=unit)[1]
