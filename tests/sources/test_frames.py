"""Parquet files and data frames: typed columns."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from abtest import DataError
from abtest.instants import to_microseconds
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.sources.tables import Keep, Table
from abtest.sources.wanted import Copies
from sources.tables_by_hand import read, texts, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abtest.sources.wanted import ColumnType

NINE = to_microseconds(datetime(2026, 1, 5, 9, tzinfo=UTC))


def parquet(folder: Path, select: str) -> Path:
    """A Parquet file, written by DuckDB without a detour over frames."""
    path = folder / "a.parquet"
    duckdb.connect().execute(f"COPY (SELECT {select}) TO '{path}' (FORMAT parquet)")
    return path


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("17850", "17850"),
        ("17850.0::DOUBLE", "17850"),
        ("17850::DECIMAL(10, 2)", "17850"),
        ("17850::UTINYINT::UBIGINT", "17850"),
        ("12345678901234567890::UBIGINT", "12345678901234567890"),
        ("'007'", "007"),
        ("NULL::INTEGER", None),
        ("'NaN'::DOUBLE", None),
        ("true", "true"),
    ],
)
def test_ids_in_parquet(tmp_path: Path, value: str, expected: str | None) -> None:
    if "UTINYINT" in value:
        value = "17850::UINTEGER::UBIGINT"
    assert texts(parquet(tmp_path, f"{value} AS id"), "id") == [(expected,)]


def test_half_an_id_is_an_error(tmp_path: Path) -> None:
    path = parquet(tmp_path, "17850.5::DOUBLE AS id")
    with pytest.raises(DataError, match=r"the first '17850\.5'.*\n  Hint: An id column with holes"):
        texts(path, "id")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.5::DECIMAL(10, 2)", 1.5),
        ("2::TINYINT", 2.0),
        ("'2.5'", 2.5),
        ("true", 1.0),
        ("'inf'::DOUBLE", None),
        ("'nan'::FLOAT", None),
    ],
)
def test_numbers_in_parquet(tmp_path: Path, value: str, expected: float | None) -> None:
    assert read(parquet(tmp_path, f"{value} AS x"), ("x", "number")) == [(expected,)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", 1), ("0", 0), ("1.0::DOUBLE", 1), ("0::DECIMAL(4, 1)", 0), ("NULL::BOOLEAN", None)],
)
def test_flags_in_parquet(tmp_path: Path, value: str, expected: int | None) -> None:
    assert read(parquet(tmp_path, f"{value} AS x"), ("x", "flag")) == [(expected,)]


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("DATE '2026-01-05'", "number"),
        ("DATE '2026-01-05'", "flag"),
        ("[true]", "flag"),
        ("0.5::DOUBLE", "flag"),
        ("[1, 2]", "number"),
        ("TIMESTAMP 'infinity'", "instant"),
    ],
)
def test_columns_of_the_wrong_type(tmp_path: Path, value: str, type_: Any) -> None:
    with pytest.raises(DataError, match="column 'x': 1 value is not"):
        read(parquet(tmp_path, f"{value} AS x"), ("x", type_))


@pytest.mark.parametrize(
    "value",
    [
        "TIMESTAMP '2026-01-05 10:00:00'",
        "TIMESTAMP_NS '2026-01-05 10:00:00.000000001'",
        "TIMESTAMP_S '2026-01-05 10:00:00'",
        "TIMESTAMPTZ '2026-01-05 10:00:00+01:00'",
        "'2026-01-05T10:00:00+01:00'",
    ],
)
def test_times_in_parquet(tmp_path: Path, value: str) -> None:
    """Local in Berlin where there is no zone: 9:00 in UTC."""
    assert read(parquet(tmp_path, f"{value} AS at"), ("at", "instant"))[0][0] == NINE


@pytest.mark.parametrize("value", ["20260105", "1767571200.0::DOUBLE", "true"])
def test_numbers_are_no_times(tmp_path: Path, value: str) -> None:
    with pytest.raises(DataError, match=r"it must hold dates or times\n  Hint: Write 2026-01-05"):
        read(parquet(tmp_path, f"{value} AS at"), ("at", "instant"))


def test_keep_on_typed_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = "(VALUES (1.0::DOUBLE, 'a'), (0.5, 'b'), (NULL, 'c'), ('nan', 'd')) AS t(x, id)"
    duckdb.connect().execute(f"COPY (SELECT * FROM {rows}) TO '{path}' (FORMAT parquet)")
    assert texts(path, "id", keep=[{"column": "x", "equals": "1"}]) == [("a",)]
    assert texts(path, "id", keep=[{"column": "x", "equals": "0.5"}]) == [("b",)]
    assert texts(path, "id", keep=[{"column": "x", "not_equals": "1"}]) == [("b",)]
    assert texts(path, "id", keep=[{"column": "x", "above": 0.5}]) == [("a",)]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all, but long enough for it"])
def test_a_corrupt_parquet_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.parquet cannot be read"):
        texts(write(tmp_path / "a.parquet", content), "id")


def test_a_parquet_file_that_is_damaged_inside(tmp_path: Path) -> None:
    path = parquet(tmp_path, "range AS id, sha256(range::VARCHAR) AS x FROM range(20000)")
    data = bytearray(path.read_bytes())
    data[1000:90000] = bytes(89000)
    path.write_bytes(data)
    with pytest.raises(DataError, match="cannot be read"):
        texts(path, "x")


ROWS = {
    "id": ["007", None, "آ"],
    "n": [17850.0, None, 2.0],
    "flag": [True, None, False],
    "at": [datetime(2026, 1, 5, 10), None, datetime(2026, 1, 5, 10)],  # noqa: DTZ001 - local
    "day": [date(2026, 1, 5), None, date(2026, 1, 5)],
    "money": [Decimal("1.50"), None, Decimal(2)],
}


def polars_frame(*, lazy: bool) -> Any:
    polars = pytest.importorskip("polars", reason="Polars is not installed")
    frame = polars.DataFrame(ROWS)
    return frame.lazy() if lazy else frame


def arrow_table() -> Any:
    return pytest.importorskip("pyarrow", reason="PyArrow is not installed").table(ROWS)


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.DataFrame(ROWS),
        lambda: pd.DataFrame(ROWS).convert_dtypes(),
        lambda: polars_frame(lazy=False),
        lambda: polars_frame(lazy=True),
        arrow_table,
    ],
    ids=["pandas", "pandas nullable", "polars", "polars lazy", "pyarrow"],
)
def test_frames_read_the_same(make: Callable[[], Any]) -> None:
    rows = read(
        make(),
        ("id", "text"),
        ("n", "text"),
        ("n", "number"),
        ("flag", "flag"),
        ("money", "number"),
        ("at", "instant"),
    )
    day = rows[0][-1]
    assert rows == [
        ("007", "17850", 17850.0, 1, 1.5, NINE, day),
        (None, None, None, None, None, None, None),
        ("آ", "2", 2.0, 0, 2.0, NINE, day),
    ]


@pytest.mark.parametrize("zone", [None, "Asia/Tehran", "UTC"])
def test_pandas_timestamps_of_every_resolution(tmp_path: Path, zone: str | None) -> None:
    moment = pd.Timestamp("2026-01-05 09:00:00", tz="UTC").tz_convert(zone or "Europe/Berlin")
    local = pd.Series([moment if zone else moment.tz_localize(None)])
    # The old default of pandas, and of most Parquet files, is nanoseconds.
    units = [local.dt.as_unit(u) for u in ("s", "ms", "us", "ns")]
    frame = pd.DataFrame({f"at{place}": column for place, column in enumerate(units)})
    wanted: list[tuple[str, ColumnType]] = [(f"at{place}", "instant") for place in range(4)]
    pytest.importorskip("pyarrow", reason="PyArrow is not installed")
    frame.to_parquet(tmp_path / "a.parquet")
    for given in (frame, tmp_path / "a.parquet"):
        row = read(given, *wanted)[0]
        assert row[::2] == (NINE,) * 4


def test_categories_are_texts() -> None:
    frame = pd.DataFrame(
        {"variant": ["a", None, "b"], "won": ["yes", "no", "yes"]}, dtype="category"
    )
    assert read(frame, ("variant", "text"), ("won", "flag")) == [("a", 1), (None, 0), ("b", 1)]


@pytest.mark.parametrize("rows", [0, 1])
def test_frames_of_nothing(rows: int) -> None:
    frame = pd.DataFrame([[None, None]] * rows, columns=["id", "at"])
    assert read(frame, ("id", "text"), ("at", "instant")) == [(None, None, None)] * rows


@pytest.mark.parametrize("given", [[1, 2], None, 5, {"a": [1]}])
def test_what_is_no_table_is_refused(given: Any) -> None:
    with pytest.raises(
        DataError, match=r"data\['table'\] is a .* that DuckDB cannot read.*\n  Hint"
    ):
        texts(given, "id")


def test_a_frame_with_a_column_of_an_odd_type() -> None:
    frame = pd.DataFrame({"id": pd.PeriodIndex(["2020"], freq="Y")})
    with pytest.raises(DataError, match=r"DataFrame that DuckDB cannot read: .*period"):
        texts(frame, "id")


def test_a_frame_without_the_column() -> None:
    with pytest.raises(DataError, match=r"data\['table'\] has no column 'idd'"):
        texts(pd.DataFrame({"id": ["1"]}), "idd")


def test_copies_are_rows_that_repeat_another_in_every_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,x\n1,a\n1,a\n1,a\n1,b\n2,\n2,\nC,\nC,\n")
    engine = DuckDBEngine(tmp_path, "UTC", {})
    table = Table(path=path.name, keep=(Keep(column="id", not_equals="C"),))
    assert engine.copies("t", table) == Copies(3)
    assert engine.columns("t", table) == ("id", "x")


def test_the_fingerprint_is_sha256_of_the_file(tmp_path: Path) -> None:
    write(tmp_path / "abc.csv", "abc")
    engine = DuckDBEngine(tmp_path, "UTC", {})
    engine.columns("orders", Table(path="abc.csv"))
    # FIPS 180-2, appendix B.1: the digest of "abc".
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert engine.fingerprints() == {"orders": digest}


def test_an_error_of_the_engine_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^the data cannot be read: .*$"):
        DuckDBEngine(tmp_path, "UTC", {}).query("SELECT no_such_column")


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        ("7::TINYINT", True),
        ("7::BIGINT", True),
        ("7::UINTEGER", True),
        ("7::UBIGINT", False),  # may not fit
        ("7::HUGEINT", False),
        ("7.0::DOUBLE", False),
        ("7::DECIMAL(10, 0)", False),
        ("'7'", False),
        ("true", False),
    ],
)
def test_integers_of_at_most_64_bits(tmp_path: Path, value: str, *, whole: bool) -> None:
    path = parquet(tmp_path, f"unnest([{value}, NULL]) AS id")
    engine = DuckDBEngine(tmp_path, "UTC", {})
    table = Table(path=path.name)
    assert engine.holds_integers("t", table, "id") is whole
    if whole:
        wanted: Any = "integer"
        assert read(path, ("id", wanted)) == [(7,), (None,)]
    with pytest.raises(DataError, match="no column 'idd'"):
        engine.holds_integers("t", table, "idd")


def test_a_frame_that_runs_backwards(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a", "b", "c"], "n": [1, 2, 3]})
    table = Table(path="not_used.csv", unit="id")
    for part, wanted in ((frame[::-1], 6), (frame[::-2], 4), (frame[::2], 4)):
        engine = DuckDBEngine(tmp_path, "UTC", {"units": part})
        source = engine.source("units", table)
        assert engine.query(f"SELECT sum(n) FROM {source.from_sql}") == [(wanted,)]


@pytest.mark.parametrize("names", [["id", "n", "n"], ["id", "n", "N"]])
@pytest.mark.parametrize("kind", ["pandas", "pyarrow"])
def test_two_columns_of_one_name(tmp_path: Path, names: list[str], kind: str) -> None:
    frame: Any = pd.DataFrame([["a", 1, 2]], columns=names)
    if kind == "pyarrow":
        frame = pa.table([["a"], [1], [2]], names=names)
    engine = DuckDBEngine(tmp_path, "UTC", {"units": frame})
    with pytest.raises(DataError, match=r"^data\['units'\] has more than one column called 'n'"):
        engine.columns("units", Table(path="not_used.csv"))


def test_what_is_no_frame(tmp_path: Path) -> None:
    engine = DuckDBEngine(tmp_path, "UTC", {"units": (row for row in "ab")})
    with pytest.raises(DataError, match="is a generator that DuckDB cannot read"):
        engine.columns("units", Table(path="not_used.csv"))
