"""The ways in: what may be passed, and what is refused with which words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from abtest import DataError, SpecError, analyze
from abtest.analysis.analyze import check_spec
from abtest.analysis.facts import Facts
from abtest.analysis.population import Population
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.spec.experiment import Spec
from abtest.spec.load import draft_mapping, parse_spec
from analysis.by_hand import CONVERSION, START, WON, run_log, run_units, spec_for
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

UNITS = pd.DataFrame({"id": ["a", "b"], "variant": ["control", "coupon"], "won": [0, 1]})
SPEC = spec_for({"units": {"path": "units.csv", "variant": "variant"}}, [WON])
ROWS = [("a", "control", START), ("b", "coupon", START)]


def test_a_spec_may_be_a_path_a_mapping_or_an_object(tmp_path: Path) -> None:
    UNITS.to_csv(tmp_path / "units.csv", index=False)
    path = tmp_path / "experiment.yaml"
    path.write_text(json.dumps(SPEC), encoding="utf-8")  # JSON is YAML
    loaded = parse_spec(SPEC, tmp_path)
    given: list[Any] = [path, str(path), loaded]
    found = [analyze(spec) for spec in given]
    found += [analyze(spec, data={"units": UNITS}) for spec in (SPEC, loaded.spec)]
    assert len({json.dumps([r.model_dump() for r in f.results]) for f in found}) == 1
    assert len({f.spec_fingerprint for f in found}) == 1
    assert all(len(f.data_fingerprints["units"]) == 64 for f in found[:3])
    assert found[3].data_fingerprints == {}  # a frame has no file


def test_the_packages_own_index_column_does_no_harm(tmp_path: Path) -> None:
    UNITS.to_csv(tmp_path / "units.csv")
    assert analyze(parse_spec(SPEC, tmp_path)).results[0].n == 1


def test_an_engine_that_is_not_there() -> None:
    assert analyze(SPEC, data={"units": UNITS}, engine="duckdb").results
    with pytest.raises(DataError, match="engine is 'flink'; it must be one of duckdb"):
        analyze(SPEC, data={"units": UNITS}, engine="flink")


def test_data_for_a_table_that_is_not_there() -> None:
    with pytest.raises(
        DataError, match=r"names 'unit', which is no table.*\n.*did you mean \"units"
    ):
        analyze(SPEC, data={"unit": UNITS})


def test_as_of_is_required_for_event_logs_and_may_be_passed() -> None:
    with pytest.raises(
        SpecError, match=r"data\.as_of: is missing; event logs.*\n  Hint: add `as_of"
    ):
        run_log(ROWS, data={"as_of": None})
    spec = spec_for(
        {"assignments": {"path": "-"}, "events": {"orders": {"path": "-", "at": "at"}}},
        [CONVERSION],
    )
    frames = {
        "assignments": pd.DataFrame(ROWS, columns=["id", "variant", "assigned_at"]),
        "orders": pd.DataFrame({"id": ["a"], "at": ["2026-01-06"]}),
    }
    late, early = (analyze(spec, data=frames, as_of=day) for day in ("2026-03-01", "2026-01-20"))
    assert (late.results[0].n, early.results[0].n) == (1, 0)
    assert early.as_of == "2026-01-20T00:00:00+00:00"
    with pytest.raises(SpecError, match="as_of: is 'yesterday'; it must be a date such as"):
        analyze(spec, data=frames, as_of="yesterday")


def test_unit_rows_need_no_as_of() -> None:
    result = run_units(UNITS)
    assert result.as_of is None
    assert result.results[0].readable_on is None


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        (
            {
                "assignment": {
                    "phases": [{"from": "2026-01-05", "weights": {"control": 1, "coupon": 4}}]
                }
            },
            "assignment.phases",
        ),
    ],
)
def test_what_this_version_cannot_do_is_refused_and_not_left_out(
    changes: dict[str, Any], path: str
) -> None:
    with pytest.raises(
        SpecError, match=f"{path}: is not analysed by this version.*\n.*take it out"
    ):
        run_units(UNITS, **changes)
    # It is no fault of the spec itself: validating and freezing it work.
    spec = {**SPEC, **changes, "data": {"units": {"path": "missing.csv", "variant": "variant"}}}
    assert check_spec(draft_mapping(spec), {}, to_analyze=False).faults == ()


def test_every_missing_column_is_named_at_once() -> None:
    spec = spec_for(
        {
            "as_of": "2026-03-01",
            "assignments": {"path": "a.csv", "variant": "arm", "reason": "why", "at": "when"},
            "events": {
                "orders": {
                    "path": "o.csv",
                    "at": "time",
                    "unit": "customer",
                    "id": "order_id",
                    "value": {"product": ["qty", "price"]},
                    "keep": [{"column": "statu", "equals": "paid"}],
                }
            },
        },
        [CONVERSION],
    )
    frames = {
        "assignments": pd.DataFrame(columns=["id", "variant", "assigned_at", "reason"]),
        "orders": pd.DataFrame(columns=["id", "at", "status", "quantity"]),
    }
    with pytest.raises(SpecError, match="is no column of") as caught:
        analyze(spec, data=frames)
    assert {(fault.dotted, fault.message.split("'")[1]) for fault in caught.value.faults} == {
        ("data.assignments.variant", "arm"),
        ("data.assignments.reason", "why"),
        ("data.assignments.at", "when"),
        ("data.events.orders.at", "time"),
        ("data.events.orders.unit", "customer"),
        ("data.events.orders.id", "order_id"),
        ("data.events.orders.value", "qty"),
        ("data.events.orders.value", "price"),
        ("data.events.orders.keep.0.column", "statu"),
    }
    assert 'did you mean "status"?' in str(caught.value)


def test_missing_columns_of_unit_rows_are_named_at_once() -> None:
    metrics = [
        {**WON, "column": "won_"},
        {"key": "basket", "kind": "ratio", "numerator": "money", "denominator": "visits"},
    ]
    spec = spec_for({"units": {"path": "u.csv", "variant": "variant"}}, metrics, unit="customer")
    with pytest.raises(SpecError, match="is no column of") as caught:
        analyze(spec, data={"units": UNITS})
    assert [fault.dotted for fault in caught.value.faults] == [
        "metrics.0.column",
        "metrics.1.denominator",
        "metrics.1.numerator",
        "unit",
    ]


def test_a_table_that_cannot_be_read_is_said_once_when_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"units\.csv does not exist \(data\.units\)"):
        analyze(parse_spec(SPEC, tmp_path))


def test_a_ratio_of_columns() -> None:
    frame = pd.DataFrame(
        {
            "id": list("abcdef"),
            "variant": ["control", "coupon"] * 3,
            "money": [10.0, 20.0, None, 30.0, 5.0, 1.0],
            "orders": [1, 2, 5, 3, 1, None],
            "visits": [1, 1, 1, 1, 1, 1],
        }
    )
    metrics = [
        {"key": "basket", "kind": "ratio", "numerator": "money", "denominator": "orders"},
        {"key": "seen", "kind": "mean", "column": "visits"},
        {"key": "per_visit", "kind": "ratio", "numerator": "seen", "denominator": "orders"},
    ]
    metrics[0]["role"] = "primary"
    result = run_units(frame, metrics=metrics)
    found = {(e.metric, e.variant): (e.n, e.value) for e in result.estimates}
    # A unit that lacks either part counts for neither.
    assert found["basket", "control"] == (2, 7.5)
    assert found["basket", "coupon"] == (2, 10.0)
    assert found["per_visit", "coupon"][1] == pytest.approx(0.4, rel=1e-12)


def test_the_insides_refuse_what_the_spec_would_not_let_through() -> None:
    spec: Spec = parse_spec(SPEC).spec
    engine = DuckDBEngine(ROOT, "UTC", {"units": UNITS})
    population = Population(None, {"control": 1, "coupon": 1}, 2)  # type: ignore[arg-type]
    facts = Facts(spec, engine, population, None)
    with pytest.raises(DataError, match="event logs need as_of"):
        facts._require_cutoff()
    ratio = {"key": "r", "kind": "ratio", "numerator": "r", "denominator": "won"}
    spec = Spec.model_validate_json(json.dumps({**SPEC, "metrics": [ratio]}))
    with pytest.raises(DataError, match="metric r cannot be part of another"):
        Facts(spec, engine, population, None)._outcome(spec.metrics[0])


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        ({"keep": [{"column": "amount"}]}, "names no condition; it must have one of above, below"),
        ({"value": {}}, "must be a column's name or {product"),
        ({"value": {"column": "a", "product": ["b", "c"]}}, "must be a column's name or {product"),
        ({"value": 5}, "must be a column's name or {product"),
    ],
)
def test_streams_that_make_no_sense(stream: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        run_log(ROWS, stream=stream)
