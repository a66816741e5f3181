"""Exposures: what was acknowledged is kept, and the app is neither held up nor broken."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abtest import Experiment, assign
from abtest.errors import AbtestError
from abtest.exposures import (
    Event,
    Exposure,
    ExposureLog,
    JsonLinesSink,
    Record,
    SqlSink,
    now,
    read_json_lines,
    sqlite_sink,
)
from abtest.exposures import jsonl as jsonl_module

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 1, 5, 9, 30, tzinfo=timezone(timedelta(hours=1)))


def exposure(unit: str = "C000123", **values: Any) -> Exposure:
    fields = {"experiment": "winback", "variant": "coupon", "reason": "split", "at": AT}
    return Exposure(**{"unit": unit, **fields, **values})


class Failing:
    """A sink that fails as often as it is told, then keeps."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.kept: list[Record] = []
        self.gate = threading.Event()
        self.gate.set()

    def write(self, records: Sequence[Record]) -> None:
        self.gate.wait(10)
        if self.failures:
            self.failures -= 1
            raise OSError("disk is away")
        self.kept += records

    def close(self) -> None:
        pass


def test_an_exposure_is_one_documented_line(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "exposures.jsonl"
    JsonLinesSink(path).write([exposure("کاربر", id="a", details={"page": "/a", "n": 2})])
    raw = path.read_bytes()
    assert raw.isascii()
    assert raw.endswith(b"\n")
    assert json.loads(raw) == {
        "schema": "abtest-exposure/v1",
        "id": "a",
        "at": "2026-01-05T08:30:00.000000+00:00",
        "unit": "کاربر",
        "experiment": "winback",
        "variant": "coupon",
        "reason": "split",
        "bucket": None,
        "phase": None,
        "fingerprint": "",
        "details": {"page": "/a", "n": 2},
    }


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    records: list[Record] = [exposure(), Event(unit="C000123", name="order", at=AT, value=49.9)]
    JsonLinesSink(path).write(records)
    JsonLinesSink(path).write(records)  # sent twice, kept once
    assert read_json_lines([path]) == jsonl_module.Reading(tuple(records), 0)


def test_the_exposure_of_an_assignment() -> None:
    winback = Experiment("winback", [("control", 1), ("coupon", 1)], overrides={"7": "control"})
    found = Exposure.of(winback, 7, assign(winback, 7), at=AT)
    assert found is not None
    assert (found.unit, found.variant, found.reason) == ("7", "control", "override")
    nobody = Experiment("winback", [("control", 1)], coverage_parts=0)
    assert Exposure.of(nobody, "7", assign(nobody, "7"), at=AT) is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"unit": ""}, "unit is ''; it must be text of at least one character"),
        ({"unit": "\ud800"}, "it must be valid Unicode"),
        ({"unit": "a\0b"}, "it must have no NUL"),
        ({"variant": None}, "variant is None; it must be text"),
        ({"at": datetime(2026, 1, 5)}, "it must be a datetime with a time zone"),  # noqa: DTZ001
        ({"details": {"price": float("nan")}}, "details holds 'price': nan"),
        ({"details": {"tags": ["a"]}}, "details holds 'tags'"),
    ],
)
def test_a_record_that_cannot_be_kept_is_refused_at_once(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(AbtestError, match=message):
        exposure(**values)


def test_the_value_of_an_event_is_a_number() -> None:
    with pytest.raises(AbtestError, match="value is inf; it must be a finite number"):
        Event(unit="a", name="order", at=AT, value=float("inf"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"schema": "abtest-exposure/v2"}', "schema is 'abtest-exposure/v2'; it must be"),
        ('{"schema": "abtest-event/v1", "unit": "a"}', "The record is not whole"),
    ],
)
def test_another_version_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(AbtestError, match=message):
        read_json_lines([path])


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    sink = JsonLinesSink(path)
    sink.write([exposure("a")])
    path.write_bytes(path.read_bytes() + b'{"schema": "abtest-expo')  # killed in its write
    sink.write([exposure("b")])
    found = read_json_lines([path])
    assert [record.unit for record in found.records] == ["a", "b"]
    assert found.torn == 1


def test_a_write_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "e.jsonl"
    sink = JsonLinesSink(path)
    sink.write([exposure("a")])
    before = path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, lines: write(file, lines[:20]))
    with pytest.raises(OSError, match="only 20 of"):
        sink.write([exposure("b")])
    assert path.read_bytes() == before


def test_a_full_file_is_moved_aside_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    sink = JsonLinesSink(path, max_bytes=600)
    for number in range(20):
        sink.write([exposure(str(number))])
    files = sorted(tmp_path.glob("e.*.jsonl"))
    assert len(files) > 3
    assert files[0].name == "e.000001.jsonl"
    assert all(file.stat().st_size < 1_200 for file in files)
    assert sink.files() == [*files, path]
    units = [record.unit for record in read_json_lines(sink.files()).records]
    assert units == [str(number) for number in range(20)]


def test_a_size_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AbtestError, match="max_bytes is 0; it must be above 0"):
        JsonLinesSink(tmp_path / "e.jsonl", max_bytes=0)


@pytest.mark.parametrize("kind", ["jsonl", "sqlite"])
def test_no_acknowledged_record_is_lost_when_processes_are_killed(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"e.{kind}"
    script = Path(__file__).with_name("write_until_killed.py")
    command = [sys.executable, str(script), kind, str(path)]
    source = str(Path(jsonl_module.__file__).parents[2])
    env = {k: v for k, v in os.environ.items() if not k.startswith("COV")} | {"PYTHONPATH": source}
    acknowledged: list[str] = []
    # SQLite makes writers wait for each other, the more of them the longer.
    rounds, processes = (4, 3) if kind == "jsonl" else (2, 2)
    for attempt in range(rounds):
        writers = [
            subprocess.Popen([*command, f"{attempt}-{n}"], stdout=subprocess.PIPE, env=env)
            for n in range(processes)
        ]
        streams = [writer.stdout for writer in writers if writer.stdout is not None]
        first = [stream.readline().decode() for stream in streams]  # all of them are writing
        time.sleep(0.1 + 0.021 * attempt)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        said = [
            line for stream in streams for line in stream.read().decode().splitlines(keepends=True)
        ]
        for writer, stream in zip(writers, streams, strict=True):
            writer.wait()
            stream.close()
        acknowledged += [line.strip() for line in first + said if line.endswith("\n")]
    assert len(acknowledged) >= rounds * processes
    kept = _kept(kind, path)
    assert set(acknowledged) <= set(kept)
    assert len(kept) == len(set(kept))
    # At most the record in flight of each killed process is there without having been promised.
    assert len(set(kept) - set(acknowledged)) <= rounds * processes


def _kept(kind: str, path: Path) -> list[str]:
    if kind == "jsonl":
        files = JsonLinesSink(path).files()
        assert len(files) > 2, "nothing was rotated"
        return [record.unit for record in read_json_lines(files).records]
    with sqlite3.connect(path) as connection:
        rows = connection.execute("select unit from abtest_exposures").fetchall()
    connection.close()
    return [unit for (unit,) in rows]


def test_several_threads_share_a_log(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    log = ExposureLog(JsonLinesSink(path, sync=False))

    def work(name: int) -> None:
        for number in range(200):
            assert log.put(exposure(f"{name}-{number}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.close()
    assert len(read_json_lines([path]).records) == 800
    assert log.counts.written == 800
    assert log.counts.waiting == 0


def test_a_full_queue_drops_the_newest_and_counts_it() -> None:
    sink = Failing(0)
    sink.gate.clear()  # the disk hangs
    log = ExposureLog(sink, capacity=5, batch=1)
    begun = time.monotonic()
    taken = [log.put(exposure(str(number))) for number in range(20)]
    assert time.monotonic() - begun < 1, "the caller was held up"
    assert 5 <= sum(taken) <= 6, "one may be on its way already"
    assert taken == sorted(taken, reverse=True)
    assert log.counts.dropped == 20 - sum(taken)
    assert not log.flush(timeout=0.05)
    sink.gate.set()
    assert log.close()
    assert [record.unit for record in sink.kept if isinstance(record, Exposure)] == [
        str(number) for number in range(sum(taken))
    ]
    assert not log.put(exposure("late"))


def test_an_outage_is_survived_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    sink = Failing(2)
    log = ExposureLog(sink)
    with caplog.at_level(logging.WARNING, logger="abtest.exposures"):
        assert log.put(exposure())
        assert log.flush()
    assert log.counts.written == 1
    assert [record.getMessage() for record in caplog.records] == [
        "exposures cannot be written: OSError: disk is away"
    ]
    log.close()


def test_what_is_not_written_is_counted_and_never_raised() -> None:
    told: list[Exception] = []
    log = ExposureLog(Failing(99), on_error=told.append)
    assert log.write(exposure()) is False
    assert log.put(exposure()) is True
    assert log.put(None) is True
    assert log.flush()
    assert log.counts.failed == 2
    assert len(told) == 5
    log.close()


def test_a_listener_that_raises_breaks_nothing() -> None:
    def raises(error: Exception) -> None:
        raise ValueError(error)

    log = ExposureLog(Failing(1), on_error=raises)
    assert log.write(exposure()) is False
    assert log.write(exposure()) is True
    log.close()


@pytest.mark.parametrize("name", ["capacity", "batch"])
def test_a_queue_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(AbtestError, match=f"{name} is 0; it must be at least 1"):
        ExposureLog(Failing(0), **{name: 0})  # type: ignore[arg-type]


def test_a_fork_gets_a_queue_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    code = (
        "import os, sys\n"
        "from abtest.exposures import *\n"
        f"log = ExposureLog(JsonLinesSink({str(path)!r}))\n"
        "def one(unit):\n"
        "    assert log.put(Exposure(unit=unit, experiment='e', variant='v', reason='split',"
        " at=now()))\n"
        "one('before'); log.flush()\n"
        "child = os.fork()\n"
        "one('child' if child == 0 else 'parent')\n"
        "if child: os.waitpid(child, 0)\n"
    )  # both end in the ordinary way, with their records still in the queue
    env = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, env=env, timeout=30)
    units = sorted(record.unit for record in read_json_lines([path]).records)
    assert units == ["before", "child", "parent"]


def test_sqlite_keeps_exposures_and_events_each_once(tmp_path: Path) -> None:
    sink = sqlite_sink(tmp_path / "e.sqlite")
    shown, bought = exposure(id="a"), Event(unit="C000123", name="order", at=AT, value=2, id="b")
    sink.write([shown, bought])
    sink.write([shown])
    sink.close()
    with sqlite3.connect(tmp_path / "e.sqlite") as connection:
        exposures = connection.execute("select id, at, unit, variant from abtest_exposures")
        assert exposures.fetchall() == [
            ("a", "2026-01-05T08:30:00.000000+00:00", "C000123", "coupon")
        ]
        assert connection.execute("select name, value from abtest_events").fetchall() == [
            ("order", 2.0)
        ]
    connection.close()


def test_a_failed_transaction_keeps_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    sink = sqlite_sink(path)
    with sqlite3.connect(path) as connection:
        connection.execute("alter table abtest_events rename to away")
    with pytest.raises(sqlite3.OperationalError, match="abtest_events"):
        sink.write([exposure("a"), Event(unit="a", name="order", at=AT)])
    sink.write([exposure("b")])
    sink.close()
    assert connection.execute("select unit from abtest_exposures").fetchall() == [("b",)]
    connection.close()


def test_a_table_has_a_plain_name() -> None:
    with pytest.raises(AbtestError, match="The table is 'a; drop'; it must be a plain name"):
        SqlSink(lambda: sqlite3.connect(":memory:"), exposures="a; drop")


def test_now_has_a_zone() -> None:
    assert now().utcoffset() == timedelta(0)
    assert now().tzinfo == UTC


def test_an_app_needs_only_the_standard_library() -> None:
    probe = (
        "import sys; before = set(sys.modules)\n"
        f"sys.path.insert(0, {str(Path(jsonl_module.__file__).parents[2])!r})\n"
        "import abtest.exposures, abtest.flags\n"
        "print(*(set(sys.modules) - before))"
    )
    command = [sys.executable, "-I", "-S", "-c", probe]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    roots = {name.partition(".")[0] for name in run.stdout.split()}
    assert roots - set(sys.stdlib_module_names) == {"abtest"}
