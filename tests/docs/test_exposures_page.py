"""What the page on exposures shows works, from the log to the result."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from abtest import Experiment, assign
from abtest.exposures import Exposure, JsonLinesSink, sqlite_sink
from abtest.exposures.record import Event, _plain
from command_line import SPEC, run
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = (ROOT / "docs" / "how-to" / "log-exposures.md").read_text(encoding="utf-8")
VIEW, COPY = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
WINBACK = Experiment("winback", [("control", 50), ("coupon", 50)])


def records() -> list[Exposure]:
    """Three hundred customers, each of whom comes twice."""
    found = [
        Exposure.of(
            WINBACK, f"C{n}", assign(WINBACK, f"C{n}"), at=datetime(2026, 1, day, tzinfo=UTC)
        )
        for day in (6, 9)
        for n in range(300)
    ]
    return [exposure for exposure in found if exposure is not None]


def analyzed(folder: Path, assignments: str) -> str:
    """What is said about customers of whom each third buys on 10 January."""
    orders = [f"C{n},2026-01-10 12:00,20\n" for n in range(0, 300, 3)]
    (folder / "orders.csv").write_text(
        "customer_id,ordered_at,amount\n" + "".join(orders), encoding="utf-8"
    )
    spec = folder / "experiment.yaml"
    text = SPEC.replace("{path: assignments.csv}", assignments).replace("کوپن", "coupon")
    spec.write_text(text, encoding="utf-8")
    return run("analyze", spec, "-o", folder / "r.csv").err + (folder / "r.csv").read_text("utf-8")


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "log-exposures.md", "exec"), {})  # noqa: S102 - our own page
    with sqlite3.connect("exposures.sqlite") as connection:
        assert connection.execute("select unit from abtest_exposures").fetchall() == [("C000123",)]
        assert connection.execute("select value from abtest_events").fetchall() == [(49.9,)]
    connection.close()


def test_both_ways_give_the_same_analysis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for sink in (sqlite_sink("exposures.sqlite"), JsonLinesSink("exposures.jsonl")):
        sink.write(records())
        sink.close()
    with sqlite3.connect("exposures.sqlite") as connection:
        connection.execute(VIEW)
    connection.close()
    with duckdb.connect() as database:
        database.execute(COPY)
    [shown] = re.findall(r"assignments: (\{.*\})", PAGE)
    from_database = analyzed(tmp_path, shown)
    assert from_database == analyzed(tmp_path, "{path: assignments.csv}")
    assert "bought_30d" in from_database
    count = sum(exposure.variant == "coupon" for exposure in records()) // 2
    assert f",{count}," in from_database


def test_every_key_of_the_records_is_on_the_page() -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    shown = Exposure(unit="a", experiment="e", variant="v", reason="split", at=at)
    for key in {*_plain(shown), *_plain(Event(unit="a", name="n", at=at))}:
        assert f"`{key}`" in PAGE, key
