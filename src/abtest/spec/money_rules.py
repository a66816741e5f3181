"""What must hold between the parts of a decision in money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.metrics.base import EventMetric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.spec.analysis import DecisionBlock, DecisionValue
    from abtest.spec.experiment import Spec
    from abtest.spec.names import Names


def money_faults(spec: Spec, _: Names) -> Iterator[Fault]:
    """Every rule of a decision in money that the spec breaks."""
    decision = spec.decision
    if decision is None:
        return
    if decision.value is None:
        yield from _without_value(decision)
        return
    if spec.kind == "pricing" and decision.unit_cost is None:
        hint = "a price changes the margin, so a margin in percent will not do: add unit_cost"
        yield Fault(("decision",), "asks for money but has no unit_cost", hint)
    if spec.kind == "incentive_mix":
        yield from incentives_without_cost(spec)
    if decision.margin_pct is not None and decision.unit_cost is not None:
        yield Fault(("decision", "unit_cost"), "is there beside margin_pct; one of them is enough")
    if decision.rule.max_regret is not None and decision.population is None:
        message = "is an amount for the whole population, but decision has no population"
        yield Fault(("decision", "rule", "max_regret"), message, "add `population: 250000`")
    yield from _source(spec, decision, decision.value)
    yield from _redemptions(spec, decision, decision.value)


def horizon_metric(spec: Spec) -> EventMetric | None:
    """The first primary metric with a window: what the horizon is where the spec has none."""
    found = [m for m in spec.metrics if m.role == "primary" and isinstance(m, EventMetric)]
    return found[0] if found else None


def incentives_without_cost(spec: Spec) -> Iterator[Fault]:
    """An incentive without a cost: advice, and a fault once money is asked for."""
    if spec.kind != "incentive_mix" or len(spec.variants or ()) < 2:
        return
    for i, variant in enumerate(spec.variants or ()):
        if variant.cost is None and not variant.control:
            message = f"is an incentive, but {variant.key} has no cost"
            yield Fault(("variants", i), message, "add `cost: {per_redemption: 4.00}`")


def _without_value(decision: DecisionBlock) -> Iterator[Fault]:
    hint = "add `value: {events: orders}` to decision"
    if "value" in decision.rule.require:
        message = "names value, but decision does not say what a unit is worth"
        yield Fault(("decision", "rule", "require"), message, hint)
    if decision.rule.max_regret is not None:
        message = "is an amount of money, but decision does not say what a unit is worth"
        yield Fault(("decision", "rule", "max_regret"), message, hint)


def _source(spec: Spec, decision: DecisionBlock, value: DecisionValue) -> Iterator[Fault]:
    path = ("decision", "value")
    if value.column is not None:
        units = spec.data.units
        if units is None or units.variant is None:
            message = "is a column of data.units, which has no outcomes here"
            yield Fault((*path, "column"), message, "name a stream: `value: {events: orders}`")
        if decision.unit_cost is not None and decision.unit_cost.per_event is not None:
            message = "needs events to count, but value names a column"
            yield Fault(("decision", "unit_cost", "per_event"), message, "name a column of costs")
        return
    table = spec.data.events.get(value.events or "")
    if table is not None and table.value is None:
        message = f"is {value.events!r}, a stream without a value"
        hint = f"add `value: amount` to data.events.{value.events}"
        yield Fault((*path, "events"), message, hint)
    if decision.horizon is None and horizon_metric(spec) is None:
        message = "asks for money but has no horizon, and no primary metric has a window"
        yield Fault(("decision",), message, "add `horizon: 60d`")


def _redemptions(spec: Spec, decision: DecisionBlock, value: DecisionValue) -> Iterator[Fault]:
    """A cost per redemption needs to know how often the incentive was used."""
    if value.basis == "net" or decision.redemptions is not None:
        return
    for i, variant in enumerate(spec.variants or ()):
        if variant.cost is not None and variant.cost.per_redemption:
            message = "is a cost per redemption, but decision has no redemptions to count"
            hint = "add `redemptions: redemptions` to decision and the stream to data.events"
            yield Fault(("variants", i, "cost", "per_redemption"), message, hint)
