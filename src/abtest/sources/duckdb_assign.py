"""Assign a whole file of customers inside DuckDB: the same formula, by text comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.assignment.formula import share_limit, variant_limits
from abtest.errors import DataError
from abtest.sources.duckdb_sql import literal, value_sql

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from abtest.assignment import Experiment
    from abtest.sources.duckdb_engine import DuckDBEngine
    from abtest.sources.tables import Table

_UNIT = "abtest_unit"
ADDED = ("variant", "reason", "bucket", "assigned_at")


@dataclass(frozen=True, slots=True)
class AssignedCounts:
    """What came out of a bulk assignment.

    Attributes:
        rows: Customers in the file.
        distinct: Different ids among them.
        reasons: Customers per reason.
        variants: Customers per variant whose reason is split.
    """

    rows: int
    distinct: int
    reasons: dict[str, int]
    variants: dict[str, int]


def write_assignments(
    engine: DuckDBEngine, customers: Table, experiment: Experiment, at: datetime, output: Path
) -> AssignedCounts:
    """Add variant, reason, bucket and assigned_at to each customer and write the file.

    Raises:
        DataError: The file lacks the column of ids, has customers without an id, or already has
            one of the columns that are added.
    """
    source = engine.source("customers", customers)
    unit = customers.unit or ""
    if unit not in source.types:
        raise DataError(
            f"{source.label} has no column {unit!r}", f"It has: {', '.join(source.types)}."
        )
    taken = [column for column in ADDED if column in source.types]
    if taken:
        raise DataError(
            f"{source.label} already has a column {taken[0]!r}", "Rename it, or assign from a list."
        )
    text = value_sql(unit, source.types[unit], "text", "UTC")
    rows = f"(SELECT *, {text} AS {_UNIT} FROM {source.from_sql})"
    added = _added_sql(experiment, at)
    counts = _counts(engine, f"(SELECT {added}, {_UNIT} FROM {rows})", source.label)
    assigned = f"SELECT * EXCLUDE ({_UNIT}), {added} FROM {rows}"
    engine.query(f"COPY ({assigned}) TO {literal(str(output))} {_copy_options(output)}")
    return counts


def _counts(engine: DuckDBEngine, assigned: str, label: str) -> AssignedCounts:
    rows, distinct, missing = engine.query(
        f"SELECT count(*), count(DISTINCT {_UNIT}), count(*) - count({_UNIT}) FROM {assigned}"
    )[0]
    if rows == 0:
        raise DataError(f"{label} has no customers")
    if missing:
        raise DataError(f"{label}: {missing:,} of {rows:,} customers have no id")
    groups = engine.query(
        f"SELECT reason, variant, count(*) FROM {assigned} GROUP BY ALL ORDER BY ALL"
    )
    reasons: dict[str, int] = {}
    for reason, _, n in groups:
        reasons[reason] = reasons.get(reason, 0) + n
    variants = {variant: n for reason, variant, n in groups if reason == "split"}
    return AssignedCounts(rows, distinct, reasons, variants)


def _added_sql(experiment: Experiment, at: datetime) -> str:
    digits = f"sha256({literal(experiment.seed + ':')} || {_UNIT})"
    bucket = f"(('0x' || {digits}[1:13])::BIGINT::HUGEINT * 10000 >> 52)::INTEGER"
    moment = f"{literal(at.isoformat())}"
    return (
        f"{_variant_sql(experiment, digits, at)} AS variant, "
        f"{_reason_sql(experiment, digits, at)} AS reason, "
        f"{bucket} AS bucket, {moment} AS assigned_at"
    )


def _reason_sql(experiment: Experiment, digits: str, at: datetime) -> str:
    """Why a unit has its variant; the order of the lines is that of ``abtest.assign``."""
    lines = []
    if experiment.overrides:
        units = ", ".join(literal(unit) for unit in experiment.overrides)
        lines.append(f"WHEN {_UNIT} IN ({units}) THEN 'override'")
    if experiment.schedule is not None and not experiment.schedule.contains(at):
        lines.append("WHEN true THEN 'outside_schedule'")
    limit = share_limit(experiment.coverage_parts)
    if limit is not None:
        lines.append(f"WHEN {digits}[14:26] >= {literal(limit)} THEN 'not_enrolled'")
    return f"CASE {' '.join(lines)} ELSE 'split' END" if lines else "'split'"


def _variant_sql(experiment: Experiment, digits: str, at: datetime) -> str:
    overrides = " ".join(
        f"WHEN {literal(unit)} THEN {literal(variant)}"
        for unit, variant in experiment.overrides.items()
    )
    chosen = _chosen_sql(experiment, digits)
    override = f"CASE {_UNIT} {overrides} END" if overrides else "NULL"
    reason = _reason_sql(experiment, digits, at)
    return f"CASE {reason} WHEN 'split' THEN {chosen} WHEN 'override' THEN {override} END"


def _chosen_sql(experiment: Experiment, digits: str) -> str:
    """The first variant whose limit the 13 digits are below; the last one needs no comparison."""
    names = [name for name, _ in experiment.variants]
    limits = variant_limits([weight for _, weight in experiment.variants])
    lines = " ".join(
        f"WHEN {digits}[1:13] < {literal(limit)} THEN {literal(name)}"
        for name, limit in zip(names, limits, strict=False)
    )
    last = literal(names[len(limits)])
    return f"CASE {lines} ELSE {last} END" if lines else last


def _copy_options(output: Path) -> str:
    if output.name.lower().endswith((".parquet", ".pq")):
        return "(FORMAT parquet)"
    if output.name.lower().endswith((".csv", ".csv.gz")):
        return "(FORMAT csv, HEADER)"
    raise DataError(f"{output} is no kind of file abtest writes", "Use .csv, .csv.gz or .parquet.")
