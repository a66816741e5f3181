"""What the spec can say and this version cannot do yet: refused, never silently left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.sequential.faults import plan_faults
from abtest.analysis.strata import entry_weights
from abtest.errors import Fault
from abtest.metrics.base import EventMetric
from abtest.sources.tables import AssignmentsFromEvents
from abtest.stats.summaries import LifeTable, ValueCounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.spec import Spec


def unsupported_in(spec: Spec) -> list[Fault]:
    """One fault for each thing that the spec asks for and this version cannot do."""
    return list(_unsupported(spec))


def _unsupported(spec: Spec) -> Iterator[Fault]:
    asked: dict[tuple[str | int, ...], bool] = {
        # Without times of assignment nobody knows under which weights a unit entered.
        ("assignment", "phases"): spec.data.assignments is None and len(entry_weights(spec)) > 1,
    }
    hint = "take it out of the spec to analyse the rest"
    for path, is_asked in asked.items():
        if is_asked:
            yield Fault(path, "is not analysed by this version of abtest", hint)
    yield from _with_segments(spec)
    if spec.cluster is not None:
        yield from _with_clusters(spec)
    if spec.data.totals is not None or spec.data.moments is not None:
        yield from _with_aggregates(spec)
    yield from plan_faults(spec)


def _with_segments(spec: Spec) -> Iterator[Fault]:
    """Segments are columns of data.units, one value for each unit."""
    if not spec.analysis.segments:
        return
    path, units = ("analysis", "segments"), spec.data.units
    if units is None:
        message = "names columns of data.units, which the spec does not have"
        yield Fault(path, message, "add `units: {path: customers.parquet}` to data")
    elif units.repeated == "mean":
        message = "needs one row per unit, but data.units averages several"
        yield Fault(path, message, "take it out of the spec to analyse the rest")


def _with_clusters(spec: Spec) -> Iterator[Fault]:
    """What has no analysis by cluster."""
    logged = isinstance(spec.data.assignments, AssignmentsFromEvents)
    asked: dict[tuple[str | int, ...], bool] = {
        ("data", "assignments", "from_events"): logged,
        ("assignment", "phases"): len(entry_weights(spec)) > 1,
        ("decision", "value"): _asks_for_money(spec),
    }
    for i, metric in enumerate(spec.metrics):
        censored = isinstance(metric, EventMetric) and "censored" in metric.readings
        asked["metrics", i] = censored or metric.summary in (LifeTable, ValueCounts)
    hint = "take it out of the spec, or `cluster` if units were split one by one"
    for path, is_asked in asked.items():
        if is_asked:
            yield Fault(path, "is not analysed by cluster by this version of abtest", hint)


def _asks_for_money(spec: Spec) -> bool:
    return spec.decision is not None and spec.decision.value is not None


def _with_aggregates(spec: Spec) -> Iterator[Fault]:
    """What needs rows of units."""
    asked: dict[tuple[str | int, ...], bool] = {
        ("cluster",): spec.cluster is not None,
        ("assignment", "stratify"): spec.assignment.stratify is not None,
        ("analysis", "covariates"): bool(spec.analysis.covariates),
        ("decision", "value"): _asks_for_money(spec),
    }
    for i, metric in enumerate(spec.metrics):
        asked["metrics", i, "winsorize"] = getattr(metric, "winsorize", None) is not None
    for path, is_asked in asked.items():
        if is_asked:
            message = "needs rows of units, but the data are totals or moments"
            yield Fault(path, message, "take it out of the spec to analyse the rest")
