"""Cells that cannot be read as what they should be: how many, the first, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from abtest.errors import DataError
from abtest.sources.duckdb_sql import RULES, bad_sql, quote, value_sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from abtest.sources.duckdb_times import Reading
    from abtest.sources.wanted import ColumnType

    Query = Callable[[str], list[tuple[Any, ...]]]

NUMBERED = "Or say what the numbers are: `time: epoch_seconds`, epoch_milliseconds or day_number."
_COMMA = re.compile(r"[+-]?[\d.]+,\d+")
_OTHER_DIGITS = re.compile("[\u06f0-\u06f9\u0660-\u0669]")  # Persian and Arabic
_DIGITS = (
    "Digits must be 0 to 9, and dates of the Gregorian calendar: the page on reading your data "
    'has a few lines that convert them, under "Persian dates and digits".'
)
# What other tools write, and how a spec says so.
_INSTEAD = (
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}.*"), 'Or say `date_format: "%d.%m.%Y"`.'),
    (
        re.compile(r"\d{1,2}/\d{1,2}/\d{4}.*"),
        'Or say `date_format: "%d/%m/%Y"`, or "%m/%d/%Y".',
    ),
    (re.compile(r"-?\d+(\.\d+)?"), NUMBERED),
)
_FORMS = {
    "epoch_seconds": "a number of seconds since 1970, between the years 1 and 9999",
    "epoch_milliseconds": "a number of milliseconds since 1970, between the years 1 and 9999",
    "day_number": "a whole number of days since day_zero",
}


@dataclass(frozen=True, slots=True)
class BadCell:
    """Where a bad cell may come from.

    Attributes:
        label: The table, for messages.
        from_sql: What stands after FROM.
        column: The column.
        column_type: Its type in DuckDB.
        wanted: What it should be.
        where: The rows that count.
        reading: How cells are read.
        money: The currency that the column should hold, where it is one of currencies.
    """

    label: str
    from_sql: str
    column: str
    column_type: str
    wanted: ColumnType
    where: str
    reading: Reading
    money: str | None = None


def bad_cells(query: Query, cell: BadCell) -> DataError:
    """The message for people, with counts."""
    if cell.money is not None:
        return _other_money(query, cell)
    bad = bad_sql(cell.column, cell.column_type, cell.wanted, cell.reading)
    either = replace(cell.reading, offsets=None)
    other = value_sql(cell.column, cell.column_type, cell.wanted, either)
    mixed = cell.wanted == "instant" and cell.reading.offsets is not None
    column = quote(cell.column)
    rows = query(
        f"SELECT count(*), min(row), arg_min(CAST({column} AS VARCHAR), row), "
        f"count({other if mixed else 'NULL'}) FROM "
        f"(SELECT *, row_number() OVER () AS row FROM {cell.from_sql}) "
        f"WHERE ({cell.where}) AND {bad}"
    )
    count, first, example, of_other_kind = rows[0]
    where = f"{cell.label}: column {cell.column!r}: "
    at = f"the first {example!r} in data row {first:,}"
    if mixed and of_other_kind == count:
        return _mixed(cell, count, where, at)
    what, hint = _rule(cell, str(example))
    values = "1 value is" if count == 1 else f"{count:,} values are"
    return DataError(f"{where}{values} not {what}, {at}", hint)


def no_time(label: str, column: str, column_type: str) -> DataError:
    """The error for a column of a type that holds no times."""
    return DataError(
        f"{label}: column {column!r} is {column_type.lower()}; it must hold dates or times",
        f"{RULES['instant'][1]} {NUMBERED}",
    )


def _mixed(cell: BadCell, count: int, where: str, at: str) -> DataError:
    have = (
        "no offset from UTC, and others have one"
        if cell.reading.offsets
        else ("an offset from UTC, and others have none")
    )
    values = "1 value has" if count == 1 else f"{count:,} values have"
    return DataError(
        f"{where}{values} {have}, {at}",
        "Export all of them in one way; or say `time: offset_or_local`: times without an offset "
        f"are then local time in {cell.reading.zone}.",
    )


def _rule(cell: BadCell, example: str) -> tuple[str, str]:
    """What a cell should be, and what to do about this one."""
    what, hint = RULES[cell.wanted]
    if cell.wanted in ("number", "integer", "instant") and _OTHER_DIGITS.search(example):
        return what, _DIGITS
    if cell.wanted == "number" and cell.reading.decimal == ",":
        return what, "Write 1.200,47 or 1200,47, as `decimal` says."
    if cell.wanted == "number" and _COMMA.fullmatch(example.strip()):
        return what, f'{hint} Or say `decimal: ","`.'
    return _time_rule(cell.reading, example.strip()) if cell.wanted == "instant" else (what, hint)


def _time_rule(reading: Reading, example: str) -> tuple[str, str]:
    what, hint = RULES["instant"]
    if reading.numbered:
        return _FORMS[reading.time], "Is `time` right?"
    if reading.date_format is not None:
        return f"a time like {reading.date_format}", "Is `date_format` right?"
    for looks, instead in _INSTEAD:
        if looks.fullmatch(example):
            return what, f"{hint} {instead}"
    return what, hint


def _other_money(query: Query, cell: BadCell) -> DataError:
    text = value_sql(cell.column, cell.column_type, "text", cell.reading)
    rows = query(
        f"SELECT coalesce({text}, 'none') AS money, count(*) FROM {cell.from_sql} "
        f"WHERE {cell.where} GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    others = [(money, n) for money, n in rows if money != cell.money]
    found = ", ".join(f"{money} {n:,}" for money, n in others[:10])
    count = sum(n for _, n in others)
    are = "1 row is" if count == 1 else f"{count:,} rows are"
    return DataError(
        f"{cell.label}: column {cell.column!r}: {are} not in {cell.money}: {found}",
        f"Keep one currency with `keep: [{{column: {cell.column}, equals: {cell.money}}}]`, or "
        "convert the amounts first.",
    )
