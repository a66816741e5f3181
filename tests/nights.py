"""An invented experiment that is monitored night by night."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

SPEC = """\
spec: abtest/v1
key: nightly-offer
kind: messaging
unit: customer_id
variants:
  - {{key: control, control: true, weight: 50}}
  - {{key: coupon, weight: 50}}
schedule: {{start: 2026-01-05, enrol_until: 2026-02-02}}
data:
  assignments: {{path: assignments.csv}}
  events:
    orders: {{path: orders.csv, at: ordered_at, value: amount}}
    returns: {{path: returns.csv, at: ordered_at}}
metrics:
  - {{key: bought_7d, kind: conversion, events: orders, window: {{end: 7d}}, role: primary}}
  - {{key: revenue_7d, kind: sum, events: orders, window: {{end: 7d}}, role: secondary}}
  - {{key: returned_7d, kind: conversion, events: returns, window: {{end: 7d}}, role: guardrail,
     desired_change: decrease}}
analysis:
  sequential: {sequential}
"""
LAN_DEMETS = "{engine: lan_demets, spending: obrien_fleming, looks: nightly, max_units: 2800}"
START = datetime(2026, 1, 5, 9)  # noqa: DTZ001 - the spec's zone is UTC


def make_nights(
    folder: Path, lift: float = 0.0, sequential: str = LAN_DEMETS, per_day: int = 100
) -> Path:
    """28 days with 100 customers a day; a fifth of control buys within a week."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20260105)
    assigned, orders, returns = ["customer_id,variant,assigned_at"], [HEAD], [HEAD]
    for day in range(28):
        for place in range(per_day):
            key, at = f"c{day:02}-{place:03}", START + timedelta(days=day)
            treated = place % 2 == 1
            assigned.append(f"{key},{'coupon' if treated else 'control'},{at.isoformat()}")
            draws = rng.random(3)
            when = (at + timedelta(days=6 * draws[1])).isoformat(timespec="seconds")
            if draws[0] < 0.2 + (lift if treated else 0):
                orders.append(f"{key},{when},{10 + 40 * draws[2]:.2f}")
            if draws[2] < 0.05:
                returns.append(f"{key},{when},1")
    for name, rows in (("assignments", assigned), ("orders", orders), ("returns", returns)):
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    path = folder / "experiment.yaml"
    path.write_text(SPEC.format(sequential=sequential), encoding="utf-8")
    return path


HEAD = "customer_id,ordered_at,amount"


def night(number: int) -> str:
    """The date of a night; on night 8 the first customers are mature."""
    return (START + timedelta(days=number)).date().isoformat()
