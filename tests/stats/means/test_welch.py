from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_ind

from abtest.stats.log_lift import log_lift
from abtest.stats.means.fieller_df import fieller_lift_of_means
from abtest.stats.means.welch import student, welch
from abtest.stats.proportions.one_sided import one_sided
from abtest.stats.proportions.textbook import linear_delta_lift
from abtest.stats.summaries import Moments
from support import expected, golden_cases

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.stats.comparison import Comparison

FILES = {
    "b-welch-small": ("rev_small.csv", "revenue"),
    "b-welch-orders-revenue": ("orders.csv", "revenue"),
    "b-welch-orders-count": ("orders.csv", "orders"),
}


def moments(values: list[float]) -> Moments:
    array = np.array(values)
    return Moments(len(array), float(array.mean()), float(((array - array.mean()) ** 2).sum()))


def _column(path: Path, column: str, variant: str) -> list[float]:
    with path.open(encoding="utf-8") as file:
        return [float(row[column]) for row in csv.DictReader(file) if row["arm"] == variant]


def _numbers(result: Comparison) -> dict[str, Any]:
    assert result.difference_ci is not None
    assert result.lift_ci is not None
    return {
        "mean_treatment": result.value,
        "mean_control": result.value_control,
        "diff": result.difference,
        "relative_lift": result.lift,
        "se": result.se,
        "df": result.df,
        "t": result.statistic,
        "p_value": result.pvalue,
        "diff_ci": [result.difference_ci.low, result.difference_ci.high],
        "fieller_ratio_ci_welch_df": [result.lift_ci.low + 1, result.lift_ci.high + 1],
    }


@pytest.mark.parametrize("case", golden_cases("b_means_ratios_clusters", "b-welch"))
def test_reference_rows(case: dict[str, Any], golden_data: Path) -> None:
    name, column = FILES[case["id"]]
    control, treatment = (
        moments(_column(golden_data / name, column, variant))
        for variant in ("control", "treatment")
    )
    got = _numbers(welch(control, treatment, case["inputs"]["conf"]))
    for key in got:
        assert got[key] == expected(case, key), key
    level = case["inputs"]["conf"]
    found = log_lift(control, treatment)
    assert found is not None
    equal = student(control, treatment, level)
    assert equal.difference_ci is not None
    side = one_sided(welch(control, treatment, level))
    assert side is not None
    linear = linear_delta_lift(control, treatment, level)
    assert linear is not None
    assert [linear.low, linear.high] == expected(case, "linear_delta_rel_ci_z")
    assert equal.pvalue == expected(case, "student_p")
    assert [equal.difference_ci.low, equal.difference_ci.high] == expected(case, "student_ci")
    assert side.greater == expected(case, "p_greater")
    for key, ends in {
        "log_delta_ratio_ci_z": found.lift_ci(level),
        "fieller_ratio_ci_welch_df": fieller_lift_of_means(control, treatment, level),
        "fieller_ratio_ci_plugin_df": fieller_lift_of_means(control, treatment, level, "plug_in"),
        "fieller_ratio_ci_iterative_df": fieller_lift_of_means(
            control, treatment, level, "iterative"
        ),
    }.items():
        assert ends is not None
        assert [1 + ends.low, 1 + ends.high] == expected(case, key), key


@pytest.mark.parametrize("case", golden_cases("b_means_ratios_clusters", "b-summary"))
def test_reference_summaries(case: dict[str, Any]) -> None:
    control, treatment = (
        Moments(given["n"], given["mean"], given["sd"] ** 2 * (given["n"] - 1))
        for given in (case["inputs"]["control"], case["inputs"]["treatment"])
    )
    got = _numbers(welch(control, treatment, case["inputs"]["conf"]))
    for key in case["expected"]:
        assert got[key] == expected(case, key), key


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30),
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30),
    st.floats(0.5, 0.999),
)
def test_scipy_agrees(control: list[float], treatment: list[float], ci_level: float) -> None:
    if min(np.ptp(control), np.ptp(treatment)) < 1e-3:
        return  # next to no variation: scipy warns, and ours is tested below
    result = welch(moments(control), moments(treatment), ci_level)
    witness = ttest_ind(treatment, control, equal_var=False)
    interval = witness.confidence_interval(ci_level)
    assert result.pvalue == pytest.approx(witness.pvalue, rel=1e-6, abs=1e-300)
    assert result.df == pytest.approx(witness.df, rel=1e-8)
    assert result.difference_ci is not None
    assert result.difference_ci.low == pytest.approx(interval.low, rel=1e-6, abs=1e-8)
    assert result.difference_ci.high == pytest.approx(interval.high, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("offset", [0.0, 1e9, 1e12])
def test_a_large_offset_loses_no_digits(offset: float) -> None:
    control = sum(
        (Moments(1, offset + value, 0.0) for value in (1, 2, 3, 4)), start=Moments(0, 0.0, 0.0)
    )
    treatment = Moments(2, offset + 2, 2.0) + Moments(2, offset + 5, 2.0)
    result = welch(control, treatment)
    witness = ttest_ind([1, 3, 4, 6], [1, 2, 3, 4], equal_var=False)
    interval = witness.confidence_interval(0.95)
    assert result.difference == 1.0
    assert result.pvalue == pytest.approx(witness.pvalue, rel=1e-12)
    assert result.difference_ci is not None
    assert result.difference_ci.low == pytest.approx(interval.low, rel=1e-12)
    if offset:
        assert result.lift_ci is not None
        # With a mean this large the lift is the difference over the mean, to nine digits.
        assert result.lift_ci.low * offset == pytest.approx(interval.low, rel=1e-8)
        assert result.lift_ci.high * offset == pytest.approx(interval.high, rel=1e-8)


@pytest.mark.parametrize(
    ("control", "treatment", "note"),
    [
        (Moments(0, 0.0, 0.0), Moments(5, 1.0, 1.0), "control has no observed units"),
        (Moments(5, 1.0, 1.0), Moments(1, 1.0, 0.0), "treatment has one observed unit"),
        (Moments(5, 1.0, 0.0), Moments(5, 2.0, 0.0), "neither variant varies"),
        (Moments(5, 0.1, 1e-34), Moments(5, 0.2, 1e-34), "neither variant varies"),
        (Moments(5, math.inf, math.inf), Moments(5, 1.0, 1.0), "control has values too large"),
    ],
)
def test_no_inference_says_why(control: Moments, treatment: Moments, note: str) -> None:
    result = welch(control, treatment)
    assert result.pvalue is None
    assert result.difference_ci is None
    assert result.lift_ci is None
    assert note in result.notes[0]


def test_one_constant_variant_is_compared() -> None:
    result = welch(Moments(5, 2.0, 0.0), Moments(10, 3.0, 9.0))
    assert result.df == 9
    witness = ttest_1samp(_with_moments(10, 3.0, 9.0), 2.0)
    assert result.pvalue == pytest.approx(witness.pvalue, rel=1e-9)


def _with_moments(n: int, mean: float, m2: float) -> list[float]:
    values = np.arange(n) - (n - 1) / 2
    return [float(v) for v in mean + values * math.sqrt(m2 / (values**2).sum())]


@pytest.mark.parametrize("mean", [0.0, -3.0])
def test_no_lift_on_a_control_that_is_not_positive(mean: float) -> None:
    result = welch(Moments(50, mean, 50.0), Moments(50, 1.0, 50.0))
    assert result.lift is None
    assert result.lift_ci is None
    assert result.pvalue is not None
    assert result.notes == ("control is zero or negative: a relative lift has no meaning",)


def test_an_unbounded_lift_is_not_printed() -> None:
    result = welch(Moments(10, 0.1, 90.0), Moments(10, 2.0, 90.0))
    assert result.lift == pytest.approx(19)
    assert result.lift_ci is None
    assert result.notes == ("relative lift cannot be bounded",)


def test_bad_level() -> None:
    with pytest.raises(ValueError, match=r"ci_level is 1\.0; it must lie strictly"):
        welch(Moments(5, 1.0, 1.0), Moments(5, 1.0, 1.0), 1.0)


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.floats(0.5, 0.999),
)
def test_student_is_scipys(control: list[float], treatment: list[float], ci_level: float) -> None:
    found = student(moments(control), moments(treatment), ci_level)
    for values in (control, treatment):
        if len(values) > 1 and np.ptp(values) < 1e-3:  # scipy warns of these
            return
    if len(control) + len(treatment) == 2:
        return
    wanted = ttest_ind(treatment, control)
    interval = wanted.confidence_interval(ci_level)
    assert found.df == wanted.df
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-6, abs=1e-9)
    assert found.pvalue == pytest.approx(wanted.pvalue, rel=1e-6, abs=1e-12)
    assert found.difference_ci is not None
    assert [found.difference_ci.low, found.difference_ci.high] == pytest.approx(
        [interval.low, interval.high], rel=1e-6, abs=1e-6
    )
    if abs(wanted.pvalue - (1 - ci_level)) > 1e-9 and found.lift_ci is not None:
        assert (wanted.pvalue < 1 - ci_level) == (0 not in found.lift_ci)


def test_student_without_numbers() -> None:
    one, nobody, flat = Moments(1, 2.0, 0.0), Moments(0, 0.0, 0.0), Moments(5, 2.0, 0.0)
    for control, treatment in ((one, one), (nobody, flat), (flat, flat), (one, flat)):
        found = student(control, treatment)
        assert found.pvalue is None
        assert found.notes
