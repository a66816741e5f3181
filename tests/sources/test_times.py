"""What a spec says about times and numbers: epochs, day numbers, formats, offsets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from pydantic import ValidationError

from abtest import DataError
from abtest.instants import epoch_day, to_microseconds
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.sources.tables import EventsTable, Table
from abtest.sources.wanted import Wanted
from sources.tables_by_hand import write

if TYPE_CHECKING:
    from pathlib import Path

NINE = to_microseconds(datetime(2026, 1, 5, 9, tzinfo=UTC))
NINE_SECONDS = NINE // 1_000_000


def instants(folder: Path, *cells: str, zone: str = "Europe/Berlin", **block: Any) -> list[Any]:
    """The instants of a column of a CSV file, and their days."""
    write(folder / "a.csv", "at,x\n" + "".join(f'"{cell}",1\n' for cell in cells))
    return scanned(folder, "a.csv", zone, block)


def typed(folder: Path, value: str, zone: str = "Europe/Berlin", **block: Any) -> list[Any]:
    """The same of a Parquet file with one cell."""
    duckdb.connect().execute(f"COPY (SELECT {value} AS at) TO '{folder}/a.parquet'")
    return scanned(folder, "a.parquet", zone, block)


def scanned(folder: Path, name: str, zone: str, block: dict[str, Any]) -> list[Any]:
    engine = DuckDBEngine(folder, zone, {})
    table = EventsTable.model_validate({"path": name, "at": "at", **block})
    found = engine.collect(engine.scan("orders", table, [Wanted("at", "at", "instant")]))
    return [tuple(row.values()) for row in found]


@pytest.mark.parametrize(
    ("form", "cell"),
    [
        ("epoch_seconds", f"{NINE_SECONDS}"),
        ("epoch_seconds", f"{NINE_SECONDS}.0"),
        ("epoch_milliseconds", f"{NINE_SECONDS}000"),
        ("epoch_milliseconds", f" {NINE_SECONDS}000 "),
    ],
)
def test_epochs(tmp_path: Path, form: str, cell: str) -> None:
    day = epoch_day(datetime(2026, 1, 5, tzinfo=UTC))
    assert instants(tmp_path, cell, "", "NULL", time=form) == [
        (NINE, day),
        (None, None),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("epoch_seconds", f"{NINE_SECONDS}::BIGINT"),
        ("epoch_seconds", f"{NINE_SECONDS}::DOUBLE"),
        ("epoch_seconds", f"{NINE_SECONDS}::DECIMAL(18, 3)"),
        ("epoch_milliseconds", f"{NINE_SECONDS}000::UBIGINT"),
        ("epoch_milliseconds", f"{NINE_SECONDS}000::HUGEINT"),
    ],
)
def test_epochs_in_parquet(tmp_path: Path, form: str, value: str) -> None:
    assert typed(tmp_path, value, time=form)[0][0] == NINE


def test_a_fraction_of_a_second_keeps_its_microseconds(tmp_path: Path) -> None:
    assert instants(tmp_path, f"{NINE_SECONDS}.123457", time="epoch_seconds")[0][0] == NINE + 123457
    assert instants(tmp_path, "-1.5", time="epoch_milliseconds")[0][0] == -1500


@pytest.mark.parametrize(("cell", "days"), [("0", 0), ("41", 41), ("41.0", 41), ("-3", -3)])
def test_day_numbers_count_from_day_zero(tmp_path: Path, cell: str, days: int) -> None:
    moment = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=days)
    found = instants(tmp_path, cell, zone="UTC", time="day_number", day_zero="2026-01-05")
    assert found == [(to_microseconds(moment), epoch_day(moment))]


def test_a_day_starts_at_midnight_of_the_zone(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 6, tzinfo=ZoneInfo("Asia/Tehran"))
    found = typed(tmp_path, "1::SMALLINT", "Asia/Tehran", time="day_number", day_zero="2026-01-05")
    assert found == [(to_microseconds(moment), epoch_day(moment))]
    assert typed(tmp_path, "1", "UTC", time="day_number") == [(86_400_000_000, 1)]


@pytest.mark.parametrize(
    ("form", "cell", "message"),
    [
        ("epoch_seconds", "2026-01-05", "not a number of seconds since 1970"),
        ("epoch_seconds", "inf", "not a number of seconds"),
        (
            "epoch_seconds",
            f"{NINE_SECONDS}000000",
            "between the years 1 and 9999.*\\n  Hint: Is `ti",
        ),
        ("epoch_milliseconds", "x", "not a number of milliseconds"),
        ("day_number", "1.5", "not a whole number of days since day_zero"),
        ("day_number", "9999999999", "not a whole number of days"),
        ("timestamp", "1767603600", r"not a date or a time.*\n  Hint: .*`time: epoch_seconds`"),
        ("timestamp", "05.01.2026", 'Hint: .*`date_format: "%d.%m.%Y"`'),
        ("timestamp", "05/01/2026", 'Hint: .*`date_format: "%d/%m/%Y"`, or "%m/%d/%Y"'),
    ],
)
def test_what_is_no_time(tmp_path: Path, form: str, cell: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        instants(tmp_path, cell, time=form)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("epoch_seconds", "TIMESTAMP '2026-01-05'"),
        ("day_number", "DATE '2026-01-05'"),
        ("epoch_seconds", "true"),
        ("timestamp", "1767603600"),
    ],
)
def test_columns_of_another_type_than_the_spec_says(tmp_path: Path, form: str, value: str) -> None:
    with pytest.raises(DataError, match=r"it must hold dates or times\n  Hint: .*epoch_seconds"):
        typed(tmp_path, value, time=form)


def test_a_declared_format(tmp_path: Path) -> None:
    found = instants(tmp_path, "05.01.2026 10:00", "5.1.2026 10:00", date_format="%d.%m.%Y %H:%M")
    assert [moment for moment, _ in found] == [NINE, NINE]
    with pytest.raises(DataError, match=r"is not a time like %d\.%m\.%Y, the first '2026-01-05'"):
        instants(tmp_path, "05.01.2026", "2026-01-05", date_format="%d.%m.%Y")
    with pytest.raises(DataError, match="1 value is not a time like"):
        instants(tmp_path, "30.02.2026", date_format="%d.%m.%Y")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            ["2026-01-05 10:00+01:00", "", "2026-01-05 10:00", "2026-01-05"],
            r"2 values have no offset from UTC, .* row 3\n  Hint: .*`time: offset_or_local`.*Be",
        ),
        (
            ["2026-01-05 10:00", "2026-01-05T09:00Z"],
            "1 value has an offset from UTC, and others have none, the first '2026-01-05T09:00Z'",
        ),
        (["2026-01-05", "2026-01-05T09:00Z", "soon"], "2 values are not a date or a time"),
    ],
)
def test_offsets_in_some_rows_only_are_refused(
    tmp_path: Path, cells: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        instants(tmp_path, *cells)


def test_offsets_in_some_rows_only_where_the_spec_says_so(tmp_path: Path) -> None:
    cells = ["2026-01-05 10:00", "2026-01-05T09:00Z", "2026-01-05 04:00-05"]
    found = instants(tmp_path, *cells, time="offset_or_local")
    assert [moment for moment, _ in found] == [NINE] * 3


def test_only_rows_that_are_read_decide_on_offsets(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "at,x\n2026-01-05 10:00,0\n2026-01-05T09:00Z,1\n")
    keep = ({"column": "x", "equals": "1"},)
    found = scanned(tmp_path, "a.csv", "UTC", {"keep": keep})
    assert found[0][0] == NINE


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12,50", 12.5),
        ("1.200,47", 1200.47),
        ("-1.234.567,8", -1234567.8),
        ("1200", 1200.0),
        ("1.200", 1200.0),
        (",", None),
        ("", None),
    ],
)
def test_decimal_commas(tmp_path: Path, cell: str, value: float | None) -> None:
    write(tmp_path / "a.csv", f"amount;x\n{cell};1\n")
    engine = DuckDBEngine(tmp_path, "UTC", {})
    table = Table(path="a.csv", decimal=",")
    frame = engine.scan("orders", table, [Wanted("amount", "amount", "number")])
    if cell == ",":
        with pytest.raises(DataError, match=r"not a number.*\n  Hint: Write 1\.200,47 or 1200,47"):
            engine.collect(frame)
    else:
        assert engine.collect(frame) == [{"amount": value}]


def test_a_decimal_point_where_the_spec_says_comma(tmp_path: Path) -> None:
    """12.50 must not become 1250."""
    write(tmp_path / "a.csv", "amount;x\n12.50;1\n")
    engine = DuckDBEngine(tmp_path, "UTC", {})
    table = Table.model_validate(
        {"path": "a.csv", "decimal": ",", "keep": ({"column": "amount", "above": 0},)}
    )
    with pytest.raises(DataError, match=r"'amount': 1 value is not a number, the first '12\.50'"):
        engine.collect(engine.scan("orders", table, [Wanted("amount", "amount", "number")]))


def test_the_hint_says_how_to_declare_decimal_commas(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "amount;x\n12,50;1\n")
    engine = DuckDBEngine(tmp_path, "UTC", {})
    with pytest.raises(DataError, match='Or say `decimal: ","`'):
        engine.collect(
            engine.scan("orders", Table(path="a.csv"), [Wanted("amount", "amount", "number")])
        )


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"date_format": "DD.MM.YYYY"}, "it must name a day, month and year"),
        ({"date_format": "%d.%m"}, "it must name a day, month and year"),
        ({"date_format": "%d.%m.%Y %Q"}, "it must name a day, month and year"),
        ({"date_format": "%Y-%m-%d %z"}, "it must name a day, month and year"),
        ({"day_zero": "5.1.2026"}, "it must be a date such as 2026-01-05"),
        ({"day_zero": "20260105"}, "it must be a date such as 2026-01-05"),
        ({"time": "epoch"}, "Input should be 'timestamp', 'offset_or_local', 'epoch_seconds'"),
    ],
)
def test_what_a_spec_cannot_say(block: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EventsTable.model_validate({"path": "a.csv", "at": "at", **block})
