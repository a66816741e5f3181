from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from abtest import Result
from abtest.analysis.result import Record
from analysis.by_hand import CONVERSION, START, check_of, run_log, run_units

ROWS = [("a", "control", START), ("b", "coupon", START), ("c", "coupon", "2026-02-20")]
ORDERS = [("a", "2026-01-10", "1", 5), ("b", "2026-01-10", "2", 7)]


@pytest.fixture(scope="module")
def result() -> Result:
    window = {"events": "orders", "window": {"end": "30d"}}
    metrics = [
        CONVERSION,
        {"key": "money", "kind": "sum", **window},
        {"key": "n", "kind": "count", **window},
        {"key": "basket", "kind": "ratio", "numerator": "money", "denominator": "n"},
    ]
    return run_log(ROWS, ORDERS, metrics=metrics, stream={"value": "amount"})


def test_the_round_trip_loses_nothing(result: Result) -> None:
    data = result.to_dict()
    assert next(iter(data)) == "schema"
    assert data["schema"] == "abtest-result/v1"
    again = Result.from_dict(json.loads(json.dumps(data, allow_nan=False)))
    assert again == result
    assert again.to_dict() == data
    assert again.exit_code == result.exit_code


def test_another_schema_is_refused(result: Result) -> None:
    for other in ({"schema": "abtest-result/v2"}, {"schema": None}, {"unknown": 1}):
        with pytest.raises(ValidationError, match=r"abtest-result/v1|Extra inputs"):
            Result.from_dict({**result.to_dict(), **other})


def test_a_record_never_holds_nan_or_infinity(result: Result) -> None:
    for bad in (math.nan, math.inf):
        with pytest.raises(ValidationError, match="finite number"):
            Record.model_validate({**result.results[0].model_dump(), "pvalue": bad})


def every_number(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in every_number(item)]
    if isinstance(value, list | tuple):
        return [number for item in value for number in every_number(item)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize(
    "won",
    [
        [0, 0, 0, 0],
        [1, 1, 1, 1],
        [None, None, 1, 0],
        [None, None, None, None],
        [5.0, 5.0, 5.0, 5.0],
        [0.0, 0.0, 5.0, 6.0],
    ],
)
@pytest.mark.parametrize("kind", ["proportion", "mean", "ratio"])
def test_degenerate_data_give_no_nan(won: list[float | None], kind: str) -> None:
    if kind == "proportion" and set(won) - {0, 1, None}:
        won = [None if value is None else float(value > 0) for value in won]
    frame = pd.DataFrame({"id": list("abcd"), "variant": ["control"] * 2 + ["coupon"] * 2})
    frame["won"], frame["tries"] = pd.array(won, dtype="Float64"), [0, 0, 1, 2]
    metric = {"key": "won", "kind": kind, "column": "won", "role": "primary"}
    if kind == "ratio":
        metric = {"key": "share", "kind": kind, "numerator": "won", "denominator": "tries"}
        metric["role"] = "primary"
    found = run_units(frame, metrics=[metric])
    assert all(math.isfinite(number) for number in every_number(found.to_dict()))
    record = found.results[0]
    if record.pvalue is None:
        assert record.notes


def test_the_frame_has_the_documented_columns(result: Result) -> None:
    frame = result.to_pandas()
    assert list(frame.columns) == list(Record.model_fields)
    assert list(frame["metric"]) == ["bought", "money", "n", "basket"]


def test_exit_codes(result: Result) -> None:
    crossed = [*ROWS, ("a", "coupon", "2026-02-01")]
    unread = run_log(ROWS, ORDERS, data={"as_of": "2026-01-20"})
    assert result.exit_code == 0
    assert run_log(crossed, ORDERS).exit_code == 3
    assert unread.exit_code == 4
    # A failed check comes before what is not readable yet.
    assert run_log(crossed, ORDERS, data={"as_of": "2026-02-03"}).exit_code == 3


def test_one_unreadable_side_is_not_readable() -> None:
    rows = [("a", "control", "2026-02-20"), ("b", "coupon", START)]
    found = run_log(rows, ORDERS)
    assert (found.exit_code, found.decision.rule_line) == (4, "maturity")


def test_an_invalid_experiment_marks_every_record() -> None:
    crossed = [*ROWS, ("a", "coupon", "2026-02-01")]
    found = run_log(crossed, ORDERS)
    assert check_of(found, "crossover").status == "fail"
    assert {record.verdict for record in found.results} == {"invalid"}
    assert found.decision.verdict == "invalid"


def test_the_same_input_gives_the_same_bytes(result: Result) -> None:
    again = run_log(ROWS[::-1], ORDERS[::-1])
    first = run_log(ROWS, ORDERS)
    assert json.dumps(first.to_dict()) == json.dumps(again.to_dict())
    assert result.as_of == "2026-03-01T00:00:00+00:00"


def test_the_waterfall_counts_down(result: Result) -> None:
    found = {(s.step, s.variant): s.n for s in result.waterfall if s.metric in (None, "bought")}
    assert found == {
        ("assigned", "control"): 1,
        ("assigned", "coupon"): 2,
        ("eligible", "control"): 1,
        ("eligible", "coupon"): 2,
        ("mature", "control"): 1,
        ("mature", "coupon"): 1,
        ("observed", "control"): 1,
        ("observed", "coupon"): 1,
    }
