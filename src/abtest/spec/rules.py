"""What must hold between the parts of a spec, and what is worth a warning.

Each rule yields faults with a path; the loader adds file and line.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.fields import format_duration
from abtest.metrics.base import EventMetric
from abtest.sources.tables import AssignmentsFromEvents
from abtest.spec.aggregate_rules import aggregate_faults
from abtest.spec.bayes_rules import bayes_faults
from abtest.spec.covariates import ColumnCovariate
from abtest.spec.data_rules import data_faults
from abtest.spec.faults import nearest
from abtest.spec.metric_rules import metric_faults
from abtest.spec.money_rules import incentives_without_cost, money_faults
from abtest.spec.split_rules import split_advice, split_faults
from abtest.stats.summaries import Clusters, Moments, ValueCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abtest.metrics.base import Metric
    from abtest.spec.experiment import Spec
    from abtest.spec.names import Names
    from abtest.stats.summaries import Summary

PERCENT_TOTALS = (100, 1_000, 10_000)
_HIDDEN = re.compile(r"^\s|\s$|[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_AFTER_TREATMENT = re.compile(
    r"(?i)(?<![a-z])open(ed|er|ers|s)?\b|click|deliver|viewed|seen|engaged"
)


def faults_in(spec: Spec, names: Names) -> list[Fault]:
    """Every rule that the spec breaks."""
    rules: list[Callable[[Spec, Names], Iterator[Fault]]] = [
        _variants,
        _weights,
        _overrides,
        _metric_keys,
        _primary,
        _analysis_names,
        _baselines,
        _lengths,
    ]
    if names.has_data:
        rules += [_shape, data_faults, metric_faults, aggregate_faults, _from_events, money_faults]
    return [*split_faults(spec), *(fault for rule in rules for fault in rule(spec, names))]


def advice_on(spec: Spec) -> list[Fault]:
    """What is allowed but probably not meant."""
    rules = (
        _hidden_marks,
        _prices,
        incentives_without_cost,
        _populations,
        _anchors,
        _starts,
        _margins,
    )
    return [*split_advice(spec), *(fault for rule in rules for fault in rule(spec))]


def _variants(spec: Spec, names: Names) -> Iterator[Fault]:
    if spec.variants is None and spec.factors is None:
        hint = "add `variants: [{key: control, control: true}, {key: coupon}]`"
        yield Fault(("variants",), "is missing; a spec must have variants, or factors", hint)
    if spec.variants is not None and spec.factors is not None:
        message = "is there as well as variants; it must be one of the two"
        yield Fault(("factors",), message, "with factors the variants are the cells")
    variants = spec.variants or ()
    for key, count in Counter(variant.key for variant in variants).items():
        if count > 1:
            yield Fault(("variants",), f"has {count} variants called {key!r}; keys must differ")
    controls = [variant.key for variant in variants if variant.control]
    wrong = len(controls) != 1 and not names.misspells("control")
    if len(variants) > 1 and wrong:
        named = (
            f"has {len(controls)} controls ({', '.join(controls)})"
            if controls
            else "has no control"
        )
        hint = "mark one variant with `control: true`"
        yield Fault(("variants",), f"{named}; it must have exactly one", hint)


def _weights(spec: Spec, names: Names) -> Iterator[Fault]:
    variants = spec.variants or ()
    if not variants:
        return
    given = ["weight" in variant.model_fields_set for variant in variants]
    weights = [variant.weight for variant in variants]
    total = sum(weights)
    if names.misspells("weight"):
        return
    if any(given) and not all(given):
        missing = ", ".join(v.key for v, has in zip(variants, given, strict=True) if not has)
        hint = "give every variant a weight, or none for an equal split"
        yield Fault(("variants",), f"has weights for some variants but not for {missing}", hint)
    elif total == 0:
        yield Fault(("variants",), "has weights that sum to 0; at least one must be positive")
    elif max(weights) >= 10 and total not in PERCENT_TOTALS and len(set(weights)) > 1:
        hint = "shares sum to 100, 1000 or 10000; small parts such as 2 and 1 may sum to anything"
        yield Fault(("variants",), f"has weights that sum to {total}; they must sum to 100", hint)


def _overrides(spec: Spec, names: Names) -> Iterator[Fault]:
    for unit, variant in spec.assignment.overrides.items():
        if names.variants and variant not in names.variants:
            path = ("assignment", "overrides", unit)
            hint = nearest(variant, list(names.variants))
            yield Fault(path, f"is {variant!r}, which is no variant", hint)


def _metric_keys(_: Spec, names: Names) -> Iterator[Fault]:
    for key, count in Counter(names.metrics).items():
        if count > 1:
            yield Fault(("metrics",), f"has {count} metrics called {key!r}; keys must differ")


def _primary(spec: Spec, names: Names) -> Iterator[Fault]:
    compared = spec.factors is not None or len(spec.variants or ()) > 1
    if compared and not names.has_primary:
        hint = "add `role: primary` to the metric that decides"
        yield Fault(("metrics",), "has no primary metric; it must have at least one", hint)


def _shape(spec: Spec, names: Names) -> Iterator[Fault]:
    if names.has_unit_rows and names.has_assignments:
        message = "has assignments as well as units.variant; it must say once who got which variant"
        yield Fault(("data",), message)
    if not (names.has_unit_rows or names.has_assignments or names.has_aggregates):
        message = (
            "says nowhere who got which variant; it must have assignments (with events), or units "
            "with a variant column (or totals, or moments)"
        )
        yield Fault(("data",), message)
    if spec.unit is None and names.has_assignments:
        yield Fault(("unit",), "is null; with assignments it must name the column of unit ids")


def _from_events(spec: Spec, names: Names) -> Iterator[Fault]:
    assignments = spec.data.assignments
    if not isinstance(assignments, AssignmentsFromEvents):
        return
    path = ("data", "assignments", "from_events")
    if len(names.variants) != 1:
        hint = "a log says nothing about who got what; assignments come from a file"
        yield Fault(path, "enrols every unit in one variant; the spec must have exactly one", hint)


def _analysis_names(spec: Spec, names: Names) -> Iterator[Fault]:
    metrics = {metric.key: metric for metric in spec.metrics}
    for key, method in spec.analysis.methods.items():
        path = ("analysis", "methods", key)
        if key not in names.metrics:
            yield Fault(path, "is no metric", nearest(key, list(names.metrics)))
        elif key in metrics and method.takes not in _compared_on(spec, metrics[key]):
            message = f"is {method.kind}, which does not fit a {metrics[key].kind}"
            yield Fault(path, message)
    yield from bayes_faults(spec, names.metrics)
    for i, name in enumerate(spec.analysis.covariates):
        if name in spec.analysis.covariates[:i]:
            message = f"is {name!r} once more; each must be named once"
            yield Fault(("analysis", "covariates", i), message)
        if name not in names.covariates:
            message = f"is {name!r}, which is no covariate"
            yield Fault(
                ("analysis", "covariates", i), message, nearest(name, list(names.covariates))
            )


def _baselines(spec: Spec, names: Names) -> Iterator[Fault]:
    for key in spec.plan.baselines if spec.plan is not None else ():
        if key not in names.metrics:
            path = ("plan", "baselines", key)
            yield Fault(path, "is no metric", nearest(key, list(names.metrics)))


def _compared_on(spec: Spec, metric: Metric) -> tuple[type[Summary], ...]:
    if spec.cluster is not None:
        return (Clusters,)
    # A mean may also be compared on the values themselves, by resampling or by its median.
    return (Moments, ValueCounts) if metric.summary is Moments else (metric.summary,)


def _lengths(spec: Spec, _: Names) -> Iterator[Fault]:
    """Lengths of time that cannot be negative."""
    for name, stream in spec.data.events.items():
        if stream.lag < timedelta(0):
            message = f"is {format_duration(stream.lag)}; it must be 0d or more"
            yield Fault(("data", "events", name, "lag"), message)
    for i, metric in enumerate(spec.metrics):
        prior = getattr(metric, "prior", None)
        if prior is not None and prior.lookback <= timedelta(0):
            message = f"is {format_duration(prior.lookback)}; it must be above 0d"
            yield Fault(("metrics", i, "prior", "lookback"), message, "365d looks back a year")
    horizon = spec.decision.horizon if spec.decision is not None else None
    if horizon is not None and horizon <= timedelta(0):
        message = f"is {format_duration(horizon)}; it must be above 0d"
        yield Fault(("decision", "horizon"), message)


def _hidden_marks(spec: Spec) -> Iterator[Fault]:
    """A name with invisible marks looks like another; joiners are letters' own in Persian."""
    for i, variant in enumerate(spec.variants or ()):
        if _HIDDEN.search(variant.key):
            message = f"is {variant.key!a}, with blanks or marks that cannot be seen"
            hint = "the data must hold the same ones; most probably they came in by copying"
            yield Fault(("variants", i, "key"), message, hint)


def _prices(spec: Spec) -> Iterator[Fault]:
    for i, variant in enumerate(spec.variants or ()):
        if spec.kind == "pricing" and not any("price" in key for key in variant.payload):
            message = f"is a pricing experiment, but {variant.key} has no price in its payload"
            yield Fault(("variants", i), message, "add `payload: {price: 9.99}`")


def _populations(spec: Spec) -> Iterator[Fault]:
    """A population that the treatment may have moved, such as those who opened the message."""
    if spec.kind != "messaging":
        return
    hint = "who opens depends on the message; analyse everyone who was assigned"
    tables = {"assignments": spec.data.assignments, "units": spec.data.units}
    for name, table in tables.items():
        path = getattr(table, "path", "")
        if _AFTER_TREATMENT.search(path):
            message = f"is {path!r}, which sounds like a population defined after the treatment"
            yield Fault(("data", name, "path"), message, hint)
        for i, keep in enumerate(getattr(table, "keep", ())):
            if _AFTER_TREATMENT.search(keep.column):
                message = f"keeps units by {keep.column!r}, which happens after the treatment"
                yield Fault(("data", name, "keep", i), message, hint)
        for i, rule in enumerate(getattr(table, "exclude", ())):
            if _AFTER_TREATMENT.search(rule.column):
                message = f"leaves units out by {rule.column!r}, which happens after the treatment"
                yield Fault(("data", name, "exclude", i), message, hint)
    yield from _late_columns(spec)


def _late_columns(spec: Spec) -> Iterator[Fault]:
    """Segments and covariates that are probably from after the treatment."""
    hint = "use what was known before the assignment"
    for key, covariate in spec.covariates.items():
        if isinstance(covariate, ColumnCovariate) and _AFTER_TREATMENT.search(covariate.column):
            message = f"is {covariate.column!r}, which sounds like something after the treatment"
            yield Fault(("covariates", key, "column"), message, hint)
    for i, segment in enumerate(spec.analysis.segments):
        if _AFTER_TREATMENT.search(segment):
            message = f"is {segment!r}, which sounds like something after the treatment"
            yield Fault(("analysis", "segments", i), message, hint)


def _anchors(spec: Spec) -> Iterator[Fault]:
    if isinstance(spec.data.assignments, AssignmentsFromEvents):
        return
    for i, metric in enumerate(spec.metrics):
        if isinstance(metric, EventMetric) and metric.anchor != "assignment":
            message = "is anchored on an event after assignment, which the treatment may have moved"
            hint = "its numbers are descriptive; anchor the primary metric on assignment"
            yield Fault(("metrics", i, "anchor"), message, hint)
        if isinstance(metric, EventMetric) and metric.maturity == "all":
            message = "counts units whose window is not over as if it were: the result is biased"
            yield Fault(("metrics", i, "maturity"), message, "use `maturity: complete`")


def _starts(spec: Spec) -> Iterator[Fault]:
    for i, metric in enumerate(spec.metrics):
        if isinstance(metric, EventMetric) and metric.window.start < timedelta(0):
            message = "starts before the anchor, when the treatment could not have moved anything"
            hint = "start at 0d; what came before is a covariate"
            yield Fault(("metrics", i, "window"), message, hint)


def _margins(spec: Spec) -> Iterator[Fault]:
    for i, metric in enumerate(spec.metrics):
        if metric.role == "guardrail" and metric.non_inferiority_margin is None:
            message = "is a guardrail without a margin: it can only show harm, never pass"
            hint = "add `non_inferiority_margin: {relative: 0.02}`"
            yield Fault(("metrics", i), message, hint)
