"""How a column of a data frame becomes a checked plain value, in Narwhals expressions.

The same values as ``duckdb_sql`` gives, on every engine. Each reader adds to a frame the column
that is wanted and a column ``<name>!bad`` that is true where a cell is there but cannot be read.
"""

from __future__ import annotations

from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from abtest.errors import DataError
from abtest.sources.duckdb_cells import NUMBERED
from abtest.sources.duckdb_sql import MISSING, RULES
from abtest.sources.frame_times import TimeColumns, days_since_1970, read_times
from abtest.sources.zones import MICROSECONDS_A_DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from narwhals.dtypes import DType

    from abtest.sources.duckdb_times import Reading
    from abtest.sources.wanted import Wanted

Kind = Literal["text", "integer", "float", "decimal", "flag", "date", "local", "instant", "other"]

_TRUE = ("true", "t", "yes", "y", "1", "1.0")
_FALSE = ("false", "f", "no", "n", "0", "0.0")
_NUMBER = r"^(?:[+]?-|[+])?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_NO_NUMBER = "^[+-]?(?:[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])$"
_COMMA = "^[+-]?(?:[0-9]{1,3}(?:[.][0-9]{3})+|[0-9]+)(?:,[0-9]+)?$"
_BIGGEST = 2.0**63
_DTYPES: dict[str, DType] = {"text": nw.String(), "number": nw.Float64()}
# The start of year 1 and the end of year 9999.
_EARLIEST, _LATEST = -62_135_596_800_000_000.0, 253_402_300_799_999_999.0


def kind_of(dtype: DType) -> Kind:
    """What a column holds, whatever the engine calls it."""
    if isinstance(dtype, nw.Datetime):
        return "instant" if dtype.time_zone is not None else "local"
    # A column of nothing has no type.
    if dtype in (nw.String, nw.Categorical, nw.Enum, nw.Unknown):
        return "text"
    if dtype == nw.Boolean:
        return "flag"
    if dtype == nw.Date:
        return "date"
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    return "decimal" if dtype.is_decimal() else "other"


def bad_column(name: str) -> str:
    """Whether the cell of a column is there but cannot be read."""
    return f"{name}!bad"


def local_column(name: str) -> str:
    """Whether a time is still on the clock of the zone."""
    return f"{name}!local"


def read_column(
    frame: nw.LazyFrame[Any],
    want: Wanted,
    kind: Kind,
    reading: Reading,
    microseconds: Callable[[nw.Expr], nw.Expr],
) -> nw.LazyFrame[Any]:
    """Add a wanted column and whether its cells are bad; an instant may still be local.

    Args:
        frame: The rows.
        want: What is wanted of which column.
        kind: What that column holds.
        reading: How the table says that its cells are read.
        microseconds: How the engine counts microseconds since 1970 in a column of times.
    """
    if want.type == "instant" and reading.numbered:
        return _read_numbered(frame, want, kind, reading)
    if want.type == "instant":
        return _read_instant(frame, want, kind, microseconds)
    value, bad = _reader(want, kind, reading.decimal)
    dtype = _DTYPES.get(want.type, nw.Int64())
    return frame.with_columns(
        value.cast(dtype).alias(want.name),
        nw.coalesce(bad, nw.lit(False)).alias(bad_column(want.name)),  # noqa: FBT003
    )


def refuse_no_time(want: Wanted, kind: Kind, label: str, reading: Reading) -> None:
    """Numbers are no times, unless the spec says so; flags never are.

    Raises:
        DataError: The column holds them.
    """
    numbers: tuple[Kind, ...] = ("text", "integer", "float", "decimal")
    allowed = numbers if reading.numbered else ("text", "date", "local", "instant")
    if want.type != "instant" or kind in allowed:
        return
    raise DataError(
        f"{label}: column {want.column!r} holds {kind} values; it must hold dates or times",
        f"{RULES['instant'][1]} {NUMBERED}",
    )


def text_of(column: str, kind: Kind) -> nw.Expr:
    """A cell as text, for conditions: 17850.0 is 17850, as in ids, and 0.5 stays 0.5."""
    text, bad = _as_text(column, kind)
    if kind == "float":
        return nw.when(bad).then(nw.col(column).cast(nw.String)).otherwise(text)
    return text


def _reader(want: Wanted, kind: Kind, decimal: str) -> tuple[nw.Expr, nw.Expr]:
    if want.type == "text":
        return _as_text(want.column, kind)
    if want.type == "flag":
        return _as_flag(want.column, kind)
    if want.type == "integer":
        return _as_integer(want.column, kind)
    if kind == "text" and decimal == ",":
        return _with_comma(want.column)
    return _as_number(want.column, kind)


def _cell(column: str, *, trimmed: bool = True) -> nw.Expr:
    """A cell of text, null where it says that it is missing."""
    text = nw.col(column).cast(nw.String)
    cell = text.str.strip_chars(" ") if trimmed else text
    return nw.when(~cell.is_in(list(MISSING))).then(cell)


def _nothing() -> nw.Expr:
    return nw.lit(value=False)


def _as_text(column: str, kind: Kind) -> tuple[nw.Expr, nw.Expr]:
    raw = nw.col(column)
    if kind == "text":
        return _cell(column, trimmed=False), _nothing()
    if kind == "integer":
        return raw.cast(nw.String), _nothing()
    if kind == "flag":
        word = nw.when(raw).then(nw.lit("true")).otherwise(nw.lit("false"))
        return nw.when(~raw.is_null()).then(word), _nothing()
    if kind == "float":
        # 17850.0 is what a whole number becomes in a column with holes; 17850.5 is no id.
        there = raw.is_finite()
        whole = there & (raw == raw.floor()) & (raw.abs() < _BIGGEST)
        return nw.when(whole).then(raw).cast(nw.Int64).cast(nw.String), there & ~whole
    if kind == "decimal":
        digits = raw.cast(nw.String).str.replace_all(r"\.0*$", "")
        return nw.when(~digits.str.contains(r"\.")).then(digits), digits.str.contains(r"\.")
    if kind == "date":
        return raw.dt.to_string("%Y-%m-%d"), _nothing()
    if kind == "local":
        return raw.dt.to_string("%Y-%m-%d %H:%M:%S"), _nothing()
    return nw.lit(None), ~raw.is_null()


def _as_number(column: str, kind: Kind) -> tuple[nw.Expr, nw.Expr]:
    raw = nw.col(column)
    if kind == "text":
        cell = _cell(column)
        # PyArrow reads no plus sign; DuckDB reads 1_000.
        number = nw.when(cell.str.contains(_NUMBER)).then(cell.str.replace_all("^[+]|_", ""))
        readable = cell.str.contains(_NUMBER) | cell.str.contains(_NO_NUMBER)
        return _finite(number.cast(nw.Float64)), ~cell.is_null() & ~readable
    if kind in ("integer", "decimal"):
        return raw.cast(nw.Float64), _nothing()
    if kind == "float":
        return _finite(raw.cast(nw.Float64)), _nothing()
    if kind == "flag":
        return _one_zero(raw, ~raw), _nothing()
    return nw.lit(None), ~raw.is_null()


def _as_integer(column: str, kind: Kind) -> tuple[nw.Expr, nw.Expr]:
    """A 64-bit whole number; asked for only where a table holds whole numbers."""
    raw = nw.col(column)
    if kind == "integer":
        return raw, _nothing()
    number, bad = _as_number(column, kind)
    whole = (number == number.floor()) & (number.abs() < _BIGGEST)
    return nw.when(whole).then(number), bad | (~number.is_null() & ~whole)


def _with_comma(column: str) -> tuple[nw.Expr, nw.Expr]:
    """1.200,47 and 1200,47."""
    cell = _cell(column)
    plain = cell.str.contains(_COMMA)
    point = cell.str.replace_all("[.+]", "").str.replace_all(",", ".")
    return nw.when(plain).then(point).cast(nw.Float64), ~cell.is_null() & ~plain


def _as_flag(column: str, kind: Kind) -> tuple[nw.Expr, nw.Expr]:
    raw = nw.col(column)
    if kind == "text":
        cell = _cell(column)
        word = cell.str.to_lowercase()
        # Not is_in, which takes nulls for false in pandas.
        yes = reduce(or_, [word == nw.lit(text) for text in _TRUE])
        no = reduce(or_, [word == nw.lit(text) for text in _FALSE])
        return _one_zero(yes, no), ~cell.is_null() & ~yes & ~no
    if kind == "flag":
        return _one_zero(raw, ~raw), _nothing()
    if kind in ("integer", "float", "decimal"):
        number = raw.cast(nw.Float64)
        yes, no = number == 1.0, number == 0.0
        return _one_zero(yes, no), number.is_finite() & ~yes & ~no
    return nw.lit(None), ~raw.is_null()


def _one_zero(yes: nw.Expr, no: nw.Expr) -> nw.Expr:
    # A cast flag and no literals: pandas makes a column of literals and nulls decimal.
    return nw.when(yes | no).then(yes.cast(nw.Int64))


def _finite(number: nw.Expr) -> nw.Expr:
    return nw.when(number.is_finite()).then(number)


def _read_numbered(
    frame: nw.LazyFrame[Any], want: Wanted, kind: Kind, reading: Reading
) -> nw.LazyFrame[Any]:
    """Seconds, milliseconds or days since a date."""
    number, bad = _as_number(want.column, kind)
    if reading.time == "day_number":
        first = (date.fromisoformat(reading.day_zero) - date(1970, 1, 1)).days
        whole: nw.Expr = nw.when(number == number.floor()).then(number)
        micros = (whole + first) * MICROSECONDS_A_DAY
    else:
        factor = 1_000_000 if reading.time == "epoch_seconds" else 1_000
        micros = (number * factor).round()
    there = number.is_finite() & (micros >= _EARLIEST) & (micros <= _LATEST)
    missing = ~bad & number.is_null()
    return frame.with_columns(
        nw.when(there).then(micros).cast(nw.Int64).alias(want.name),
        nw.lit(reading.time == "day_number").alias(local_column(want.name)),
        (~missing & ~nw.coalesce(there, nw.lit(value=False))).alias(bad_column(want.name)),
    )


def _start_of_date(day: nw.Expr) -> nw.Expr:
    year, month, of_month = (
        part.cast(nw.Int64) for part in (day.dt.year(), day.dt.month(), day.dt.day())
    )
    return days_since_1970(year, month, of_month) * MICROSECONDS_A_DAY


def _read_instant(
    frame: nw.LazyFrame[Any],
    want: Wanted,
    kind: Kind,
    microseconds: Callable[[nw.Expr], nw.Expr],
) -> nw.LazyFrame[Any]:
    columns = TimeColumns(want.name, local_column(want.name))
    if kind == "text":
        cell = f"{want.name}:cell"
        frame = frame.with_columns(_cell(want.column).alias(cell))
        frame = read_times(frame, cell, columns)
        bad = ~nw.col(cell).is_null() & nw.col(want.name).is_null()
        return frame.with_columns(bad.alias(bad_column(want.name))).drop(cell)
    raw = nw.col(want.column)
    time = _start_of_date(raw) if kind == "date" else microseconds(raw)
    return frame.with_columns(
        time.cast(nw.Int64).alias(columns.time),
        nw.lit(kind != "instant").alias(columns.local),
        _nothing().alias(bad_column(want.name)),
    )
