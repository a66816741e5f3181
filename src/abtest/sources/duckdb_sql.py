"""How a column of a table becomes a checked plain value, in DuckDB's SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.sources.wanted import Wanted, day_column

if TYPE_CHECKING:
    from abtest.sources.tables import Keep

MISSING = ("", "NaN", "nan", "NULL", "null", "None", "<NA>")
_TRUE = ("true", "t", "yes", "y", "1", "1.0")
_FALSE = ("false", "f", "no", "n", "0", "0.0")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS = (*_INTEGERS, *(f"U{name}" for name in _INTEGERS), "FLOAT", "DOUBLE")
_FLOATS = ("FLOAT", "DOUBLE", "DECIMAL")
_DATE, _TIME = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}", r"[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
# The engine also reads "PM", "CET" and "infinity", and takes no notice of them in a local time.
_LOCAL = f"^{_DATE}({_TIME})?$"
_WITH_OFFSET = rf"^{_DATE}{_TIME} ?(Z|z|UTC|GMT|[+-]\d{{2}}(:?\d{{2}})?)$"

# What a bad value is called in a message, and what to do about it.
RULES = {
    "text": (
        "an id that is text or a whole number",
        "An id column with holes became decimal; write it as text.",
    ),
    "number": ("a number", "Write 1200.47: a decimal point, no thousands separator."),
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


def value_sql(column: str, column_type: str, wanted: str, zone: str) -> str:
    """The expression that reads a column as wanted; it is null where the cell is missing or bad."""
    name = quote(column)
    if column_type == "VARCHAR":
        # Outer blanks are kept in ids and variants: " 7" is not "7".
        cell = name if wanted == "text" else f"trim({name})"
        missing = ", ".join(literal(word) for word in MISSING)
        name = f"CASE WHEN {cell} IN ({missing}) THEN NULL ELSE {cell} END"
    if wanted == "text":
        return _text_sql(name, column_type)
    if wanted == "number":
        double = f"TRY_CAST({name} AS DOUBLE)"
        return f"CASE WHEN isfinite({double}) THEN {double} END"
    if wanted == "flag":
        return _flag_sql(name, column_type)
    return _instant_sql(name, column_type, zone)


def bad_sql(column: str, column_type: str, wanted: str, zone: str) -> str:
    """Whether a cell is there but cannot be read as wanted."""
    name = quote(column)
    value = value_sql(column, column_type, wanted, zone)
    if column_type == "VARCHAR":
        missing = ", ".join(literal(word) for word in MISSING)
        there = f"{name} IS NOT NULL AND trim({name}) NOT IN ({missing})"
        if wanted == "number":  # "inf" is a number, but none that can be averaged
            return f"{there} AND TRY_CAST(trim({name}) AS DOUBLE) IS NULL"
        return f"{there} AND ({value}) IS NULL"
    if column_type in ("FLOAT", "DOUBLE"):
        there = f"{name} IS NOT NULL AND isfinite({name})"
        return f"{there} AND ({value}) IS NULL"
    return f"{name} IS NOT NULL AND ({value}) IS NULL"


def day_sql(instant: str, zone: str) -> str:
    """The local day of microseconds since 1970, as days since 1970-01-01."""
    moment = f"make_timestamptz({instant})"
    return f"(timezone({literal(zone)}, {moment})::DATE - DATE '1970-01-01')"


def select_sql(wanted: Wanted, column_type: str, zone: str, tag: str) -> list[str]:
    """The select list for one wanted column; a bad cell raises an error that carries the tag."""
    value = value_sql(wanted.column, column_type, wanted.type, zone)
    bad = bad_sql(wanted.column, column_type, wanted.type, zone)
    checked = f"CASE WHEN {bad} THEN error({literal(tag)}) ELSE {value} END"
    if wanted.type == "text" and not column_type.startswith(_FLOATS):
        checked = value  # every text is a text
    if wanted.type != "instant":
        return [f"{checked} AS {quote(wanted.name)}"]
    return [
        f"{checked} AS {quote(wanted.name)}",
        f"{day_sql(checked, zone)} AS {quote(day_column(wanted.name))}",
    ]


def keep_texts_sql(keep: Keep, column_type: str) -> list[str]:
    """The conditions on a column as text; a missing value never meets one."""
    text = _kept_text(keep.column, column_type)
    conditions = []
    if keep.equals is not None:
        conditions.append(f"{text} = {literal(keep.equals)}")
    if keep.not_equals is not None:
        conditions.append(f"{text} <> {literal(keep.not_equals)}")
    if keep.starts_with is not None:
        conditions.append(f"starts_with({text}, {literal(keep.starts_with)})")
    if keep.not_starts_with is not None:
        conditions.append(f"NOT starts_with({text}, {literal(keep.not_starts_with)})")
    return conditions


def keep_numbers_sql(keep: Keep, column_type: str, tag: str) -> list[str]:
    """The conditions on a column as a number; a cell that is none raises an error with the tag."""
    number = f"({value_sql(keep.column, column_type, 'number', 'UTC')})"
    if not is_number(column_type):
        bad = bad_sql(keep.column, column_type, "number", "UTC")
        number = f"(CASE WHEN {bad} THEN error({literal(tag)}) ELSE {number} END)"
    above = [] if keep.above is None else [f"{number} > {keep.above!r}"]
    below = [] if keep.below is None else [f"{number} < {keep.below!r}"]
    return above + below


def _kept_text(column: str, column_type: str) -> str:
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


def _instant_sql(name: str, column_type: str, zone: str) -> str:
    if column_type in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"):
        return f"epoch_us(CAST({name} AS TIMESTAMPTZ))"
    if column_type == "DATE" or column_type.startswith("TIMESTAMP"):
        return f"epoch_us({_local_sql(f'CAST({name} AS TIMESTAMP)', zone)})"
    if column_type == "VARCHAR":
        local = _local_sql(f"TRY_CAST({name} AS TIMESTAMP)", zone)
        utc = f"regexp_replace({name}, ' ?(z|UTC|GMT)$', 'Z')"
        aware = f"TRY_CAST(regexp_replace({utc}, ' ([+-])', '\\1') AS TIMESTAMPTZ)"
        return (
            f"epoch_us(CASE WHEN regexp_matches({name}, {literal(_LOCAL)}) THEN {local} "
            f"WHEN regexp_matches({name}, {literal(_WITH_OFFSET)}) THEN {aware} END)"
        )
    return "NULL"


def _local_sql(time: str, zone: str) -> str:
    """The instant of a local time; where clocks go back, the first of the two (RFC 5545, 3.3.5).

    DuckDB takes the second. Clocks go back by one hour everywhere but on Lord Howe Island.
    """
    second = f"timezone({literal(zone)}, {time})"
    if zone == "UTC":
        return second
    first = f"{second} - INTERVAL 1 HOUR"
    repeated = f"timezone({literal(zone)}, {first}) = {time}"
    return f"CASE WHEN {repeated} THEN {first} ELSE {second} END"
