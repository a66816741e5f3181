"""What a cell means: the same on every engine as in DuckDB, and as little is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from abtest import DataError
from abtest.instants import parse_instant, to_microseconds
from abtest.sources.open_engine import EngineOptions, open_engine
from abtest.sources.tables import EventsTable, Table
from abtest.sources.wanted import Wanted

if TYPE_CHECKING:
    from abtest.sources.wanted import ColumnType

ENGINES = ["polars", "pandas", "pyarrow"]
every_engine = pytest.mark.parametrize("engine", ENGINES)
TEXTS: dict[ColumnType, list[str | None]] = {
    "text": ["007", " 7", "7.0", "1e5", "NA", "آ۱", "🎁", "-0", "", "nan", "NULL", "<NA>", None],
    "number": ["1", " 2.5 ", "-3e2", "+4", ".5", "5.", "1_000", "inf", "-Infinity", "NaN", "1e400",
               "", None],
    "flag": ["true", "True", "YES", "t", "1", "1.0", "y", "false", "FALSE", "No", "0", "0.0", "",
             None],
}  # fmt: skip
LOCAL = [
    "2026-01-05", "2026-1-5", "2026/1/5 10:00", "2026-01-05 10:00:00", "2026-01-05T9:05:07",
    "2026-01-05 10:00:00.5", "2026-01-05 10:00:00.1234567", " 2026-01-05 10:00 ",
    "2026-01-05 24:00:00", "2024-02-29", "2000-02-29 23:59:59.999999", "1969-12-31 23:59:59",
    "0001-01-01", "1900-03-01", "", None,
]  # fmt: skip
OFFSETS = [
    "2026-01-05T10:00:00+01:00", "2026-01-05 10:00:00+01", "2026-01-05 10:00:00-0530",
    "2026-01-05 10:00:00 +01:00", "2026-01-05T09:00Z", "2026-01-05T09:00:00z",
    "2026-01-05 09:00:00 UTC", "2026-01-05 09:00:00 GMT", "2026-01-05T04:00:00.25-05:00",
]  # fmt: skip
BAD: dict[ColumnType, list[str]] = {
    "number": ["12,50", "1.234,5", "€5", "1e", "--1", "0x10", "1 000", "\u0661"],
    "flag": ["maybe", "2"],
    "instant": [
        "05.01.2026", "01/05/2026", "2026-02-30", "2025-02-29", "1900-02-29", "2026-13-01",
        "2026-00-10", "2026-01-05 02:00:00 PM", "2026-01-05 02:00:00 CET", "infinity", "epoch",
        "1767571200", "10:00", "2026-01-05 25:00", "2026-01-05 10:60", "2026-01-05 23:59:60",
        "2026/1-5",
    ],
}  # fmt: skip


def read(
    engine: str, given: Any, type_: ColumnType, zone: str = "Europe/Berlin", **table: Any
) -> list[Any]:
    """The column "cell" as wanted; for times, pairs of an instant and a day."""
    opened = open_engine(engine, Path(), zone, {"table": given}, EngineOptions())
    frame = opened.scan("table", described(**table), [Wanted("out", "cell", type_)])
    rows = [tuple(row.values()) for row in opened.collect(frame)]
    return rows if type_ == "instant" else [row[0] for row in rows]


def described(**table: Any) -> Table:
    return EventsTable.model_validate({"path": "-", "at": "at", **table})


def frame_of(engine: str, values: list[Any], type_: Any = None) -> Any:
    cells = pa.array(values, type=pa.string() if isinstance(values[0], str) else type_)
    if type_ is not None:
        cells = cells.cast(type_)  # local times are written as text here
    table = pa.table({"cell": cells, "row": range(len(values))})
    if engine == "polars":
        return pl.from_arrow(table)
    return table.to_pandas() if engine == "pandas" else table


@every_engine
@pytest.mark.parametrize("type_", TEXTS)
def test_texts_read_as_in_duckdb(engine: str, type_: ColumnType) -> None:
    frame = frame_of(engine, TEXTS[type_], pa.string())
    assert read(engine, frame, type_) == read("duckdb", frame, type_)


@every_engine
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Tehran", "UTC", "America/St_Johns"])
def test_times_read_as_in_duckdb(engine: str, zone: str) -> None:
    for texts in (LOCAL, OFFSETS):
        frame = frame_of(engine, texts, pa.string())
        assert read(engine, frame, "instant", zone) == read("duckdb", frame, "instant", zone)


@every_engine
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
        ("America/Havana", "2021-11-07"),  # midnight happens twice
        ("Australia/Lord_Howe", "2021-04-04 01:45:00"),  # clocks go back by half an hour
        ("Pacific/Apia", "2011-12-30 12:00:00"),  # a day that never was
    ],
)
def test_local_times_are_pythons_where_clocks_change(engine: str, zone: str, text: str) -> None:
    """The witness is zoneinfo with fold=0 (RFC 5545, 3.3.5)."""
    expected = to_microseconds(parse_instant(text, zone))
    local = datetime.fromtimestamp(expected // 1_000_000, UTC).astimezone(
        parse_instant(text, zone).tzinfo
    )
    day = (local.date() - date(1970, 1, 1)).days
    assert read(engine, frame_of(engine, [text]), "instant", zone) == [(expected, day)]


@every_engine
@pytest.mark.parametrize(
    ("type_", "bad"), [(type_, text) for type_, texts in BAD.items() for text in texts]
)
def test_a_bad_cell_is_named(engine: str, type_: ColumnType, bad: str) -> None:
    frame = frame_of(engine, ["", bad, bad])
    with pytest.raises(DataError, match=r"'cell': 2 values are not .*, the first .* in data row 2"):
        read(engine, frame, type_)


@every_engine
@pytest.mark.parametrize(
    ("values", "type_", "arrow"),
    [
        ([17850.0, None, 12.0], "text", None),
        ([17850, None], "text", pa.int32()),
        ([12345678901234567890], "text", pa.uint64()),
        ([True, None, False], "text", None),
        ([Decimal("17850.00"), Decimal(7)], "text", pa.decimal128(10, 2)),
        ([date(2026, 1, 5), None], "text", None),
        ([None, None], "text", None),
        ([1.5, None, float("nan"), float("inf")], "number", None),
        ([Decimal("1.5"), None], "number", pa.decimal128(10, 2)),
        ([True, None], "number", None),
        ([1, 0, None], "flag", pa.int8()),
        ([1.0, 0.0, None, float("nan")], "flag", None),
        ([True, False, None], "flag", None),
        ([date(2021, 3, 28), None, date(1960, 2, 29)], "instant", None),
        (["2021-10-31T02:30:00", None], "instant", pa.timestamp("ns")),
        (["2021-10-31T02:30:00", None], "instant", pa.timestamp("s")),
        ([datetime(2021, 10, 31, 2, 30, tzinfo=UTC), None], "instant", pa.timestamp("ms", "UTC")),
    ],
)
def test_typed_columns_read_as_in_duckdb(
    engine: str, values: list[Any], type_: ColumnType, arrow: Any
) -> None:
    frame = frame_of(engine, values, arrow)
    wanted = read("duckdb", frame_of("pyarrow", values, arrow), type_)
    assert read(engine, frame, type_) == wanted


@every_engine
def test_half_an_id_is_an_error(engine: str) -> None:
    with pytest.raises(DataError, match=r"the first '17850\.5' in data row 1\n  Hint: An id colum"):
        read(engine, frame_of(engine, [17850.5]), "text")


@every_engine
def test_numbers_are_no_times_unless_the_spec_says_so(engine: str) -> None:
    seconds = frame_of(engine, [1767571200, None])
    with pytest.raises(DataError, match=r"column 'cell' holds .* values; it must hold dates"):
        read(engine, seconds, "instant")
    for time, values in (
        ("epoch_seconds", [1767571200.5, None]),
        ("epoch_milliseconds", ["1767571200500", ""]),
        ("day_number", [20000, None]),
        ("day_number", ["20000", ""]),
    ):
        frame = frame_of(engine, values)
        assert read(engine, frame, "instant", time=time) == read(
            "duckdb", frame, "instant", time=time
        )


@every_engine
def test_texts_with_and_without_an_offset_are_refused_unless_the_spec_says_so(engine: str) -> None:
    frame = frame_of(engine, [LOCAL[3], OFFSETS[0]])
    with pytest.raises(DataError, match=r"1 values? have no offset from UTC, and 1 have one"):
        read(engine, frame, "instant")
    wanted = read("duckdb", frame, "instant", time="offset_or_local")
    assert read(engine, frame, "instant", time="offset_or_local") == wanted


@every_engine
def test_decimal_commas(engine: str) -> None:
    frame = frame_of(engine, ["1.200,47", "1200,47", "-3,5", "", "1.234.567"])
    wanted = read("duckdb", frame, "number", decimal=",")
    assert read(engine, frame, "number", decimal=",") == wanted


@every_engine
@pytest.mark.parametrize(
    "condition",
    [
        {"equals": "C1"},
        {"not_equals": "C1"},
        {"is_in": ["C1", "7"]},
        {"starts_with": "C"},
        {"not_starts_with": "C"},
        {"ends_with": "2"},
        {"starts_with": "C", "not_equals": "C2"},
    ],
)
@pytest.mark.parametrize("rule", ["keep", "exclude"])
def test_rules_on_texts(engine: str, condition: dict[str, Any], rule: str) -> None:
    frame = frame_of(engine, ["C1", "7", "", "null", "C2", None])
    table: dict[str, Any] = {rule: ({"column": "cell", **condition},)}
    assert read(engine, frame, "text", **table) == read("duckdb", frame, "text", **table)
    found, wanted = (
        open_engine(name, Path(), "UTC", {"table": frame}, EngineOptions()).left_out(
            "table", described(**table)
        )
        for name in (engine, "duckdb")
    )
    assert found == wanted


@every_engine
def test_rules_on_numbers(engine: str) -> None:
    frame = frame_of(engine, ["0", "1", "", "5", "nan", "2.5"])
    for rule in ("keep", "exclude"):
        table: dict[str, Any] = {rule: ({"column": "cell", "above": 0, "below": 5},)}
        assert read(engine, frame, "number", **table) == read("duckdb", frame, "number", **table)


@every_engine
def test_text_in_a_column_that_keep_compares_is_an_error_in_rows_that_count(engine: str) -> None:
    frame = frame_of(engine, ["1", "n/a", "2"])
    keep = {"column": "cell", "above": 1}
    with pytest.raises(DataError, match=r"1 value is not a number, the first 'n/a' in data row 2"):
        read(engine, frame, "number", keep=(keep,))
    both = ({"column": "row", "not_equals": "1"}, keep)
    assert read(engine, frame, "number", keep=both) == [2.0]


@every_engine
def test_a_column_that_is_not_there_names_its_neighbour(engine: str) -> None:
    frame = frame_of(engine, ["1"])
    opened = open_engine(engine, Path(), "UTC", {"table": frame}, EngineOptions())
    with pytest.raises(DataError, match=r'no column \'cel\'\n  Hint: did you mean "cell"\? It has'):
        opened.scan("table", described(), [Wanted("out", "cel", "text")])


@every_engine
@pytest.mark.parametrize(
    ("key", "table"),
    [
        ("table", {"table": "orders"}),
        ("query", {"path": "postgresql://me@host/shop", "query": "SELECT 1"}),
        ("date_format", {"date_format": "%d.%m.%Y"}),
        ("currency", {"currency": {"column": "money"}}),
        ("repeated_ids: copies", {"id": "cell", "repeated_ids": "copies"}),
    ],
)
def test_what_only_duckdb_reads_is_said(engine: str, key: str, table: dict[str, Any]) -> None:
    frame = frame_of(engine, ["05.01.2026"])
    message = f"`{key}` is read by engine duckdb only, and the engine is {engine}\n  Hint: Use"
    with pytest.raises(DataError, match=message):
        read(engine, frame, "text", **table)


@every_engine
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EngineOptions(on_bad_lines="skip"), "cannot skip broken lines\n  Hint: Use engine duckdb"),
        (EngineOptions(memory="1GB"), "given a limit of memory\n  Hint: Use engine duckdb"),
        (EngineOptions(spark_master="local[1]"), "has no spark_master\n  Hint: Use engine spark"),
    ],
)
def test_options_of_other_engines_are_refused(
    engine: str, options: EngineOptions, message: str
) -> None:
    with pytest.raises(DataError, match=f"engine {engine} .*{message}"):
        open_engine(engine, Path(), "UTC", {}, options)


@every_engine
def test_databases_and_partitions_are_refused(engine: str, tmp_path: Path) -> None:
    base = tmp_path / "shop.duckdb"
    duckdb.connect(str(base)).close()
    with pytest.raises(DataError, match=rf"is a database, which engine {engine} cannot read"):
        read(engine, str(base), "text")
    folder = tmp_path / "orders" / "year=2026"
    folder.mkdir(parents=True)
    frame = pl.DataFrame({"cell": ["1"]})
    frame.write_parquet(folder / "a.parquet")
    with pytest.raises(DataError, match=rf"has partitions, which engine {engine} ignores"):
        read(engine, str(tmp_path / "orders"), "text")


@every_engine
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,x\n1,2\n3\n", r"a\.csv: line 3 has 1 value; the header has 2"),
        ("id,x\n1,2\n3,4,5\n", r"a\.csv: line 3 has 3 values; the header has 2"),
        ("id,straße\n1,ü\n".encode("cp1252"), r"not UTF-8 text"),
        (b"id,x\n1,2\n3,M\xfcller\n", r"not UTF-8 text"),
    ],
)
def test_broken_files_are_said_to_be(
    engine: str, content: str | bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError, match=message):
        read(engine, str(path), "text")


@every_engine
def test_whole_numbers_are_known(engine: str) -> None:
    table = pa.table(
        {"big": [1, None], "text": ["1", "2"], "half": [1.0, None], "huge": [1, 2]},
        schema=pa.schema(
            {"big": pa.int64(), "text": pa.string(), "half": pa.float64(), "huge": pa.uint64()}
        ),
    )
    opened = open_engine(engine, Path(), "UTC", {"table": table}, EngineOptions())
    found = [opened.holds_integers("table", described(), name) for name in table.column_names]
    assert found == [True, False, False, False]


def test_pandas_objects_are_read_for_what_they_hold() -> None:
    mixed: list[Any] = ["007", 7, None, np.nan]
    frame = pd.DataFrame({"cell": pd.Series(mixed, dtype=object)})
    assert read("pandas", frame, "text") == ["007", "7", None, None]
    packed = pd.DataFrame({"cell": pd.Categorical(["a", None, "b"])})
    assert read("pandas", packed, "text") == ["a", None, "b"]
    # An index of another kind and a name that is no text do no harm.
    odd = pd.DataFrame({"cell": ["x", "y"], 7: [1, 2]}, index=[9, 9])
    assert read("pandas", odd, "text") == ["x", "y"]


def test_pyspark_frames_need_their_engine() -> None:
    with pytest.raises(DataError, match=r"'table'\] is object, which engine polars cannot read"):
        read("polars", object(), "text")


@every_engine
def test_duckdb_relations_and_ibis_tables_are_fetched(engine: str) -> None:
    assert read(engine, duckdb.sql("SELECT '007' AS cell"), "text") == ["007"]
    ibis = pytest.importorskip("ibis", reason="ibis is not installed")
    try:
        found = read(engine, ibis.memtable(pl.DataFrame({"cell": ["007"]})), "text")
    except ImportError as error:
        pytest.skip(f"this Ibis does not run here: {error}")
    assert found == ["007"]


@every_engine
@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"id": ["b"]}, "has other columns, or of other types, than"),
        ({"id": ["b"], "n": ["2"]}, "has other columns, or of other types, than"),
        (None, "cannot be read"),
    ],
)
def test_parts_that_do_not_fit(
    tmp_path: Path, engine: str, second: dict[str, list[Any]] | None, message: str
) -> None:
    pd.DataFrame({"id": ["a"], "n": [1]}).to_parquet(tmp_path / "1.parquet")
    if second is None:
        (tmp_path / "2.parquet").write_bytes(b"PAR1 and no more")
    else:
        pd.DataFrame(second).to_parquet(tmp_path / "2.parquet")
    opened = open_engine(engine, tmp_path, "UTC", {}, EngineOptions())
    with pytest.raises(DataError, match=message):
        opened.columns("units", Table(path="*.parquet"))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["id", "id"]), "cannot be read"),
        (pd.DataFrame(), "has no columns"),
        (pd.DataFrame({"id": [1, 10**30]}), "cannot be read"),
    ],
)
def test_frames_that_pandas_cannot_hold(frame: pd.DataFrame, message: str) -> None:
    opened = open_engine("pandas", Path(), "UTC", {"units": frame}, EngineOptions())
    with pytest.raises(DataError, match=rf"^data\['units'\] {message}"):
        opened.columns("units", Table(path="not_used.csv"))


def test_columns_that_have_no_copies() -> None:
    frame = pd.DataFrame({"id": ["a"], "extra": [{"a": 1}]})
    opened = open_engine("pandas", Path(), "UTC", {"units": frame}, EngineOptions())
    with pytest.raises(DataError, match=r"cannot be read.*\n  Hint: Use engine duckdb"):
        opened.copies("units", Table(path="not_used.csv"))


def test_times_with_and_without_a_zone_are_refused_in_pandas() -> None:
    frame = pd.DataFrame(
        {"cell": pd.Series([datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 5)], dtype=object)}  # noqa: DTZ001 - the fault
    )
    engine = open_engine("pandas", Path(), "UTC", {"table": frame}, EngineOptions())
    with pytest.raises(DataError, match="'cell' has times with and without a zone"):
        engine.columns("table", described())
