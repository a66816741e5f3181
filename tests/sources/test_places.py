"""Where rows may be: patterns, folders with partitions, DuckDB and SQLite files."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from abtest import DataError
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.sources.tables import EventsTable, Table
from abtest.sources.wanted import Wanted
from sources.tables_by_hand import write


def rows(folder: Path, *wanted: tuple[str, Any], **block: Any) -> list[tuple[Any, ...]]:
    """The wanted columns of a table as a spec describes it, in order."""
    engine = DuckDBEngine(folder, "Europe/Berlin", {})
    columns = [Wanted(f"{column}:{type_}", column, type_) for column, type_ in wanted]
    table = Table.model_validate(block)
    found = engine.collect(engine.scan("orders", table, columns))
    return sorted((tuple(row.values()) for row in found), key=repr)


def parts(folder: Path) -> None:
    """Three orders in partitions by shop and day."""
    values = "(1, '007', '2026-01-05'), (2, 'a b', '2026-01-05'), (3, NULL, '2026-01-06')"
    duckdb.connect().execute(
        f"COPY (SELECT * FROM (VALUES {values}) AS t(id, shop, day)) TO '{folder}' "
        "(FORMAT parquet, PARTITION_BY (shop, day))"
    )


def test_a_folder_with_partitions(tmp_path: Path) -> None:
    parts(tmp_path / "orders")
    found = rows(tmp_path, ("id", "text"), ("shop", "text"), ("day", "text"), path="orders")
    assert found == [("1", "007", "2026-01-05"), ("2", "a b", "2026-01-05"),
                     ("3", None, "2026-01-06")]  # fmt: skip


def test_what_tools_hide_is_not_read(tmp_path: Path) -> None:
    parts(tmp_path / "orders")
    part = next((tmp_path / "orders").rglob("*.parquet"))
    for name in ("_temporary", ".hidden"):
        (tmp_path / "orders" / name).mkdir()
        shutil.copy(part, tmp_path / "orders" / name / "part.parquet")
    write(tmp_path / "orders" / "_SUCCESS", "")
    assert len(rows(tmp_path, ("id", "text"), path="orders")) == 3


def test_a_pattern_of_parquet_files_with_other_columns_and_types(tmp_path: Path) -> None:
    connection = duckdb.connect()
    for name, select in {
        "orders_1": "1 AS id, 2.5 AS amount",
        "orders_2": "'007' AS id, CAST(NULL AS VARCHAR) AS amount",
        "refunds_1": "9 AS id, 9.0 AS amount",
    }.items():
        connection.execute(f"COPY (SELECT {select}) TO '{tmp_path / name}.parquet'")
    found = rows(tmp_path, ("id", "text"), ("amount", "number"), path="orders_*.parquet")
    assert found == [("007", None), ("1", 2.5)]


def test_a_pattern_of_csv_files(tmp_path: Path) -> None:
    (tmp_path / "[x]").mkdir()
    for number in (1, 2):
        write(tmp_path / "[x]" / f"orders_{number}.csv", f"id,amount\n00{number},1.5\n")
    found = rows(tmp_path / "[x]", ("id", "text"), ("amount", "number"), path="orders_[12].csv")
    assert found == [("001", 1.5), ("002", 1.5)]


def test_the_line_of_a_bad_row_comes_with_its_file(tmp_path: Path) -> None:
    write(tmp_path / "a1.csv", "id,x\n1,2\n")
    write(tmp_path / "a2.csv", "id,x\n1,2\n3\n")
    with pytest.raises(DataError, match=r"a2\.csv: line 3 has 1 value; the header has 2"):
        rows(tmp_path, ("id", "text"), path="a*.csv")


@pytest.mark.parametrize(
    ("files", "path", "message"),
    [
        ({"a1.csv": "id,x\n", "a2.csv": "id,y\n"}, "a*.csv", r"a2\.csv has other columns, or"),
        ({"a1.csv": "id,x\n", "a2.csv": "id;x\n"}, "a*.csv", "or another delimiter, than"),
        ({"a1.csv": "id\n", "a2.csv.gz": "id\n"}, "a*", "matches packed and plain files"),
        ({"a1.csv": "id\n", "a2.parquet": ""}, "a*", "matches csv and parquet"),
        ({"a1.db": "", "a2.db": ""}, "a*", "matches several databases"),
        ({"a1.csv": "id\n", "a2.dat": ""}, "a*", r"a2\.dat is no kind of file abtest reads"),
        ({"b.csv": "id\n"}, "a*.csv", "matches no file"),
        ({"b.csv": "id\n"}, "a**.csv", "is no pattern"),
        ({"b.csv": "id\n"}, ".", r"is a folder without Parquet files.*\n  Hint: .* pattern"),
        ({"a.db": "no database at all"}, "a.db", "is no DuckDB or SQLite file"),
        ({}, "https://example.com/orders.csv", "is an address on the network"),
    ],
)
def test_what_is_wrong_with_several_files(
    tmp_path: Path, files: dict[str, str], path: str, message: str
) -> None:
    for name, content in files.items():
        write(tmp_path / name, content)
    with pytest.raises(DataError, match=message):
        rows(tmp_path, ("id", "text"), path=path)


def test_the_fingerprint_of_several_files_is_that_of_sha256sum(tmp_path: Path) -> None:
    """The same list in the same order, wherever the folder is."""
    found = []
    for place in ("here", "there"):
        folder = tmp_path / place / "orders"
        folder.mkdir(parents=True)
        for name in sorted(["b.csv", "a.csv"], reverse=place == "there"):
            write(folder / name, f"id\n{name}\n")
        engine = DuckDBEngine(tmp_path / place, "UTC", {})
        engine.columns("orders", Table(path="orders/*.csv"))
        found.append(engine.fingerprints()["orders"])
    digests = {name: hashlib.sha256(f"id\n{name}\n".encode()) for name in ("a.csv", "b.csv")}
    listed = "".join(f"{digest.hexdigest()}  {name}\n" for name, digest in digests.items())
    assert found == [hashlib.sha256(listed.encode()).hexdigest()] * 2


def duckdb_file(path: Path) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE orders AS SELECT 7 AS id, 1.5 AS amount")
        connection.execute("CREATE SCHEMA sales; CREATE VIEW sales.big AS SELECT '007' AS id")
    return path


@pytest.mark.parametrize("name", ["shop.duckdb", "shop.db"])
def test_a_duckdb_file(tmp_path: Path, name: str) -> None:
    path = duckdb_file(tmp_path / name)
    assert rows(tmp_path, ("id", "text"), ("amount", "number"), path=name, table="orders") == [
        ("7", 1.5)
    ]
    assert rows(tmp_path, ("id", "text"), path=name, table="sales.big") == [("007",)]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    engine = DuckDBEngine(tmp_path, "UTC", {})
    assert engine.holds_integers("orders", Table(path=name, table="orders"), "id")
    assert engine.fingerprints() == {"orders": digest}


def test_a_duckdb_file_is_only_read(tmp_path: Path) -> None:
    duckdb_file(tmp_path / "shop.duckdb")
    engine = DuckDBEngine(tmp_path, "UTC", {})
    source = engine.source("orders", Table(path="shop.duckdb", table="orders"))
    with pytest.raises(DataError, match="read-only"):
        engine.query(f"DELETE FROM {source.from_sql}")


def sqlite_file(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (id, amount, at, note TEXT)")
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)",
            [
                ("007", 1.5, "2026-01-05 10:00", 'a "word",\nquoted'),
                (17850.0, 0.1 + 0.2, "2026-01-05T09:00Z", None),
                (8, None, "", ""),
                (8, None, "", ""),
            ],
        )
        connection.execute("CREATE VIEW big AS SELECT * FROM orders WHERE amount > 1")
    return path


@pytest.mark.parametrize("name", ["shop.sqlite", "shop.db", "sh#op?.sqlite3"])
def test_a_sqlite_file(tmp_path: Path, name: str) -> None:
    sqlite_file(tmp_path / name)
    block = {"path": name, "table": "orders"}
    found = rows(tmp_path, ("id", "text"), ("amount", "number"), **block)
    assert found == [("007", 1.5), ("17850", 0.1 + 0.2), ("8", None), ("8", None)]
    notes = rows(tmp_path, ("note", "text"), **block)
    assert notes == [('a "word",\nquoted',), (None,), (None,), (None,)]
    assert rows(tmp_path, ("id", "text"), path=name, table="big") == [("007",)]


def test_sqlite_columns_are_copied_once_and_rows_that_repeat_are_counted(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "shop.sqlite")
    table = EventsTable(path=path.name, table="orders", at="at", id="id")
    engine = DuckDBEngine(tmp_path, "Europe/Berlin", {})
    first = engine.scan("orders", table, [Wanted("unit", "id", "text")])
    second = engine.scan("orders", table, [Wanted("amount", "amount", "number")])
    assert len(engine.collect(first)) == len(engine.collect(second)) == 4
    assert engine.copies("orders", table).found == 1
    assert engine.fingerprints() == {"orders": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert not engine.holds_integers("orders", table, "id")


@pytest.mark.parametrize(
    ("make", "table", "message"),
    [
        (sqlite_file, None, r"is a database; it must say which table\n  Hint: Add `table: orders`"),
        (duckdb_file, None, "is a database; it must say which table"),
        (sqlite_file, "order", r"no table 'order'\n  Hint: did you mean \"orders\"\? It has: big"),
        (
            duckdb_file,
            "order",
            r"no table 'order'\n  Hint: did you mean \"orders\"\? It has: orders",
        ),
    ],
)
def test_a_table_that_is_not_there(
    tmp_path: Path, make: Any, table: str | None, message: str
) -> None:
    make(tmp_path / "shop.db")
    with pytest.raises(DataError, match=message):
        rows(tmp_path, ("id", "text"), path="shop.db", table=table)


def test_a_damaged_sqlite_file(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "shop.db")
    path.write_bytes(path.read_bytes()[:100] + b"x" * 900)
    with pytest.raises(DataError, match=r"shop\.db, table orders cannot be read: "):
        rows(tmp_path, ("id", "text"), path="shop.db", table="orders")


def test_a_damaged_duckdb_file(tmp_path: Path) -> None:
    path = duckdb_file(tmp_path / "shop.db")
    path.write_bytes(path.read_bytes()[:12] + b"x" * 900)
    with pytest.raises(DataError, match=r"shop\.db cannot be read: .*\n  Hint: Does another"):
        rows(tmp_path, ("id", "text"), path="shop.db", table="orders")


def test_sqlite_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "shop.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO orders (id) VALUES (CAST(x'FF' AS TEXT))")
    with pytest.raises(DataError, match="cannot be read: Could not decode to UTF-8"):
        rows(tmp_path, ("id", "text"), path="shop.db", table="orders")


def test_a_parquet_file_that_lacks_a_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    for name, columns in (("a", "'7' AS id, 1 AS x"), ("b", "'8' AS customer, 2 AS x")):
        duckdb.sql(f"COPY (SELECT {columns}) TO '{tmp_path}/orders/{name}.parquet'")
    engine = DuckDBEngine(tmp_path, "UTC", {})
    table = Table(path="orders")
    with pytest.raises(DataError, match=r"b\.parquet has no column 'id', which other files have"):
        engine.scan("orders", table, [Wanted("unit", "id", "text")])
    # What the spec does not name may differ.
    assert engine.collect(engine.scan("orders", table, [Wanted("x", "x", "number")]))
