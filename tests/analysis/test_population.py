"""Who is analysed, and how everybody who is not is counted."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from abtest import DataError
from abtest.analysis.population import population_of
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.spec.load import parse_spec
from analysis.by_hand import (
    AS_OF,
    START,
    WON,
    assigned,
    check_of,
    run_log,
    run_units,
    spec_for,
)

DISCOUNT = "تخفیف ۱۰٪"
WITH_REASON = ("id", "variant", "assigned_at", "reason")


def test_a_unit_in_two_variants_is_analysed_in_its_first() -> None:
    """Intention to treat: whatever happened to it later, it started there."""
    rows = [
        ("a", "coupon", "2026-01-06"),
        ("a", "control", "2026-01-05"),
        ("b", "control", "2026-01-05"),
        ("c", "coupon", "2026-01-05"),
    ]
    orders = [
        ("a", "2026-02-04T12:00", None, None)
    ]  # 30.5 days after the first, 29.5 of the second
    result = run_log(rows, orders)
    assert assigned(result) == {"control": 2, "coupon": 1}
    assert [found.value for found in result.estimates] == [0.0, 0.0]
    check = check_of(result, "crossover")
    assert (check.status, check.details) == ("fail", {"units": 3, "crossed": 1, "share": 1 / 3})
    assert (
        "1 of 3 units (33.33%) are in two variants; they are analysed in the first" in check.message
    )
    assert check_of(result, "duplicate_rows").details["assignments"] == 0


def test_two_variants_at_one_instant_give_the_same_answer_every_time() -> None:
    rows = [("a", "coupon", START), ("a", "control", START), ("b", "coupon", START)]
    assert assigned(run_log(rows)) == assigned(run_log(rows[::-1])) == {"control": 1, "coupon": 1}


def test_excluding_crossovers_is_a_sensitivity() -> None:
    rows = [("a", "coupon", "2026-01-06"), ("a", "control", "2026-01-05")]
    rows += [("b", "control", START), ("c", "coupon", START)]
    result = run_log(rows, data={"crossover": "exclude"})
    assert assigned(result) == {"control": 1, "coupon": 1}
    assert "they are left out" in check_of(result, "crossover").message


def test_excluding_everybody_is_said_and_no_crash() -> None:
    rows = [("a", "coupon", "2026-01-06"), ("a", "control", "2026-01-05")]
    result = run_log(rows, data={"crossover": "exclude"})
    assert assigned(result) == {"control": 0, "coupon": 0}
    assert check_of(result, "sample_ratio").status == "fail"
    assert check_of(result, "unknown_variants").message == "No unit is in control, coupon."
    assert result.decision.verdict == "invalid"


def test_a_second_assignment_to_the_same_variant_does_not_move_the_anchor() -> None:
    rows = [("a", "control", "2026-01-05"), ("a", "control", "2026-02-20"), ("b", "coupon", START)]
    result = run_log(rows, [("a", "2026-01-06", None, None)])
    assert result.estimates[0].n == 1  # mature: counted from the first
    assert result.estimates[0].value == 1.0
    check = check_of(result, "duplicate_rows")
    assert (check.status, check.details["assignments"]) == ("warn", 1)
    assert "1 assignment row repeats a unit (counted once)" in check.message
    assert check_of(result, "crossover").message == "No unit is in two variants."


def test_only_the_reason_split_is_analysed_and_the_rest_is_counted() -> None:
    rows: list[tuple[Any, ...]] = [
        ("a", "control", START, "split"),
        ("b", "coupon", START, "split"),
    ]
    rows += [("c", "coupon", START, "override"), ("d", "coupon", START, "override")]
    rows += [("e", None, START, "not_enrolled"), ("f", None, None, None)]
    result = run_log(rows, columns=WITH_REASON)
    assert assigned(result) == {"control": 1, "coupon": 1}
    check = check_of(result, "left_out")
    assert check.status == "pass"
    assert check.details["reasons"] == {"": 1, "not_enrolled": 1, "override": 2}
    assert "1 with reason none, 1 with reason not_enrolled, 2 with reason override" in check.message


def test_the_column_of_reasons_may_have_another_name() -> None:
    rows = [("a", "control", START, "split"), ("b", "coupon", START, "split")]
    rows += [("c", "coupon", START, "override")]
    table = {"path": "-", "reason": "why"}
    columns = ("id", "variant", "assigned_at", "why")
    result = run_log(rows, columns=columns, data={"assignments": table})
    assert assigned(result) == {"control": 1, "coupon": 1}


def test_assignments_at_or_after_the_cut_off_are_counted_and_left_out() -> None:
    rows = [("a", "control", START), ("b", "coupon", START)]
    rows += [("c", "coupon", "2026-03-01"), ("d", "coupon", "2026-02-28T23:59:59")]
    result = run_log(rows)
    assert assigned(result) == {"control": 1, "coupon": 2}
    check = check_of(result, "left_out")
    assert check.details == {"reasons": {}, "too_late": 1}
    assert check.message == "Assignments that are not analysed: 1 assigned at or after as_of."


def test_a_spec_where_nothing_is_left_out_says_nothing() -> None:
    result = run_log([("a", "control", START), ("b", "coupon", START)])
    assert "left_out" not in {check.key for check in result.checks}


def test_unknown_variants_fail_and_are_left_out() -> None:
    rows = [("a", "control", START), ("b", "coupon", START), ("c", "Coupon", START)]
    result = run_log(rows)
    check = check_of(result, "unknown_variants")
    assert (check.status, check.details) == ("fail", {"unknown": {"Coupon": 1}})
    assert "that the spec does not name: 'Coupon' (1 row). They are left out" in check.message
    assert check.hint == "The spec names control, coupon. Add them, or correct the data."
    assert assigned(result) == {"control": 1, "coupon": 1}


def test_a_variant_nobody_is_in_fails() -> None:
    check = check_of(run_log([("a", "control", START)]), "unknown_variants")
    assert (check.status, check.message) == ("fail", "No unit is in coupon.")


@pytest.mark.parametrize("control", ["شاهد", "مجموعة القسيمة", "🎁", "No E-Mail", "O'Neill", '"a"'])
def test_variants_in_any_script(control: str) -> None:
    variants = [{"key": control, "control": True}, {"key": DISCOUNT}]
    rows = [("a", control, START), ("b", DISCOUNT, START)]
    result = run_log(rows, variants=variants)
    assert assigned(result) == {control: 1, DISCOUNT: 1}
    frame = pd.DataFrame({"id": ["a", "b"], "variant": [control, DISCOUNT], "won": [0, 1]})
    assert assigned(run_units(frame, variants=variants)) == {control: 1, DISCOUNT: 1}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"data\['assignments'\] has no rows\n  Hint: It has a header only, or keep drops all"),
        (
            [("a", None, START)],
            r"1 of 1 rows have no variant\n  Hint: Fill the column, or add a re",
        ),
        ([("a", "None", START)], r"no variant\n  Hint: .*The words null, None and nan count as m"),
        ([(None, "control", START)], r"1 row has no unit id\n  Hint: Fill the column, or drop t"),
        ([("nan", "control", START)], r"no unit id\n  Hint: .*words null, None and nan count as m"),
        ([("a", "control", None)], r"1 row has no time in column 'assigned_at'\n  Hint: Without"),
        (
            [("a", "contrl", START)],
            r"none of the spec's variants \(control, coupon\)\n  Hint: It has: c",
        ),
        (
            [("a", "control", AS_OF)],
            r"no assignments that count: all 1 are at or after as_of, 2026-",
        ),
    ],
)
def test_assignments_that_cannot_be_used(rows: list[tuple[Any, ...]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        run_log(rows)


def test_reasons_that_leave_nobody() -> None:
    rows = [("a", "control", START, "override"), ("b", "coupon", START, None)]
    with pytest.raises(DataError, match=r"none has the reason split\n.*none \(1\), override \(1\)"):
        run_log(rows, columns=WITH_REASON)


def units(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_one_row_per_unit() -> None:
    frame = units(id=["a", "b", "c"], variant=["control", "coupon", "x"], won=[1, 0, 1])
    result = run_units(frame)
    assert assigned(result) == {"control": 1, "coupon": 1}
    assert check_of(result, "unknown_variants").details == {"unknown": {"x": 1}}


def test_exact_copies_of_unit_rows_are_dropped_and_counted() -> None:
    frame = units(id=["a", "a", "b"], variant=["control", "control", "coupon"], won=[1, 1, 0])
    result = run_units(frame)
    assert assigned(result) == {"control": 1, "coupon": 1}
    assert check_of(result, "duplicate_rows").details == {"assignments": 1}


def test_unit_rows_in_two_variants_are_left_out() -> None:
    """Without times nobody knows which came first."""
    variants = ["control", "coupon", "control", "coupon"]
    result = run_units(units(id=["a", "a", "b", "c"], variant=variants, won=[1, 1, 0, 0]))
    assert assigned(result) == {"control": 1, "coupon": 1}
    check = check_of(result, "crossover")
    assert check.details == {"units": 3, "crossed": 1, "share": 1 / 3}
    assert "they are left out" in check.message
    assert check_of(result, "duplicate_rows").status == "pass"


def test_rows_finer_than_the_unit_are_refused() -> None:
    frame = units(id=["a", "a", "b"], variant=["control", "control", "coupon"], won=[1, 0, 0])
    with pytest.raises(DataError, match=r"1 more rows than units.*\n  Hint: .*say `unit: null`"):
        run_units(frame)


def test_without_a_unit_each_row_is_one() -> None:
    frame = units(variant=["control", "control", "coupon"], won=[1, 1, 0])
    assert assigned(run_units(frame, unit=None)) == {"control": 2, "coupon": 1}


def test_unit_rows_without_an_id_are_refused() -> None:
    frame = units(id=["a", None], variant=["control", "coupon"], won=[1, 0])
    with pytest.raises(DataError, match="1 row has no unit id"):
        run_units(frame)


def test_a_log_enrols_each_unit_at_its_first_event() -> None:
    data = {"assignments": {"from_events": "orders"}}
    metric: dict[str, Any] = {"key": "again", "kind": "repeat_purchase", "events": "orders"}
    metric |= {"anchor": "first_event", "window": {"end": "30d"}}
    orders: list[tuple[Any, ...]] = [("a", "2026-01-06", None, None)]
    orders += [
        ("a", "2026-01-05", None, None),
        ("b", "2026-02-25", None, None),
        (None, "2026-01-05", None, None),
    ]
    orders += [("c", "2026-03-02", None, None)]
    result = run_log([], orders, metrics=[metric], data=data, variants=[{"key": "everyone"}])
    assert assigned(result) == {"everyone": 2}
    record = result.results[0]
    assert (record.n, record.n_immature, record.value) == (1, 1, 1.0)
    assert record.label == "descriptive"
    assert result.decision.verdict is None
    with pytest.raises(
        DataError, match=r"no events of a unit before as_of.*\n  Hint: Is as_of right"
    ):
        run_log([], orders[-2:], metrics=[metric], data=data, variants=[{"key": "everyone"}])


def test_a_spec_that_names_no_variants_anywhere_has_no_population() -> None:
    spec = parse_spec(spec_for({"units": {"path": "-", "variant": "v"}}, [WON])).spec
    data = spec.data.model_copy(update={"units": None})
    engine = DuckDBEngine(parse_spec(spec.to_dict()).folder, "UTC", {})
    with pytest.raises(DataError, match="says nowhere who got which variant"):
        population_of(spec.model_copy(update={"data": data}), engine, None, [])
