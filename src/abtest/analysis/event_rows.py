"""What was found in the streams of events: nothing is left out without being counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.counting import count_rows
from abtest.analysis.facts import before_column, matched_column, no_value_column
from abtest.analysis.streams import UNIT
from abtest.fields import DAY, MICROSECOND
from abtest.metrics.base import ANCHOR, ANCHOR_DAY, AT, DAY_OF, VALUE, one_where

if TYPE_CHECKING:
    from abtest.analysis.clock import Cutoff
    from abtest.analysis.netting import EventReader
    from abtest.analysis.population import Population
    from abtest.analysis.summaries import Found
    from abtest.sources.engine import Engine
    from abtest.spec import Spec

MICROSECONDS_A_DAY = DAY // MICROSECOND
# Every zone's offset from UTC is a multiple of this, since 1970.
QUARTER_HOUR = MICROSECONDS_A_DAY // 96
# Dates alone are all at midnight; summer time moves that by an hour or two.
MIDNIGHTS = MICROSECONDS_A_DAY // 12


@dataclass(frozen=True, slots=True)
class EventRows:
    """What was found in a stream of events.

    Attributes:
        stream: The stream's name.
        matched: Rows of units of the experiment, kept and before the cut-off.
        outside: Rows of other units, kept and before the cut-off.
        late: Rows at or after the cut-off, which were not read.
        no_unit: Rows without a unit id.
        no_time: Rows without a time.
        no_value: Rows of units of the experiment without a value.
        lookalikes: Rows of other units whose ids would match but for blanks, case or leading zeros.
        without_times: Rows on a unit's day of assignment that count as before it, in a stream that
            has dates but no times.
        copies: Rows kept that repeat another in every column; an estimate in a long stream.
        copies_one_in: Of how many rows one was looked at for copies; 1 where all were.
        before: Rows of units of the experiment from before their assignment, which only what looks
            back reads.
        negative: Rows before the cut-off with a value below 0.
    """

    stream: str
    matched: int
    outside: int
    late: int
    no_unit: int
    no_time: int
    no_value: int
    lookalikes: int
    without_times: int
    copies: int
    before: int = 0
    negative: int = 0
    copies_one_in: int = 1


class RowCounter:
    """Counts the rows of streams: a scan of its own each, without a join where that is enough."""

    def __init__(
        self,
        spec: Spec,
        engine: Engine,
        population: Population,
        cutoff: Cutoff,
        reader: EventReader,
    ) -> None:
        self._spec = spec
        self._engine = engine
        self._population = population
        self._cutoff = cutoff.microseconds
        self._reader = reader

    def count(self, stream: str, found: Found) -> EventRows:
        """What was found in one stream.

        Args:
            stream: The stream.
            found: What the analysis found in the units' own rows.
        """
        rows = self._reader.rows(stream)
        raw = self._raw(rows, has_value=self._spec.data.events[stream].value is not None)
        matched = found.totals[matched_column(stream)]
        outside = raw["in_time"] - matched
        may_look_alike = outside and self._population.unit_type == "text"
        copies = self._engine.copies(stream, self._spec.data.events[stream])
        return EventRows(
            stream=stream,
            matched=matched,
            outside=outside,
            late=raw["late"],
            no_unit=raw["no_unit"],
            no_time=raw["no_time"],
            no_value=found.totals[no_value_column(stream)],
            lookalikes=self._lookalikes(rows) if may_look_alike else 0,
            without_times=0 if raw["odd_times"] else self._without_times(rows),
            copies=copies.estimate,
            copies_one_in=copies.one_in,
            before=found.totals[before_column(stream)],
            negative=raw["negative"],
        )

    def _raw(self, rows: nw.LazyFrame[Any], *, has_value: bool) -> dict[str, int]:
        """Counts that need no unit of the experiment."""
        at, no_unit = nw.col(AT), nw.col(UNIT).is_null()
        below = (nw.col(VALUE) < 0) if has_value else nw.lit(value=False)
        conditions = {
            "in_time": (at < self._cutoff) & ~no_unit,
            "late": at >= self._cutoff,
            "no_unit": no_unit,
            "no_time": at.is_null(),
            "odd_times": at % QUARTER_HOUR != 0,
            "negative": below & (at < self._cutoff),
        }
        columns = rows.select(*(one_where(c).alias(name) for name, c in conditions.items()))
        row = self._engine.collect(columns.select(*(nw.col(name).sum() for name in conditions)))[0]
        return {name: int(row[name] or 0) for name in conditions}

    def _lookalikes(self, rows: nw.LazyFrame[Any]) -> int:
        """Rows whose unit would be one of ours but for blanks, case or leading zeros."""
        units = self._population.frame.select(UNIT)
        outside = rows.filter(nw.col(AT) < self._cutoff, ~nw.col(UNIT).is_null())
        outside = outside.select(UNIT).join(units, on=UNIT, how="anti")
        ours = units.select(_bare(UNIT).alias(UNIT)).unique()
        alike = outside.select(_bare(UNIT).alias(UNIT)).join(ours, on=UNIT, how="inner")
        return count_rows(self._engine, alike)

    def _without_times(self, rows: nw.LazyFrame[Any]) -> int:
        """Rows of bare dates on a unit's day of assignment that count as before it."""
        units = self._population.frame.select(UNIT, ANCHOR, ANCHOR_DAY)
        known = rows.filter(nw.col(AT) < self._cutoff).join(units, on=UNIT, how="inner")
        same_day = (nw.col(DAY_OF) == nw.col(ANCHOR_DAY)) & (nw.col(AT) < nw.col(ANCHOR))
        columns = known.select(
            one_where(same_day).alias("same_day"),
            (nw.col(AT) - nw.col(DAY_OF) * MICROSECONDS_A_DAY).alias("time_of_day"),
        )
        time = nw.col("time_of_day")
        wanted = [nw.col("same_day").sum(), time.min().alias("first"), time.max().alias("last")]
        row = self._engine.collect(columns.select(*wanted))[0]
        if row["last"] is None or int(row["last"]) - int(row["first"]) > MIDNIGHTS:
            return 0
        return int(row["same_day"])


def _bare(column: str) -> nw.Expr:
    """An id without what files lose or add: outer blanks, case, leading zeros."""
    return nw.col(column).str.strip_chars().str.to_lowercase().str.replace_all("^0+", "")
