"""Assign a whole list of customers inside DuckDB: one pass, any size, little memory.

The formula itself is ``abtest.assignment.sql``; here are the list, who is left out of it, and what
came of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abtest.assignment.dialects import DIALECTS
from abtest.assignment.formula import PARTS
from abtest.assignment.sql import HELPERS, Rows, assigned, bucket, variant
from abtest.errors import DataError
from abtest.sources.duckdb_blocks import PLACED, ROW, blocked
from abtest.sources.duckdb_ids import ID, CheckIds, dirty
from abtest.sources.duckdb_left_out import eligible, id_text
from abtest.sources.duckdb_population import SEEN, Seen, look, repeated
from abtest.sources.duckdb_sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta
    from pathlib import Path

    from abtest.assignment import Experiment
    from abtest.sources.duckdb_engine import DuckDBEngine, Source
    from abtest.sources.tables import UnitsTable

REASONS = ("split", "override", "holdout", "layer", "not_enrolled", "outside_schedule")
ADDED = ("variant", "reason", "bucket", "phase", "assigned_at")
MEMORY = "300MB"  # the process then stays under 500 MB
THREADS = 4
COUNTED = 1_000_000
"""In longer lists, repeated customers are counted only if a sample shows any."""
SAMPLE = 20
"""One customer in so many is in the sample, chosen by bucket."""
_NO_IDS = ("BOOLEAN", "BLOB")
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
        repeated: Rows that repeat a customer; None where they were not counted.
        reasons: Customers per reason.
        variants: What was split per variant: customers, or clusters where these are hashed.
        left_out: Customers of the list that are not in the output, by cause.
        dirt: Customers with each kind of dirty id.
        population: The hash of the customers of the output, whatever their order.
    """

    rows: int
    repeated: int | None
    reasons: dict[str, int]
    variants: dict[str, int]
    left_out: dict[str, int] = field(default_factory=dict)
    dirt: dict[str, int] = field(default_factory=dict)
    population: str = ""


def write_assignments(
    engine: DuckDBEngine, customers: UnitsTable, plan: Plan, output: Path
) -> tuple[AssignedCounts, str]:
    """Write the list with variant, reason, bucket, phase and assigned_at.

    Returns:
        What came of it, and the output as what stands after FROM.

    Raises:
        DataError: A column or an id is missing, ids are dirty, or the list already has a column
            that is added.
    """
    parquet = _is_parquet(output)
    made = _made(engine, customers, plan, packed=parquet)
    # Without a file of the engine's own beside it: the caller has made the name safe already.
    options = "FORMAT parquet, DICTIONARY_SIZE_LIMIT 4096" if parquet else "FORMAT csv, HEADER"
    engine.query(
        f"COPY ({made.statement}) TO {literal(str(output))} ({options}, USE_TMP_FILE false)"
    )
    rows = _written(output, (*made.source.types, *ADDED), parquet=parquet)
    return _counted(engine, rows, made, plan), rows


def assign_rows(
    engine: DuckDBEngine, customers: UnitsTable, plan: Plan
) -> tuple[AssignedCounts, str]:
    """As ``write_assignments``, but into a table of the engine.

    Returns:
        What came of it, and the table's name.
    """
    made = _made(engine, customers, plan, packed=False)
    engine.query(f"CREATE OR REPLACE TEMP TABLE abtest_assigned AS {made.statement}")
    return _counted(engine, "abtest_assigned", made, plan), "abtest_assigned"


@dataclass(frozen=True, slots=True)
class _Made:
    """A statement that assigns a list, and what was seen on the way there."""

    source: Source
    statement: str
    seen: Seen
    left_out: dict[str, int]
    repeated: int | None


def _made(engine: DuckDBEngine, customers: UnitsTable, plan: Plan, *, packed: bool) -> _Made:
    engine.query(f"SET memory_limit = {literal(MEMORY)}")
    engine.query(f"SET threads = {min(THREADS, os.cpu_count() or 1)}")
    source = engine.source("customers", customers)
    _check_columns(source, plan)
    population, left_out = eligible(engine, source, plan)
    unit = ID if plan.unit == plan.column else id_text(plan.unit, source.types[plan.unit])
    seen = look(engine, population, unit, plan.check_ids)
    if seen.bad:
        _refuse_dirt(source, plan, seen)
        left_out["bad_id"] = seen.bad
        population = f"(SELECT * FROM {population} WHERE NOT {dirty(plan.check_ids)})"
    count = _exactly_repeated(engine, population, unit, plan)
    return _Made(source, _statement(plan, population, packed=packed), seen, left_out, count)


def _exactly_repeated(engine: DuckDBEngine, population: str, unit: str, plan: Plan) -> int | None:
    """Rows that repeat a customer; blocks would give one customer several variants."""
    if plan.stratify is None and plan.check_ids != "full":
        return None
    count = repeated(engine, population, unit)
    if count and plan.stratify is not None:
        raise DataError(
            f"the list repeats customers in {count:,} rows; a stratified list must hold each once"
        )
    return count


def _written(output: Path, columns: tuple[str, ...], *, parquet: bool) -> str:
    """The output as what stands after FROM."""
    name = literal(str(output))
    if parquet:
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
    if source.types[plan.column] in _NO_IDS:
        raise DataError(
            f"{source.label}: column {plan.column!r} is {source.types[plan.column].lower()}; ids "
            "must be text or whole numbers"
        )
    # DuckDB takes names that differ in case only for one.
    reserved = (*ADDED, *HELPERS, *PLACED, *SEEN, ROW, ID)
    taken = [column for column in source.types if column.lower() in reserved]
    if taken:
        raise DataError(
            f"{source.label} already has a column {taken[0]!r}", "Rename it, or assign from a list."
        )


def _refuse_dirt(source: Source, plan: Plan, seen: Seen) -> None:
    if plan.exclude_bad_ids:
        return
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in seen.dirt.items() if n)
    raise DataError(
        f"{source.label}: {seen.bad:,} of {seen.rows:,} ids are dirty: {kinds}",
        "Mend the list; or leave these customers out with --on-bad-id exclude; or take the ids as "
        "they are with --check-ids none.",
    )


def _statement(plan: Plan, population: str, *, packed: bool) -> str:
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
    at = plan.at.isoformat()
    columns = [
        f"{_packed(chosen, dict(experiment.variants)) if packed else chosen} AS variant",
        f"{_packed('abtest_reason', REASONS) if packed else 'abtest_reason'} AS reason",
        f"CAST({bucket(_DUCKDB)} AS INTEGER) AS bucket",
        f"CAST({number} AS INTEGER) AS phase",
        f"{_packed(literal(at), [at]) if packed else literal(at)} AS assigned_at",
    ]
    return f"SELECT * EXCLUDE ({', '.join(used)}), {', '.join(columns)} FROM {body}{order}"


def _packed(text: str, values: Iterable[str]) -> str:
    """A text of few values as their numbers; in the file it is text again.

    That spares Parquet's writer looking each value up: a fifth of a bulk run.
    """
    return f"CAST({text} AS ENUM({', '.join(map(literal, values))}))"


def _counted(engine: DuckDBEngine, output: str, made: _Made, plan: Plan) -> AssignedCounts:
    """Reasons and variants of what was written: counting there needs no second hash."""
    label = made.source.label
    n = "count(*)" if plan.column == plan.unit else f"count(DISTINCT {quote(plan.column)})"
    groups = engine.query(
        f"SELECT reason, variant, count(*), {n} FROM {output} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    reasons: dict[str, int] = {}
    for reason, _, rows, _ in groups:
        reasons[reason] = reasons.get(reason, 0) + rows
    total = sum(reasons.values())
    if total == 0:
        raise DataError(f"{label} has no customers to assign")
    missing = reasons.get(None, 0)  # type: ignore[call-overload]
    if missing:
        raise DataError(f"{label}: {missing:,} of {total:,} customers have no id")
    variants = {name: units for reason, name, _, units in groups if reason == "split"}
    count = made.repeated
    if count is None and plan.check_ids != "none":
        count = _probably_repeated(engine, output, quote(plan.unit), total)
    seen = made.seen
    return AssignedCounts(
        total, count, reasons, variants, made.left_out, seen.dirt, seen.population
    )


def _probably_repeated(engine: DuckDBEngine, output: str, unit: str, rows: int) -> int | None:
    """Rows that repeat a customer; in a long list only where a sample of customers shows some."""
    if rows > COUNTED:
        sample = f"CAST(bucket AS INTEGER) < {PARTS // SAMPLE}"
        if not repeated(engine, output, unit, sample):
            return None
    return repeated(engine, output, unit)


def _is_parquet(output: Path) -> bool:
    if output.name.lower().endswith((".parquet", ".pq")):
        return True
    if output.name.lower().endswith((".csv", ".csv.gz")):
        return False
    raise DataError(
        f"{output.suffix or 'A name without an ending'} is no kind of file abtest writes",
        "Use .csv, .csv.gz or .parquet.",
    )
