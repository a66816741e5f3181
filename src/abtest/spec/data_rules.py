"""What must hold between the keys of a table, and between streams of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import Fault
from abtest.sources.tables import AssignmentsTable, TimedTable
from abtest.spec.faults import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.sources.tables import EventsTable, Net, Table
    from abtest.spec.experiment import Spec
    from abtest.spec.names import Names
    from abtest.spec.plain import YamlPath

# What rows are called that other keys leave out.
_TAKEN = ("keep", "renewals", "repeated_ids")


def data_faults(spec: Spec, names: Names) -> Iterator[Fault]:
    """Every rule about tables that the spec breaks."""
    for path, table in _tables(spec):
        yield from _labels(path, table)
        if isinstance(table, TimedTable):
            yield from _times(path, table)
    for name, stream in spec.data.events.items():
        path = ("data", "events", name)
        if stream.repeated_ids == "copies" and stream.id is None:
            message = "is copies, but the stream has no `id` by which they could be found"
            yield Fault((*path, "repeated_ids"), message, "add `id: order_id`")
        if stream.net is not None:
            yield from _net(spec, names, name, stream.net)


def _tables(spec: Spec) -> Iterator[tuple[YamlPath, Table]]:
    data = spec.data
    if isinstance(data.assignments, AssignmentsTable):
        yield ("data", "assignments"), data.assignments
    if data.units is not None:
        yield ("data", "units"), data.units
    if data.totals is not None:
        yield ("data", "totals"), data.totals
    if data.moments is not None:
        yield ("data", "moments"), data.moments
    for name, stream in data.events.items():
        yield ("data", "events", name), stream


def _labels(path: YamlPath, table: Table) -> Iterator[Fault]:
    for i, rule in enumerate(table.exclude):
        if rule.label in _TAKEN:
            message = f"is called {rule.label}, which is what other rows are counted under"
            yield Fault((*path, "exclude", i), message, "add a `name`, such as test_customers")


def _times(path: YamlPath, table: TimedTable) -> Iterator[Fault]:
    if table.day_zero is not None and table.time != "day_number":
        message = f"is there, but time is {table.time}"
        yield Fault((*path, "day_zero"), message, "add `time: day_number`, or take day_zero out")
    if table.date_format is not None and table.time != "timestamp":
        message = f"is there, but time is {table.time}; it must be timestamp"
        yield Fault((*path, "date_format"), message)


def _net(spec: Spec, names: Names, name: str, net: Net) -> Iterator[Fault]:
    path: YamlPath = ("data", "events", name, "net")
    if net.events not in names.streams or net.events == name:
        known = [stream for stream in names.streams if stream != name]
        message = f"is {net.events!r}, which is no other stream of data.events"
        yield Fault((*path, "events"), message, nearest(net.events, known))
        return
    other = spec.data.events.get(net.events)
    if other is not None:
        yield from _net_pair(path, spec.data.events[name], net, other)


def _net_pair(path: YamlPath, stream: EventsTable, net: Net, other: EventsTable) -> Iterator[Fault]:
    if other.net is not None:
        message = f"takes {net.events} off, which has a net of its own; it must be a plain stream"
        yield Fault(path, message)
    if net.by == "id" and (stream.id is None or other.id is None):
        message = (
            f"is id, but not both streams have an `id` that says which event {net.events} undo"
        )
        yield Fault((*path, "by"), message, "add `id` to both, or say `by: unit`")
    if net.by == "id" and stream.value is None and other.value is not None:
        message = f"has values to take off ({net.events}), but this stream has no `value`"
        yield Fault(path, message, f"add `value`; or take it out of {net.events} to cancel events")
    if net.by == "unit" and (stream.value is None or other.value is None):
        message = "is unit, but not both streams have a `value` to take off"
        yield Fault((*path, "by"), message, "add `value` to both, or say `by: id`")
