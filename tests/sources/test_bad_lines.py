"""Broken lines of CSV files: named, or skipped and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abtest import DataError
from abtest.sources.duckdb_engine import DuckDBEngine, OnBadLines
from abtest.sources.tables import Table
from abtest.sources.wanted import Wanted
from sources.tables_by_hand import write

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = "id,x\n1,2\noops\n3,4,5\n6,7\n8,"


def engine_of(folder: Path, on_bad_lines: OnBadLines = "skip") -> DuckDBEngine:
    return DuckDBEngine(folder, "UTC", {}, on_bad_lines=on_bad_lines)


def ids(engine: DuckDBEngine, path: str = "a.csv") -> list[str]:
    frame = engine.scan("orders", Table(path=path), [Wanted("id", "id", "text")])
    return [row["id"] for row in engine.collect(frame)]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_skipped_lines_are_counted_once_however_often_they_are_read(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path / name, BROKEN)
    engine = engine_of(tmp_path)
    assert engine.bad_lines() == {}
    assert [ids(engine, name), ids(engine, name)] == [["1", "6", "8"]] * 2
    assert engine.bad_lines() == {"orders": 2}


def test_more_columns_find_more_lines(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", b"id,x\n" + b"1,2\n" * 9000 + b"3,M\xfcller\n")
    engine = engine_of(tmp_path)
    table = Table(path="a.csv")
    wanted = [Wanted("id", "id", "text"), Wanted("x", "x", "text")]
    assert engine.collect(engine.scan("orders", table, wanted)) == [{"id": "1", "x": "2"}] * 9000
    assert engine.bad_lines() == {"orders": 1}


def test_lines_of_several_files(tmp_path: Path) -> None:
    for name in ("a1.csv", "a2.csv"):
        write(tmp_path / name, BROKEN)
    engine = engine_of(tmp_path)
    assert len(ids(engine, "a*.csv")) == 6
    assert engine.bad_lines() == {"orders": 4}


def test_a_file_without_broken_lines_is_not_in_the_counts(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "id,x\n1,2\n")
    engine = engine_of(tmp_path)
    assert ids(engine) == ["1"]
    assert engine.bad_lines() == {}


def test_an_open_quote_is_never_skipped(tmp_path: Path) -> None:
    """The lines after it are in its cell: skipped, they would be lost unseen."""
    write(tmp_path / "a.csv", 'id,x\n1,2\n"3,4\n' + "5,6\n" * 1000)
    engine = engine_of(tmp_path)
    with pytest.raises(DataError, match=r"line 3 opens a quote that is never closed\n  Hint: It t"):
        ids(engine)


def test_text_after_a_quote_is_skipped(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 'id,x\n1,2\n"3"4,4\n5,6\n')
    engine = engine_of(tmp_path)
    assert ids(engine) == ["1", "5"]
    assert engine.bad_lines() == {"orders": 1}


def test_a_broken_line_is_named_without_reading_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At forty gigabytes nobody waits for a second pass."""
    rows = "".join(f"{i},{i}\n" for i in range(300_000))
    write(tmp_path / "a.csv", f"id,x\n{rows}oops\n{rows}")
    engine = engine_of(tmp_path, "fail")
    frame = engine.scan("orders", Table(path="a.csv"), [Wanted("id", "id", "text")])

    def refuse(sql: str) -> None:
        raise AssertionError(sql)

    monkeypatch.setattr(engine, "query", refuse)
    with pytest.raises(
        DataError, match=r"line 300,002 has 1 value; the header has 2\n.*--on-bad-lines skip"
    ):
        engine.materialize(frame)


def test_with_all_threads_the_line_is_the_same(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i}\n" for i in range(300_000))
    write(tmp_path / "a.csv", f"id,x\n{rows}oops\n{rows}")
    engine = engine_of(tmp_path, "fail")
    engine.query("SET threads = 4")
    with pytest.raises(DataError, match="line 300,002 has 1 value"):
        ids(engine)


@pytest.mark.parametrize("memory", ["-5GB", "0", "8", "much"])
def test_a_memory_that_is_no_size(tmp_path: Path, memory: str) -> None:
    with pytest.raises(DataError, match=r"which is no size\n  Hint: Write an amount and its unit"):
        DuckDBEngine(tmp_path, "UTC", {}, memory=memory)


def test_too_little_memory(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "id,x\n1,2\n")
    engine = DuckDBEngine(tmp_path, "UTC", {}, memory="1KB")
    with pytest.raises(DataError, match=r"do not fit into the memory.*\n  Hint: Allow more: --mem"):
        ids(engine)
