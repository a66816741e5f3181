"""Who is analysed: one row per unit, in one variant, with everything that was left out counted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.errors import DataError
from abtest.instants import parse_instant, to_microseconds
from abtest.metrics.base import ANCHOR, ANCHOR_DAY
from abtest.sources.tables import AssignmentsFromEvents, AssignmentsTable
from abtest.sources.wanted import Wanted, day_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.clock import Cutoff
    from abtest.sources.engine import Engine
    from abtest.sources.tables import UnitsTable
    from abtest.spec import Spec

UNIT, VARIANT, REASON = "unit", "variant", "reason"
SPLIT = "split"
_ROWS, _LOW, _HIGH, _PAIRS = "abtest:rows", "abtest:low", "abtest:high", "abtest:pairs"


@dataclass(frozen=True, slots=True)
class Population:
    """The units of an experiment.

    Attributes:
        frame: One row per analysed unit: its variant, and its anchor or its outcomes.
        assigned: Units per variant, by the variant that a unit is analysed in.
        rows: Rows in the table.
        repeated_rows: Rows that repeat a unit in the same variant.
        crossed: Units that were seen in several variants.
        left_out: Of those, how many are not analysed.
        unknown: Rows per variant that the spec does not name.
        reasons: Rows per reason, where the table has reasons.
        too_late: Rows with an assignment at or after the cut-off.
        off_schedule: Units assigned before the schedule starts or after it ends.
    """

    frame: nw.LazyFrame[Any]
    assigned: dict[str, int]
    rows: int
    repeated_rows: int = 0
    crossed: int = 0
    left_out: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    too_late: int = 0
    off_schedule: int = 0

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
    frame = engine.materialize(engine.scan("units", table, wanted))
    known, unknown = _by_variant(spec, engine, frame, table.path)
    frame = frame.filter(nw.col(VARIANT).is_in(list(known)))
    rows = sum(known.values()) + sum(unknown.values())
    if unit is None:
        return Population(frame, known, rows, unknown=unknown)
    _refuse_missing_units(engine, frame, table.path)
    seen = engine.materialize(_per_unit(frame))
    n_units, n_crossed, pairs = _count_units(engine, seen)
    if n_units == sum(known.values()):
        return Population(frame, known, rows, unknown=unknown)
    frame = _one_row_per_unit(engine, frame, seen, n_units)
    assigned = _counts(engine, frame, VARIANT)
    return Population(
        frame,
        {key: assigned.get(key, 0) for key in known},
        rows,
        repeated_rows=sum(known.values()) - pairs,
        crossed=n_crossed,
        left_out=n_crossed,
        unknown=unknown,
    )


def _one_row_per_unit(
    engine: Engine, frame: nw.LazyFrame[Any], seen: nw.LazyFrame[Any], n_units: int
) -> nw.LazyFrame[Any]:
    """Drop exact copies; leave out units in several variants; refuse what is left repeated."""
    crossed = seen.filter(nw.col(_LOW) != nw.col(_HIGH)).select(UNIT)
    distinct = engine.materialize(frame.unique())
    n_crossed = _length(engine, crossed)
    kept = engine.materialize(distinct.join(crossed, on=UNIT, how="anti"))
    if _length(engine, kept) != n_units - n_crossed:
        repeated = _length(engine, kept) - (n_units - n_crossed)
        raise DataError(
            f"the units table has {repeated:,} more rows than units: its rows are finer than the "
            "unit of randomisation",
            "Give it one row per unit, or say `unit: null` if each row is a unit of its own.",
        )
    return kept


def _from_assignments(
    spec: Spec, engine: Engine, table: AssignmentsTable, cutoff: Cutoff
) -> Population:
    wanted = [
        Wanted(UNIT, table.unit or spec.unit or "", "text"),
        Wanted(VARIANT, table.variant, "text"),
        Wanted(ANCHOR, table.at, "instant"),
    ]
    has_reason = table.reason is not None or REASON in engine.columns("assignments", table)
    if has_reason:
        wanted.append(Wanted(REASON, table.reason or REASON, "text"))
    frame = engine.materialize(engine.scan("assignments", table, wanted))
    reasons: dict[str, int] = {}
    if has_reason:
        reasons = _counts(engine, frame, REASON)
        frame = frame.filter(nw.col(REASON) == SPLIT)
    rows = _length(engine, frame)
    _refuse_no_split(table, reasons, rows)
    frame = frame.filter(nw.col(ANCHOR).is_null() | (nw.col(ANCHOR) < cutoff.microseconds))
    _refuse_too_late(table, cutoff, rows, _length(engine, frame))
    known, unknown = _by_variant(spec, engine, frame, table.path)
    in_time = sum(known.values()) + sum(unknown.values())
    frame = frame.filter(nw.col(VARIANT).is_in(list(known)))
    _refuse_missing_units(engine, frame, table.path)
    _refuse_missing_times(engine, frame, table)
    firsts = _first_variant(spec, engine, frame)
    return replace(
        firsts,
        rows=in_time,
        unknown=unknown,
        reasons=reasons,
        too_late=rows - in_time,
        off_schedule=_off_schedule(spec, engine, firsts.frame),
    )


def _off_schedule(spec: Spec, engine: Engine, frame: nw.LazyFrame[Any]) -> int:
    zone, outside = spec.schedule.timezone, []
    if spec.schedule.start is not None:
        start = to_microseconds(parse_instant(spec.schedule.start, zone))
        outside.append(nw.col(ANCHOR) < start)
    if spec.schedule.enrol_until is not None:
        end = to_microseconds(parse_instant(spec.schedule.enrol_until, zone))
        outside.append(nw.col(ANCHOR) >= end)
    return sum(_length(engine, frame.filter(condition)) for condition in outside)


def _first_variant(spec: Spec, engine: Engine, frame: nw.LazyFrame[Any]) -> Population:
    """One row per unit, in its first variant: a later one does not move it (intention to treat)."""
    seen = engine.materialize(_per_unit(frame, at=ANCHOR))
    n_units, n_crossed, pairs = _count_units(engine, seen)
    single = seen.filter(nw.col(_LOW) == nw.col(_HIGH)).with_columns(nw.col(_LOW).alias(VARIANT))
    keep = [UNIT, VARIANT, ANCHOR, ANCHOR_DAY]
    analysed = single.select(keep)
    if n_crossed and spec.data.crossover == "first":
        several = seen.filter(nw.col(_LOW) != nw.col(_HIGH))
        at_first = several.join(
            frame.select(UNIT, VARIANT, nw.col(ANCHOR).alias("abtest:at")), on=UNIT, how="inner"
        ).filter(nw.col("abtest:at") == nw.col(ANCHOR))
        # Two variants at one instant: the name that sorts first, so that runs agree.
        firsts = at_first.group_by(UNIT, ANCHOR, ANCHOR_DAY).agg(nw.col(VARIANT).min())
        analysed = nw.concat([analysed, firsts.select(keep)])
    analysed = engine.materialize(analysed)
    counts = _counts(engine, analysed, VARIANT)
    assigned = {variant.key: counts.get(variant.key, 0) for variant in spec.variants or ()}
    return Population(
        analysed,
        assigned,
        n_units,
        repeated_rows=_length(engine, frame) - pairs,
        crossed=n_crossed,
        left_out=n_units - sum(assigned.values()),
    )


def _from_events(spec: Spec, engine: Engine, stream: str, cutoff: Cutoff) -> Population:
    """Every unit is enrolled at its first event."""
    table = spec.data.events[stream]
    wanted = [
        Wanted(UNIT, table.unit or spec.unit or "", "text"),
        Wanted(ANCHOR, table.at, "instant"),
    ]
    events = engine.scan(stream, table, wanted).filter(
        ~nw.col(UNIT).is_null(), nw.col(ANCHOR) < cutoff.microseconds
    )
    variant = (spec.variants or ())[0].key
    frame = engine.materialize(
        events.group_by(UNIT)
        .agg(nw.col(ANCHOR).min(), nw.col(ANCHOR_DAY).min())
        .with_columns(nw.lit(variant).alias(VARIANT))
    )
    n_units = _length(engine, frame)
    if n_units == 0:
        raise DataError(
            f"{table.path} has no events of a unit before as_of, {cutoff.iso}",
            "Is as_of right? Does keep drop all rows?",
        )
    return Population(frame, {variant: n_units}, n_units)


def _per_unit(frame: nw.LazyFrame[Any], at: str | None = None) -> nw.LazyFrame[Any]:
    columns = [
        nw.col(VARIANT).min().alias(_LOW),
        nw.col(VARIANT).max().alias(_HIGH),
        nw.col(VARIANT).n_unique().alias(_PAIRS),
    ]
    if at is not None:
        columns += [nw.col(at).min(), nw.col(day_column(at)).min()]
    return frame.group_by(UNIT).agg(*columns)


def _count_units(engine: Engine, seen: nw.LazyFrame[Any]) -> tuple[int, int, int]:
    """Units, units in several variants, and pairs of a unit and a variant."""
    crossed = nw.when(nw.col(_LOW) != nw.col(_HIGH)).then(nw.lit(1)).otherwise(nw.lit(0))
    columns = [nw.len().alias(_ROWS), crossed.sum().alias("crossed"), nw.col(_PAIRS).sum()]
    row = engine.collect(seen.select(*columns))[0]
    return int(row[_ROWS]), int(row["crossed"] or 0), int(row[_PAIRS] or 0)


def _by_variant(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], path: str
) -> tuple[dict[str, int], dict[str, int]]:
    """Rows per variant of the spec, and rows per variant that it does not name."""
    counts = _counts(engine, frame, VARIANT)
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


def _refuse_missing_units(engine: Engine, frame: nw.LazyFrame[Any], path: str) -> None:
    missing = _length(engine, frame.filter(nw.col(UNIT).is_null()))
    if missing:
        raise DataError(
            f"{path}: {missing:,} rows have no unit id",
            "Fill the column, or drop them. The words null, None and nan count as missing.",
        )


def _refuse_missing_times(
    engine: Engine, frame: nw.LazyFrame[Any], table: AssignmentsTable
) -> None:
    missing = _length(engine, frame.filter(nw.col(ANCHOR).is_null()))
    if missing:
        raise DataError(
            f"{table.path}: {missing:,} rows have no time in column {table.at!r}",
            "Without it nobody knows when their window starts: fill it, or drop them.",
        )


def _refuse_no_split(table: AssignmentsTable, reasons: dict[str, int], rows: int) -> None:
    if reasons and rows == 0:
        found = ", ".join(f"{reason or 'none'} ({n:,})" for reason, n in sorted(reasons.items()))
        raise DataError(
            f"{table.path} has no assignments that count: none has the reason {SPLIT}",
            f"The reasons are: {found}.",
        )


def _refuse_too_late(table: AssignmentsTable, cutoff: Cutoff, rows: int, in_time: int) -> None:
    if rows and in_time == 0:
        raise DataError(
            f"{table.path} has no assignments that count: all {rows:,} are at or after as_of, "
            f"{cutoff.iso}",
            "Is as_of right? It is the instant up to which the data are complete.",
        )


def _counts(engine: Engine, frame: nw.LazyFrame[Any], column: str) -> dict[str, int]:
    """Rows per value; rows without one are under the empty text."""
    rows = engine.collect(frame.group_by(column).agg(nw.len().alias(_ROWS)))
    return {"" if row[column] is None else row[column]: int(row[_ROWS]) for row in rows}


def _length(engine: Engine, frame: nw.LazyFrame[Any]) -> int:
    return int(engine.collect(frame.select(nw.len().alias(_ROWS)))[0][_ROWS])
