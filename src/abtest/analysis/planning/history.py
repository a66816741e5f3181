"""The past, read by the metrics themselves: what each would have been without an experiment.

A cohort is made of the units that were seen in the year before an instant that lies one window and
lag before the end of the data. All of them enter at that instant, so that each is mature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.averages import averaged
from abtest.analysis.clusters import cluster_column, with_clusters
from abtest.analysis.counting import count_rows
from abtest.analysis.facts import Facts, outcome_columns
from abtest.analysis.netting import EventReader
from abtest.analysis.population import Population, with_known_columns
from abtest.analysis.readings import readings_of
from abtest.analysis.streams import CLUSTER, UNIT, VARIANT, lag_of, unit_type
from abtest.analysis.summaries import MetricCounts, Wish, summarize
from abtest.errors import DataError
from abtest.fields import DAY, MICROSECOND
from abtest.instants import epoch_day, from_microseconds
from abtest.metrics.base import ANCHOR, ANCHOR_DAY, AT, EventMetric
from abtest.metrics.ratio import RatioMetric
from abtest.sources.tables import AssignmentsFromEvents, UnitsTable
from abtest.sources.wanted import Wanted
from abtest.spec.covariates import EventCovariate
from abtest.spec.variants import Assignment, Variant

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from abtest.analysis.clock import Cutoff
    from abtest.metrics.base import Metric
    from abtest.sources.engine import Engine
    from abtest.spec import Spec
    from abtest.spec.covariates import Covariate

PAST, NOBODY = "history", "nobody"
SEEN_WITHIN = timedelta(days=365)
ARRIVAL_WEEKS = 26
WEEK = timedelta(weeks=1)
_WEEK_OF, _UNITS = "abtest:week", "abtest:units"


@dataclass(frozen=True, slots=True)
class History:
    """What the past says.

    Attributes:
        anchor: The instant at which the cohort enters, as ISO 8601; None for tables without times.
        units: Units in the cohort.
        counts: By metric: who could be counted, and their summary.
        entrants: Units that are seen for the first time in each of the last weeks, counted from
            the first of them: a unit that comes every week counts once. Empty without times.
    """

    anchor: str | None
    units: int
    counts: dict[str, MetricCounts]
    entrants: tuple[int, ...] = ()


def read_history(
    spec: Spec, engine: Engine, tables: Collection[str], end: Cutoff | None
) -> History:
    """Read metrics off past data, with the spec's own windows, filters and covariates.

    Args:
        spec: The experiment.
        engine: Where the tables of the past are, under the spec's names.
        tables: Which of the spec's tables there are. Metrics that need another are not in the
            answer.
        end: Up to when they are complete; None where the metrics are columns of units.

    Returns:
        The metrics' summaries, and how units arrived.

    Raises:
        DataError: There is nothing in the past that can be read.
    """
    past = past_units(spec, engine, tables, end)
    counts = _counts(past, engine, end)
    if past.stream is None or end is None:
        return History(None, past.units, counts)
    entrants = _entrants(past, engine, end)
    return History(
        from_microseconds(past.anchor, end.zone).isoformat(), past.units, counts, entrants
    )


@dataclass(frozen=True, slots=True)
class Past:
    """The units of the past, and what is read of them.

    Attributes:
        spec: The metrics that can be read, where everybody gets the same.
        population: The units, all of them in the variant `PAST`.
        stream: Whose events say which units there are; None for a table of units.
        anchor: When the units enter, in microseconds since 1970; 0 without a stream.
    """

    spec: Spec
    population: Population
    stream: str | None = None
    anchor: int = 0

    @property
    def units(self) -> int:
        """How many there are."""
        return self.population.assigned[PAST]


def past_units(
    spec: Spec,
    engine: Engine,
    tables: Collection[str],
    end: Cutoff | None,
    *,
    clusters: bool = False,
) -> Past:
    """Find the units of the past; see `read_history`.

    Args:
        spec: The experiment.
        engine: Where the tables of the past are.
        tables: Which of the spec's tables there are.
        end: Up to when they are complete.
        clusters: Whether each unit's cluster is needed, where whole clusters are split.

    Raises:
        DataError: There are none, or it is not known who belongs to which cluster.
    """
    spec = _with_tables(spec, tables)
    past = _without_split(spec)
    stream = _who_stream(spec)
    clusters = clusters and spec.cluster is not None
    if clusters:
        past = past.model_copy(update={"cluster": spec.cluster})
    if stream is None:
        return Past(past, _of_table(past, engine))
    if end is None:
        raise DataError(
            "the history's end is not known", "Say --history-end: up to when it is complete."
        )
    anchor = end.latest_anchor(_longest(spec))
    population = _cohort(past, engine, stream, anchor, end)
    if clusters:
        frame = _in_clusters(past, engine, population)
        population = replace(population, frame=frame)
    found = Past(past, population, stream, anchor)
    if found.units == 0:
        at = from_microseconds(anchor, end.zone).isoformat()
        raise DataError(
            f"the history has no {stream} before {at}",
            "It must reach back further than the longest window and its lag.",
        )
    return found


def _in_clusters(past: Spec, engine: Engine, population: Population) -> nw.LazyFrame[Any]:
    """The units with the cluster of each, from the table of units.

    Raises:
        DataError: There is no such table or column, or a unit is in none.
    """
    if past.data.units is None:
        raise DataError(
            f"the history does not say in which {past.cluster} each {past.unit} is",
            "Give the table of units, which has both columns: --history units=customers.parquet",
        )
    frame = with_clusters(past, engine, population.frame, population.unit_type)
    alone = count_rows(engine, frame.filter(nw.col(CLUSTER).is_null()))
    if alone:
        raise DataError(
            f"{past.data.units.path}: {alone:,} units of the history have no {past.cluster}",
            "Every unit belongs to one: fill it, with the unit's own id for those alone.",
        )
    return frame


def _with_tables(spec: Spec, tables: Collection[str]) -> Spec:
    """What is left of the spec where only some of its tables are there."""
    events = {
        name: table
        for name, table in spec.data.events.items()
        if name in tables and (table.net is None or table.net.events in tables)
    }
    # A spec whose assignments have the clusters needs no table of units; its past does.
    units = (spec.data.units or UnitsTable(path="units")) if "units" in tables else None
    there = {*events, *(["units"] if units is not None else [])}
    metrics = tuple(metric for metric in spec.metrics if tables_of(metric, spec.metrics) <= there)
    if not metrics:
        raise DataError(
            f"no metric can be read off {', '.join(sorted(tables))} alone",
            "Give the history of every table that a metric needs, by its name in the spec.",
        )
    covariates = tuple(
        key for key in spec.analysis.covariates if _table_of(spec.covariates[key]) in there
    )
    return spec.model_copy(
        update={
            "metrics": metrics,
            "data": spec.data.model_copy(update={"events": events, "units": units}),
            "analysis": spec.analysis.model_copy(update={"covariates": covariates}),
        }
    )


def tables_of(metric: Metric, metrics: Sequence[Metric]) -> set[str]:
    """The tables that a metric is read off, by the spec's names: streams of events, or units."""
    if isinstance(metric, EventMetric):
        return {metric.events, metric.anchor_stream or metric.events}
    if isinstance(metric, RatioMetric):
        named = (metric.numerator, metric.denominator)
        parts = [other for other in metrics if other.key in named]
        found = {table for part in parts for table in tables_of(part, metrics)}
        return found if len(parts) == 2 else {*found, "units"}
    return {"units"}


def _table_of(covariate: Covariate) -> str:
    return covariate.events if isinstance(covariate, EventCovariate) else "units"


def _without_split(spec: Spec) -> Spec:
    """The same metrics where everybody gets the same."""
    # The second variant stays empty: covariates are only read where there is something to compare.
    variants = (Variant(key=PAST, control=True), Variant(key=NOBODY))
    stream = _who_stream(spec)
    logged = AssignmentsFromEvents(from_events=stream) if stream is not None else None
    units = spec.data.units
    if units is not None:
        units = units.model_copy(update={"variant": None})
    data = spec.data.model_copy(update={"assignments": logged, "units": units})
    changed = {
        "variants": variants,
        "factors": None,
        "cluster": None,
        "assignment": Assignment(),
        "analysis": spec.analysis.model_copy(update={"segments": ()}),
        "data": data,
    }
    return spec.model_copy(update=changed)


def _who_stream(spec: Spec) -> str | None:
    """The stream whose events say which units there are: that of the first event metric."""
    events = [metric for metric in spec.metrics if isinstance(metric, EventMetric)]
    primary = [metric for metric in events if metric.role == "primary"]
    found = [*primary, *events]
    return found[0].events if found else None


def _longest(spec: Spec) -> timedelta:
    """How long before the end of the data every unit must have entered to be mature."""
    events = [metric for metric in spec.metrics if isinstance(metric, EventMetric)]
    # A window of calendar days may end up to a day later than as many times 24 hours.
    return max(
        # Where the window is anchored on an event, there is as much time for that to come.
        metric.window.end * (1 if metric.anchor_stream is None else 2)
        + lag_of(spec, metric)
        + (DAY if metric.window.calendar else DAY * 0)
        for metric in events
    )


def _cohort(spec: Spec, engine: Engine, stream: str, anchor: int, end: Cutoff) -> Population:
    id_type = unit_type(spec, engine)
    rows = EventReader(spec, engine, id_type, end.microseconds).rows(stream)
    since = anchor - SEEN_WITHIN // MICROSECOND
    seen = rows.filter(~nw.col(UNIT).is_null(), nw.col(AT) < anchor, nw.col(AT) >= since)
    day = epoch_day(from_microseconds(anchor, end.zone))
    frame = engine.materialize(
        seen.select(UNIT)
        .unique()
        .with_columns(
            nw.lit(anchor).alias(ANCHOR), nw.lit(day).alias(ANCHOR_DAY), nw.lit(PAST).alias(VARIANT)
        )
    )
    frame = with_known_columns(spec, engine, frame, id_type)
    units = count_rows(engine, frame)
    return Population(frame, {PAST: units, NOBODY: 0}, units, unit_type=id_type)


def _counts(past: Past, engine: Engine, end: Cutoff | None) -> dict[str, MetricCounts]:
    facts = Facts(past.spec, engine, past.population, end)
    wish = Wish((PAST, NOBODY), history=facts.history)
    readings = readings_of(past.spec)
    found = summarize(engine, engine.materialize(facts.frame()), readings, wish)
    return {reading.name: found.summaries[reading.name, PAST] for reading in readings}


def _entrants(past: Past, engine: Engine, end: Cutoff) -> tuple[int, ...]:
    """Units by the week in which they are first seen, in the last weeks of the data."""
    first = end.microseconds - ARRIVAL_WEEKS * (WEEK // MICROSECOND)
    reader = EventReader(past.spec, engine, past.population.unit_type, end.microseconds)
    rows = reader.rows(past.stream or "")
    rows = rows.filter(~nw.col(UNIT).is_null(), nw.col(AT) < end.microseconds)
    earliest = _earliest(engine, rows)
    if earliest is None:
        return ()
    # A log that is younger than that has fewer whole weeks.
    weeks = min(ARRIVAL_WEEKS, (end.microseconds - max(earliest, first)) // (WEEK // MICROSECOND))
    start = end.microseconds - weeks * (WEEK // MICROSECOND)
    seen = rows.filter(nw.col(AT) >= start).group_by(UNIT).agg(nw.col(AT).min().alias(AT))
    week = ((nw.col(AT) - start) // (WEEK // MICROSECOND)).alias(_WEEK_OF)
    per_week = seen.select(week).group_by(_WEEK_OF).agg(nw.len().alias(_UNITS))
    counts = {int(row[_WEEK_OF]): int(row[_UNITS]) for row in engine.collect(per_week)}
    return tuple(counts.get(place, 0) for place in range(weeks))


def _earliest(engine: Engine, rows: nw.LazyFrame[Any]) -> int | None:
    row = engine.collect(rows.select(nw.col(AT).min().alias(AT)))[0]
    return None if row[AT] is None else int(row[AT])


def _of_table(spec: Spec, engine: Engine) -> Population:
    """Outcomes in columns: no time, so nothing about how units arrive."""
    table, outcomes = spec.data.units, outcome_columns(spec)
    if table is None:
        raise DataError(
            "the metrics are read off totals or moments, of which there is no history",
            "Say what is normal in the spec's plan.baselines.",
        )
    unit = table.unit or spec.unit
    named = [Wanted(UNIT, unit, "text")] if table.repeated == "mean" and unit is not None else []
    of_cluster = [cluster_column(spec)] if spec.cluster is not None else []
    frame = engine.scan("units", table, [*named, *outcomes, *of_cluster])
    frame = frame.with_columns(nw.lit(PAST).alias(VARIANT))
    if table.repeated == "mean":
        frame = averaged(engine, frame, outcomes, table.path)
    frame = engine.materialize(frame)
    units = count_rows(engine, frame)
    return Population(frame, {PAST: units, NOBODY: 0}, units)
