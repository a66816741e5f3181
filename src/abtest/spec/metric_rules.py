"""What must hold between a metric or a covariate and the rest of the spec."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.fields import DAY, format_duration
from abtest.metrics.base import EventMetric
from abtest.metrics.first_event import FirstEventMetric
from abtest.metrics.ratio import RatioMetric
from abtest.metrics.sum import SumMetric
from abtest.metrics.survey import SurveyMetric
from abtest.spec.covariates import ColumnCovariate, EventCovariate
from abtest.spec.faults import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abtest.metrics.base import Metric
    from abtest.spec.experiment import Spec
    from abtest.spec.names import Names

ADDABLE = ("mean", "count", "sum")


def metric_faults(spec: Spec, names: Names) -> Iterator[Fault]:
    """Every rule about metrics and covariates that the spec breaks."""
    rules: list[Callable[[Spec, Names], Iterator[Fault]]] = [
        _event_metrics,
        _values,
        _anchors,
        _maturity,
        _column_metrics,
        _ratios,
        _covariates,
    ]
    for rule in rules:
        yield from rule(spec, names)


def _event_metrics(spec: Spec, names: Names) -> Iterator[Fault]:
    for i, metric in enumerate(spec.metrics):
        if names.has_aggregates:
            continue
        if isinstance(metric, EventMetric) and not names.has_assignments:
            hint = "add data.assignments, or use a metric on a column (proportion, mean, ratio)"
            yield Fault(("metrics", i), "counts events, but the data has no assignments", hint)


def _values(spec: Spec, _: Names) -> Iterator[Fault]:
    """Sums and scores need a stream with values."""
    for metric in spec.metrics:
        if isinstance(metric, SumMetric) and _worthless(spec, metric.events):
            hint = "add `value: amount`, the column with what an event is worth"
            yield _without_value(metric.events, f"metric {metric.key} adds it up", hint)
        if isinstance(metric, SurveyMetric) and _worthless(spec, metric.events):
            hint = "add `value: score`, the column with the answer"
            yield _without_value(metric.events, f"metric {metric.key} is its score", hint)
    for key, covariate in spec.covariates.items():
        if not isinstance(covariate, EventCovariate) or covariate.kind != "sum":
            continue
        if _worthless(spec, covariate.events):
            hint = "add `value: amount`, the column with what an event is worth"
            yield _without_value(covariate.events, f"covariate {key} adds it up", hint)


def _without_value(stream: str, who: str, hint: str) -> Fault:
    return Fault(("data", "events", stream, "value"), f"is missing; {who}", hint)


def _worthless(spec: Spec, stream: str) -> bool:
    return stream in spec.data.events and spec.data.events[stream].value is None


def _anchors(spec: Spec, _: Names) -> Iterator[Fault]:
    for i, metric in enumerate(spec.metrics):
        if isinstance(metric, EventMetric) and metric.anchor == metric.events:
            message = f"is {metric.anchor!r}, the metric's own stream; it must be first_event"
            yield Fault(("metrics", i, "anchor"), message)


def _maturity(spec: Spec, _: Names) -> Iterator[Fault]:
    """A survival curve is of a time to a first event."""
    for i, metric in enumerate(spec.metrics):
        if not isinstance(metric, EventMetric) or "censored" not in metric.readings:
            continue
        why = _no_first_event(metric)
        if why:
            message = f"reads a time to a first event off a survival curve; {why}"
            hint = "use `maturity: complete`"
            yield Fault(("metrics", i, "maturity"), message, hint)


def _no_first_event(metric: EventMetric) -> str:
    """Why a metric is no time to a first event, or nothing where it is."""
    if not isinstance(metric, FirstEventMetric):
        return f"a {metric.kind} is none, it must be complete or all"
    if metric.window.start != timedelta(0):
        start = format_duration(metric.window.start)
        return f"a bracket that starts at {start} is none, the window must start at 0d"
    if metric.window.end % DAY:
        end = format_duration(metric.window.end)
        return f"it counts days, so the window must end at whole days, not {end}"
    return ""


def _column_metrics(spec: Spec, names: Names) -> Iterator[Fault]:
    if names.has_aggregates:  # these have rules of their own
        return
    for i, metric in enumerate(spec.metrics):
        if metric.unit_row_columns() and not names.has_unit_rows:
            hint = "metrics on columns need data.units with a variant column"
            yield Fault(("metrics", i), "reads a column, but the data has no unit rows", hint)


def _ratios(spec: Spec, names: Names) -> Iterator[Fault]:
    by_key = {metric.key: metric for metric in spec.metrics}
    columns_allowed = not (names.has_assignments or names.has_aggregates)
    for i, metric in enumerate(spec.metrics):
        if not isinstance(metric, RatioMetric):
            continue
        parts = []
        for side in ("numerator", "denominator"):
            name = getattr(metric, side)
            part = by_key.get(name)
            if part is None and name not in names.metrics and not columns_allowed:
                message = f"is {name!r}, which is no metric"
                known = [key for key, other in by_key.items() if other.kind in ADDABLE]
                yield Fault(("metrics", i, side), message, nearest(name, known))
            elif part is not None and part.kind not in ADDABLE:
                message = f"is {name!r}, a {part.kind}; it must be a mean, a count or a sum"
                yield Fault(("metrics", i, side), message)
            parts.append(part)
        top, bottom = parts
        if isinstance(top, EventMetric) and isinstance(bottom, EventMetric):
            same = top.anchor == bottom.anchor and top.maturity == bottom.maturity
            if not same or top.window != bottom.window:
                message = "has parts with different windows, anchors or maturity; they must agree"
                yield Fault(("metrics", i), message)


def _covariates(spec: Spec, names: Names) -> Iterator[Fault]:
    for key, covariate in spec.covariates.items():
        if isinstance(covariate, EventCovariate):
            if not names.has_assignments:
                message = "counts events, but the data has no assignments"
                hint = "use `{kind: column, column: ...}`, a column of data.units"
                yield Fault(("covariates", key), message, hint)
        elif spec.data.units is None:
            hint = "add `data.units: {path: customers.parquet}`"
            yield Fault(("covariates", key), "reads a column, but the data has no units", hint)
        for metric in spec.metrics:
            if isinstance(covariate, ColumnCovariate) and covariate.column in _outcomes(metric):
                message = f"is {covariate.column!r}, an outcome: {metric.key} reads it"
                hint = "a covariate is known before the treatment"
                yield Fault(("covariates", key, "column"), message, hint)


def _outcomes(metric: Metric) -> tuple[str, ...]:
    """The columns of data.units that a metric reads."""
    if isinstance(metric, RatioMetric):
        return (metric.numerator, metric.denominator)
    return tuple(metric.unit_row_columns().values())
