"""Bad input, through the command line: each named in one message, with counts and a hint."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from command_line import run

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """\
spec: abtest/v1
key: bad-input
kind: messaging
unit: id
variants:
  - {{key: control, control: true}}
  - {{key: coupon}}
{schedule}
data:
  as_of: 2026-03-01
  assignments: {{path: assignments.csv{assignments}}}
  events:
    orders: {{path: orders.csv, at: at{orders}}}
metrics:
  - {{key: bought, kind: conversion, events: orders, window: {{end: 30d}}, role: primary}}
  - {{key: revenue, kind: sum, events: orders, window: {{end: 30d}}}}
"""
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
AMOUNT = ", value: amount"


@dataclass
class Case:
    """One thing that is wrong: rows that replace or follow good ones, and what must be said."""

    says: list[str]
    hint: str | None
    orders: list[str] = field(default_factory=list)
    assignments: list[str] = field(default_factory=list)
    stream: str = AMOUNT
    at_assignment: str = ""
    schedule: str = ""
    columns: str = "id,at,amount"
    all_orders: list[str] | None = None
    check: str | None = None  # None: the analysis stops
    status: str = "warn"
    options: list[str] = field(default_factory=list)


CASES = {
    "orders before the anchor": Case(
        ["2 of 42 rows of orders are from before their unit's assignment"],
        None,
        ["c001,2025-12-01T10:00:00Z,5", "c002,2025-12-01T10:00:00Z,5"],
        check="before_assignment",
        status="pass",
    ),
    "orders in the future": Case(
        ["3 rows at or after as_of were not read"],
        None,
        ["c001,2026-03-01T00:00:00Z,5", "c002,2030-01-01T00:00:00Z,5", "c3,2026-04-01T00:00:00Z,5"],
        check="unknown_units",
        status="pass",
    ),
    "one order in the future": Case(
        ["1 row at or after as_of was not read"],
        None,
        ["c001,2026-03-01T00:00:00Z,5"],
        check="unknown_units",
        status="pass",
    ),
    "negative amounts": Case(
        ["2 rows of orders have a negative value"],
        "keep: [{column: amount, above: 0}]",
        ["c001,2026-01-07T10:00:00Z,-5", "c002,2026-01-07T10:00:00Z,-0.01"],
        check="negative_values",
    ),
    "missing amounts": Case(
        ["revenue is missing for", "1 row of orders has no value"],
        "If the treatment decides what is missing",
        ["c001,2026-01-07T10:00:00Z,"],
        check="missing_values",
    ),
    "two currencies": Case(
        ["EUR", "USD", "'currency'"],
        "currency, equals: ",
        stream=f"{AMOUNT}, currency: {{column: currency}}",
        columns="id,at,amount,currency",
        all_orders=["c001,2026-01-07T10:00:00Z,5,EUR", "c002,2026-01-07T10:00:00Z,5,USD"],
    ),
    "assigned twice to the same variant": Case(
        ["1 assignment row repeats a unit (counted once)"],
        "",
        assignments=["c000,control,2026-01-06T09:00:00Z"],
        check="duplicate_rows",
    ),
    "assigned to two variants": Case(
        ["1 of 400 units (0.25%) are in two variants; they are analysed in the first"],
        "Look at where the variant is decided",
        assignments=["c000,coupon,2026-01-06T09:00:00Z"],
        check="crossover",
    ),
    "many assigned to two variants": Case(
        ["8 of 400 units (2.00%) are in two variants"],
        "Look at where the variant is decided",
        assignments=[f"c{i:03},coupon,2026-01-06T09:00:00Z" for i in range(0, 16, 2)],
        check="crossover",
        status="fail",
    ),
    "times in words": Case(
        ["column 'at'", "1 value is not", "'yesterday'"],
        "",
        ["c001,yesterday,5"],
    ),
    "epoch seconds unannounced": Case(
        ["column 'at'"],
        "epoch_seconds",
        all_orders=[f"c001,{int(START.timestamp()) + i},5" for i in range(3)],
    ),
    "day numbers unannounced": Case(
        ["column 'at'"],
        "day_number",
        all_orders=["c001,3,5", "c002,4,5"],
    ),
    "mixed zones": Case(
        ["column 'at'", "offset"],
        "offset_or_local",
        all_orders=["c001,2026-01-07T10:00:00Z,5", "c002,2026-01-07 10:00:00,5"],
    ),
    "a broken line": Case(
        ["orders.csv", "line 3"],
        "",
        all_orders=["c001,2026-01-07T10:00:00Z,5", "c002,2026-01-07T10:00:00Z,5,6,7"],
    ),
    "a broken line that is skipped": Case(
        ["Broken lines were skipped: 1 of orders."],
        "Without --on-bad-lines skip",
        all_orders=["c001,2026-01-07T10:00:00Z,5", "c002,2026-01-07T10:00:00Z,5,6,7"],
        check="bad_lines",
        options=["--on-bad-lines", "skip"],
    ),
    "a join of a third": Case(
        ["4 of 6 rows of orders are of units outside"],
        "Did ids lose their zeros",
        all_orders=[
            *(f"c00{i},2026-01-07T10:00:00Z,5" for i in range(2)),
            *(f"x00{i},2026-01-07T10:00:00Z,5" for i in range(4)),
        ],
        check="unknown_units",
    ),
    "ids that lost their zeros": Case(
        ["1 row of orders would match a unit but for blanks, case or leading zeros"],
        "Write ids in one form",
        ["C001,2026-01-07T10:00:00Z,5"],
        check="lookalike_ids",
        status="fail",
    ),
    "rows that the spec leaves out": Case(
        ["1 of orders by keep"],
        None,
        ["c001,2026-01-07T10:00:00Z,-5"],
        stream=f"{AMOUNT}, keep: [{{column: amount, above: 0}}]",
        check="rows_left_out",
        status="pass",
    ),
    "a column of exclude that is not there": Case(
        ["orders.exclude.0.column", "'amont', which is no column of orders.csv"],
        'did you mean "amount"',
        stream=f"{AMOUNT}, exclude: [{{column: amont, below: 0}}]",
    ),
}


def written(folder: Path, case: Case) -> Path:
    """400 units, half of them in each variant, and an order of every tenth."""
    assignments = ["id,variant,assigned_at"]
    assignments += [
        f"c{i:03},{'coupon' if i % 2 else 'control'},{START.isoformat()}" for i in range(400)
    ]
    good = [f"c{i:03},{(START + timedelta(days=2)).isoformat()},10" for i in range(0, 400, 10)]
    orders = [case.columns, *(good if case.all_orders is None else case.all_orders), *case.orders]
    (folder / "assignments.csv").write_text("\n".join([*assignments, *case.assignments]) + "\n")
    (folder / "orders.csv").write_text("\n".join(orders) + "\n")
    spec = folder / "experiment.yaml"
    text = SPEC.format(schedule=case.schedule, assignments=case.at_assignment, orders=case.stream)
    spec.write_text(text)
    return spec


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    spec = written(tmp_path, case)
    found = run("analyze", spec, "--format", "json", *case.options)
    if case.check is None:
        message = found.failed(1)
        assert case.hint is not None
        assert case.hint in message
    else:
        checks: list[dict[str, Any]] = json.loads(found.out)["checks"]
        check = next(check for check in checks if check["key"] == case.check)
        message = check["message"]
        assert check["status"] == case.status
        assert found.code == (3 if case.status == "fail" else 0)
        assert (check["hint"] is None) == (case.hint is None)
        assert (case.hint or "") in (check["hint"] or "")
    for words in case.says:
        assert words in message


@pytest.mark.parametrize(
    ("stream", "rows"),
    [
        (", time: epoch_seconds", [f"c001,{int(START.timestamp()) + 86400},5"]),
        (", time: offset_or_local", ["c001,2026-01-07T10:00:00Z,5", "c003,2026-01-07 10:00,5"]),
        (", time: day_number, day_zero: 2026-01-01", ["c001,7,5"]),
        (', date_format: "%d.%m.%Y"', ["c001,07.01.2026,5"]),
    ],
)
def test_times_are_read_when_the_spec_says_how(
    stream: str, rows: list[str], tmp_path: Path
) -> None:
    spec = written(tmp_path, Case([], None, stream=AMOUNT + stream, all_orders=rows))
    found = json.loads(run("analyze", spec, "--format", "json").worked().out)
    bought = {e["variant"]: e["value"] for e in found["estimates"] if e["metric"] == "bought"}
    assert bought == {"control": 0.0, "coupon": len(rows) / 200}
