"""Each unit's outcome on each metric, or why it has none: still inside the engine.

Events are joined with the units and gathered into one row per unit; only then do the units without
events join. Nothing is computed until the summaries ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.covariates import (
    column_covariates,
    covariate_values,
    event_covariates,
    history_columns,
)
from abtest.analysis.netting import EventReader
from abtest.analysis.readings import (
    ELSEWHERE,
    IMMATURE,
    INELIGIBLE,
    MISSING,
    OBSERVED,
    MaturedReadings,
    Reading,
    anchor_columns,
    event_parts,
    readings_of,
)
from abtest.analysis.segments.columns import segment_columns
from abtest.analysis.strata import STRATUM
from abtest.analysis.streams import CLUSTER, UNIT, VARIANT, lag_of, scope_of
from abtest.analysis.summaries import Wish
from abtest.errors import DataError
from abtest.fields import DAY
from abtest.instants import epoch_day, from_microseconds
from abtest.metrics.base import (
    ANCHOR,
    ANCHOR_DAY,
    AT,
    DAY_OF,
    VALUE,
    Aggregate,
    ColumnMetric,
    EventMetric,
    EventScope,
    count_where,
    one_where,
)
from abtest.metrics.first_event import FirstEventMetric, Followed
from abtest.metrics.ratio import RatioMetric
from abtest.metrics.sum import SumMetric
from abtest.metrics.survey import SurveyMetric
from abtest.metrics.survival import SurvivalMetric
from abtest.sources.wanted import Wanted
from abtest.stats.summaries import Proportion
from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abtest.analysis.clock import Cutoff
    from abtest.analysis.population import Population
    from abtest.analysis.readings import Maturing
    from abtest.metrics.base import Metric
    from abtest.sources.engine import Engine
    from abtest.sources.wanted import ColumnType
    from abtest.spec import Spec


LATE = "late"


def outcome_columns(spec: Spec) -> list[Wanted]:
    """The columns that metrics and covariates read off a table with one row per unit."""
    wanted = [
        Wanted(_of_column(column, type_), column, type_)
        for metric in spec.metrics
        for column, type_ in _columns_of(metric, spec)
    ]
    wanted += column_covariates(spec)
    return list({want.name: want for want in wanted}.values())


def _columns_of(metric: Metric, spec: Spec) -> list[tuple[str, ColumnType]]:
    if isinstance(metric, RatioMetric):
        keys = {other.key for other in spec.metrics}
        parts = (metric.numerator, metric.denominator)
        return [(name, "number") for name in parts if name not in keys]
    if isinstance(metric, SurvivalMetric):
        return [(metric.duration, "number"), (metric.event, "flag")]
    if isinstance(metric, ColumnMetric) and metric.column is not None:
        return [(metric.column, _type_of(metric))]
    return []


def _type_of(metric: ColumnMetric) -> ColumnType:
    return "flag" if metric.summary is Proportion else "number"


def matched_column(stream: str) -> str:
    """How many of a unit's rows of a stream were read."""
    return f"rows@{stream}"


def before_column(stream: str) -> str:
    """How many of a unit's rows of a stream are from before its assignment."""
    return f"before@{stream}"


def no_value_column(stream: str) -> str:
    """How many of a unit's rows of a stream have no value."""
    return f"no_value@{stream}"


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: nw.Expr
    y: nw.Expr
    x: nw.Expr | None = None


class Facts:
    """Computes one row per unit with the outcomes of all metrics.

    Attributes:
        history: What the analysis adjusts for; None where it neither adjusts nor stratifies.
    """

    def __init__(
        self,
        spec: Spec,
        engine: Engine,
        population: Population,
        cutoff: Cutoff | None,
        matured: MaturedReadings | None = None,
    ) -> None:
        self._spec = spec
        self._engine = engine
        self._population = population
        self._cutoff = cutoff
        self._matured = matured or MaturedReadings()
        self._by_key = {metric.key: metric for metric in spec.metrics}
        self.history = history_columns(
            spec, engine, population.frame, stratified=population.stratified
        )
        self._anchored: dict[str | None, nw.LazyFrame[Any]] = {}

    @cached_property
    def readings(self) -> list[Reading]:
        """All readings, whose columns the frame has."""
        return readings_of(self._spec)

    @cached_property
    def matured(self) -> list[Reading]:
        """Readings of the units that had matured by the last look, and of those that have since."""
        both: tuple[Maturing, ...] = ("before", "since")
        return [replace(one, matured=when) for one in self._matured.readings for when in both]

    @property
    def streams(self) -> list[str]:
        """The streams that metrics or covariates read."""
        return sorted({metric.events for metric in self._read()})

    @property
    def anchored(self) -> set[str]:
        """The streams whose events metrics are anchored on."""
        return {m.anchor_stream for m in self._read() if m.anchor_stream is not None}

    @property
    def anchors(self) -> list[str]:
        """The columns of anchors, by the metrics that use them."""
        return sorted({anchor_columns(metric.anchor_stream)[0] for metric in self._read()})

    @property
    def totals(self) -> list[str]:
        """The columns of rows that were read, and of those among them that say nothing."""
        named = (matched_column, before_column, no_value_column)
        rows = [name(stream) for stream in self.streams for name in named]
        surveys = [metric for metric in self._spec.metrics if isinstance(metric, SurveyMetric)]
        invalid = [metric.column("invalid") for metric in surveys]
        return [*rows, *invalid]

    def frame(self) -> nw.LazyFrame[Any]:
        """One row per unit: its variant and strata, and state, y and x of each reading."""
        facts = self._population.frame
        if self._middle is not None:
            facts = facts.with_columns(one_where(nw.col(ANCHOR) > self._middle).alias(LATE))
        for stream in sorted(self.anchored):
            facts = facts.join(self._firsts(stream), on=UNIT, how="left")
        for stream, anchor in sorted(self._groups(), key=str):
            columns = self._unit_columns(stream, anchor)
            # A unit without events has no row of aggregates: its counts are 0.
            filled = [nw.coalesce(nw.col(name), nw.lit(0)).alias(name) for name in columns]
            per_unit = self._per_unit(stream, anchor, columns)
            facts = facts.join(per_unit, on=UNIT, how="left").with_columns(*filled)
            facts = self._less_refunds(facts, stream, anchor)
        outcomes = [c for reading in self.readings for c in self._columns(reading)]
        outcomes += [self._state_of_part(reading) for reading in self.matured]
        keys = [VARIANT, STRATUM] if self._population.stratified else [VARIANT]
        if self.late is not None:
            keys.append(self.late)
        if self._spec.cluster is not None:
            keys.append(CLUSTER)
        keys += [want.name for want in segment_columns(self._spec)]
        keys += self._population.carried
        if self._spec.data.assignments is not None:
            keys.append(ANCHOR_DAY)
        history = covariate_values(self._spec, self.history)
        return facts.select(*keys, *self.anchors, *self.totals, *outcomes, *history)

    def wish(self, variants: Sequence[str]) -> Wish:
        """What to find out about parts of the units."""
        return Wish(variants, history=self.history, stratified=self._population.stratified)

    @property
    def late(self) -> str | None:
        """The column that says who entered in the later half of the enrolment, for curves."""
        return LATE if self._middle is not None else None

    @cached_property
    def _middle(self) -> int | None:
        """The instant in the middle of the enrolment; None where no curve needs it."""
        if not any(
            isinstance(m, EventMetric) and "censored" in m.readings for m in self._spec.metrics
        ):
            return None
        at = nw.col(ANCHOR)
        wanted = [at.min().alias("first"), at.max().alias("last")]
        row = self._engine.collect(self._population.frame.select(*wanted))[0]
        return None if row["first"] is None else (int(row["first"]) + int(row["last"])) // 2

    @cached_property
    def reader(self) -> EventReader:
        """Reads the streams, less what is taken off them."""
        cutoff, id_type = self._require_cutoff().microseconds, self._population.unit_type
        return EventReader(self._spec, self._engine, id_type, cutoff)

    def events_in_time(self, stream: str) -> nw.LazyFrame[Any]:
        """A stream's rows before the cut-off."""
        return self.reader.rows(stream).filter(nw.col(AT) < self._require_cutoff().microseconds)

    def _read(self) -> list[EventMetric]:
        """The event metrics, and the covariates as the metrics that they are."""
        metrics = [metric for metric in self._spec.metrics if isinstance(metric, EventMetric)]
        return [*metrics, *event_covariates(self._spec)]

    def _groups(self) -> set[tuple[str, str | None]]:
        """Each stream with each anchor; with the assignment always, which counts its rows."""
        metrics = self._read()
        groups = {(metric.events, metric.anchor_stream) for metric in metrics}
        return groups | {(metric.events, None) for metric in metrics}

    def _units(self, anchor: str | None) -> nw.LazyFrame[Any]:
        """The units that have an anchor, with its time and day."""
        if anchor is None:
            return self._population.frame.select(UNIT, ANCHOR, ANCHOR_DAY)
        at, day = anchor_columns(anchor)
        return self._firsts(anchor).rename({at: ANCHOR, day: ANCHOR_DAY})

    def _firsts(self, stream: str) -> nw.LazyFrame[Any]:
        """Each unit's first event of a stream at or after its assignment."""
        if stream not in self._anchored:
            at, day = anchor_columns(stream)
            rows = self.events_in_time(stream).join(self._units(None), on=UNIT, how="inner")
            firsts = (
                rows.filter(nw.col(AT) >= nw.col(ANCHOR))
                .group_by(UNIT)
                .agg(nw.col(AT).min().alias(at), nw.col(DAY_OF).min().alias(day))
            )
            self._anchored[stream] = self._engine.materialize(firsts)
        return self._anchored[stream]

    def _unit_columns(self, stream: str, anchor: str | None) -> dict[str, Aggregate]:
        table = self._spec.data.events[stream]
        scope = scope_of(table)
        columns = {
            name: aggregate
            for metric in self._read()
            if (metric.events, metric.anchor_stream) == (stream, anchor)
            for name, aggregate in metric.unit_columns(scope).items()
        }
        if anchor is None:
            columns[matched_column(stream)] = Aggregate(nw.lit(1.0), "sum")
            columns[before_column(stream)] = count_where(nw.col(AT) < nw.col(ANCHOR))
            no_value = nw.lit(value=False) if table.value is None else nw.col(VALUE).is_null()
            columns[no_value_column(stream)] = count_where(no_value)
        return columns

    def _per_unit(
        self, stream: str, anchor: str | None, columns: dict[str, Aggregate]
    ) -> nw.LazyFrame[Any]:
        """The aggregates that the metrics need, one row per unit with events."""
        rows = self.events_in_time(stream).join(self._units(anchor), on=UNIT, how="inner")
        rows = rows.select(UNIT, *(a.row.alias(name) for name, a in columns.items()))
        return rows.group_by(UNIT).agg(*(a.of(name) for name, a in columns.items()))

    def _less_refunds(
        self, facts: nw.LazyFrame[Any], stream: str, anchor: str | None
    ) -> nw.LazyFrame[Any]:
        """The units' sums, less refunds that name no event and count at their own time."""
        columns = {
            name: aggregate
            for metric in self._read()
            if isinstance(metric, SumMetric)
            and (metric.events, metric.anchor_stream) == (stream, anchor)
            for name, aggregate in metric.unit_columns(EventScope()).items()
        }
        refunds = self.reader.refunds(stream) if columns else None
        if refunds is None:
            return facts
        rows = refunds.join(self._units(anchor), on=UNIT, how="inner")
        off = {f"refunds@{name}": (name, aggregate) for name, aggregate in columns.items()}
        rows = rows.select(UNIT, *(a.row.alias(taken) for taken, (_, a) in off.items()))
        rows = rows.group_by(UNIT).agg(*(a.of(taken) for taken, (_, a) in off.items()))
        added = [
            (nw.col(name) + nw.coalesce(nw.col(taken), nw.lit(0))).alias(name)
            for taken, (name, _) in off.items()
        ]
        return facts.join(rows, on=UNIT, how="left").with_columns(*added)

    def _columns(self, reading: Reading) -> Iterator[nw.Expr]:
        outcome = self._outcome(reading.metric)
        yield outcome.state.alias(reading.state)
        yield reading.of(outcome.y).alias(reading.y)
        if outcome.x is not None:
            yield outcome.x.alias(reading.x)

    def _state_of_part(self, reading: Reading) -> nw.Expr:
        """Where a unit stands, if it is one of those that matured when the reading says."""
        until, state = self._matured.until, self._outcome(reading.metric).state
        had = nw.lit(value=False)
        if until is not None:
            parts = event_parts(self._spec, reading.metric)
            had = reduce(and_, (self._mature(part, until) for part in parts))
            had = nw.coalesce(had, nw.lit(value=False))
        counts = had if reading.matured == "before" else ~had
        return nw.when(counts).then(state).otherwise(nw.lit(ELSEWHERE)).alias(reading.state)

    def _outcome(self, metric: Metric) -> _Outcome:
        if isinstance(metric, RatioMetric):
            top, bottom = (
                self._part(metric, metric.numerator),
                self._part(metric, metric.denominator),
            )
            return _Outcome(nw.min_horizontal(top.state, bottom.state), top.y, bottom.y)
        if isinstance(metric, SurvivalMetric):
            top, bottom = _column(metric.duration, "number"), _column(metric.event, "flag")
            return _Outcome(nw.min_horizontal(top.state, bottom.state), top.y, bottom.y)
        if isinstance(metric, FirstEventMetric) and metric.summary is LifeTable:
            return self._followed_outcome(metric)
        if isinstance(metric, EventMetric):
            scope = scope_of(self._spec.data.events[metric.events])
            return _Outcome(self._state(metric, self._mature(metric)), metric.outcome(scope))
        if isinstance(metric, ColumnMetric) and metric.column is not None:
            return _column(metric.column, _type_of(metric))
        raise DataError(f"metric {metric.key} is of no kind that is known here")

    def _part(self, ratio: RatioMetric, name: str) -> _Outcome:
        metric = self._by_key.get(name)
        if isinstance(metric, RatioMetric):
            raise DataError(f"metric {metric.key} cannot be part of another, {ratio.key}")
        return self._outcome(metric) if metric is not None else _column(name, "number")

    def _followed_outcome(self, metric: FirstEventMetric) -> _Outcome:
        """How long a unit was followed, and whether that ended in the event."""
        cutoff = self._require_cutoff()
        at, day = anchor_columns(metric.anchor_stream)
        until = cutoff.latest_anchor(lag_of(self._spec, metric))
        until_day = epoch_day(from_microseconds(until, cutoff.zone))
        followed = Followed(nw.col(at), nw.col(day), until, until_day)
        state = self._state(metric, metric.followed_days(followed) >= 1)
        return _Outcome(state, metric.duration(followed), metric.event(followed))

    def _state(self, metric: EventMetric, mature: nw.Expr) -> nw.Expr:
        known, observed = nw.lit(OBSERVED), metric.observed()
        if observed is not None:
            known = nw.when(observed).then(known).otherwise(nw.lit(MISSING))
        state = nw.when(mature).then(known).otherwise(nw.lit(IMMATURE))
        eligible = metric.eligible()
        if metric.anchor_stream is not None:
            has_anchor = ~nw.col(anchor_columns(metric.anchor_stream)[0]).is_null()
            eligible = has_anchor if eligible is None else has_anchor & eligible
        if eligible is None:
            return state
        return nw.when(eligible).then(state).otherwise(nw.lit(INELIGIBLE))

    def _mature(self, metric: EventMetric, by: Cutoff | None = None) -> nw.Expr:
        cutoff = by or self._require_cutoff()
        at, day = anchor_columns(metric.anchor_stream)
        if metric.maturity == "all":
            return ~nw.col(at).is_null()
        lag = lag_of(self._spec, metric)
        if metric.window.calendar:
            latest = cutoff.latest_anchor_day(metric.window.end // DAY, lag)
            return nw.col(day) <= latest
        return nw.col(at) <= cutoff.latest_anchor(metric.window.end + lag)

    def _require_cutoff(self) -> Cutoff:
        if self._cutoff is None:
            raise DataError("event logs need as_of: the instant up to which they are complete")
        return self._cutoff


def _of_column(column: str, type_: ColumnType) -> str:
    return f"{type_}:{column}"


def _column(column: str, type_: ColumnType) -> _Outcome:
    value = nw.col(_of_column(column, type_))
    state = nw.when(value.is_null()).then(nw.lit(MISSING)).otherwise(nw.lit(OBSERVED))
    return _Outcome(state, value)
