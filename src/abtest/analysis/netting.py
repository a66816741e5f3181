"""Streams of events less what the spec takes off them: refunds and cancellations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.streams import UNIT, scan_events
from abtest.metrics.base import AT, ORDER, VALUE, one_where

if TYPE_CHECKING:
    from abtest.sources.engine import Engine
    from abtest.sources.tables import Net
    from abtest.sources.wanted import ColumnType
    from abtest.spec import Spec

_TOTAL, _OFF, _UNKNOWN, _GONE = "abtest:total", "abtest:off", "abtest:unknown", "abtest:gone"
# Of an order's amount: what is left below this is the rounding of sums, and not money.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class TakenOff:
    """What was taken off a stream.

    Attributes:
        stream: The stream of events.
        net: What the spec says is taken off it.
        rows: Rows of refunds that were taken off.
        unmatched: Rows before the cut-off that name no event, or no unit, that is there.
        late: Rows at or after the cut-off, which were not read.
        unnamed: Rows without the id, or the unit, that they belong to, or without a time.
        changed: Events that something was taken off; 0 where no event is named.
        undone: Of those, how many have nothing left, and did not happen.
        no_value: Rows that were taken off, and of which nobody knows how much they are.
        negative: Rows with a value below 0, which would add to the events.
    """

    stream: str
    net: Net
    rows: int
    unmatched: int
    late: int
    unnamed: int
    changed: int = 0
    undone: int = 0
    no_value: int = 0
    negative: int = 0

    @property
    def by_id(self) -> bool:
        """Whether refunds name the event that they are of."""
        return self.net.by == "id"

    def to_dict(self) -> dict[str, int | str]:
        """Everything as plain values."""
        numbers = asdict(self)
        del numbers["stream"]
        return {**numbers, "net": self.net.events}


class EventReader:
    """Reads streams of events, less what the spec takes off them.

    By id: with T the sum of an event's rows and R that of its refunds, a row's value v becomes
    v - (v / T) R, so that the rows add up to T - R. Where T - R is 0 or less the rows are gone;
    where an amount is missing nobody knows what is left, and the rows' values are missing.

    Args:
        spec: The experiment.
        engine: Where its tables are.
        id_type: How unit ids are compared.
        cutoff: The data cut-off in microseconds; refunds at or after it are not known yet.
    """

    def __init__(self, spec: Spec, engine: Engine, id_type: ColumnType, cutoff: int) -> None:
        self._spec = spec
        self._engine = engine
        self._id_type = id_type
        self._cutoff = cutoff
        self._found: dict[str, nw.LazyFrame[Any]] = {}

    def rows(self, stream: str) -> nw.LazyFrame[Any]:
        """A stream's rows: unit, at, day, value, order."""
        rows, net = self._scan(stream), self._net(stream)
        if net is None or net.by == "unit":
            return rows
        rows = rows.join(self._changed(stream, net), on=ORDER, how="left")
        gone, value = nw.col(_GONE), nw.col(VALUE)
        rows = rows.filter(gone.is_null() | (gone == 0))
        if self._has_value(net.events):
            less = value - value / nw.col(_TOTAL) * nw.col(_OFF)
            rows = rows.with_columns(
                nw.when(gone.is_null()).then(value).otherwise(less).alias(VALUE)
            )
        return rows.drop([_GONE, _TOTAL, _OFF])

    def refunds(self, stream: str) -> nw.LazyFrame[Any] | None:
        """What is taken off the units' sums of a stream, at its own time, as values below 0."""
        net = self._net(stream)
        if net is None or net.by == "id":
            return None
        return self._in_time(net.events).with_columns((-nw.col(VALUE)).alias(VALUE))

    def taken_off(self, stream: str, units: nw.LazyFrame[Any]) -> TakenOff | None:
        """What was taken off a stream; None where the spec takes nothing off it.

        Args:
            stream: The stream.
            units: The units of the experiment.
        """
        net = self._net(stream)
        if net is None:
            return None
        named = ORDER if net.by == "id" else UNIT
        raw = self._raw(net.events, named)
        others = self._changed(stream, net) if net.by == "id" else units
        taken = self._in_time(net.events).join(others.select(named), on=named, how="inner")
        # The name is never missing here; literals alone would be one row in Polars.
        no_value = nw.col(VALUE if self._has_value(net.events) else named).is_null()
        counts = self._sums(taken.select(nw.lit(1).alias("n"), one_where(no_value).alias("gaps")))
        changed = {"events": 0, "gone": 0}
        if net.by == "id":
            gone = nw.col(_GONE).alias("gone")
            changed = self._sums(others.select(nw.lit(1).alias("events"), gone))
        return TakenOff(
            stream=stream,
            net=net,
            rows=counts["n"],
            unmatched=raw["in_time"] - counts["n"],
            late=raw["late"],
            unnamed=raw["unnamed"],
            changed=changed["events"],
            undone=changed["gone"],
            no_value=counts["gaps"],
            negative=raw["negative"],
        )

    def _net(self, stream: str) -> Net | None:
        return self._spec.data.events[stream].net

    def _has_value(self, stream: str) -> bool:
        return self._spec.data.events[stream].value is not None

    def _scan(self, stream: str) -> nw.LazyFrame[Any]:
        return scan_events(self._spec, self._engine, stream, self._id_type)

    def _in_time(self, stream: str) -> nw.LazyFrame[Any]:
        return self._scan(stream).filter(nw.col(AT) < self._cutoff)

    def _changed(self, stream: str, net: Net) -> nw.LazyFrame[Any]:
        """The events that refunds name: whether they are gone, their total and what is off."""
        if stream not in self._found:
            refunds = self._totals(net.events, _OFF)
            events = self._totals(stream, _TOTAL)
            both = events.join(refunds, on=ORDER, how="inner")
            if self._has_value(net.events):
                total, off = nw.col(_TOTAL), nw.col(_OFF)
                left = total - off
                nothing = (left <= 0) | (left <= ROUNDING * total)
                known = ~total.is_null() & ~off.is_null()
                gone = one_where(known & nothing)
                # A total of 0 is never divided by: such an event is gone, or nothing is taken off.
                both = both.with_columns(
                    gone.alias(_GONE),
                    nw.when(total == 0).then(nw.lit(1.0)).otherwise(total).alias(_TOTAL),
                )
            else:
                both = both.with_columns(nw.lit(1).alias(_GONE))
            self._found[stream] = self._engine.materialize(both.select(ORDER, _GONE, _TOTAL, _OFF))
        return self._found[stream]

    def _totals(self, stream: str, name: str) -> nw.LazyFrame[Any]:
        """The value of all rows with one id; missing where that of any row is."""
        rows = self._in_time(stream).filter(~nw.col(ORDER).is_null())
        value = nw.col(VALUE) if self._has_value(stream) else nw.lit(0.0)
        rows = rows.select(ORDER, value.alias(name))
        rows = rows.with_columns(one_where(nw.col(name).is_null()).alias(_UNKNOWN))
        rows = rows.group_by(ORDER).agg(nw.col(name).sum(), nw.col(_UNKNOWN).max())
        known = nw.when(nw.col(_UNKNOWN) == 0).then(nw.col(name))
        return rows.select(ORDER, known.alias(name))

    def _raw(self, stream: str, named: str) -> dict[str, int]:
        """Rows before the cut-off, after it, and without a time or a name."""
        at, unnamed = nw.col(AT), nw.col(AT).is_null() | nw.col(named).is_null()
        conditions = {
            "in_time": ~unnamed & (at < self._cutoff),
            "late": ~unnamed & (at >= self._cutoff),
            "unnamed": unnamed,
            "negative": nw.col(VALUE) < 0 if self._has_value(stream) else nw.lit(value=False),
        }
        columns = [one_where(condition).alias(name) for name, condition in conditions.items()]
        return self._sums(self._scan(stream).select(*columns))

    def _sums(self, frame: nw.LazyFrame[Any]) -> dict[str, int]:
        names = frame.collect_schema().names()
        row = self._engine.collect(frame.select(*(nw.col(name).sum() for name in names)))[0]
        return {name: int(row[name] or 0) for name in names}
