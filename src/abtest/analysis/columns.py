"""Whether the columns that a spec names are in its tables: faults of the spec, with their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.streams import without_units
from abtest.errors import DataError, Fault
from abtest.metrics.base import ColumnMetric
from abtest.metrics.ratio import RatioMetric
from abtest.metrics.survival import SurvivalMetric
from abtest.sources.tables import AssignmentsTable
from abtest.spec.covariates import ColumnCovariate
from abtest.spec.faults import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.fields import Block
    from abtest.sources.engine import Engine
    from abtest.sources.tables import Table
    from abtest.spec import Spec

Path = tuple[str | int, ...]


def missing_columns(spec: Spec, engine: Engine) -> list[Fault]:
    """One fault for each column that the spec names and its table lacks.

    Tables that cannot be read are passed over; reading them is where that is said.
    """
    return [
        fault
        for name, table, path, named in _tables(spec)
        for fault in _missing(engine, name, table, path, named)
    ]


def _missing(
    engine: Engine, name: str, table: Table, path: Path, named: list[tuple[Path, str]]
) -> Iterator[Fault]:
    try:
        columns = engine.columns(name, table)
    except DataError:
        return
    for i, keep in enumerate(table.keep):
        named.append(((*path, "keep", i, "column"), keep.column))
    for i, rule in enumerate(table.exclude):
        named.append(((*path, "exclude", i, "column"), rule.column))
    for where, column in named:
        if column not in columns:
            message = f"is {column!r}, which is no column of {table.path}"
            yield Fault(where, message, nearest(column, list(columns)))


def _tables(spec: Spec) -> Iterator[tuple[str, Table, Path, list[tuple[Path, str]]]]:
    data = spec.data
    path: Path
    if isinstance(data.assignments, AssignmentsTable):
        table, path = data.assignments, ("data", "assignments")
        named = [*_unit(spec, table, path), ((*path, "variant"), table.variant)]
        named.append(((*path, "at"), table.at))
        if table.reason is not None:
            named.append(((*path, "reason"), table.reason))
        named += _stratify(spec)
        yield "assignments", table, path, named
    covariates = [*_covariates(spec), *_segments(spec)]
    if data.units is not None and (data.units.variant is not None or covariates):
        path = ("data", "units")
        named = [*_unit(spec, data.units, path), *covariates]
        if data.units.variant is not None:
            named.append(((*path, "variant"), data.units.variant))
            named += [*_metric_columns(spec), *_money_of_units(spec)]
            named += [(("cluster",), spec.cluster)] if spec.cluster is not None else []
        if data.assignments is None:
            named += _stratify(spec)
        yield "units", data.units, path, named
    yield from _streams(spec)
    yield from _aggregates(spec)


def _streams(spec: Spec) -> Iterator[tuple[str, Table, Path, list[tuple[Path, str]]]]:
    unowned = without_units(spec)
    for stream, events in spec.data.events.items():
        path: Path = ("data", "events", stream)
        named = [((*path, "at"), events.at)]
        if stream not in unowned:
            named = [*_unit(spec, events, path), *named]
        if events.id is not None:
            named.append(((*path, "id"), events.id))
        if events.value is not None:
            named += [((*path, "value"), column) for column in events.value.columns]
        if events.renewals is not None:
            named.append(((*path, "renewals", "column"), events.renewals.column))
        if events.currency is not None:
            named.append(((*path, "currency", "column"), events.currency.column))
        named += _goods(spec, stream)
        yield stream, events, path, named


def _aggregates(spec: Spec) -> Iterator[tuple[str, Table, Path, list[tuple[Path, str]]]]:
    totals, moments = spec.data.totals, spec.data.moments
    if totals is not None:
        path: Path = ("data", "totals")
        named = _named(path, totals, ("variant", "date", "units"))
        for i, metric in enumerate(spec.metrics):
            named += _named(("metrics", i), metric, ("successes", "trials"))
        yield "totals", totals, path, named
    if moments is not None:
        path = ("data", "moments")
        keys = ("variant", "date", "n", "mean", "variance")
        yield "moments", moments, path, _named(path, moments, keys)


def _named(path: Path, block: Block, keys: Sequence[str]) -> list[tuple[Path, str]]:
    """The columns that some keys of a block name, of those that are there."""
    found = {key: getattr(block, key, None) for key in keys}
    return [((*path, key), column) for key, column in found.items() if column is not None]


def _unit(spec: Spec, table: Table, path: Path) -> list[tuple[Path, str]]:
    if table.unit is not None:
        return [((*path, "unit"), table.unit)]
    return [(("unit",), spec.unit)] if spec.unit is not None else []


def _stratify(spec: Spec) -> list[tuple[Path, str]]:
    column = spec.assignment.stratify
    return [] if column is None else [(("assignment", "stratify"), column)]


def _covariates(spec: Spec) -> Iterator[tuple[Path, str]]:
    """The columns of data.units that the analysis adjusts for."""
    for key, covariate in spec.covariates.items():
        if isinstance(covariate, ColumnCovariate):
            yield ("covariates", key, "column"), covariate.column


def _segments(spec: Spec) -> Iterator[tuple[Path, str]]:
    for i, column in enumerate(spec.analysis.segments):
        yield ("analysis", "segments", i), column


def _goods(spec: Spec, stream: str) -> list[tuple[Path, str]]:
    """The column of a stream with what the goods cost."""
    decision = spec.decision
    if decision is None or decision.value is None or decision.value.events != stream:
        return []
    column = decision.unit_cost.column if decision.unit_cost is not None else None
    return [] if column is None else [(("decision", "unit_cost", "column"), column)]


def _money_of_units(spec: Spec) -> list[tuple[Path, str]]:
    """The columns of one row per unit that a decision in money reads."""
    decision = spec.decision
    if decision is None or decision.value is None or decision.value.column is None:
        return []
    goods = decision.unit_cost.column if decision.unit_cost is not None else None
    found: list[tuple[Path, str | None]] = [
        (("decision", "value", "column"), decision.value.column),
        (("decision", "unit_cost", "column"), goods),
        (("decision", "redemptions"), decision.redemptions),
    ]
    return [(path, column) for path, column in found if column is not None]


def _metric_columns(spec: Spec) -> Iterator[tuple[Path, str]]:
    keys = {metric.key for metric in spec.metrics}
    for i, metric in enumerate(spec.metrics):
        if isinstance(metric, ColumnMetric | SurvivalMetric):
            for key, column in metric.unit_row_columns().items():
                yield ("metrics", i, key), column
        if isinstance(metric, RatioMetric):
            for side in ("numerator", "denominator"):
                name = getattr(metric, side)
                if name not in keys:
                    yield ("metrics", i, side), name
