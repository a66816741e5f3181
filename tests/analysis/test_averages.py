"""Several rows of one unit: averaged where the spec says so, refused where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from abtest import DataError, Result, SpecError, analyze
from analysis.by_hand import WON, assigned, check_of, run_units, spec_for
from support import Case, expected, golden_cases

if TYPE_CHECKING:
    from pathlib import Path

SALES: dict[str, Any] = {"key": "sales", "kind": "mean", "column": "sales", "role": "primary"}
WEEKS = pd.DataFrame(
    [
        *(("a", "control", 1.0), ("a", "control", 3.0), ("b", "control", 5.0)),
        *(("c", "coupon", 4.0), ("c", "coupon", 4.0), ("d", "coupon", None), ("d", "coupon", 8.0)),
    ],
    columns=["id", "variant", "sales"],
)


def weeks(frame: pd.DataFrame = WEEKS, **more: Any) -> Result:
    return run_units(frame, metrics=(SALES,), units={"repeated": "mean"}, **more)


def fast_food(shared_data: Path, **table: Any) -> Result:
    path = str(shared_data / "fast_food_promotions.csv")
    data = {"units": {"path": path, "variant": "Promotion", **table}}
    metric = {**SALES, "column": "SalesInThousands"}
    variants = [{"key": "2", "control": True}, {"key": "1"}, {"key": "3"}]
    return analyze(spec_for(data, [metric], unit="LocationID", variants=variants))


def test_fast_food(shared_data: Path) -> None:
    """The data README's answers: the store is the unit, not its weeks."""
    result = fast_food(shared_data, repeated="mean")
    found = next(record for record in result.results if record.variant == "1")
    assert f"{found.difference:.7f}" == "10.7695967"
    assert f"{found.pvalue:.11f}" == "0.00127768802"
    assert sum(assigned(result).values()) == 137
    check = check_of(result, "averaged_rows")
    assert (check.status, check.details) == ("pass", {"rows": 548, "units": 137})


def test_without_the_word_rows_finer_than_units_are_refused(shared_data: Path) -> None:
    with pytest.raises(DataError, match=r"finer than the unit of randomisation\n.*repeated: mean"):
        fast_food(shared_data)


@pytest.mark.parametrize("case", golden_cases("b_means_ratios_clusters", "b-cluster-means"))
def test_means_of_stores_of_the_reference(case: Case, golden_data: Path) -> None:
    """R's aggregate and t.test."""
    data = {
        "units": {"path": str(golden_data / "clusters.csv"), "variant": "arm", "repeated": "mean"}
    }
    variants = [{"key": "control", "control": True}, {"key": "treatment"}]
    metric = {**SALES, "column": "spend"}
    spec = spec_for(data, [metric], unit="store_id", variants=variants)
    found = analyze(spec).results[0]
    assert found.difference == expected(case, "estimate")
    assert found.se == expected(case, "se")
    assert found.df == expected(case, "df")
    assert found.pvalue == expected(case, "p_value")
    assert [found.difference_ci_low, found.difference_ci_high] == expected(case, "ci")


def test_by_hand() -> None:
    """a is (1 + 3) / 2, c is 4 twice, which is no copy, and d has one week with a value."""
    found = weeks().results[0]
    assert (found.value_control, found.value) == ((2 + 5) / 2, (4 + 8) / 2)
    assert (found.n_control, found.n) == (2, 2)
    assert check_of(weeks(), "duplicate_rows").status == "pass"


def test_a_unit_without_any_value_is_missing() -> None:
    more = pd.DataFrame([("e", "coupon", None)] * 2, columns=WEEKS.columns)
    result = weeks(pd.concat([WEEKS, more]))
    assert (result.results[0].n, assigned(result)["coupon"]) == (2, 3)
    assert "sales is missing for 0.00% in control, 33.33% in coupon" in (
        check_of(result, "missing_values").message
    )


def test_a_unit_in_two_variants_is_left_out() -> None:
    more = pd.DataFrame([("a", "coupon", 2.0)], columns=WEEKS.columns)
    result = weeks(pd.concat([WEEKS, more]))
    assert assigned(result) == {"control": 1, "coupon": 2}
    assert check_of(result, "crossover").details["crossed"] == 1


def test_a_unit_keeps_its_block() -> None:
    frame = WEEKS.assign(town=["x", "y", "x", "x", "x", "x", "x"])
    with pytest.raises(DataError, match="1 units have rows in more than one block or cluster"):
        weeks(frame, assignment={"stratify": "town"})


def test_an_average_of_flags_is_no_share() -> None:
    frame = WEEKS.assign(won=1)
    with pytest.raises(SpecError, match=r"metrics.0: is a proportion, which an average.*\n.*mean"):
        run_units(frame, metrics=(WON,), units={"repeated": "mean"})
    with pytest.raises(SpecError, match=r"data.units.repeated: averages .* but unit is null"):
        weeks(unit=None)


def test_every_engine_averages_alike() -> None:
    data = {"units": {"path": "u.csv", "variant": "variant", "repeated": "mean"}}
    spec = spec_for(data, (SALES,))
    results = [
        analyze(spec, data={"units": WEEKS}, engine=engine).results
        for engine in ("duckdb", "pandas")
    ]
    assert results[0] == results[1]
