"""Refunds and cancellations: netted in plain Python first, then read by the slow reference."""

from __future__ import annotations

import random
from collections import defaultdict
from statistics import mean
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest

from abtest import SpecError, analyze
from analysis.by_hand import check_of
from analysis.reference import Log, evaluate, read_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from abtest import Result
    from analysis.reference import Row

VARIANTS = ["control", "coupon"]
AS_OF = "2026-03-01"
STREAM = {"at": "at", "id": "order", "value": "amount"}
WINDOW = {"start": "0d", "end": "30d"}
METRICS: list[dict[str, Any]] = [
    {"key": "bought", "kind": "conversion", "role": "primary"},
    {"key": "first", "kind": "sum", "anchor": "first_event"},
    {"key": "orders", "kind": "count"},
    {"key": "revenue", "kind": "sum"},
    {"key": "again", "kind": "repeat_purchase"},
]
METRICS = [{"events": "orders", "window": WINDOW, **metric} for metric in METRICS]
ENGINES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "duckdb": lambda frame: frame,
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
}
COLUMNS = {
    "assignments": ["unit", "variant", "at"],
    "orders": ["unit", "at", "order", "amount"],
    "refunds": ["unit", "at", "order", "amount"],
}


def drawn(seed: int) -> dict[str, list[Row]]:
    """Orders of one to three lines; refunds of a part, of all, of more, of an unknown amount."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    units = [f"u{i}" for i in range(12)]
    assignments = [
        {"unit": unit, "variant": VARIANTS[i % 2], "at": f"2026-01-{5 + i:02} 10:00"}
        for i, unit in enumerate(units)
    ]
    orders, refunds = [], []
    for number in range(40):
        unit = dice.choice([*units, "stranger"])
        day, hour = dice.randint(1, 28), dice.randint(8, 20)
        at = f"2026-{dice.choice(['01', '02'])}-{day:02} {hour:02}:00"
        id_ = None if dice.random() < 0.1 else f"o{number}"
        lines: list[float | None] = [
            dice.choice([10.1, 20.0, 0.0, 33.3]) for _ in range(dice.randint(1, 3))
        ]
        if dice.random() < 0.08:
            lines[0] = None
        orders += [{"unit": unit, "at": at, "order": id_, "amount": line} for line in lines]
        total = sum(line or 0.0 for line in lines)
        parts: list[list[float | None]] = [[], [], [total], [total / 4, total / 4], [5.0]]
        parts += [[total * 0.1] * 10, [total + 7.0], [None], [0.0]]
        for part in dice.choice(parts):
            later = f"2026-{dice.choice(['02', '02', '02', '03'])}-{dice.randint(1, 28):02} 12:00"
            refunds.append({"unit": unit, "at": later, "order": id_, "amount": part})
    refunds.append({"unit": "u1", "at": "2026-02-02 12:00", "order": "nobody's", "amount": 3.0})
    refunds.append({"unit": "u1", "at": None, "order": "o1", "amount": 3.0})
    return {"assignments": assignments, "orders": orders, "refunds": refunds}


def result_of(
    tables: dict[str, list[Row]], engine: str, *, by: str = "id", worth: bool = True
) -> Result:
    refunds = STREAM if worth else {"at": "at", "id": "order"}
    spec = {
        "spec": "abtest/v1",
        "key": "netted",
        "kind": "messaging",
        "unit": "unit",
        "variants": [{"key": "control", "control": True}, {"key": "coupon"}],
        "data": {
            "as_of": AS_OF,
            "assignments": {"path": "assignments.csv", "at": "at"},
            "events": {
                "orders": {"path": "o.csv", **STREAM, "net": {"events": "refunds", "by": by}},
                "refunds": {"path": "r.csv", **refunds},
            },
        },
        "metrics": METRICS,
    }
    frames = {
        name: ENGINES[engine](pd.DataFrame(rows, columns=COLUMNS[name]))
        for name, rows in tables.items()
    }
    return analyze(spec, data=frames, engine=engine)


def log_of(tables: dict[str, list[Row]], events: list[Row]) -> Log:
    assignments = [{**row, "reason": "split"} for row in tables["assignments"]]
    return Log("UTC", AS_OF, VARIANTS, assignments, events, counted="order")


def known_refunds(tables: dict[str, list[Row]]) -> list[Row]:
    """Refunds before the cut-off; later ones are not known yet."""
    cutoff = read_time(AS_OF, "UTC")
    timed = [row for row in tables["refunds"] if row["at"] is not None]
    return [row for row in timed if read_time(row["at"], "UTC") < cutoff]


def netted(tables: dict[str, list[Row]], *, worth: bool) -> list[Row]:
    """The orders that stand, each with what is left of it."""
    lines, refunds = defaultdict(list), defaultdict(list)
    for row in tables["orders"]:
        lines[row["order"]].append(row)
    for row in known_refunds(tables):
        refunds[row["order"]].append(row["amount"])
    standing = lines.pop(None, [])
    for order, rows in lines.items():
        amounts, off = [row["amount"] for row in rows], refunds[order]
        if not off:
            standing += rows
        elif not worth:
            pass  # cancelled
        elif None in amounts or None in off:
            standing += [{**row, "amount": None} for row in rows]
        elif round(sum(amounts) - sum(off), 6) > 0:
            first, *others = rows  # the order's amount is what counts, not which line has it
            standing.append({**first, "amount": sum(amounts) - sum(off)})
            standing += [{**row, "amount": 0.0} for row in others]
    return standing


def same(result: Result, metric: Row, log: Log) -> None:
    """Units, means and who is not known, against the reference."""
    for variant, outcome in evaluate(log, metric).items():
        found = next(
            e for e in result.estimates if (e.metric, e.variant) == (metric["key"], variant)
        )
        where = f"{metric['key']} of {variant}"
        values = [float(value) for value in outcome.values]  # noqa: PD011 - a list of ours
        assert found.n == len(values), where
        if values:
            assert found.value == pytest.approx(mean(values), rel=1e-9, abs=1e-9), where


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("worth", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_refunds_by_id_are_what_the_reference_says(seed: int, engine: str, *, worth: bool) -> None:
    tables = drawn(seed)
    result = result_of(tables, engine, worth=worth)
    log = log_of(tables, netted(tables, worth=worth))
    for metric in METRICS:
        same(result, metric, log)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(3))
def test_refunds_by_unit_are_what_the_reference_says(seed: int, engine: str) -> None:
    tables = drawn(seed)
    result = result_of(tables, engine, by="unit")
    plain = log_of(tables, tables["orders"])
    off = [
        {**row, "amount": None if row["amount"] is None else -row["amount"]}
        for row in known_refunds(tables)
    ]
    for metric in METRICS:
        if metric["kind"] != "sum":
            same(result, metric, plain)
        elif "anchor" not in metric:  # refunds do not move a first purchase: checked by hand below
            same(result, metric, log_of(tables, [*tables["orders"], *off]))


BY_HAND: dict[str, list[Row]] = {
    "assignments": [
        {"unit": "a", "variant": "control", "at": "2026-01-05"},
        {"unit": "b", "variant": "coupon", "at": "2026-01-05"},
        {"unit": "c", "variant": "coupon", "at": "2026-01-05"},
    ],
    "orders": [
        {"unit": "a", "at": "2026-01-06", "order": "1", "amount": 30.0},
        {"unit": "b", "at": "2026-01-06", "order": "2", "amount": 20.0},
        {"unit": "b", "at": "2026-01-08", "order": "3", "amount": 50.0},
        {"unit": "x", "at": "2026-01-08", "order": "4", "amount": 50.0},
    ],
    "refunds": [
        {"unit": "a", "at": "2026-01-09", "order": "1", "amount": 10.0},
        {"unit": "b", "at": "2026-02-27", "order": "2", "amount": 20.0},
        {"unit": "b", "at": "2026-02-27", "order": "9", "amount": 20.0},
        {"unit": "b", "at": "2026-03-02", "order": "3", "amount": 50.0},
        {"unit": "b", "at": "2026-02-01", "order": None, "amount": 50.0},
    ],
}


def values(result: Result, metric: str) -> list[float | None]:
    return [found.value for found in result.estimates if found.metric == metric]


def test_by_hand_an_order_with_nothing_left_did_not_happen() -> None:
    result = result_of(BY_HAND, "duckdb")
    assert values(result, "revenue") == [20.0, 25.0]  # 30 - 10; of b the first is gone, c has none
    assert values(result, "orders") == [1.0, 0.5]
    found = check_of(result, "taken_off")
    assert found.status == "warn"
    assert found.message == (
        "2 rows of refunds are taken off 2 events of orders, of which 1 has nothing left and did "
        "not happen. 1 row names no event of orders that was read. 1 row has no id or no time, and "
        "nothing is taken off for that. 1 row at or after as_of was not read."
    )
    assert found.details["orders"]["undone"] == 1


def test_by_hand_refunds_of_a_unit_undo_no_order() -> None:
    result = result_of(BY_HAND, "duckdb", by="unit")
    assert values(result, "orders") == [1.0, 1.0]
    # Of b's refunds one is in the window of 30 days: 70 - 50 over two units.
    assert values(result, "revenue") == [20.0, 10.0]
    assert values(result, "first") == [20.0, 20.0]
    found = check_of(result, "taken_off")
    assert found.message.startswith("4 rows of refunds are taken off the sums of orders.")


def test_cancellations_without_a_value() -> None:
    result = result_of(BY_HAND, "duckdb", worth=False)
    assert values(result, "bought") == [0.0, 0.5]
    assert values(result, "revenue") == [0.0, 25.0]


def test_refunds_below_zero_would_add() -> None:
    tables = {**BY_HAND, "refunds": [{**BY_HAND["refunds"][0], "amount": -10.0}]}
    found = check_of(result_of(tables, "duckdb"), "taken_off")
    assert found.status == "fail"
    assert "1 row has a negative value, which adds." in found.message
    assert "write a refund of 10 as 10" in (found.hint or "")


def test_refunds_that_name_no_order_are_suspicious() -> None:
    refunds = [{**row, "order": "01"} for row in BY_HAND["refunds"][:2]]
    found = check_of(result_of({**BY_HAND, "refunds": refunds}, "duckdb"), "taken_off")
    assert (found.status, found.hint) == ("warn", "Do both streams write their ids in one form?")
    assert "2 rows name no event of orders" in found.message


def test_a_log_alone_starts_at_the_first_order_that_stands() -> None:
    spec = {
        "spec": "abtest/v1",
        "key": "log",
        "kind": "messaging",
        "unit": "unit",
        "variants": [{"key": "everyone"}],
        "data": {
            "as_of": AS_OF,
            "assignments": {"from_events": "orders"},
            "events": {
                "orders": {
                    "path": "o.csv",
                    "at": "at",
                    "id": "order",
                    "value": "amount",
                    "net": {"events": "refunds"},
                },
                "refunds": {"path": "r.csv", "at": "at", "id": "order", "value": "amount"},
            },
        },
        "metrics": [{**METRICS[0], "key": "bought"}],
    }
    frames = {name: pd.DataFrame(BY_HAND[name]) for name in ("orders", "refunds")}
    frames["orders"] = frames["orders"].iloc[:2]  # of b only the order that was refunded
    result = analyze(spec, data=frames)
    assert [step.n for step in result.waterfall if step.step == "assigned"] == [1]


def test_a_window_is_over_when_refunds_have_arrived_too() -> None:
    spec = {
        "spec": "abtest/v1",
        "key": "late",
        "kind": "messaging",
        "unit": "unit",
        "variants": [{"key": "control", "control": True}, {"key": "coupon"}],
        "data": {
            "as_of": AS_OF,
            "assignments": {"path": "assignments.csv", "at": "at"},
            "events": {
                "orders": {"path": "o.csv", **STREAM, "net": {"events": "refunds"}},
                "refunds": {"path": "r.csv", **STREAM, "lag": "26d"},
            },
        },
        "metrics": METRICS[:1],
    }
    frames = {name: pd.DataFrame(rows, columns=COLUMNS[name]) for name, rows in BY_HAND.items()}
    result = analyze(spec, data=frames)
    # 5 January, 30 days of window and 26 days of lag: 2 March.
    assert [record.n_immature for record in result.results] == [2]
    assert [record.readable_on for record in result.results] == ["2026-03-02"]


@pytest.mark.parametrize("engine", ENGINES)
def test_refunds_that_name_an_order_need_not_say_whose_it_was(engine: str) -> None:
    tables: dict[str, list[tuple[Any, ...]]] = {
        "assignments": [(f"u{i}", VARIANTS[i % 2], "2026-01-05 10:00") for i in range(8)],
        "orders": [(f"u{i}", "2026-01-09 10:00", f"o{i}", 10.0 + i) for i in range(8)],
        "refunds": [("x", "2026-01-12 10:00", "o1", 11.0), ("x", "2026-01-12 10:00", "o2", 4.0)],
    }
    frames = {
        name: pd.DataFrame([dict(zip(COLUMNS[name], row, strict=True)) for row in rows])
        for name, rows in tables.items()
    }
    refunds = {"path": "r.csv", **STREAM}
    orders = {"path": "o.csv", **STREAM, "net": {"events": "refunds"}}
    spec = {
        "spec": "abtest/v1",
        "key": "net",
        "kind": "pricing",
        "unit": "unit",
        "variants": [{"key": "control", "control": True}, {"key": "coupon"}],
        "data": {
            "as_of": AS_OF,
            "assignments": {"path": "a.csv", "at": "at"},
            "events": {"orders": orders, "refunds": refunds},
        },
        "metrics": [METRICS[3] | {"role": "primary"}],
    }

    def run(refunded: pd.DataFrame, **metrics: Any) -> Result:
        data = {**frames, "refunds": refunded}
        given = {name: ENGINES[engine](frame) for name, frame in data.items()}
        return analyze({**spec, **metrics}, data=given, engine=engine)

    bare = frames["refunds"].drop(columns="unit")
    found = run(bare).results[0]
    assert found.value == pytest.approx((0 + 13 + 15 + 17) / 4)
    assert found.value_control == pytest.approx((10 + 8 + 14 + 16) / 4)
    assert found == run(frames["refunds"]).results[0]
    # A metric of the refunds themselves must know whose they are.
    rate = {"key": "refunded", "kind": "conversion", "events": "refunds", "window": WINDOW}
    with pytest.raises(
        SpecError, match=r"unit: is 'unit', which is no column of data\['refunds'\]"
    ):
        run(bare, metrics=[*spec["metrics"], rate])
