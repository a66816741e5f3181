"""How a column becomes instants, in DuckDB's SQL: what the spec says about its times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.sources.tables import TimedTable
from abtest.sources.zones import END_OF_MODERN, MICROSECONDS_A_DAY, modern_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.sources.tables import Table, TimeForm

_DATE, _TIME = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}", r"[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
# The engine also reads "PM", "CET" and "infinity", and takes no notice of them in a local time.
LOCAL = f"^{_DATE}({_TIME})?$"
WITH_OFFSET = rf"^{_DATE}{_TIME} ?(Z|z|UTC|GMT|[+-]\d{{2}}(:?\d{{2}})?)$"
DAY_ZERO = "1970-01-01"
_NUMBERED = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1_000}
# Year 1 and year 9999: outside, a number is of another unit than the spec says.
_EARLIEST, _LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_SHIFT = 1_000_000  # days


@dataclass(frozen=True, slots=True)
class Reading:
    """How the cells of one table are read.

    Attributes:
        zone: The zone of times without an offset, in which days begin.
        time: What the column of times holds.
        day_zero: The date of day 0, where it holds day numbers.
        date_format: How text is read that is not ISO; None where it is.
        decimal: What stands before decimals in text.
        offsets: Whether times in text have an offset: all or none; None where both may be.
    """

    zone: str
    time: TimeForm = "timestamp"
    day_zero: str = DAY_ZERO
    date_format: str | None = None
    decimal: str = "."
    offsets: bool | None = None

    @property
    def numbered(self) -> bool:
        """Whether times are numbers."""
        return self.time in _NUMBERED or self.time == "day_number"

    @property
    def one_kind(self) -> bool:
        """Whether texts must all have an offset, or none of them."""
        return self.time == "timestamp" and self.date_format is None


def reading_of(table: Table, zone: str) -> Reading:
    """How a table says that its cells are read."""
    if not isinstance(table, TimedTable):
        return Reading(zone, decimal=table.decimal)
    day_zero = table.day_zero or DAY_ZERO
    return Reading(zone, table.time, day_zero, table.date_format, table.decimal)


def instant_sql(name: str, column_type: str, reading: Reading) -> str:
    """Microseconds since 1970 in UTC; null where the cell is missing or no time."""
    if reading.numbered:
        return _numbered_sql(name, column_type, reading)
    if column_type in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"):
        return f"epoch_us(CAST({name} AS TIMESTAMPTZ))"
    if column_type == "DATE" or column_type.startswith("TIMESTAMP"):
        return f"epoch_us({_local_sql(f'CAST({name} AS TIMESTAMP)', reading.zone)})"
    if column_type == "VARCHAR":
        return _text_sql(name, reading)
    return "NULL"


def _text_sql(name: str, reading: Reading) -> str:
    if reading.date_format is not None:
        time = f"try_strptime({name}, '{_escaped(reading.date_format)}')"
        return f"epoch_us({_local_sql(time, reading.zone)})"
    local = _local_sql(f"TRY_CAST({name} AS TIMESTAMP)", reading.zone)
    utc = f"regexp_replace({name}, ' ?(z|UTC|GMT)$', 'Z')"
    aware = f"TRY_CAST(regexp_replace({utc}, ' ([+-])', '\\1') AS TIMESTAMPTZ)"
    kinds = []
    if reading.offsets is not True:
        kinds.append(f"WHEN regexp_matches({name}, '{LOCAL}') THEN {local}")
    if reading.offsets is not False:
        kinds.append(f"WHEN regexp_matches({name}, '{WITH_OFFSET}') THEN {aware}")
    return f"epoch_us(CASE {' '.join(kinds)} END)"


def _numbered_sql(name: str, column_type: str, reading: Reading) -> str:
    """A number of seconds, milliseconds or days."""
    if column_type == "BOOLEAN" or column_type.startswith(("DATE", "TIME")):
        return "NULL"
    if reading.time == "day_number":
        number = f"TRY_CAST({name} AS DOUBLE)"
        whole = f"{number} = round({number}) AND {number} BETWEEN {_FIRST_DAY} AND {_LAST_DAY}"
        days = f"(DATE '{reading.day_zero}' + CAST({number} AS INTEGER))"
        start = f"epoch_us({_local_sql(f'CAST({days} AS TIMESTAMP)', reading.zone)})"
        return f"CASE WHEN {whole} THEN {start} END"
    # Decimals, because a double cannot hold microseconds since 1970 to the last digit.
    factor = _NUMBERED[reading.time]
    exact = f"TRY_CAST({name} AS DECIMAL(38, 9)) * {factor}"
    micros = f"TRY_CAST(round({exact}) AS BIGINT)"
    return f"CASE WHEN {micros} BETWEEN {_EARLIEST} AND {_LATEST} THEN {micros} END"


def day_sql(instant: str, zone: str) -> str:
    """The local day of microseconds since 1970, as days since 1970-01-01.

    Args:
        instant: A column's name: it occurs many times.
        zone: The zone in which days begin.
    """
    if zone == "UTC":
        return _day_of(instant)
    span = modern_span(zone)
    ats = [change.at for change in span.changes]
    offsets = [span.offset, *(change.after for change in span.changes)]
    local = f"{instant} + {_found_sql(instant, ats, offsets)}"
    moment = f"make_timestamptz({instant})"
    engine = f"(timezone('{_escaped(zone)}', {moment})::DATE - DATE '1970-01-01')"
    # Whole numbers are several times faster than the engine's own zones, which know all times.
    modern = f"{instant} BETWEEN 0 AND {END_OF_MODERN}"
    return f"CASE WHEN {modern} THEN {_day_of(local)} ELSE {engine} END"


def _day_of(local: str) -> str:
    # Division of whole numbers cuts towards zero: before 1970 that would be the day after.
    shifted = f"({local} + {_SHIFT * MICROSECONDS_A_DAY})"
    return f"CAST({shifted} // {MICROSECONDS_A_DAY} - {_SHIFT} AS INTEGER)"


def _found_sql(column: str, starts: Sequence[int], values: Sequence[int]) -> str:
    """The value in force: values[0] before starts[0], values[k] from starts[k - 1] on.

    A balanced tree of comparisons, so that hundreds of changes cost eight.
    """
    if not starts:
        return str(values[0])
    middle = len(starts) // 2
    before = _found_sql(column, starts[:middle], values[: middle + 1])
    after = _found_sql(column, starts[middle + 1 :], values[middle + 1 :])
    return f"CASE WHEN {column} < {starts[middle]} THEN {before} ELSE {after} END"


def _local_sql(time: str, zone: str) -> str:
    """The instant of a local time; where clocks go back, the first of the two (RFC 5545, 3.3.5).

    DuckDB takes the second. Clocks go back by one hour everywhere but on Lord Howe Island.
    """
    zone_name = f"'{_escaped(zone)}'"
    second = f"timezone({zone_name}, {time})"
    if zone == "UTC":
        return second
    first = f"{second} - INTERVAL 1 HOUR"
    repeated = f"timezone({zone_name}, {first}) = {time}"
    return f"CASE WHEN {repeated} THEN {first} ELSE {second} END"


def _escaped(text: str) -> str:
    return text.replace("'", "''")
