from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.stats.survival.life_table import LifeTable
from abtest.stats.survival.rmst import restricted_mean, rmst, rmst_estimate, rmst_ratio
from support import expected, golden_cases
from survival_tables import Units, ci_levels, golden_tables, rossi_tables, table, units


@pytest.mark.parametrize("case", golden_cases("d_retention", "d-rmst"))
def test_reference_rows(case: dict[str, Any], golden_data: Path) -> None:
    tau, level = case["inputs"]["tau"], case["inputs"]["conf"]
    control, treatment = golden_tables(golden_data)
    got = rmst(control, treatment, tau, level)
    assert got.difference_ci is not None
    assert got.value == expected(case, "rmst_treatment")
    assert got.value_control == expected(case, "rmst_control")
    assert got.difference == expected(case, "diff")
    assert [got.difference_ci.low, got.difference_ci.high] == expected(case, "diff_ci")
    assert got.pvalue == expected(case, "p_diff")
    assert got.lift is not None
    assert 1 + got.lift == expected(case, "ratio")
    ratio = rmst_ratio(control, treatment, tau)
    assert ratio is not None
    assert math.exp(ratio.value) == expected(case, "ratio")
    ends = ratio.lift_ci(level)
    assert [1 + ends.low, 1 + ends.high] == expected(case, "ratio_ci")
    assert ratio.pvalue == expected(case, "p_ratio")
    for own, name in ((control, "se_control"), (treatment, "se_treatment")):
        assert math.sqrt(restricted_mean(own, tau).variance) == expected(case, name)


@given(units, units, st.integers(1, 12), ci_levels)
def test_the_ratio_is_the_lift_on_the_log_scale(
    one: Units, other: Units, tau: int, ci_level: float
) -> None:
    control, treatment = table(one), table(other)
    plain = rmst(control, treatment, tau, ci_level)
    there, back = rmst_ratio(control, treatment, tau), rmst_ratio(treatment, control, tau)
    assert (there is None) == (plain.pvalue is None)
    if there is None or back is None or plain.lift is None:
        return
    assert there.value == pytest.approx(math.log1p(plain.lift), abs=1e-9)
    assert (there.value, there.se) == pytest.approx((-back.value, back.se), abs=1e-12)
    levels = [restricted_mean(each, tau) for each in (control, treatment)]
    parts = [level.variance / (level.value or 1.0) ** 2 for level in levels]
    assert there.se**2 == pytest.approx(sum(parts), rel=1e-9)


def test_rossi_over_52_weeks(shared_data: Path) -> None:
    got = rmst(*rossi_tables(shared_data), 52.0)
    assert got.value == pytest.approx(46.8750, abs=5e-5)
    assert got.value_control == pytest.approx(44.8333, abs=5e-5)


@given(units, st.integers(1, 12))
def test_without_censoring_it_is_the_mean_of_the_capped_times(rows: Units, tau: int) -> None:
    level = restricted_mean(table([(time, True) for time, _ in rows]), tau)
    capped = np.minimum([time for time, _ in rows], tau)
    assert level.value == pytest.approx(capped.mean(), abs=1e-10)
    # And its variance is that of a mean, with n in the denominator.
    assert level.variance == pytest.approx(capped.var() / len(rows), abs=1e-10)


@given(units, units, st.integers(1, 12), ci_levels, st.sampled_from([0.25, 24.0]))
def test_swapping_flips_signs_and_the_unit_of_time_only_scales(
    rows: Units, others: Units, tau: int, ci_level: float, scale: float
) -> None:
    there = rmst(table(rows), table(others), tau, ci_level)
    back = rmst(table(others), table(rows), tau, ci_level)
    scaled = rmst(table(rows, scale), table(others, scale), tau * scale, ci_level)
    assert (there.pvalue is None) == (back.pvalue is None) == (scaled.pvalue is None)
    if there.pvalue is None or there.difference is None or there.se is None:
        return
    assert there.difference == -(back.difference or 0.0)
    assert there.pvalue == back.pvalue
    assert scaled.pvalue == pytest.approx(there.pvalue, rel=1e-9)
    assert scaled.difference == pytest.approx(there.difference * scale, rel=1e-9, abs=1e-12)
    assert scaled.se == pytest.approx(there.se * scale, rel=1e-9)


def test_the_standard_error_is_that_of_the_estimate() -> None:
    """A simulation is the witness: the error is the spread of the estimate, not of the times."""
    draw = np.random.default_rng(11)
    estimates, errors = [], []
    for _ in range(400):
        events, followed = draw.exponential(60, 200), draw.uniform(60, 120, 200)
        own = LifeTable.of(np.minimum(events, followed).tolist(), (events <= followed).tolist())
        level = restricted_mean(own, 60.0)
        estimates.append(level.value or 0.0)
        errors.append(math.sqrt(level.variance))
    # The spread of 400 estimates is itself known to 3.5%; three of these.
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.11)


@pytest.mark.parametrize(
    ("control", "note"),
    [
        (LifeTable.empty(), "control has no observed units"),
        (LifeTable((3.0,), (1,), (1,)), "control is followed up to 3 only"),
        (LifeTable((9.0,), (1,), (9,)), "control has no events before 7"),
        (LifeTable((3.0,), (5,), (0,)), "control has no spread of events before 7"),
        (LifeTable((7.0,), (1,), (0,)), "control has no events before 7"),
    ],
)
def test_no_inference_says_why(control: LifeTable, note: str) -> None:
    fine = LifeTable((2.0, 9.0), (5, 0), (0, 30))
    got = rmst(control, fine, 7.0)
    assert got.pvalue is None
    assert got.lift_ci is None
    assert note in got.notes[0]
    assert rmst_estimate(control, 7.0).ci is None


def test_one_variant() -> None:
    own = LifeTable((2.0, 9.0), (5, 0), (0, 30))
    got = rmst_estimate(own, 9.0)
    assert got.value == pytest.approx((5 * 2 + 30 * 9) / 35)
    assert got.ci is not None
    assert got.ci.low < (5 * 2 + 30 * 9) / 35 < got.ci.high <= 9.0


def test_bad_input() -> None:
    own = LifeTable((2.0, 9.0), (5, 0), (0, 30))
    with pytest.raises(ValueError, match="horizon is -1; it must be a positive time"):
        rmst(own, own, -1)
    with pytest.raises(ValueError, match="ci_level is 2; it must lie strictly"):
        rmst_estimate(own, 5.0, 2)
