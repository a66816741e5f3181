"""What must hold where rows are coarser or finer than units: totals, moments, averages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.metrics.base import ColumnMetric
from abtest.metrics.mean import MeanMetric
from abtest.metrics.proportion import ProportionMetric
from abtest.metrics.survival import SurvivalMetric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.metrics.base import Metric
    from abtest.spec.experiment import Spec
    from abtest.spec.names import Names


def aggregate_faults(spec: Spec, names: Names) -> Iterator[Fault]:
    """Every rule about rows that are not one per unit that the spec breaks."""
    if names.has_aggregates:
        yield from _said_once(names)
    for i, metric in enumerate(spec.metrics):
        if names.has_totals:
            yield from _on_totals(i, metric)
        elif names.has_moments:
            yield from _on_moments(i, metric)
        else:
            yield from _on_rows(i, metric)
    means = [i for i, metric in enumerate(spec.metrics) if isinstance(metric, MeanMetric)]
    if names.has_moments and not names.has_totals and len(means) > 1:
        hint = "use one spec for each, with `keep` where one file has the moments of several"
        message = "is a second mean, but moments are of one metric"
        yield Fault(("metrics", means[1]), message, hint)
    yield from _averaged(spec)


def _said_once(names: Names) -> Iterator[Fault]:
    block = "totals" if names.has_totals else "moments"
    others = {
        "moments": names.has_totals and names.has_moments,
        "assignments": names.has_assignments,
        "units with a variant column": names.has_unit_rows,
    }
    for other, is_there in others.items():
        if is_there:
            message = f"is there as well as {other}; the data must say once who got which variant"
            yield Fault(("data", block), message)


def _on_totals(i: int, metric: Metric) -> Iterator[Fault]:
    hint = "write `{kind: proportion, successes: Enrollments, trials: Clicks}`"
    if not isinstance(metric, ProportionMetric):
        message = f"is a {metric.kind}, but the data are totals, which have proportions only"
        yield Fault(("metrics", i), message, hint)
        return
    if metric.column is not None:
        yield Fault(("metrics", i, "column"), "reads rows of units, but the data are totals", hint)
        return
    for key in ("successes", "trials"):
        if getattr(metric, key) is None:
            yield Fault(("metrics", i, key), "is missing; the data are totals", hint)


def _on_moments(i: int, metric: Metric) -> Iterator[Fault]:
    hint = "write `{kind: mean}`; data.moments names the columns"
    if not isinstance(metric, MeanMetric):
        message = f"is a {metric.kind}, but the data are moments, which have means only"
        yield Fault(("metrics", i), message, hint)
    elif metric.column is not None:
        yield Fault(("metrics", i, "column"), "reads rows of units, but the data are moments", hint)


def _on_rows(i: int, metric: Metric) -> Iterator[Fault]:
    if isinstance(metric, ProportionMetric) and (metric.successes or metric.trials):
        hint = "add `data.totals`, or read a `column` of data.units"
        message = "counts successes and trials, but the data has no totals"
        yield Fault(("metrics", i), message, hint)
    elif isinstance(metric, ColumnMetric) and metric.column is None:
        hint = "add `column: spend`, the column with each unit's outcome"
        yield Fault(("metrics", i, "column"), "is missing", hint)


def _averaged(spec: Spec) -> Iterator[Fault]:
    """An average of several flags or times is neither."""
    units = spec.data.units
    if units is None or units.repeated is None:
        return
    if spec.unit is None and units.unit is None:
        message = "averages the rows of a unit, but unit is null: each row is a unit of its own"
        yield Fault(("data", "units", "repeated"), message, "name the column of unit ids")
    if units.variant is None:
        message = "averages outcomes, but the table has no `variant` column"
        yield Fault(("data", "units", "repeated"), message)
    for i, metric in enumerate(spec.metrics):
        if isinstance(metric, ProportionMetric | SurvivalMetric):
            message = f"is a {metric.kind}, which an average over rows of a unit is not"
            yield Fault(("metrics", i), message, "use `kind: mean`: the mean of the averages")
