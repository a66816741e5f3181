"""The SQL sink as the page shows it, on the real databases: the same promises on each."""

from __future__ import annotations

import re
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from abtest.exposures import Event, Exposure, ExposureLog, SqlSink, sqlite_sink
from postgres_server import PASSWORD, postgres
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AT = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
PAGE = (ROOT / "docs" / "how-to" / "log-exposures.md").read_text(encoding="utf-8")
[SHOWN] = re.findall(r"```python title=\"sinks.py\"\n(.*?)```", PAGE, re.DOTALL)


def exposure(unit: str, **values: Any) -> Exposure:
    details: dict[str, str | float | bool | None]
    details = {"page": "/سبد", "price": 9.5, "new": True, "none": None}
    given = {"experiment": "winback", "variant": "coupon", "reason": "split", "bucket": 7}
    return Exposure(unit=unit, at=AT, details=details, **{**given, **values})


def order(unit: str, **values: Any) -> Event:
    return Event(unit=unit, name="order", at=AT, value=49.9, **values)


@dataclass(frozen=True)
class Kept:
    """A sink, and a way to ask its database."""

    sink: SqlSink
    ask: Callable[[str], list[tuple[Any, ...]]]


def shown(name: str) -> Callable[[str], SqlSink]:
    """A function of the page."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    names: dict[str, Any] = {}
    exec(compile(SHOWN, "sinks.py", "exec"), names)  # noqa: S102 - our own page
    found: Callable[[str], SqlSink] = names[name]
    return found


def in_sqlite(folder: Path) -> Kept:
    path = folder / "e.sqlite"

    def ask(sql: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(path)
        try:
            with connection:
                return connection.execute(sql).fetchall()
        finally:
            connection.close()

    return Kept(sqlite_sink(path), ask)


def in_duckdb(folder: Path) -> Kept:
    path = str(folder / "e.duckdb")
    sink = SqlSink(lambda: duckdb.connect(path), begin="begin")

    def ask(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(path) as connection:
            return connection.execute(sql).fetchall()

    return Kept(sink, ask)


def in_postgres(address: str) -> Kept:
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")

    def ask(sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(address) as connection:
            cursor = connection.execute(sql)
            return [] if cursor.description is None else cursor.fetchall()

    return Kept(shown("postgres_sink")(address), ask)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres(tmp_path_factory.mktemp("server")) as server:
        yield f"{server.address}&password={PASSWORD}"


@pytest.fixture(
    params=["sqlite", "duckdb", pytest.param("postgres", marks=pytest.mark.integration)]
)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "postgres":
        found = in_postgres(request.getfixturevalue("address"))
        found.ask("drop table if exists abtest_exposures, abtest_events")
    else:
        found = {"sqlite": in_sqlite, "duckdb": in_duckdb}[request.param](tmp_path)
    found.sink.create()
    yield found
    found.sink.close()


def test_each_record_is_kept_once_and_whole(kept: Kept) -> None:
    first, bought = exposure("کاربر", id="a", phase=1, fingerprint="f"), order("C1", id="b")
    kept.sink.write([first, bought])
    kept.sink.write([first, exposure("C2", id="c", bucket=None)])
    rows = kept.ask(
        'select id, "at", unit, experiment, variant, reason, bucket, phase, fingerprint, details '
        "from abtest_exposures order by id"
    )
    at, details = "2026-01-05T08:30:00.000000+00:00", '{"page":"/\\u0633\\u0628\\u062f","price":9.5'
    details += ',"new":true,"none":null}'
    same = ("winback", "coupon", "split")
    assert rows == [
        ("a", at, "کاربر", *same, 7, 1, "f", details),
        ("c", at, "C2", *same, None, None, "", details),
    ]
    assert kept.ask("select id, unit, name, value, details from abtest_events") == [
        ("b", "C1", "order", 49.9, "{}")
    ]


def test_a_write_is_kept_whole_or_not_at_all(kept: Kept) -> None:
    kept.ask("alter table abtest_events rename to away")
    with pytest.raises(Exception, match="abtest_events"):
        kept.sink.write([exposure("a"), order("a")])
    assert kept.ask("select unit from abtest_exposures") == []
    kept.ask("alter table away rename to abtest_events")
    kept.sink.write([exposure("b"), order("b")])
    kept.sink.close()
    assert kept.ask("select unit from abtest_exposures") == [("b",)]
    assert kept.ask("select unit from abtest_events") == [("b",)]


def test_several_threads_write_and_their_log_loses_nothing(kept: Kept) -> None:
    log = ExposureLog(kept.sink)

    def work(name: int) -> None:
        for number in range(20):
            assert log.put(exposure(f"{name}-{number}"))
        assert log.write(exposure(f"{name}-last"))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert (log.counts.written, log.counts.dropped, log.counts.failed) == (84, 0, 0)
    [(count,)] = kept.ask("select count(distinct unit) from abtest_exposures")
    assert count == 84


def test_the_page_shows_the_sink_that_is_tested(tmp_path: Path) -> None:
    sink = shown("duckdb_sink")(str(tmp_path / "e.duckdb"))
    sink.create()
    sink.write([exposure("a")])
    sink.close()
    with duckdb.connect(str(tmp_path / "e.duckdb")) as connection:
        assert connection.execute("select unit from abtest_exposures").fetchall() == [("a",)]


@pytest.mark.integration
def test_analyze_reads_what_was_logged_to_postgres(address: str) -> None:
    kept = in_postgres(address)
    kept.ask("drop table if exists abtest_exposures, abtest_events")
    kept.sink.create()
    kept.sink.write([exposure("a"), exposure("a"), exposure("b", variant="control")])
    kept.sink.close()
    [view] = [one for one in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL) if "view" in one]
    kept.ask(view)
    try:
        rows = kept.ask("select customer_id, variant, reason from winback_exposed order by 1")
        assert rows == [("a", "coupon", "split"), ("b", "control", "split")]
    finally:
        kept.ask("drop view winback_exposed")
