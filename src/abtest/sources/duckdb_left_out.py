"""Who of a list is left out before it is assigned: the suppressed and the recently contacted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.errors import DataError
from abtest.instants import to_microseconds
from abtest.sources.duckdb_ids import ID
from abtest.sources.duckdb_sql import quote, value_sql
from abtest.sources.tables import UnitsTable

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.sources.duckdb_assign import Plan
    from abtest.sources.duckdb_engine import DuckDBEngine, Source

CONTACTED_AT = "contacted_at"


def eligible(engine: DuckDBEngine, source: Source, plan: Plan) -> tuple[str, dict[str, int]]:
    """The list with its ids as text, without whom a file leaves out, and how many these are."""
    text = id_text(plan.column, source.types[plan.column])
    everybody = f"(SELECT *, {text} AS {ID} FROM {source.from_sql})"
    unit = id_text(plan.unit, source.types[plan.unit])
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


def id_text(column: str, column_type: str) -> str:
    """A column of ids as text: an expression."""
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
