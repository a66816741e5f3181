from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from abtest.stats.adjustment.by_variant import adjust_means
from abtest.stats.adjustment.co_moments import Columns, from_rows
from abtest.stats.adjustment.single_theta import Theta, single_theta
from adjustment_data import Table, read, summarise, table, trial
from support import expected, golden_cases

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = Columns(("y",), ("x",))
NAMES: dict[str, Theta] = {
    "pooled_total_theta": "pooled",
    "within_arm_theta": "within",
    "allocation_optimal_theta": "allocation",
}


def golden_units(case: dict[str, Any], folder: Path) -> dict[str, Table]:
    given_ = case["inputs"]
    rows = read(folder / "cuped.csv", {"control": "control", given_["treatment"]: "treatment"})
    names = (given_["outcome"], given_["covariate"])
    units = {key: table(some, names) for key, some in rows.items()}
    return {
        key: {name: some[name][~np.isnan(some[names[1]])] for name in names}
        for key, some in units.items()
    }


@pytest.mark.parametrize("case", golden_cases("c_cuped", "c-cuped"))
@pytest.mark.parametrize("name", NAMES)
def test_reference_cases(case: dict[str, Any], name: str, golden_data: Path) -> None:
    given_ = case["inputs"]
    columns = Columns((given_["outcome"],), (given_["covariate"],))
    units = golden_units(case, golden_data)
    control, treatment = (summarise(columns, units[key]) for key in ("control", "treatment"))
    found = single_theta(control, treatment, NAMES[name], given_["conf"])
    result = found.comparison
    assert result.difference_ci is not None
    got = {
        "theta": found.theta,
        "adj_mean_treatment": result.value,
        "adj_mean_control": result.value_control,
        "diff": result.difference,
        "se": result.se,
        "df": result.df,
        "p_value": result.pvalue,
        "ci": [result.difference_ci.low, result.difference_ci.high],
    }
    part = {**case, "expected": case["expected"][name]}
    for key, value in got.items():
        assert value == expected(part, key), key


@pytest.mark.parametrize("case", golden_cases("c_cuped", "c-cuped"))
def test_the_unadjusted_result_beside_it(case: dict[str, Any], golden_data: Path) -> None:
    given_ = case["inputs"]
    columns = Columns((given_["outcome"],), (given_["covariate"],))
    units = golden_units(case, golden_data)
    summaries = {key: summarise(columns, some) for key, some in units.items()}
    found = adjust_means(summaries).compare("control", "treatment")
    part = {**case, "expected": case["expected"]["unadjusted"]}
    assert found.unadjusted_difference == expected(part, "diff")
    assert found.unadjusted_se == expected(part, "se")
    pooled = single_theta(summaries["control"], summaries["treatment"], "pooled")
    reduction = 1 - ((pooled.comparison.se or 0) / (found.unadjusted_se or 1)) ** 2
    assert reduction == expected(case, "variance_reduction_pooled")
    products = (summaries["control"] + summaries["treatment"]).products
    correlation = products[0][1] / math.sqrt(products[0][0] * products[1][1])
    assert correlation == expected(case, "correlation_pooled")


@pytest.mark.parametrize("theta", NAMES.values())
@given(st.integers(0, 2**32 - 1), st.integers(3, 50), st.integers(3, 50))
def test_scipy_agrees_on_the_adjusted_values(
    theta: Theta, seed: int, n_control: int, n_treatment: int
) -> None:
    units = trial(seed, {"control": n_control, "treatment": n_treatment})
    sides = [summarise(COLUMNS, units[key]) for key in ("control", "treatment")]
    found = single_theta(sides[0], sides[1], theta)
    assert found.theta is not None
    values = [units[key]["y"] - found.theta * units[key]["x"] for key in ("control", "treatment")]
    witness = ttest_ind(values[1], values[0], equal_var=False)
    assert found.comparison.statistic == pytest.approx(witness.statistic, rel=1e-8, abs=1e-8)
    assert found.comparison.df == pytest.approx(witness.df, rel=1e-7)
    assert found.comparison.lift_ci is None or ((found.comparison.pvalue or 0) < 0.05) == (
        0 not in found.comparison.lift_ci
    )


def test_the_allocation_slope_has_the_smallest_variance() -> None:
    units = trial(1, {"control": 90, "treatment": 10})
    sides = [summarise(COLUMNS, units[key]) for key in ("control", "treatment")]
    errors = {name: single_theta(sides[0], sides[1], name).comparison.se for name in NAMES.values()}
    assert errors["allocation"] == min(error for error in errors.values() if error is not None)


def test_the_lift_has_the_right_coverage() -> None:
    """2,000 trials: the error of a coverage of 95% is 0.5%, and the common centre matters."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(2000):
        x = rng.normal(10, 3, 200)
        y = 2 * x + rng.normal(0, 1, 200) + np.repeat([0.0, 4.0], 100)
        rows = np.column_stack([y, x])
        found = single_theta(from_rows(COLUMNS, rows[:100]), from_rows(COLUMNS, rows[100:]))
        assert found.comparison.lift_ci is not None
        hits += 0.2 in found.comparison.lift_ci
    assert hits / 2000 == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 2000))


def test_no_variation_says_so() -> None:
    flat = from_rows(COLUMNS, [[1, 5], [2, 5], [4, 5]])
    found = single_theta(flat, flat)
    assert found.theta is None
    assert found.comparison.notes == (
        "the covariate does not vary, or a variant has fewer than two units",
    )
    one = from_rows(COLUMNS, [[1, 5]])
    assert single_theta(one, flat).comparison.pvalue is None
    nobody = from_rows(COLUMNS, np.zeros((0, 2)))
    assert single_theta(flat, nobody).comparison.difference is None
    line = from_rows(COLUMNS, [[1, 1], [2, 2], [4, 4]])
    assert single_theta(line, line).comparison.notes == (
        "nothing is left to vary: there is nothing to test against",
    )


def test_one_outcome_and_one_covariate() -> None:
    two = from_rows(Columns(("y",), ("x", "z")), [[1, 2, 3], [2, 3, 5]])
    with pytest.raises(ValueError, match="the same outcome and one covariate"):
        single_theta(two, two)
    one = from_rows(COLUMNS, [[1, 5], [2, 6]])
    with pytest.raises(ValueError, match=r"ci_level is 2; it must lie strictly"):
        single_theta(one, one, ci_level=2)
