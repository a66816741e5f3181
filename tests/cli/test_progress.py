"""The bar of long commands: silent where nobody looks, and where the work is short."""

from __future__ import annotations

import io
import sys
import time

import pytest

from abtest import analyze
from abtest.cli.progress import Progress
from analysis.by_hand import AS_OF, CONVERSION, spec_for


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, seconds: float) -> str:
    """What a bar that would wait 0.05 seconds writes during work of some length."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with Progress(patience=0.05) as progress:
        progress.step("Reading orders")
        time.sleep(seconds)
        progress.step("Comparing variants")
    return stream.getvalue()


def test_long_work_at_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown(monkeypatch, Terminal(), seconds=0.6)
    assert "Reading orders" in found
    assert "Comparing variants" in found


def test_short_work_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, Terminal(), seconds=0) == ""


def test_no_terminal_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO(), seconds=0.3) == ""


def test_the_steps_of_an_analysis_are_told() -> None:
    import pandas as pd  # noqa: PLC0415 - this test alone needs it

    steps: list[str] = []
    tables = {
        "as_of": AS_OF,
        "assignments": {"path": "a.csv"},
        "events": {"orders": {"path": "o.csv", "at": "at"}},
    }
    frames = {
        "assignments": pd.DataFrame(
            [("a", "control", "2026-01-05"), ("b", "coupon", "2026-01-05")],
            columns=["id", "variant", "assigned_at"],
        ),
        "orders": pd.DataFrame([("a", "2026-01-07")], columns=["id", "at"]),
    }
    analyze(spec_for(tables, [CONVERSION]), data=frames, progress=steps.append)
    assert steps == [
        "Reading who got which variant",
        "Reading what each unit did",
        "Checking rows of orders",
        "Counting what was left out",
        "Comparing variants",
    ]
