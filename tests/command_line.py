"""Run the command line, in this process or in one of its own, and what it runs on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from abtest.assignment import Experiment
from abtest.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

SPEC = """\
spec: abtest/v1
key: winback
kind: messaging
unit: customer_id
variants:
  - {key: control, control: true, weight: 50}
  - {key: کوپن, weight: 50}
schedule: {start: 2026-01-05, enrol_until: 2026-01-19}
data:
  as_of: 2026-03-01
  assignments: {path: assignments.csv}
  events:
    orders: {path: orders.csv, at: ordered_at, value: amount}
metrics:
  - {key: bought_30d, kind: conversion, events: orders, window: {end: 30d}, role: primary}
  - {key: revenue_30d, kind: sum, events: orders, window: {end: 30d}}
"""


@dataclass(frozen=True)
class Run:
    """What a run of the command line did."""

    code: int
    out: str
    err: str

    def failed(self, code: int = 1) -> str:
        """The message of a run that had to fail: it is never a traceback, nor is it silent."""
        assert self.code == code, self
        assert self.err.strip(), self
        assert "Traceback" not in self.err + self.out, self
        assert "something it should handle" not in self.err, self
        return self.err

    def worked(self) -> Run:
        """The run, which had to succeed."""
        assert self.code == 0, self
        return self


def run(*arguments: str | Path) -> Run:
    """Run the command line in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["abtest", *map(str, arguments)])
        capture = _Capture()
        handler = signal.getsignal(signal.SIGTERM)
        try:
            with capture:
                try:
                    main()
                    code = 0
                except SystemExit as stop:
                    code = int(stop.code or 0)
        finally:
            signal.signal(signal.SIGTERM, handler)
    return Run(code, capture.out, capture.err)


class _Capture:
    """Catches stdout and stderr as text."""

    out = ""
    err = ""

    def __enter__(self) -> Self:
        import io  # noqa: PLC0415 - used here alone

        self._before = sys.stdout, sys.stderr
        self._texts = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
        sys.stdout, sys.stderr = self._texts
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout, sys.stderr = self._before
        found = []
        for text in self._texts:
            text.flush()
            found.append(text.buffer.getvalue().decode())
        self.out, self.err = found


def spawn(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Run:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "abtest", *map(str, arguments)]
    env = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    done = subprocess.run(
        command, capture_output=True, check=False, encoding="utf-8", env=env, cwd=cwd
    )
    return Run(done.returncode, done.stdout, done.stderr)


def make_experiment(folder: Path, customers: int = 200) -> Path:
    """A small experiment of two variants, split by the hash, where the coupon works."""
    folder.mkdir(parents=True, exist_ok=True)
    experiment = Experiment("winback", [("control", 50), ("کوپن", 50)])
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    assigned, orders = ["customer_id,variant,assigned_at"], ["customer_id,ordered_at,amount"]
    for i in range(customers):
        unit = f"{i:05}"
        variant = experiment.variant(unit)
        assigned.append(f"{unit},{variant},{at.isoformat()}")
        if i % (5 if variant == "control" else 3) == 0:
            orders.append(f"{unit},{(at + timedelta(days=1 + i % 20)).isoformat()},{10 + i % 7}.50")
    (folder / "assignments.csv").write_text("\n".join(assigned) + "\n", encoding="utf-8")
    (folder / "orders.csv").write_text("\n".join(orders) + "\n", encoding="utf-8")
    path = folder / "experiment.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def leftovers(folder: Path) -> list[str]:
    """Temporary files that were not removed."""
    return [path.name for path in folder.rglob(".abtest-*")]
