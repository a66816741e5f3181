from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm

from abtest.stats.comparison import Comparison
from abtest.stats.survival.incidence import (
    FEWEST_AT_RISK,
    incidence,
    incidence_estimate,
    log_log_incidence,
    mover_interval,
)
from abtest.stats.survival.kaplan_meier import curve_point
from abtest.stats.survival.life_table import LifeTable
from support import expected, golden_cases
from survival_tables import Units, ci_levels, golden_tables, table, units


def ends(result: Comparison) -> list[float]:
    assert result.difference_ci is not None
    return [result.difference_ci.low, result.difference_ci.high]


@pytest.mark.parametrize("case", golden_cases("d_retention", "d-km-day"))
def test_reference_differences(case: dict[str, Any], golden_data: Path) -> None:
    """The reference is on the share retained, ours on the share with an event: signs turn."""
    wanted = {**case, "expected": case["expected"]["difference"]}
    day, level = case["inputs"]["day"], case["inputs"]["conf"]
    control, treatment = golden_tables(golden_data)
    got = incidence(control, treatment, day, level)
    assert got.difference is not None
    assert got.statistic is not None
    assert -got.difference == expected(wanted, "diff")
    assert got.se == expected(wanted, "se")
    assert -got.statistic == expected(wanted, "z")
    assert got.pvalue == expected(wanted, "p_plain")
    assert [-end for end in reversed(ends(got))] == expected(wanted, "ci_plain")

    points = curve_point(control, day), curve_point(treatment, day)
    scored = log_log_incidence(*points, level)
    assert scored.statistic == expected(wanted, "z_cloglog")
    assert scored.pvalue == expected(wanted, "p_cloglog")
    shown = mover_interval(*points, level)
    assert shown is not None
    assert [-shown.high, -shown.low] == expected(wanted, "ci_mover_loglog")
    ratio = points[1].survival / points[0].survival
    assert ratio == expected(wanted, "ratio")
    spread = norm.ppf((1 + level) / 2) * math.sqrt(sum(point.greenwood for point in points))
    assert [ratio * math.exp(-spread), ratio * math.exp(spread)] == expected(wanted, "ratio_ci_log")


def test_few_at_risk_switch_to_the_log_log_scale() -> None:
    for left in (FEWEST_AT_RISK - 1, FEWEST_AT_RISK):
        tables = (
            LifeTable((1.0, 2.0), (5, 0), (0, left)),
            LifeTable((1.0, 2.0), (12, 0), (0, 90)),
        )
        points = curve_point(tables[0], 2.0), curve_point(tables[1], 2.0)
        got = incidence(*tables, 2.0)
        few = left < FEWEST_AT_RISK
        assert (got == log_log_incidence(*points, 0.95)) is few
        assert ("complementary log-log" in "".join(got.notes)) is few


@given(units, units, st.integers(1, 12), ci_levels)
def test_the_log_log_intervals_are_the_range_over_the_ellipse(
    rows: Units, others: Units, horizon: int, ci_level: float
) -> None:
    """The witness walks the whole ellipse in small steps."""
    points = [curve_point(table(each), horizon) for each in (rows, others)]
    assume(not any(point.problem for point in points))
    got = log_log_incidence(points[0], points[1], ci_level)
    angle = np.linspace(0, 2 * np.pi, 20_001)
    quantile = float(norm.ppf((1 + ci_level) / 2))
    (g_c, se_c), (g_t, se_t) = (point.log_log for point in points)
    f_c = -np.expm1(-np.exp(g_c + quantile * se_c * np.cos(angle)))
    f_t = -np.expm1(-np.exp(g_t + quantile * se_t * np.sin(angle)))
    assert ends(got) == pytest.approx([(f_t - f_c).min(), (f_t - f_c).max()], abs=1e-6)
    assert got.lift_ci is not None
    ratio = f_t / f_c
    assert got.lift_ci.low + 1 == pytest.approx(ratio.min(), rel=1e-4)
    assert got.lift_ci.high + 1 == pytest.approx(ratio.max(), rel=1e-4)


@pytest.mark.parametrize(
    "tables_drawn", [2_000, pytest.param(100_000, marks=pytest.mark.slow)], ids=str
)
def test_coherent_on_random_tables(tables_drawn: int) -> None:
    """p < alpha exactly when both intervals leave out no effect, on either side of the switch."""
    draw = np.random.default_rng(5)
    seen = {True: 0, False: 0}
    for _ in range(tables_drawn):
        few = bool(draw.integers(2))
        tables = [_random_table(draw, few=few) for _ in range(2)]
        alpha = float(draw.uniform(0.0001, 0.5))
        got = incidence(tables[0], tables[1], 10.0, 1 - alpha)
        if got.pvalue is None or got.difference_ci is None:
            continue
        seen[got.pvalue < alpha] += 1
        assert (got.pvalue < alpha) == (0 not in got.difference_ci)
        assert got.difference is not None
        assert got.difference in got.difference_ci
        if got.lift_ci is not None:
            assert (got.pvalue < alpha) == (0 not in got.lift_ci)
            assert got.lift_ci.low >= -1
    assert min(seen.values()) > tables_drawn / 10


def _random_table(draw: np.random.Generator, *, few: bool) -> LifeTable:
    top = 12 if few else 60
    events, censored = (tuple(draw.integers(0, top, 4).tolist()) for _ in range(2))
    return LifeTable(
        (1.0, 3.0, 6.0, 10.0), events, (*censored[:3], censored[3] + (1 if few else 30))
    )


@given(units, units, st.integers(1, 12), ci_levels)
def test_swapping_variants_flips_signs(
    rows: Units, others: Units, horizon: int, ci_level: float
) -> None:
    there = incidence(table(rows), table(others), horizon, ci_level)
    back = incidence(table(others), table(rows), horizon, ci_level)
    assert (there.pvalue is None) == (back.pvalue is None)
    if there.pvalue is None:
        return
    assert there.pvalue == back.pvalue
    assert there.difference == -(back.difference or 0.0)
    assert ends(there) == pytest.approx([-end for end in reversed(ends(back))], abs=1e-12)
    if there.lift_ci is not None and back.lift_ci is not None and there.lift_ci.low > -1:
        assert 1 + back.lift_ci.high == pytest.approx(1 / (1 + there.lift_ci.low), rel=1e-6)


def test_the_censored_reading_uses_units_whose_window_is_not_over() -> None:
    """A plain share is what it gives where all windows are over, and more units sharpen it."""
    mature = LifeTable((10.0, 30.0), (30, 0), (0, 70)), LifeTable((10.0, 30.0), (45, 0), (0, 55))
    got = incidence(*mature, 30.0)
    assert got.value_control == pytest.approx(0.3, abs=1e-12)
    assert got.value == pytest.approx(0.45, abs=1e-12)
    young = LifeTable((10.0, 20.0), (30, 0), (0, 70)), LifeTable((10.0, 20.0), (45, 0), (0, 55))
    more = incidence(mature[0] + young[0], mature[1] + young[1], 30.0)
    assert more.value == pytest.approx(0.45, abs=1e-12)
    assert more.se == pytest.approx((got.se or 0.0) / math.sqrt(2), rel=1e-9)


@pytest.mark.parametrize(
    ("control", "treatment", "values", "note"),
    [
        (LifeTable.empty(), LifeTable((9.0,), (2,), (30,)), 1, "control has no observed units"),
        (
            LifeTable((3.0,), (1,), (30,)),
            LifeTable((4.0,), (0,), (30,)),
            0,
            "does not reach 7; treatment is followed up to 4 only",
        ),
        (LifeTable((9.0,), (0,), (30,)), LifeTable((3.0, 9.0), (2, 0), (0, 30)), 2, "no events"),
        (LifeTable((3.0,), (30,), (0,)), LifeTable((3.0, 9.0), (2, 0), (0, 30)), 2, "nobody left"),
        (LifeTable((9.0,), (0,), (1,)), LifeTable((9.0,), (0,), (1,)), 2, "no events up to 7"),
    ],
)
def test_no_inference_says_why(
    control: LifeTable, treatment: LifeTable, values: int, note: str
) -> None:
    got = incidence(control, treatment, 7.0)
    assert sum(value is not None for value in (got.value_control, got.value)) == values
    assert (got.difference is not None) == (values == 2)
    assert got.pvalue is None
    assert got.difference_ci is None
    assert note in got.notes[0]


def test_one_variant() -> None:
    own = LifeTable((3.0, 9.0), (2, 0), (0, 30))
    estimate = incidence_estimate(own, 9.0, 0.9)
    assert estimate.value == pytest.approx(2 / 32)
    assert estimate.ci is not None
    assert estimate.ci.low < 2 / 32 < estimate.ci.high
    assert incidence_estimate(own, 10.0).value is None
    assert incidence_estimate(LifeTable((9.0,), (0,), (5,)), 9.0).value == 0.0
    assert incidence_estimate(LifeTable((9.0,), (0,), (5,)), 9.0).ci is None


def test_bad_input() -> None:
    own = LifeTable((3.0,), (2,), (30,))
    with pytest.raises(ValueError, match=r"ci_level is 1\.5; it must lie strictly"):
        incidence(own, own, 3.0, 1.5)
    with pytest.raises(ValueError, match="horizon is 0; it must be a positive time"):
        incidence(own, own, 0)
    nothing = curve_point(LifeTable((9.0,), (0,), (5,)), 9.0)
    assert mover_interval(nothing, nothing) is None
