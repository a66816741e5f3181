"""Which rows of a table are read, in DuckDB's SQL: keep, exclude, and ids that repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.sources.duckdb_sql import bad_sql, is_number, kept_text_sql, literal, quote, value_sql
from abtest.sources.tables import EventsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from abtest.sources.duckdb_times import Reading
    from abtest.sources.tables import Condition, Table

    # Which word an error carries for a bad cell: the column, and the rows that count.
    Tagger = Callable[[str, str], str]

KEEP, REPEATED_IDS = "keep", "repeated_ids"


@dataclass(frozen=True, slots=True)
class RowRules:
    """Which rows are read.

    Attributes:
        keep: The condition under which ``keep`` holds.
        excluded: A name and a condition for each rule by which rows are then left out.
        where: The condition under which a row is read.
        id: The column of which each value is read once; None where rows may share one.
    """

    keep: str
    excluded: tuple[tuple[str, str], ...]
    where: str
    id: str | None

    def rule_sql(self) -> str:
        """The name of the rule that leaves a row out; null where it is read."""
        rules = "".join(f" WHEN {condition} THEN {literal(n)}" for n, condition in self.excluded)
        return f"CASE WHEN ({self.keep}) IS NOT TRUE THEN {literal(KEEP)}{rules} END"


def row_rules(table: Table, types: Mapping[str, str], reading: Reading, tag: Tagger) -> RowRules:
    """The rules of a table.

    Text in a column that is compared as a number is an error, but only in rows that meet the
    other conditions: a row that is not kept may hold anything.
    """
    keep = _all_sql(table.keep, types, reading, tag, "true")
    excluded, where = [], keep
    for rule in table.excluded:
        condition = _all_sql([rule], types, reading, tag, where)
        excluded.append((rule.label, f"({condition}) IS TRUE"))
        where = f"CASE WHEN {where} THEN ({condition}) IS NOT TRUE END"
    repeats = isinstance(table, EventsTable) and table.repeated_ids == "copies"
    id_ = table.id if repeats and isinstance(table, EventsTable) else None
    return RowRules(keep, tuple(excluded), where, id_)


def needed_columns(table: Table) -> list[str]:
    """The columns that the rules of a table read."""
    names = [rule.column for rule in (*table.keep, *table.excluded)]
    if isinstance(table, EventsTable):
        names += [table.id] if table.id is not None and table.repeated_ids == "copies" else []
        names += [table.currency.column] if table.currency is not None else []
    return names


def rows_sql(from_sql: str, rules: RowRules, at: str | None, columns: Sequence[str]) -> str:
    """The rows that are read; of those that share an id, the first by time and then by content."""
    rows = f"SELECT * FROM {from_sql} WHERE {rules.where}"
    if rules.id is None:
        return rows
    order = ", ".join(quote(name) for name in [*([at] if at else []), *columns])
    id_ = quote(rules.id)
    number = f"row_number() OVER (PARTITION BY {id_} ORDER BY {order})"
    return f"{rows} QUALIFY {id_} IS NULL OR {number} = 1"


def _all_sql(
    conditions: Sequence[Condition],
    types: Mapping[str, str],
    reading: Reading,
    tag: Tagger,
    among: str,
) -> str:
    """All of the conditions; numbers in text are checked in rows that meet the others."""
    plain: list[str] = []
    checked: list[str] = []
    for condition in conditions:
        plain += _texts_sql(condition, types[condition.column])
    for condition in conditions:
        column, column_type = condition.column, types[condition.column]
        if condition.above is None and condition.below is None:
            continue
        if is_number(column_type):
            plain += _numbers_sql(condition, value_sql(column, column_type, "number", reading))
            continue
        rows = " AND ".join([among, *plain] if among != "true" or not plain else plain)
        bad = bad_sql(column, column_type, "number", reading)
        value = value_sql(column, column_type, "number", reading)
        safe = f"CASE WHEN {bad} THEN error({literal(tag(column, rows))}) ELSE {value} END"
        checked += _numbers_sql(condition, safe)
    where = " AND ".join(plain) or "true"
    return f"CASE WHEN {where} THEN {' AND '.join(checked)} END" if checked else where


def _texts_sql(condition: Condition, column_type: str) -> list[str]:
    """The conditions on a column as text; a missing value never meets one."""
    text = kept_text_sql(condition.column, column_type)
    found = []
    if condition.equals is not None:
        found.append(f"{text} = {literal(condition.equals)}")
    if condition.not_equals is not None:
        found.append(f"{text} <> {literal(condition.not_equals)}")
    if condition.is_in is not None:
        found.append(f"{text} IN ({', '.join(map(literal, condition.is_in))})")
    if condition.starts_with is not None:
        found.append(f"starts_with({text}, {literal(condition.starts_with)})")
    if condition.not_starts_with is not None:
        found.append(f"NOT starts_with({text}, {literal(condition.not_starts_with)})")
    if condition.ends_with is not None:
        found.append(f"ends_with({text}, {literal(condition.ends_with)})")
    return found


def _numbers_sql(condition: Condition, number: str) -> list[str]:
    above = [] if condition.above is None else [f"({number}) > {condition.above!r}"]
    below = [] if condition.below is None else [f"({number}) < {condition.below!r}"]
    return above + below
