"""A stream of events as the analysis reads it: rows with a unit, a time, a value and an order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.metrics.base import AT, DAY_OF, ORDER, VALUE, EventMetric, EventScope
from abtest.sources.tables import AssignmentsFromEvents, Table
from abtest.sources.wanted import Wanted, day_column

if TYPE_CHECKING:
    from datetime import timedelta

    from abtest.sources.engine import Engine
    from abtest.sources.tables import EventsTable
    from abtest.sources.wanted import ColumnType
    from abtest.spec import Spec

UNIT, VARIANT, CLUSTER = "unit", "variant", "cluster"
_OTHER_VALUE = "#"  # no key of a stream has it


def with_other_value(stream: str, what: str) -> str:
    """The name of a stream's rows read once more with another column for value.

    >>> source_of(with_other_value("orders", "goods"))
    'orders'
    """
    return f"{stream}{_OTHER_VALUE}{what}"


def source_of(stream: str) -> str:
    """The name of the table that a stream's rows come from."""
    return stream.partition(_OTHER_VALUE)[0]


def unit_type(spec: Spec, engine: Engine) -> ColumnType:
    """How unit ids are compared: as whole numbers where every table has them so, else as text.

    Whole numbers are joined several times faster; 007 and " 7" are texts and stay what they are.
    """
    unit, data = spec.unit, spec.data
    if unit is None:
        return "text"
    unowned = without_units(spec)
    tables = {**data.events, "assignments": data.assignments, "units": data.units}
    whole = all(
        engine.holds_integers(name, table, table.unit or unit)
        for name, table in tables.items()
        if isinstance(table, Table) and name not in unowned
    )
    return "integer" if whole else "text"


def without_units(spec: Spec) -> set[str]:
    """Streams whose rows name the event that they are of, and which nothing else reads.

    Nobody needs to know whose they are: the event says it.
    """
    data, money = spec.data, spec.decision
    nets = [events.net for events in data.events.values() if events.net is not None]
    used: set[str | None] = {net.events for net in nets if net.by == "unit"}
    for metric in spec.metrics:
        if isinstance(metric, EventMetric):
            used |= {metric.events, metric.anchor_stream}
    used |= {getattr(covariate, "events", None) for covariate in spec.covariates.values()}
    if isinstance(data.assignments, AssignmentsFromEvents):
        used.add(data.assignments.from_events)
    if money is not None:
        used |= {getattr(money.value, "events", None), money.redemptions}
    return {net.events for net in nets if net.by == "id"} - used


def scan_events(spec: Spec, engine: Engine, stream: str, id_type: ColumnType) -> nw.LazyFrame[Any]:
    """A stream's rows as they were kept: unit, at, day, value, order.

    Without the unit where nobody needs it.
    """
    table = spec.data.events[stream]
    wanted = [Wanted(AT, table.at, "instant")]
    if stream not in without_units(spec):
        wanted.insert(0, Wanted(UNIT, table.unit or spec.unit or "", id_type))
    if table.value is not None:
        wanted += [
            Wanted(f"{VALUE}{i}", column, "number") for i, column in enumerate(table.value.columns)
        ]
    if table.id is not None:
        wanted.append(Wanted(ORDER, table.id, "text"))
    rows = engine.scan(source_of(stream), table, wanted).rename({day_column(AT): DAY_OF})
    return rows if table.value is None else _with_value(rows, table)


def _with_value(rows: nw.LazyFrame[Any], table: EventsTable) -> nw.LazyFrame[Any]:
    columns = table.value.columns if table.value is not None else ()
    value = nw.col(f"{VALUE}0")
    if len(columns) > 1:
        value = value * nw.col(f"{VALUE}1")
    return rows.with_columns(value.alias(VALUE)).drop([f"{VALUE}{i}" for i in range(len(columns))])


def lag_of(spec: Spec, metric: EventMetric) -> timedelta:
    """How late the events of a metric may arrive, those of its anchor, and refunds of either."""
    streams = [metric.events, metric.anchor_stream or metric.events]
    nets = [net.events for stream in streams if (net := spec.data.events[stream].net) is not None]
    return max(spec.data.events[stream].lag for stream in [*streams, *nets])


def scope_of(table: EventsTable) -> EventScope:
    """How the events of a stream are counted."""
    if table.merge == "calendar_day":
        return EventScope("day")
    return EventScope("order" if table.id is not None else "rows")
