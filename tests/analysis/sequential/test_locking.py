"""Each unit counts once, at the first look after its maturity, with the value that it has then."""

from __future__ import annotations

import csv
import json
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abtest import analyze
from abtest.analysis.clock import Cutoff
from abtest.analysis.sequential.counted import Counted, is_same, marks_of, parts_of, widened
from abtest.analysis.sequential.log_chain import chained
from abtest.analysis.sequential.looks import LookLog
from abtest.analysis.sequential.monitoring import monitor
from abtest.spec import load_spec
from abtest.stats.adjustment.co_moments import Columns, from_rows
from abtest.stats.summaries import Moments, PairMoments, Proportion
from nights import START, make_nights, night

WINDOW = timedelta(days=7)
REFUNDS = "customer_id,refunded_at,amount,order_id"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """The nightly experiment with refunds that name their order."""
    path = make_nights(tmp_path / "nightly", lift=0.06, per_day=40)
    text = path.read_text(encoding="utf-8")
    plain = "orders: {path: orders.csv, at: ordered_at, value: amount}"
    assert plain in text
    named = (
        "orders: {path: orders.csv, at: ordered_at, value: amount, id: order_id, "
        "net: {events: refunds, by: id}}\n"
        "    refunds: {path: refunds.csv, at: refunded_at, value: amount, id: order_id}"
    )
    path.write_text(text.replace(plain, named).replace("2800", "1120"), encoding="utf-8")
    orders = path.parent / "orders.csv"
    head, *rows = orders.read_text(encoding="utf-8").splitlines()
    numbered = [f"{row},o{place}" for place, row in enumerate(rows)]
    orders.write_text("\n".join([f"{head},order_id", *numbered]) + "\n", encoding="utf-8")
    (path.parent / "refunds.csv").write_text(f"{REFUNDS}\n", encoding="utf-8")
    return path


def look(spec: Path, number: int) -> Any:
    """Take a look, and log it as the command does."""
    found = monitor(spec, as_of=night(number))
    with (spec.parent / "looks.jsonl").open("a", encoding="utf-8") as file:
        file.write(found.text)
    if found.text:
        last = json.loads(found.text.splitlines()[-1])["chain"]
        (spec.parent / "looks.head").write_text(last, encoding="utf-8")
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def values(spec: Path, after: int, until: int) -> dict[str, list[float]]:
    """By hand: the money of each unit that matures after one night and up to another.

    Refunds count if they are known on the later night.
    """
    folder, end = spec.parent, START + timedelta(days=until) - timedelta(hours=START.hour)
    begin = START + timedelta(days=after) - timedelta(hours=START.hour)
    left = {row["order_id"]: float(row["amount"]) for row in rows_of(folder / "orders.csv")}
    for row in rows_of(folder / "refunds.csv"):
        if datetime.fromisoformat(row["refunded_at"]) < end:
            left[row["order_id"]] -= float(row["amount"])
    spent: dict[str, float] = {}
    for row in rows_of(folder / "orders.csv"):
        if datetime.fromisoformat(row["ordered_at"]) < end:
            spent[row["customer_id"]] = spent.get(row["customer_id"], 0.0) + left[row["order_id"]]
    found: dict[str, list[float]] = {"control": [], "coupon": []}
    for row in rows_of(folder / "assignments.csv"):
        mature = datetime.fromisoformat(row["assigned_at"]) + WINDOW
        if begin < mature <= end:
            found[row["variant"]].append(spent.get(row["customer_id"], 0.0))
    return found


def add_refunds(spec: Path, before: int, on: int, how_many: int = 25) -> None:
    """All money back, on one night, for orders of customers who had matured on another."""
    path = spec.parent / "refunds.csv"
    when = (START + timedelta(days=on, hours=-2)).isoformat()
    first = START + timedelta(days=before - 9)
    own = {
        row["customer_id"]
        for row in rows_of(spec.parent / "assignments.csv")
        if datetime.fromisoformat(row["assigned_at"]) < first
    }
    rows = [row for row in rows_of(spec.parent / "orders.csv") if row["customer_id"] in own]
    lines = [f"{r['customer_id']},{when},{r['amount']},{r['order_id']}" for r in rows[:how_many]]
    assert len(lines) == how_many
    text = path.read_text(encoding="utf-8") + "\n".join(lines) + "\n"
    path.write_text(text, encoding="utf-8")


def test_a_refund_after_maturity_changes_no_look_and_is_logged(spec: Path) -> None:
    look(spec, 15)
    first = values(spec, 0, 15)
    add_refunds(spec, before=15, on=18)
    second = look(spec, 22)  # the nights between were skipped
    since = values(spec, 15, 22)
    revenue = next(row for row in second.rows if row.metric == "revenue_7d")
    for value, n, variant in (
        (revenue.value, revenue.n, "coupon"),
        (revenue.value_control, revenue.n_control, "control"),
    ):
        counted = first[variant] + since[variant]
        assert n == len(counted)
        assert value == pytest.approx(np.mean(counted), rel=1e-12)
        assert np.mean(values(spec, 0, 22)[variant]) < np.mean(counted)  # as the tables say now
    # What the look of night 15 would be by the tables as they are now.
    assert second.restated == ("2026-01-20T00:00:00+00:00",)
    lines = (spec.parent / "looks.jsonl").read_text(encoding="utf-8").splitlines()
    restated = json.loads(lines[1])
    assert restated["type"] == "restatement"
    assert restated["found_on"] == "2026-01-27T00:00:00+00:00"
    late = values(spec, 0, 22), values(spec, 15, 22)
    by_metric = {row["metric"]: row for row in restated["rows"]}
    for key, variant in (("value", "coupon"), ("value_control", "control")):
        now = sum(late[0][variant]) - sum(late[1][variant])
        assert by_metric["revenue_7d"][key] == pytest.approx(now / len(first[variant]), rel=1e-9)
    check = next(check for check in second.result.checks if check.key == "restated")
    assert check.status == "warn"
    told = {(row["metric"], row["variant"]): row for row in check.details["units"]}
    assert told["revenue_7d", "coupon"]["value"] == revenue.value
    # analyze reads what was counted too, with and without the night in the log.
    for as_of in (night(22), night(23)):
        record = next(r for r in analyze(spec, as_of=as_of).results if r.metric == "revenue_7d")
        assert record.value_control is not None
        counted = first["control"] + values(spec, 15, 22 if as_of == night(22) else 23)["control"]
        assert record.value_control == pytest.approx(np.mean(counted), rel=1e-12)


def test_a_change_is_logged_once_and_told_every_night(spec: Path) -> None:
    look(spec, 15)
    add_refunds(spec, before=15, on=18)
    assert [look(spec, number).told for number in (20, 20)] == ["logged", "repeated"]
    third = look(spec, 22)
    assert third.restated == ()
    assert any(check.key == "restated" for check in third.result.checks)
    before = [row.value for row in third.rows]
    add_refunds(spec, before=15, on=19, how_many=30)
    again = look(spec, 22)
    assert again.told == "restated"
    assert [row.value for row in again.rows] == before
    assert look(spec, 22).told == "repeated"


def test_an_order_and_an_assignment_that_arrive_late(spec: Path) -> None:
    look(spec, 15)
    before = values(spec, 0, 15)
    folder = spec.parent
    with (folder / "orders.csv").open("a", encoding="utf-8") as file:
        file.write(f"c00-000,{(START + timedelta(days=2)).isoformat()},10000.00,late\n")
    with (folder / "assignments.csv").open("a", encoding="utf-8") as file:
        file.write(f"late,coupon,{START.isoformat()}\n")
    found = look(spec, 16)
    assert found.restated == ("2026-01-20T00:00:00+00:00",)
    revenue = next(row for row in found.rows if row.metric == "revenue_7d")
    since = values(spec, 15, 16)
    for n, value, variant in (
        (revenue.n, revenue.value, "coupon"),
        (revenue.n_control, revenue.value_control, "control"),
    ):
        assert n == len(before[variant]) + len(since[variant])
        assert value == pytest.approx(np.mean(before[variant] + since[variant]), rel=1e-12)
    check = next(check for check in found.result.checks if check.key == "restated")
    told = {(row["metric"], row["variant"]): row for row in check.details["units"]}
    assert told["bought_7d", "coupon"]["n_tables"] == revenue.n + 1


RICH = """\
covariates:
  before: {kind: count, events: returns, window: {start: -28d, end: 0d}}
  age: {kind: column, column: age}
"""


def test_where_nothing_changed_looks_add_up_to_the_tables(spec: Path) -> None:
    """Covariates with gaps, a ratio, a cap, weights that change: as if read in one go."""
    folder = spec.parent
    rng = np.random.default_rng(5)
    keys = [row["customer_id"] for row in rows_of(folder / "assignments.csv")]
    # The first that have no age are mature only at the second look.
    ages = [
        f"{key},{'' if key > 'c10' and rng.random() < 0.2 else rng.integers(18, 80)}"
        for key in keys
    ]
    (folder / "units.csv").write_text("\n".join(["customer_id,age", *ages]), encoding="utf-8")
    text = spec.read_text(encoding="utf-8")
    text = text.replace("data:\n", "data:\n  units: {path: units.csv}\n")
    text = text.replace("metrics:\n", RICH + "metrics:\n", 1).replace(
        "role: secondary}",
        "role: secondary, winsorize: {cap: 30}}\n"
        "  - {key: orders_7d, kind: count, events: orders, window: {end: 7d}, role: exploratory}\n"
        "  - {key: basket, kind: ratio, numerator: revenue_7d, denominator: orders_7d, "
        "role: secondary}",
    )
    text = text.replace("analysis:\n", "analysis:\n  covariates: [before, age]\n")
    phase = "assignment: {phases: [{from: 2026-01-12, weights: {control: 1, coupon: 2}}]}\n"
    spec.write_text(text.replace("data:\n", f"{phase}data:\n", 1), encoding="utf-8")
    nights = [look(spec, number) for number in (13, 18, 30)]
    for number, found in zip((13, 18, 30), nights, strict=True):
        fresh = analyze(spec, as_of=night(number), log=LookLog())
        by_key = {(row["metric"]): row for row in fresh.looks}
        assert {row.metric for row in found.rows} >= {"bought_7d", "revenue_7d", "basket"}
        for row in found.rows:
            other = by_key[row.metric]
            assert (row.n, row.n_control) == (other["n"], other["n_control"])
            for key in ("value", "value_control", "difference", "lift", "statistic"):
                assert getattr(row, key) == pytest.approx(other[key], rel=1e-8, abs=1e-9), key
        assert found.restated == ()
        assert not any(check.key == "restated" for check in found.result.checks)
    assert fresh.results[0].method == "regression_adjustment"


@pytest.mark.parametrize("engine", ["polars", "pandas"])
def test_every_engine_counts_the_same(spec: Path, engine: str) -> None:
    look(spec, 15)
    add_refunds(spec, before=15, on=18)
    one, other = (monitor(spec, as_of=night(20), engine=name) for name in ("duckdb", engine))
    assert other.restated == one.restated == ("2026-01-20T00:00:00+00:00",)
    for row, same in zip(one.rows, other.rows, strict=True):
        assert (same.n, same.n_control) == (row.n, row.n_control)
        assert same.value == pytest.approx(row.value, rel=1e-12)


def test_a_metric_that_is_measured_otherwise_is_read_anew_and_said(spec: Path) -> None:
    look(spec, 15)
    text = spec.read_text(encoding="utf-8")
    other = text.replace("window: {end: 7d}, role: secondary", "window: {end: 6d}, role: secondary")
    assert other != text
    spec.write_text(other, encoding="utf-8")
    found = monitor(spec, as_of=night(20))
    fresh = analyze(spec, as_of=night(20), log=LookLog())
    row = next(row for row in found.rows if row.metric == "revenue_7d")
    assert row.value == next(r for r in fresh.looks if r["metric"] == "revenue_7d")["value"]
    check = next(check for check in found.result.checks if check.key == "restated")
    assert check.details["anew"] == ["revenue_7d"]
    assert "revenue_7d is read anew" in check.message


def test_clusters_are_read_again_and_a_change_is_logged(spec: Path) -> None:
    folder = spec.parent
    rows = rows_of(folder / "assignments.csv")
    lines = [
        f"{r['customer_id']},{r['variant']},{r['assigned_at']},h{r['customer_id'][:6]}{r['variant']}"
        for r in rows
    ]
    head = "customer_id,variant,assigned_at,household"
    (folder / "assignments.csv").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("unit: customer_id\n", "unit: customer_id\ncluster: household\n"))
    look(spec, 15)
    add_refunds(spec, before=15, on=18)
    found = look(spec, 20)
    assert found.restated == ("2026-01-20T00:00:00+00:00",)
    fresh = analyze(spec, as_of=night(20), log=LookLog())
    assert [row.value for row in found.rows] == [row["value"] for row in fresh.looks]
    lines = (folder / "looks.jsonl").read_text(encoding="utf-8").splitlines()
    restated = json.loads(lines[1])
    revenue = next(row for row in restated["rows"] if row["metric"] == "revenue_7d")
    assert revenue["value"] is not None
    assert revenue["statistic"] is None


def test_a_log_of_an_earlier_version_goes_on(spec: Path) -> None:
    """Its lines have no chain and say nothing of what was counted: the next look counts all."""
    found = monitor(spec, as_of=night(15))
    old = json.loads(found.text)
    for key in ("chain", "counted", "tables"):
        del old[key]
    log = spec.parent / "looks.jsonl"
    log.write_text(json.dumps(old) + "\n", encoding="utf-8")
    assert monitor(spec, as_of=night(15)).told == "repeated"
    add_refunds(spec, before=15, on=18)
    second = look(spec, 20)
    assert second.unchained == 1
    revenue = next(row for row in second.rows if row.metric == "revenue_7d")
    assert revenue.value == pytest.approx(np.mean(values(spec, 0, 20)["coupon"]), rel=1e-12)
    assert look(spec, 22).told == "logged"


# What is kept, without an experiment.


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Proportion(10, 3), Proportion(10, 3), True),
        (Proportion(10, 3), Proportion(10, 4), False),
        (Proportion(10, 3), Moments(10, 0.3, 2.1), False),
        (Moments(10, 1e6, 50.0), Moments(10, 1e6 + 1e-7, 50.0), True),
        (Moments(10_000_000, 100.0, 1e11), Moments(10_000_000, 100 + 5e-6, 1e11), False),
        (Moments(10, 5.0, 50.0), Moments(11, 5.0, 50.0), False),
        (PairMoments(9, 1, 2, 3, 4, 1), PairMoments(9, 1, 2, 3, 4, 1 + 1e-13), True),
        (PairMoments(9, 1, 2, 3, 4, 1), PairMoments(9, 1, 2, 3, 4, 1.001), False),
    ],
)
def test_what_is_a_change_and_what_is_rounding(one: Any, other: Any, same: bool) -> None:
    assert is_same(one, other) is same


def test_a_covariate_that_was_never_missing_before() -> None:
    rows = [[1.0, 5.0], [2.0, 7.0], [4.0, 1.0]]
    parts = {"": from_rows(Columns(("y",), ("x",)), rows)}
    wide = widened(parts, ("x",))[""]
    direct = from_rows(Columns(("y",), ("x",), ("x",)), [[*row, 0.0] for row in rows])
    assert wide == direct
    old = Counted(
        reading="r", variant="v", definition="d", summary=Proportion(3, 1), parts={"": direct}
    )
    assert marks_of(Columns(("y",), ("x",)), [old]) == ("x",)
    assert marks_of(None, [old]) == ()


@pytest.mark.parametrize(
    "summary", [Proportion(8, 2), Moments(8, 0.25, 1.5), PairMoments(8, 0.25, 0.5, 1.5, 2.0, 1.0)]
)
@pytest.mark.parametrize("changed_on", ["2026-01-12", "2026-01-20"])
def test_weights_that_changed_later(spec: Path, summary: Any, changed_on: str) -> None:
    text = spec.read_text(encoding="utf-8")
    phase = (
        f"assignment: {{phases: [{{from: {changed_on}, weights: {{control: 1, coupon: 2}}}}]}}\n"
    )
    spec.write_text(text.replace("data:\n", f"{phase}data:\n", 1), encoding="utf-8")
    old = Counted(reading="r", variant="v", definition="d", summary=summary)
    counted_by = Cutoff.parse("2026-01-15", "UTC").microseconds
    parts = parts_of(load_spec(spec).spec, old, Columns(("y",)), counted_by)
    if changed_on < "2026-01-15":
        assert parts is None  # some of them may have entered under the second weights
        return
    assert parts is not None
    (name, part), *none = parts.items()
    assert (name, none, part.n) == ("split 1", [], 8)
    assert part.means[0] == 0.25
    assert math.isclose(part.products[0][0], 1.5)


def test_the_chain_is_of_everything_before() -> None:
    """Each fingerprint by hashlib alone."""
    import hashlib  # noqa: PLC0415 - the witness

    text = chained(['{"a": 1}\n', '{"b": 2}\n'], "")
    first = hashlib.sha256(b'\n{"a": 1}').hexdigest()
    second = hashlib.sha256(f'{first}\n{{"b": 2}}'.encode()).hexdigest()
    assert [json.loads(line)["chain"] for line in text.splitlines()] == [first, second]
