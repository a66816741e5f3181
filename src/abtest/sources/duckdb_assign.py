"""Assign a whole list of customers inside DuckDB: one pass, any size, little memory.

The formula itself is ``abtest.assignment.sql``; here are the list, who is left out of it, and what
came of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abtest.assignment.dialects import DIALECTS
from abtest.assignment.sql import HELPERS, Rows, assigned, bucket, variant
from abtest.errors import DataError
from abtest.instants import to_microseconds
from abtest.sources.duckdb_blocks import PLACED, ROW, blocked
from abtest.sources.duckdb_ids import ID, CheckIds, count_dirt, dirty
from abtest.sources.duckdb_sql import literal, quote, value_sql
from abtest.sources.tables import UnitsTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from pathlib import Path

    from abtest.assignment import Experiment
    from abtest.sources.duckdb_engine import DuckDBEngine, Source

ADDED = ("variant", "reason", "bucket", "phase", "assigned_at")
CONTACTED_AT = "contacted_at"
MEMORY = "300MB"  # the process then stays under 500 MB
THREADS = 4
_DUCKDB = DIALECTS["duckdb"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a list is assigned.

    Attributes:
        experiment: The prepared experiment.
        at: When the customers are assigned.
        column: The column that is hashed.
        unit: The column that identifies a customer, where a cluster is hashed; else the same.
        stratify: Within each value of this column variants are dealt out evenly; None for a plain
            split by hash.
        check_ids: Which kinds of dirty ids are looked for.
        exclude_bad_ids: Leave dirty ids out; else they are an error.
        suppress: A file of customers to leave out.
        contacts: A file of contacts, with the column ``contacted_at``.
        quiet_for: Leave out who was contacted less than this before ``at``.
        zone: The zone of times of contact without an offset.
    """

    experiment: Experiment
    at: datetime
    column: str
    unit: str
    stratify: str | None = None
    check_ids: CheckIds = "basic"
    exclude_bad_ids: bool = False
    suppress: Path | None = None
    contacts: Path | None = None
    quiet_for: timedelta | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class AssignedCounts:
    """What came out of a bulk assignment.

    Attributes:
        rows: Customers in the output.
        repeated: Rows that repeat a customer; None where ids were not checked.
        reasons: Customers per reason.
        variants: What was split per variant: customers, or clusters where these are hashed.
        left_out: Customers of the list that are not in the output, by cause.
        dirt: Customers with each kind of dirty id.
        columns: The columns of the output.
    """

    rows: int
    repeated: int | None
    reasons: dict[str, int]
    variants: dict[str, int]
    left_out: dict[str, int] = field(default_factory=dict)
    dirt: dict[str, int] = field(default_factory=dict)
    columns: tuple[str, ...] = ()


def write_assignments(
    engine: DuckDBEngine, customers: UnitsTable, plan: Plan, output: Path
) -> AssignedCounts:
    """Write the list with variant, reason, bucket, phase and assigned_at.

    Raises:
        DataError: A column or an id is missing, ids are dirty, or the list already has a column
            that is added.
    """
    options = _copy_options(output)
    engine.query(f"SET memory_limit = {literal(MEMORY)}")
    engine.query(f"SET threads = {min(THREADS, os.cpu_count() or 1)}")
    source = engine.source("customers", customers)
    _check_columns(source, plan)
    population, left_out = _eligible(engine, source, plan)
    found = count_dirt(engine, population, plan.check_ids) if plan.check_ids != "none" else {}
    if found.get("any"):
        _refuse_dirt(source, plan, found)
        left_out["bad_id"] = found["any"]
        population = f"(SELECT * FROM {population} WHERE NOT ({dirty(plan.check_ids)}))"
    repeated = _repeated(engine, population, plan)
    statement = _statement(plan, population)
    engine.query(f"COPY ({statement}) TO {literal(str(output))} {options}")
    columns = (*source.types, *ADDED)
    rows, reasons, variants = _counted(engine, written(output, columns), source, plan)
    dirt_found = {kind: n for kind, n in found.items() if kind not in ("any", "rows")}
    return AssignedCounts(rows, repeated, reasons, variants, left_out, dirt_found, columns)


def written(output: Path, columns: tuple[str, ...]) -> str:
    """The output as what stands after FROM."""
    name = literal(str(output))
    if output.name.lower().endswith((".parquet", ".pq")):
        return f"read_parquet({name})"
    types = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    return (
        f"read_csv({name}, columns={{{types}}}, header=true, delim=',', quote='\"', escape='\"', "
        "auto_detect=false)"
    )


def _check_columns(source: Source, plan: Plan) -> None:
    for column in (plan.unit, plan.column, plan.stratify):
        if column is not None and column not in source.types:
            raise DataError(
                f"{source.label} has no column {column!r}", f"It has: {', '.join(source.types)}."
            )
    # DuckDB takes names that differ in case only for one.
    taken = [
        column for column in source.types if column.lower() in (*ADDED, *HELPERS, *PLACED, ROW, ID)
    ]
    if taken:
        raise DataError(
            f"{source.label} already has a column {taken[0]!r}", "Rename it, or assign from a list."
        )


def _eligible(engine: DuckDBEngine, source: Source, plan: Plan) -> tuple[str, dict[str, int]]:
    """The list with its ids as text, without whom a file leaves out, and how many these are."""
    text = _id_text(plan.column, source.types[plan.column])
    everybody = f"(SELECT *, {text} AS {ID} FROM {source.from_sql})"
    unit = _id_text(plan.unit, source.types[plan.unit])
    causes = {}
    if plan.suppress is not None:
        causes["suppressed"] = _listed(engine, plan, plan.suppress, "suppress")
    if plan.contacts is not None and plan.quiet_for is not None:
        causes["contacted"] = _listed(engine, plan, plan.contacts, "contacts")
    if not causes:
        return everybody, {}
    tests = {name: f"coalesce({unit} IN ({listed}), false)" for name, listed in causes.items()}
    counts = ", ".join(f"count(*) FILTER ({test})" for test in tests.values())
    row = engine.query(f"SELECT {counts} FROM {everybody}")[0]
    kept = " AND ".join(f"NOT {test}" for test in tests.values())
    return f"(SELECT * FROM {everybody} WHERE {kept})", dict(zip(tests, map(int, row), strict=True))


def _id_text(column: str, column_type: str) -> str:
    text = value_sql(column, column_type, "text", "UTC")
    if column_type != "VARCHAR":
        return text
    # Words for "missing" have at most four letters: nearly every id skips comparing with them.
    return f"CASE WHEN strlen({quote(column)}) > 4 THEN {quote(column)} ELSE {text} END"


def _listed(engine: DuckDBEngine, plan: Plan, path: Path, name: str) -> str:
    """The ids that a file leaves out, as a statement."""
    source = engine.source(name, UnitsTable(path=str(path)))
    wanted = [plan.unit, CONTACTED_AT] if name == "contacts" else [plan.unit]
    for column in wanted:
        if column not in source.types:
            raise DataError(
                f"{source.label} has no column {column!r}", f"It has: {', '.join(source.types)}."
            )
    unit = value_sql(plan.unit, source.types[plan.unit], "text", "UTC")
    where = "true"
    if name == "contacts" and plan.quiet_for is not None:
        instant = value_sql(CONTACTED_AT, source.types[CONTACTED_AT], "instant", plan.zone)
        _refuse_bad_times(engine, source, instant)
        where = f"{instant} > {to_microseconds(plan.at - plan.quiet_for)}"
    table = f"abtest_{name}"
    engine.query(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT DISTINCT {unit} AS id "
        f"FROM {source.from_sql} WHERE {where}"
    )
    return f"SELECT id FROM {table} WHERE id IS NOT NULL"


def _refuse_bad_times(engine: DuckDBEngine, source: Source, instant: str) -> None:
    bad = engine.query(f"SELECT count(*) FROM {source.from_sql} WHERE ({instant}) IS NULL")[0][0]
    if bad:
        raise DataError(
            f"{source.label}: column {CONTACTED_AT!r}: {bad:,} values are not a date or a time",
            "Whoever has such a row might have been contacted yesterday.",
        )


def _refuse_dirt(source: Source, plan: Plan, found: Mapping[str, int]) -> None:
    if plan.exclude_bad_ids:
        return
    kinds = ", ".join(
        f"{kind} {n:,}" for kind, n in found.items() if n and kind not in ("any", "rows")
    )
    raise DataError(
        f"{source.label}: {found['any']:,} of {found['rows']:,} ids are dirty: {kinds}",
        "Mend the list; or leave these customers out with --on-bad-id exclude; or take the ids as "
        "they are with --check-ids none.",
    )


def _repeated(engine: DuckDBEngine, population: str, plan: Plan) -> int | None:
    """Rows that repeat a customer; blocks would give one customer several variants."""
    if plan.check_ids == "none" and plan.stratify is None:
        return None
    key = quote(plan.unit)
    count = int(
        engine.query(f"SELECT count({key}) - count(DISTINCT {key}) FROM {population}")[0][0]
    )
    if count and plan.stratify is not None:
        raise DataError(
            f"the list repeats customers in {count:,} rows; a stratified list must hold each once"
        )
    return count


def _statement(plan: Plan, population: str) -> str:
    experiment = plan.experiment
    number_rows = "" if plan.stratify is None else f", row_number() OVER () AS {ROW}"
    rows = Rows(population, plan.column, f"*{number_rows}", ID)
    body = assigned(experiment, _DUCKDB, rows, plan.at)
    phase, split = experiment.in_force(plan.at)
    chosen = variant(experiment, _DUCKDB, plan.at)
    order = ""
    if plan.stratify is not None:
        body, chosen = blocked(body, chosen, quote(plan.stratify), split, experiment.seed)
        order = f" ORDER BY {ROW}"  # dealing out takes the list apart
    used = ["abtest_unit", "abtest_digits", "abtest_reason", ID]
    used += ["abtest_layer"] if experiment.layer is not None else []
    used += ["abtest_holdout"] if experiment.holdout is not None else []
    used += [*PLACED, ROW] if plan.stratify is not None else []
    number = "NULL" if phase is None else str(phase)
    return (
        f"SELECT * EXCLUDE ({', '.join(used)}), {chosen} AS variant, abtest_reason AS reason, "
        f"CAST({bucket(_DUCKDB)} AS INTEGER) AS bucket, CAST({number} AS INTEGER) AS phase, "
        f"{literal(plan.at.isoformat())} AS assigned_at FROM {body}{order}"
    )


def _counted(
    engine: DuckDBEngine, output: str, source: Source, plan: Plan
) -> tuple[int, dict[str, int], dict[str, int]]:
    """Rows, reasons and variants of what was written: counting there needs no second hash."""
    n = "count(*)" if plan.column == plan.unit else f"count(DISTINCT {quote(plan.column)})"
    groups = engine.query(
        f"SELECT reason, variant, count(*), {n} FROM {output} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    reasons: dict[str, int] = {}
    for reason, _, rows, _ in groups:
        reasons[reason] = reasons.get(reason, 0) + rows
    total = sum(reasons.values())
    if total == 0:
        raise DataError(f"{source.label} has no customers to assign")
    missing = reasons.get(None, 0)  # type: ignore[call-overload]
    if missing:
        raise DataError(f"{source.label}: {missing:,} of {total:,} customers have no id")
    return total, reasons, {name: units for reason, name, _, units in groups if reason == "split"}


def _copy_options(output: Path) -> str:
    if output.name.lower().endswith((".parquet", ".pq")):
        return "(FORMAT parquet)"
    if output.name.lower().endswith((".csv", ".csv.gz")):
        return "(FORMAT csv, HEADER)"
    raise DataError(
        f"{output.suffix or 'A name without an ending'} is no kind of file abtest writes",
        "Use .csv, .csv.gz or .parquet.",
    )
