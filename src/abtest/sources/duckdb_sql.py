"""How a column of a table becomes a checked plain value, in DuckDB's SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.sources.duckdb_times import Reading, day_sql, instant_sql
from abtest.sources.wanted import day_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.sources.wanted import Wanted

MISSING = ("", "NaN", "nan", "NULL", "null", "None", "<NA>")
_TRUE = ("true", "t", "yes", "y", "1", "1.0")
_FALSE = ("false", "f", "no", "n", "0", "0.0")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS = (*_INTEGERS, *(f"U{name}" for name in _INTEGERS), "FLOAT", "DOUBLE")
_FLOATS = ("FLOAT", "DOUBLE", "DECIMAL")
# Types that a 64-bit integer holds without loss.
_BIGINTS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
# 1.200,47 and 1200,47, where the spec says that the comma is decimal.
_COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$"

# What a bad value is called in a message, and what to do about it.
RULES = {
    "text": (
        "an id that is text or a whole number",
        "An id column with holes became decimal; write it as text.",
    ),
    "number": ("a number", "Write 1200.47: a decimal point, no thousands separator."),
    "integer": ("a whole number", "Write 1200."),
    "flag": ("true or false", "A proportion needs true/false or 1/0."),
    "instant": (
        "a date or a time",
        "Write 2026-01-05 or 2026-01-05 14:30:00+01:00; without an offset it is local time.",
    ),
}


def quote(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string."""
    return "'" + text.replace("'", "''") + "'"


def is_number(column_type: str) -> bool:
    """Whether DuckDB's type is numeric."""
    return column_type in _NUMBERS or column_type.startswith("DECIMAL")


def is_integer(column_type: str) -> bool:
    """Whether DuckDB's type is whole numbers that fit into 64 bits."""
    return column_type in _BIGINTS


def value_sql(column: str, column_type: str, wanted: str, reading: Reading | str) -> str:
    """The expression that reads a column as wanted; it is null where the cell is missing or bad.

    Args:
        column: The column.
        column_type: Its type in DuckDB.
        wanted: What it is to become.
        reading: How cells are read; a zone where nothing else is said.
    """
    if isinstance(reading, str):
        reading = Reading(reading)
    name = quote(column)
    if column_type == "VARCHAR":
        # Outer blanks are kept in ids and variants: " 7" is not "7".
        cell = name if wanted == "text" else f"trim({name})"
        missing = ", ".join(literal(word) for word in MISSING)
        name = f"CASE WHEN {cell} IN ({missing}) THEN NULL ELSE {cell} END"
    if wanted == "text":
        return _text_sql(name, column_type)
    if wanted == "number":
        double = _double_sql(name, column_type, reading)
        return f"CASE WHEN isfinite({double}) THEN {double} END"
    if wanted == "integer":
        return f"TRY_CAST({name} AS BIGINT)"
    if wanted == "flag":
        return _flag_sql(name, column_type)
    return instant_sql(name, column_type, reading)


def bad_sql(column: str, column_type: str, wanted: str, reading: Reading | str) -> str:
    """Whether a cell is there but cannot be read as wanted."""
    if isinstance(reading, str):
        reading = Reading(reading)
    name = quote(column)
    value = value_sql(column, column_type, wanted, reading)
    if column_type == "VARCHAR":
        missing = ", ".join(literal(word) for word in MISSING)
        there = f"{name} IS NOT NULL AND trim({name}) NOT IN ({missing})"
        if wanted == "number":  # "inf" is a number, but none that can be averaged
            return f"{there} AND {_double_sql(f'trim({name})', column_type, reading)} IS NULL"
        return f"{there} AND ({value}) IS NULL"
    if column_type in ("FLOAT", "DOUBLE"):
        there = f"{name} IS NOT NULL AND isfinite({name})"
        return f"{there} AND ({value}) IS NULL"
    return f"{name} IS NOT NULL AND ({value}) IS NULL"


def select_sql(wanted: Wanted, column_type: str, reading: Reading, tag: str) -> str:
    """The select list's entry for one wanted column; a bad cell raises an error with the tag.

    An instant's day is not among them: `with_days_sql` adds it.
    """
    value = value_sql(wanted.column, column_type, wanted.type, reading)
    if not _may_be_bad(wanted.type, column_type):
        return f"{value} AS {quote(wanted.name)}"
    if wanted.type == "instant" and column_type.startswith(("TIMESTAMP", "DATE")):
        kind = "TIMESTAMPTZ" if "TZ" in column_type or "ZONE" in column_type else "TIMESTAMP"
        bad = f"NOT isfinite(CAST({quote(wanted.column)} AS {kind}))"
    else:
        bad = bad_sql(wanted.column, column_type, wanted.type, reading)
    return f"CASE WHEN {bad} THEN error({literal(tag)}) ELSE {value} END AS {quote(wanted.name)}"


def _may_be_bad(wanted: str, column_type: str) -> bool:
    """Whether a column of this type can hold a cell that cannot be read as wanted."""
    if wanted == "text":
        return column_type.startswith(_FLOATS)
    if wanted == "integer":
        return not is_integer(column_type)
    if wanted == "number":
        return not is_number(column_type)
    return column_type != "BOOLEAN"


def with_days_sql(rows: str, wanted: Sequence[Wanted], zone: str) -> str:
    """The wanted columns with the local day of each instant after it."""
    columns = []
    for want in wanted:
        columns.append(quote(want.name))
        if want.type == "instant":
            day = day_sql(quote(want.name), zone)
            columns.append(f"{day} AS {quote(day_column(want.name))}")
    return f"SELECT {', '.join(columns)} FROM ({rows})"


def _double_sql(name: str, column_type: str, reading: Reading) -> str:
    """A double; null where the text is no number."""
    if column_type != "VARCHAR" or reading.decimal == ".":
        return f"TRY_CAST({name} AS DOUBLE)"
    point = f"replace(replace({name}, '.', ''), ',', '.')"
    plain = f"regexp_matches({name}, '{_COMMA}')"
    return f"CASE WHEN {plain} THEN TRY_CAST({point} AS DOUBLE) END"


def kept_text_sql(column: str, column_type: str) -> str:
    """A cell as text: 17850.0 is 17850, as in ids, and 0.5 stays 0.5."""
    text = value_sql(column, column_type, "text", "UTC")
    if not column_type.startswith(_FLOATS):
        return f"({text})"
    name = quote(column)
    return f"coalesce({text}, CASE WHEN isfinite({name}) THEN CAST({name} AS VARCHAR) END)"


def _text_sql(name: str, column_type: str) -> str:
    if column_type.startswith(_FLOATS):
        # 17850.0 is what a whole number becomes in a column with holes; 17850.5 is no id.
        whole = f"TRY_CAST({name} AS HUGEINT)"
        return f"CASE WHEN {whole} = {name} THEN CAST({whole} AS VARCHAR) END"
    return f"CAST({name} AS VARCHAR)"


def _flag_sql(name: str, column_type: str) -> str:
    if column_type == "BOOLEAN":
        return f"CAST({name} AS INTEGER)"
    if column_type == "VARCHAR":
        true = ", ".join(literal(word) for word in _TRUE)
        false = ", ".join(literal(word) for word in _FALSE)
        word = f"lower({name})"
        return f"CASE WHEN {word} IN ({true}) THEN 1 WHEN {word} IN ({false}) THEN 0 END"
    if is_number(column_type):
        return f"CASE WHEN {name} = 1 THEN 1 WHEN {name} = 0 THEN 0 END"
    return "NULL"
