"""Each unit's outcome on each metric, or why it has none: still inside the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.population import UNIT, VARIANT
from abtest.errors import DataError
from abtest.fields import DAY, MICROSECOND
from abtest.metrics.base import (
    ANCHOR,
    ANCHOR_DAY,
    AT,
    DAY_OF,
    ORDER,
    VALUE,
    ColumnMetric,
    EventMetric,
    EventScope,
)
from abtest.metrics.ratio import RatioMetric
from abtest.sources.wanted import Wanted, day_column
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.analysis.clock import Cutoff
    from abtest.analysis.population import Population
    from abtest.metrics.base import Metric
    from abtest.sources.engine import Engine
    from abtest.sources.tables import EventsTable
    from abtest.sources.wanted import ColumnType
    from abtest.spec import Spec

# Why a unit counts or does not, one number per unit and metric.
INELIGIBLE, IMMATURE, MISSING, OBSERVED = 0, 1, 2, 3
MICROSECONDS_A_DAY = DAY // MICROSECOND
MIDNIGHTS = MICROSECONDS_A_DAY // 12


def state_column(metric: Metric) -> str:
    """Where a unit stands on a metric: ineligible, immature, missing or observed."""
    return f"{metric.key}!state"


def y_column(metric: Metric) -> str:
    """The outcome; for a ratio, its numerator."""
    return f"{metric.key}!y"


def x_column(metric: Metric) -> str:
    """The denominator of a ratio."""
    return f"{metric.key}!x"


def anchor_column(metric: EventMetric) -> str:
    """A unit's anchor for a metric, in microseconds."""
    return ANCHOR if metric.anchor == "assignment" else f"first@{metric.events}"


def anchor_day_column(metric: EventMetric) -> str:
    """The local day of that anchor."""
    return ANCHOR_DAY if metric.anchor == "assignment" else f"first_day@{metric.events}"


def outcome_columns(spec: Spec) -> list[Wanted]:
    """The columns that metrics read off a table with one row per unit."""
    keys = {metric.key for metric in spec.metrics}
    wanted: dict[str, Wanted] = {}
    for metric in spec.metrics:
        if isinstance(metric, ColumnMetric):
            type_ = _type_of(metric)
            wanted[_of_column(metric.column, type_)] = Wanted(
                _of_column(metric.column, type_), metric.column, type_
            )
        if isinstance(metric, RatioMetric) and spec.data.assignments is None:
            for name in (metric.numerator, metric.denominator):
                if name not in keys:
                    wanted[_of_column(name, "number")] = Wanted(
                        _of_column(name, "number"), name, "number"
                    )
    return list(wanted.values())


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
        copies: Rows kept that repeat another in every column.
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


class Outcomes:
    """Computes the outcomes of all metrics, and counts the event rows on the way."""

    def __init__(
        self, spec: Spec, engine: Engine, population: Population, cutoff: Cutoff | None
    ) -> None:
        self._spec = spec
        self._engine = engine
        self._population = population
        self._cutoff = cutoff
        self._by_key = {metric.key: metric for metric in spec.metrics}

    def frame(self) -> nw.LazyFrame[Any]:
        """One row per unit: its variant, and state, y and x of each metric."""
        facts = self._population.frame
        for stream, anchor in sorted(self._groups()):
            metrics = [
                metric
                for metric in self._spec.metrics
                if isinstance(metric, EventMetric)
                and (metric.events, metric.anchor) == (stream, anchor)
            ]
            names = [name for metric in metrics for name in metric.unit_columns(EventScope())]
            # A unit without events has no row of aggregates: its counts are 0.
            filled = [nw.coalesce(nw.col(name), nw.lit(0)).alias(name) for name in names]
            per_unit = self._per_unit(stream, metrics)
            facts = facts.join(per_unit, on=UNIT, how="left").with_columns(*filled)
        columns = [column for metric in self._spec.metrics for column in self._columns(metric)]
        anchors = {anchor_column(m) for m in self._spec.metrics if isinstance(m, EventMetric)}
        return self._engine.materialize(facts.select(VARIANT, *sorted(anchors), *columns))

    def event_rows(self) -> list[EventRows]:
        """What was found in each stream that a metric reads."""
        return [self._count(stream) for stream in sorted({stream for stream, _ in self._groups()})]

    def _groups(self) -> set[tuple[str, str]]:
        return {(m.events, m.anchor) for m in self._spec.metrics if isinstance(m, EventMetric)}

    def _events(self, stream: str) -> nw.LazyFrame[Any]:
        """A stream's rows as they were kept: unit, at, day, value, order."""
        table = self._spec.data.events[stream]
        wanted = [
            Wanted(UNIT, table.unit or self._spec.unit or "", "text"),
            Wanted(AT, table.at, "instant"),
        ]
        if table.value is not None:
            wanted += [
                Wanted(f"{VALUE}{i}", column, "number")
                for i, column in enumerate(table.value.columns)
            ]
        if table.id is not None:
            wanted.append(Wanted(ORDER, table.id, "text"))
        rows = self._engine.scan(stream, table, wanted).rename({day_column(AT): DAY_OF})
        if table.value is None:
            return rows
        value = nw.col(f"{VALUE}0")
        if table.value.product is not None:
            value = value * nw.col(f"{VALUE}1")
        names = [f"{VALUE}{i}" for i in range(len(table.value.columns))]
        return rows.with_columns(value.alias(VALUE)).drop(names)

    def _in_time(self, stream: str) -> nw.LazyFrame[Any]:
        return self._events(stream).filter(nw.col(AT) < self._require_cutoff().microseconds)

    def _per_unit(self, stream: str, metrics: Sequence[EventMetric]) -> nw.LazyFrame[Any]:
        """The aggregates that the metrics need, one row per unit with events."""
        units = self._population.frame.select(UNIT, ANCHOR, ANCHOR_DAY)
        joined = self._in_time(stream).join(units, on=UNIT, how="inner")
        keys = [UNIT]
        if metrics[0].anchor == "first_event":
            first, first_day = anchor_column(metrics[0]), anchor_day_column(metrics[0])
            firsts = (
                joined.filter(nw.col(AT) >= nw.col(ANCHOR))
                .group_by(UNIT)
                .agg(nw.col(AT).min().alias(first), nw.col(DAY_OF).min().alias(first_day))
            )
            joined = (
                joined.drop(ANCHOR, ANCHOR_DAY)
                .join(firsts, on=UNIT, how="inner")
                .with_columns(nw.col(first).alias(ANCHOR), nw.col(first_day).alias(ANCHOR_DAY))
            )
            keys = [UNIT, first, first_day]
        scope = _scope(self._spec.data.events[stream])
        columns = {
            name: aggregate
            for metric in metrics
            for name, aggregate in metric.unit_columns(scope).items()
        }
        rows = joined.with_columns(*(a.row.alias(name) for name, a in columns.items()))
        return rows.group_by(*keys).agg(*(a.of(name) for name, a in columns.items()))

    def _columns(self, metric: Metric) -> Iterator[nw.Expr]:
        if isinstance(metric, RatioMetric):
            top, bottom = (self._part(metric.numerator), self._part(metric.denominator))
            yield nw.min_horizontal(top.state, bottom.state).alias(state_column(metric))
            yield top.y.alias(y_column(metric))
            yield bottom.y.alias(x_column(metric))
            return
        part = self._outcome(metric)
        yield part.state.alias(state_column(metric))
        yield part.y.alias(y_column(metric))

    def _part(self, name: str) -> _Outcome:
        metric = self._by_key.get(name)
        return self._outcome(metric) if metric is not None else _column_outcome(name, "number")

    def _outcome(self, metric: Metric) -> _Outcome:
        if isinstance(metric, EventMetric):
            scope = _scope(self._spec.data.events[metric.events])
            return _Outcome(self._state(metric), metric.outcome(scope))
        if isinstance(metric, ColumnMetric):
            return _column_outcome(metric.column, _type_of(metric))
        raise DataError(f"metric {metric.key} cannot be part of another")

    def _state(self, metric: EventMetric) -> nw.Expr:
        known, observed = nw.lit(OBSERVED), metric.observed()
        if observed is not None:
            known = nw.when(observed).then(known).otherwise(nw.lit(MISSING))
        state = nw.when(self._mature(metric)).then(known).otherwise(nw.lit(IMMATURE))
        eligible = metric.eligible()
        if metric.anchor == "first_event":
            eligible = ~nw.col(anchor_column(metric)).is_null()
        if eligible is None:
            return state
        return nw.when(eligible).then(state).otherwise(nw.lit(INELIGIBLE))

    def _mature(self, metric: EventMetric) -> nw.Expr:
        cutoff = self._require_cutoff()
        anchor = anchor_column(metric)
        if metric.maturity == "all":
            return ~nw.col(anchor).is_null()
        lag = self._spec.data.events[metric.events].lag
        if metric.window.calendar:
            latest = cutoff.latest_anchor_day(metric.window.end // DAY, lag)
            return nw.col(anchor_day_column(metric)) <= latest
        return nw.col(anchor) <= cutoff.latest_anchor(metric.window.end + lag)

    def _require_cutoff(self) -> Cutoff:
        if self._cutoff is None:
            raise DataError("event logs need as_of: the instant up to which they are complete")
        return self._cutoff

    def _count(self, stream: str) -> EventRows:
        cutoff = self._require_cutoff().microseconds
        table = self._spec.data.events[stream]
        known = self._population.frame.select(UNIT, ANCHOR, ANCHOR_DAY).with_columns(
            nw.lit(1).alias("known")
        )
        rows = self._events(stream).join(known, on=UNIT, how="left")
        in_time = nw.col(AT) < cutoff
        matched = in_time & ~nw.col("known").is_null()
        outside = in_time & nw.col("known").is_null() & ~nw.col(UNIT).is_null()
        counts = {
            "matched": matched,
            "outside": outside,
            "late": nw.col(AT) >= cutoff,
            "no_unit": nw.col(UNIT).is_null(),
            "no_time": nw.col(AT).is_null(),
            "same_day": matched
            & (nw.col(DAY_OF) == nw.col(ANCHOR_DAY))
            & (nw.col(AT) < nw.col(ANCHOR)),
        }
        if table.value is not None:
            counts["no_value"] = matched & nw.col(VALUE).is_null()
        time_of_day = nw.col(AT) - nw.col(DAY_OF) * MICROSECONDS_A_DAY
        found = self._engine.collect(
            rows.select(
                *(_count_true(condition).alias(name) for name, condition in counts.items()),
                (time_of_day.max() - time_of_day.min()).alias("spread"),
            )
        )[0]
        numbers = {name: int(found.get(name) or 0) for name in (*counts, "no_value")}
        # Dates alone are all at midnight; summer time moves that by an hour or two.
        dates_only = int(found["spread"] or 0) <= MIDNIGHTS
        same_day = numbers.pop("same_day")
        return EventRows(
            stream=stream,
            lookalikes=self._lookalikes(rows.filter(outside)) if numbers["outside"] else 0,
            without_times=same_day if dates_only else 0,
            copies=self._engine.copies(stream, table),
            **numbers,
        )

    def _lookalikes(self, outside: nw.LazyFrame[Any]) -> int:
        """Rows whose unit would be one of ours but for blanks, case or leading zeros."""
        ours = self._population.frame.select(_bare(UNIT).alias(UNIT)).unique()
        alike = outside.select(_bare(UNIT).alias(UNIT)).join(ours, on=UNIT, how="inner")
        return int(self._engine.collect(alike.select(nw.len().alias("n")))[0]["n"])


def _bare(column: str) -> nw.Expr:
    """An id without what files lose or add: outer blanks, case, leading zeros."""
    return nw.col(column).str.strip_chars().str.to_lowercase().str.replace_all("^0+", "")


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: nw.Expr
    y: nw.Expr


def _type_of(metric: ColumnMetric) -> ColumnType:
    return "flag" if metric.summary is Proportion else "number"


def _of_column(column: str, type_: ColumnType) -> str:
    return f"{type_}:{column}"


def _column_outcome(column: str, type_: ColumnType) -> _Outcome:
    value = nw.col(_of_column(column, type_))
    state = nw.when(value.is_null()).then(nw.lit(MISSING)).otherwise(nw.lit(OBSERVED))
    return _Outcome(state, value)


def _scope(table: EventsTable) -> EventScope:
    if table.merge == "calendar_day":
        return EventScope("day")
    return EventScope("order" if table.id is not None else "rows")


def _count_true(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum()
