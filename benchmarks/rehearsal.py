"""What it costs to invent a campaign, and to replay an experiment on the past.

    python benchmarks/rehearsal.py [--customers 1000000] [--units 100000] [--replays 1000]

Whole processes, start-up included: wall and processor time. Prints the table of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

SPEC = """\
spec: abtest/v1
key: rehearsal
kind: messaging
unit: customer_id
variants: [{key: control, control: true}, {key: coupon}]
schedule: {start: 2026-01-05, enrol_until: 2026-02-02, timezone: Europe/Berlin}
data:
  assignments: {path: assignments.parquet}
  events: {orders: {path: orders.parquet, at: ordered_at, value: amount}}
metrics:
  - {key: repeat_30d, kind: repeat_purchase, events: orders, window: {end: 30d}, role: primary}
  - {key: revenue_60d, kind: sum, events: orders, window: {end: 60d}}
decision: {rule: {require: [primary]}}
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--replays", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "experiment.yaml"
        spec.write_text(SPEC, encoding="utf-8")
        big, small = Path(folder) / "big", Path(folder) / "small"
        _abtest("simulate", spec, "-o", small, "--customers", options.units)
        print("| what | wall s | cpu s |\n|---|---|---|")
        seconds = _abtest("simulate", spec, "-o", big, "--customers", options.customers)
        orders = duckdb.sql(f"SELECT count(*) FROM '{big}/orders.parquet'").fetchall()[0][0]
        _show(f"`abtest simulate`, {options.customers:,} customers, {orders:,} orders", seconds)
        history = f"orders={small / 'orders.parquet'}"
        end = "2026-04-05"
        _show(
            f"`abtest rehearse`, {options.replays:,} replays of {options.units:,} customers",
            _abtest(
                *("rehearse", spec, "--history", history, "--history-end", end),
                *("-n", options.replays),
            ),
        )


def _abtest(*arguments: object) -> tuple[float, float]:
    """Wall and processor seconds of a run, with those of its own processes."""
    before, start = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "abtest", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    spent = after.children_user + after.children_system
    return time.perf_counter() - start, spent - before.children_user - before.children_system


def _show(what: str, seconds: tuple[float, float]) -> None:
    print(f"| {what} | {seconds[0]:.1f} | {seconds[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
