"""What a cell means: ids, numbers, flags and times, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from abtest import DataError
from abtest.instants import epoch_day, from_microseconds, parse_instant, to_microseconds
from sources.tables_by_hand import read, texts, write

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.sources.wanted import ColumnType

MISSING = ["", "NaN", "nan", "NULL", "null", "None", "<NA>"]


def cells(
    folder: Path, type_: ColumnType, *values: str, zone: str = "Europe/Berlin"
) -> list[object]:
    rows = "".join(f'"{value}",x\n' for value in values)
    found = read(write(folder / "a.csv", f"cell,rest\n{rows}"), ("cell", type_), zone=zone)
    return [row[0] for row in found]


def test_ids_stay_as_they_are(tmp_path: Path) -> None:
    ids = ["007", " 7", "7 ", "7.0", "1e5", "NA", "true", "2026-01-05", "آ۱", "🎁", "-0"]
    assert cells(tmp_path, "text", *ids) == ids


@pytest.mark.parametrize("type_", ["text", "number", "flag", "instant"])
def test_missing_words(tmp_path: Path, type_: ColumnType) -> None:
    assert cells(tmp_path, type_, *MISSING) == [None] * len(MISSING)


def test_numbers(tmp_path: Path) -> None:
    given = ["1", " 2.5 ", "-3e2", "+4", "inf", "-Infinity"]
    assert cells(tmp_path, "number", *given) == [1.0, 2.5, -300.0, 4.0, None, None]


def test_flags(tmp_path: Path) -> None:
    yes, no = ["true", "True", "YES", "t", "1", "1.0", "y"], ["false", "FALSE", "No", "0", "0.0"]
    assert cells(tmp_path, "flag", *yes, *no) == [1] * len(yes) + [0] * len(no)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05T10:00:00+01:00",
        "2026-01-05 10:00:00+01",
        "2026-01-05 10:00:00+0100",
        "2026-01-05 10:00:00 +01:00",
        "2026-01-05T09:00:00Z",
        "2026-01-05T09:00:00z",
        "2026-01-05T09:00Z",
        "2026-01-05 09:00:00 UTC",
        "2026-01-05 09:00:00 GMT",
        "2026-01-05 09:00:00.000000 UTC",
        "2026-01-05T04:00:00.000000000-05:00",
        "2026-01-05 10:00:00",
        "2026-01-05 10:00",
        "2026/1/5 10:00",
        " 2026-01-05 10:00:00 ",
    ],
)
def test_one_instant_in_many_spellings(tmp_path: Path, text: str) -> None:
    expected = to_microseconds(datetime(2026, 1, 5, 9, tzinfo=UTC))
    assert cells(tmp_path, "instant", text) == [expected]


def test_a_date_is_the_start_of_the_day_in_the_zone(tmp_path: Path) -> None:
    tehran = datetime(2026, 1, 5, tzinfo=ZoneInfo("Asia/Tehran"))
    assert cells(tmp_path, "instant", "2026-01-05", zone="Asia/Tehran") == [to_microseconds(tehran)]


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Europe/Berlin", "2021-10-31 02:30:00"),  # happens twice
        ("Europe/Berlin", "2021-10-31 01:59:59"),
        ("Europe/Berlin", "2021-10-31 03:00:00"),
        ("Europe/Berlin", "2021-03-28 02:30:00"),  # never happens
        ("Europe/Berlin", "2021-03-28 03:00:00"),
        ("Asia/Tehran", "2021-03-22"),  # a day that starts at 1:00
        ("Asia/Tehran", "2021-09-21 23:30:00"),  # happens twice
        ("America/New_York", "2021-11-07 01:30:00"),  # happens twice
        ("America/Havana", "2021-11-07"),  # midnight happens twice
        ("UTC", "2021-10-31 02:30:00"),
    ],
)
def test_local_times_are_pythons_where_clocks_change(tmp_path: Path, zone: str, text: str) -> None:
    """The first of two, as as_of is read: RFC 5545 (3.3.5) and zoneinfo's fold=0."""
    path = write(tmp_path / "a.csv", f"at\n{text}\n")
    moment, day = read(path, ("at", "instant"), zone=zone)[0]
    expected = to_microseconds(parse_instant(text, zone))
    assert moment == expected
    assert day == epoch_day(from_microseconds(expected, zone))


def test_the_local_day_goes_with_the_instant(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "at\n2026-01-05T22:30:00Z\n")
    days = {zone: read(path, ("at", "instant"), zone=zone)[0][1] for zone in ("UTC", "Asia/Tehran")}
    assert days["Asia/Tehran"] == days["UTC"] + 1


@pytest.mark.parametrize(
    ("type_", "bad", "message"),
    [
        ("number", "12,50", "is not a number, the first '12,50' in data row 2\n  Hint: Write 1200"),
        ("number", "1.234,5", "not a number"),
        ("number", "€5", "not a number"),
        ("flag", "maybe", "is not true or false, the first 'maybe' in data row 2\n  Hint: A propo"),
        ("flag", "2", "not true or false"),
        ("instant", "05.01.2026", "is not a date or a time, the first '05.01.2026' in data row 2"),
        ("instant", "01/05/2026", "not a date or a time"),
        ("instant", "2026-02-30", "not a date or a time"),
        ("instant", "2026-01-05 02:00:00 PM", "not a date or a time"),
        ("instant", "2026-01-05 02:00:00 CET", "not a date or a time"),
        ("instant", "2026-01-05 02:00:00 Europe/Berlin", "not a date or a time"),
        ("instant", "infinity", "not a date or a time"),
        ("instant", "epoch", "not a date or a time"),
        ("instant", "1767571200", "not a date or a time"),
        ("instant", "10:00", "not a date or a time"),
    ],
)
def test_a_bad_cell_is_named(tmp_path: Path, type_: ColumnType, bad: str, message: str) -> None:
    with pytest.raises(
        DataError, match=rf"a\.csv: column 'cell': 1 value is .*{message}|{message}"
    ):
        cells(tmp_path, type_, "", bad)


def test_several_bad_cells_are_counted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1,500 values are not a number, the first 'x' in data row"):
        cells(tmp_path, "number", *["x"] * 1500)


def test_bad_cells_of_rows_that_are_not_kept_do_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "kind,amount\norder,1\nnote,n/a\norder,2\n")
    keep: list[dict[str, Any]] = [{"column": "kind", "equals": "order"}]
    assert read(path, ("amount", "number"), keep=keep) == [(1.0,), (2.0,)]
    both = [{"column": "amount", "above": 1}, *keep]
    assert read(path, ("amount", "number"), keep=both) == [(2.0,)]


def test_text_in_a_column_that_keep_compares_is_an_error(tmp_path: Path) -> None:
    """Dropped in silence, an export with decimal commas would have no orders at all."""
    path = write(tmp_path / "a.csv", 'id,amount\n1,"12,50"\n2,"3,00"\n')
    with pytest.raises(DataError, match="'amount': 2 values are not a number, the first '12,50'"):
        texts(path, "id", keep=[{"column": "amount", "above": 0}])


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ({"equals": "C1"}, ["C1"]),
        ({"not_equals": "C1"}, ["7", "C2"]),
        ({"starts_with": "C"}, ["C1", "C2"]),
        ({"not_starts_with": "C"}, ["7"]),
        ({"starts_with": "C", "not_equals": "C2"}, ["C1"]),
    ],
)
def test_keep_by_text_never_keeps_what_is_missing(
    tmp_path: Path, condition: dict[str, str], kept: list[str]
) -> None:
    path = write(tmp_path / "a.csv", "id,x\nC1,1\n7,1\n,1\nnull,1\nC2,1\n")
    assert texts(path, "id", keep=[{"column": "id", **condition}]) == [(id_,) for id_ in kept]


def test_keep_by_number_is_strict_and_never_keeps_what_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,x\na,0\nb,1\nc,\nd,5\ne,nan\n")
    assert texts(path, "id", keep=[{"column": "x", "above": 0, "below": 5}]) == [("b",)]
    assert texts(path, "id", keep=[{"column": "x", "above": 0}]) == [("b",), ("d",)]
