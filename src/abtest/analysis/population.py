"""Who is analysed: one row per unit, in one variant, with everything that was left out counted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.averages import averaged
from abtest.analysis.clusters import (
    ClusterCounts,
    cluster_column,
    one_variant_per_cluster,
    with_clusters,
)
from abtest.analysis.counting import count_by, count_rows, count_variants
from abtest.analysis.covariates import column_covariates
from abtest.analysis.crossover import HIGH, LOW, count_units, one_variant_each, variants_of
from abtest.analysis.netting import EventReader
from abtest.analysis.refusals import (
    SPLIT,
    refuse_missing_times,
    refuse_missing_units,
    refuse_no_split,
    refuse_repeated,
    refuse_too_late,
)
from abtest.analysis.segments.columns import segment_columns, with_named_values
from abtest.analysis.strata import (
    BLOCK,
    STRATUM,
    entry_number,
    entry_weights,
    is_stratified,
    stratum,
)
from abtest.analysis.streams import CLUSTER, UNIT, VARIANT, unit_type
from abtest.errors import DataError
from abtest.instants import parse_instant, to_microseconds
from abtest.metrics.base import ANCHOR, ANCHOR_DAY, AT, DAY_OF
from abtest.sources.tables import AssignmentsFromEvents, AssignmentsTable
from abtest.sources.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.clock import Cutoff
    from abtest.sources.engine import Engine
    from abtest.sources.tables import UnitsTable
    from abtest.sources.wanted import ColumnType
    from abtest.spec import Spec

REASON = "reason"
_ROWS, _ENTRY = "abtest:rows", "abtest:entry"


@dataclass(frozen=True, slots=True)
class Population:
    """The units of an experiment.

    Attributes:
        frame: One row per analysed unit: its variant, and its anchor or its outcomes.
        assigned: Units per variant, by the variant that a unit is analysed in.
        rows: Rows in the table.
        repeated_rows: Rows that repeat a unit in the same variant.
        crossed: Units that were seen in several variants.
        by_hash: Of those, how many are analysed in the variant that the hash gives them.
        left_out: Of those, how many are not analysed.
        unknown: Rows per variant that the spec does not name.
        reasons: Rows per reason, where the table has reasons.
        too_late: Rows with an assignment at or after the cut-off.
        off_schedule: Units assigned before the schedule starts or after it ends.
        unit_type: How unit ids are compared: ``integer`` or ``text``.
        stratified: Whether the frame has a stratum for each unit.
        clusters: What was split, where that is whole clusters.
        averaged_rows: Rows that were averaged into one value per unit.
        aggregated: Whether somebody else added the units up, so that there are no rows of them.
        carried: Columns of the frame that go with the units into one row per unit.
        by_entry: Units per variant under each of the weights that were in force, in their order;
            empty where the split was the same for all.
    """

    frame: nw.LazyFrame[Any]
    assigned: dict[str, int]
    rows: int
    repeated_rows: int = 0
    crossed: int = 0
    by_hash: int = 0
    left_out: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    too_late: int = 0
    off_schedule: int = 0
    unit_type: ColumnType = "text"
    stratified: bool = False
    by_entry: tuple[dict[str, int], ...] = ()
    clusters: ClusterCounts | None = None
    averaged_rows: int = 0
    aggregated: bool = False
    carried: tuple[str, ...] = ()

    @property
    def units(self) -> int:
        """Units seen, analysed or not."""
        return sum(self.assigned.values()) + self.left_out


def population_of(
    spec: Spec, engine: Engine, cutoff: Cutoff | None, outcomes: Sequence[Wanted]
) -> Population:
    """Find the units of an experiment.

    Args:
        spec: The experiment.
        engine: Where its tables are.
        cutoff: The data cut-off; None for tables without times.
        outcomes: The columns that metrics need, where the data have one row per unit.

    Raises:
        DataError: The table has no rows, no unit ids, no variants, or several rows per unit.
    """
    assignments = spec.data.assignments
    if isinstance(assignments, AssignmentsTable) and cutoff is not None:
        return _from_assignments(spec, engine, assignments, cutoff)
    if isinstance(assignments, AssignmentsFromEvents) and cutoff is not None:
        return _from_events(spec, engine, assignments.from_events, cutoff)
    units = spec.data.units
    if units is None or units.variant is None:
        raise DataError("the spec says nowhere who got which variant")
    return _from_units(spec, engine, units, outcomes)


def _from_units(
    spec: Spec, engine: Engine, table: UnitsTable, outcomes: Sequence[Wanted]
) -> Population:
    wanted = [Wanted(VARIANT, table.variant or "", "text"), *outcomes]
    unit = table.unit or spec.unit
    if unit is not None:
        wanted.append(Wanted(UNIT, unit, "text"))
    if spec.assignment.stratify is not None:
        wanted.append(Wanted(BLOCK, spec.assignment.stratify, "text"))
    if spec.cluster is not None:
        wanted.append(cluster_column(spec))
    wanted += segment_columns(spec)
    scanned = engine.scan("units", table, wanted)
    if is_stratified(spec):
        scanned = scanned.with_columns(stratum(spec).alias(STRATUM))
    frame = engine.materialize(with_named_values(spec, scanned))
    known, unknown = _by_variant(spec, engine, frame, table.path)
    frame = frame.filter(nw.col(VARIANT).is_in(list(known)))
    rows = sum(known.values()) + sum(unknown.values())
    if unit is not None:
        refuse_missing_units(engine, frame, table.path)
    clusters = None
    if spec.cluster is not None:
        frame, clusters = one_variant_per_cluster(spec, engine, frame, table.path)
        known = count_variants(spec, engine, frame)
    averaged_rows = 0
    if table.repeated == "mean":
        averaged_rows = count_rows(engine, frame)
        frame = averaged(engine, frame, outcomes, table.path)
        known = count_variants(spec, engine, frame)
    if unit is None:
        found = Population(frame, known, rows, unknown=unknown, stratified=is_stratified(spec))
    else:
        found = _of_units(spec, engine, frame, known, rows)
    return replace(found, unknown=unknown, clusters=clusters, averaged_rows=averaged_rows)


def _of_units(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], known: dict[str, int], rows: int
) -> Population:
    """The units of a table that names them: each in one row and one variant."""
    seen = engine.materialize(variants_of(frame))
    n_units, n_crossed, pairs = count_units(engine, seen)
    if n_units == sum(known.values()):
        return Population(frame, known, rows, stratified=is_stratified(spec))
    frame = _one_row_per_unit(engine, frame, seen, n_units)
    return Population(
        frame,
        count_variants(spec, engine, frame),
        rows,
        repeated_rows=sum(known.values()) - pairs,
        crossed=n_crossed,
        left_out=n_crossed,
        stratified=is_stratified(spec),
    )


def _one_row_per_unit(
    engine: Engine, frame: nw.LazyFrame[Any], seen: nw.LazyFrame[Any], n_units: int
) -> nw.LazyFrame[Any]:
    """Drop exact copies; leave out units in several variants; refuse what is left repeated."""
    crossed = seen.filter(nw.col(LOW) != nw.col(HIGH)).select(UNIT)
    distinct = engine.materialize(frame.unique())
    n_crossed = count_rows(engine, crossed)
    kept = engine.materialize(distinct.join(crossed, on=UNIT, how="anti"))
    if count_rows(engine, kept) != n_units - n_crossed:
        repeated = count_rows(engine, kept) - (n_units - n_crossed)
        raise DataError(
            f"the units table has {repeated:,} more rows than units: its rows are finer than the "
            "unit of randomisation",
            "Give it one row per unit, average them with `repeated: mean`, or say `unit: null` if "
            "each row is a unit of its own.",
        )
    return kept


def _from_assignments(
    spec: Spec, engine: Engine, table: AssignmentsTable, cutoff: Cutoff
) -> Population:
    id_type = unit_type(spec, engine)
    wanted = _columns_of(spec, engine, table, id_type)
    frame = engine.materialize(engine.scan("assignments", table, wanted))
    reasons: dict[str, int] = {}
    if any(want.name == REASON for want in wanted):
        reasons = count_by(engine, frame, REASON)
        frame = frame.filter(nw.col(REASON) == SPLIT)
    rows = count_rows(engine, frame)
    refuse_no_split(table, reasons, rows)
    frame = frame.filter(nw.col(ANCHOR).is_null() | (nw.col(ANCHOR) < cutoff.microseconds))
    refuse_too_late(table, cutoff, rows, count_rows(engine, frame))
    known, unknown = _by_variant(spec, engine, frame, table.path)
    in_time = sum(known.values()) + sum(unknown.values())
    frame = frame.filter(nw.col(VARIANT).is_in(list(known)))
    refuse_missing_units(engine, frame, table.path)
    refuse_missing_times(engine, frame, table)
    if spec.cluster is None:
        firsts = _one_variant_each(spec, engine, frame)
    else:
        frame = with_clusters(spec, engine, frame, id_type)
        firsts = _one_cluster_each(spec, engine, frame, table.path)
    return replace(
        firsts,
        frame=with_known_columns(spec, engine, firsts.frame, id_type),
        stratified=is_stratified(spec),
        by_entry=_by_entry(spec, engine, firsts),
        rows=in_time,
        unknown=unknown,
        reasons=reasons,
        too_late=rows - in_time,
        off_schedule=_off_schedule(spec, engine, firsts.frame),
        unit_type=id_type,
    )


def _columns_of(
    spec: Spec, engine: Engine, table: AssignmentsTable, id_type: ColumnType
) -> list[Wanted]:
    """The columns of the assignments that the analysis needs."""
    there = engine.columns("assignments", table)
    wanted = [
        Wanted(UNIT, table.unit or spec.unit or "", id_type),
        Wanted(VARIANT, table.variant, "text"),
        Wanted(ANCHOR, table.at, "instant"),
    ]
    if spec.assignment.stratify is not None:
        wanted.append(Wanted(BLOCK, spec.assignment.stratify, "text"))
    if spec.cluster is not None and spec.cluster in there:
        wanted.append(cluster_column(spec))
    if table.reason is not None or REASON in there:
        wanted.append(Wanted(REASON, table.reason or REASON, "text"))
    return wanted


def _off_schedule(spec: Spec, engine: Engine, frame: nw.LazyFrame[Any]) -> int:
    zone, outside = spec.schedule.timezone, []
    if spec.schedule.start is not None:
        start = to_microseconds(parse_instant(spec.schedule.start, zone))
        outside.append(nw.col(ANCHOR) < start)
    if spec.schedule.enrol_until is not None:
        end = to_microseconds(parse_instant(spec.schedule.enrol_until, zone))
        outside.append(nw.col(ANCHOR) >= end)
    return sum(count_rows(engine, frame.filter(condition)) for condition in outside)


def _one_variant_each(spec: Spec, engine: Engine, frame: nw.LazyFrame[Any]) -> Population:
    rows = count_rows(engine, frame)
    found = one_variant_each(spec, engine, frame, rows)
    assigned = count_variants(spec, engine, found.frame)
    return Population(
        found.frame,
        assigned,
        found.units,
        repeated_rows=rows - found.pairs,
        crossed=found.crossed,
        by_hash=found.by_hash,
        left_out=found.units - sum(assigned.values()),
    )


def _one_cluster_each(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], path: str
) -> Population:
    """The same where whole clusters are in one variant; units keep their clusters."""
    frame, clusters = one_variant_per_cluster(spec, engine, frame, path)
    firsts = _one_variant_each(spec, engine, frame)
    members = frame.select(UNIT, CLUSTER).unique()
    joined = firsts.frame.join(members, on=UNIT, how="left")
    return replace(firsts, frame=engine.materialize(joined), clusters=clusters)


def _by_entry(spec: Spec, engine: Engine, found: Population) -> tuple[dict[str, int], ...]:
    entries = entry_weights(spec)
    if len(entries) == 1:
        return ()
    numbered = found.frame.select(VARIANT, entry_number(spec).alias(_ENTRY))
    rows = engine.collect(numbered.group_by(VARIANT, _ENTRY).agg(nw.len().alias(_ROWS)))
    counts = {(row[VARIANT], int(row[_ENTRY])): int(row[_ROWS]) for row in rows}
    return tuple(
        {variant: counts.get((variant, place), 0) for variant in found.assigned}
        for place in range(len(entries))
    )


def with_known_columns(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], id_type: ColumnType
) -> nw.LazyFrame[Any]:
    """The units with their stratum and the columns that the analysis adjusts for."""
    columns = [*column_covariates(spec), *segment_columns(spec)]
    if not columns and not is_stratified(spec):
        return frame
    if is_stratified(spec):
        frame = frame.with_columns(stratum(spec).alias(STRATUM))
    if columns and spec.data.units is not None:
        table = spec.data.units
        unit = Wanted(UNIT, table.unit or spec.unit or "", id_type)
        rows = engine.materialize(engine.scan("units", table, [unit, *columns]))
        rows = rows.filter(~nw.col(UNIT).is_null())
        refuse_repeated(engine, rows, table.path)
        frame = frame.join(rows, on=UNIT, how="left")
    return engine.materialize(with_named_values(spec, frame))


def _from_events(spec: Spec, engine: Engine, stream: str, cutoff: Cutoff) -> Population:
    """Every unit is enrolled at its first event."""
    table = spec.data.events[stream]
    id_type = unit_type(spec, engine)
    rows = EventReader(spec, engine, id_type, cutoff.microseconds).rows(stream)
    events = rows.filter(~nw.col(UNIT).is_null(), nw.col(AT) < cutoff.microseconds)
    variant = (spec.variants or ())[0].key
    frame = engine.materialize(
        events.group_by(UNIT)
        .agg(nw.col(AT).min().alias(ANCHOR), nw.col(DAY_OF).min().alias(ANCHOR_DAY))
        .with_columns(nw.lit(variant).alias(VARIANT))
    )
    n_units = count_rows(engine, frame)
    if n_units == 0:
        raise DataError(
            f"{table.path} has no events of a unit before as_of, {cutoff.iso}",
            "Is as_of right? Does keep drop all rows?",
        )
    return Population(frame, {variant: n_units}, n_units, unit_type=id_type)


def _by_variant(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], path: str
) -> tuple[dict[str, int], dict[str, int]]:
    """Rows per variant of the spec, and rows per variant that it does not name."""
    counts = count_by(engine, frame, VARIANT)
    if not counts:
        raise DataError(f"{path} has no rows", "It has a header only, or keep drops all.")
    missing = counts.pop("", 0)
    if missing:
        raise DataError(
            f"{path}: {missing:,} of {missing + sum(counts.values()):,} rows have no variant",
            "Fill the column, or add a reason column: only rows with reason split are analysed. "
            "The words null, None and nan count as missing.",
        )
    keys = [variant.key for variant in spec.variants or ()]
    unknown = {key: n for key, n in sorted(counts.items()) if key not in keys}
    if not set(counts) & set(keys):
        found = sorted(counts)
        raise DataError(
            f"{path} has none of the spec's variants ({', '.join(keys)})",
            f"It has: {', '.join(found[:10])}. Spell them in the spec as in the data.",
        )
    return {key: counts.get(key, 0) for key in keys}, unknown
