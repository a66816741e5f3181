"""Whether the columns that a spec names are in its tables: faults of the spec, with their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import DataError, Fault
from abtest.metrics.base import ColumnMetric
from abtest.metrics.ratio import RatioMetric
from abtest.sources.tables import AssignmentsTable
from abtest.spec.faults import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        yield "assignments", table, path, named
    if data.units is not None and data.units.variant is not None:
        path = ("data", "units")
        named = [*_unit(spec, data.units, path), ((*path, "variant"), data.units.variant)]
        yield "units", data.units, path, [*named, *_metric_columns(spec)]
    for stream, events in data.events.items():
        path = ("data", "events", stream)
        named = [*_unit(spec, events, path), ((*path, "at"), events.at)]
        if events.id is not None:
            named.append(((*path, "id"), events.id))
        if events.value is not None:
            named += [((*path, "value"), column) for column in events.value.columns]
        yield stream, events, path, named


def _unit(spec: Spec, table: Table, path: Path) -> list[tuple[Path, str]]:
    if table.unit is not None:
        return [((*path, "unit"), table.unit)]
    return [(("unit",), spec.unit)] if spec.unit is not None else []


def _metric_columns(spec: Spec) -> Iterator[tuple[Path, str]]:
    keys = {metric.key for metric in spec.metrics}
    for i, metric in enumerate(spec.metrics):
        if isinstance(metric, ColumnMetric):
            yield ("metrics", i, "column"), metric.column
        if isinstance(metric, RatioMetric):
            for side in ("numerator", "denominator"):
                name = getattr(metric, side)
                if name not in keys:
                    yield ("metrics", i, side), name
