from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from abtest.stats.survival.kaplan_meier import (
    CurvePoint,
    Scale,
    curve_point,
    kaplan_meier_curve,
    survival_interval,
    survival_quantile,
)
from abtest.stats.survival.life_table import LifeTable
from support import expected, golden_cases
from survival_tables import Units, golden_tables, rossi_tables, table, units


def _under(case: dict[str, Any], variant: str) -> dict[str, Any]:
    return {**case, "expected": case["expected"][variant]}


def _ends(point: CurvePoint, ci_level: float, scale: Scale) -> list[float]:
    interval = survival_interval(point, ci_level, scale)
    assert interval is not None
    return [interval.low, interval.high]


@pytest.mark.parametrize("case", golden_cases("d_retention", "d-km-day"))
def test_reference_points(case: dict[str, Any], golden_data: Path) -> None:
    tables = golden_tables(golden_data)
    for variant, own in zip(("control", "treatment"), tables, strict=True):
        wanted, level = _under(case, variant), case["inputs"]["conf"]
        point = curve_point(own, case["inputs"]["day"])
        assert own.n == expected(wanted, "n")
        assert point.survival == expected(wanted, "surv")
        assert math.sqrt(point.variance) == expected(wanted, "greenwood_se")
        assert point.at_risk == expected(wanted, "n_risk_at_N")
        assert _ends(point, level, "log_log") == expected(wanted, "ci_loglog")
        assert _ends(point, level, "plain") == expected(wanted, "ci_plain")
        assert _ends(point, level, "log") == expected(wanted, "ci_log")


@pytest.mark.parametrize("case", golden_cases("d_retention", "d-km-quantiles"))
def test_reference_quantiles(case: dict[str, Any], golden_data: Path) -> None:
    for variant, own in zip(("control", "treatment"), golden_tables(golden_data), strict=True):
        got = [survival_quantile(own, share) for share in case["inputs"]["probs"]]
        assert got == expected(case, variant)


@given(units)
def test_statsmodels_agrees(rows: Units) -> None:
    """SurvfuncRight is a witness for the curve and its standard error, to ten digits."""
    got = kaplan_meier_curve(table(rows))
    with np.errstate(all="ignore"):
        witness = SurvfuncRight(
            np.array([time for time, _ in rows], float), np.array([e for _, e in rows], int)
        )
    assert got.times.tolist() == witness.surv_times.tolist()
    assert got.survival == pytest.approx(witness.surv_prob, abs=1e-10)
    left = got.survival > 0
    se = got.survival[left] * np.sqrt(got.greenwood[left])
    assert se == pytest.approx(witness.surv_prob_se[left], abs=1e-10)


def test_rossi_agrees_with_lifelines(shared_data: Path) -> None:
    """Constants by lifelines 0.30.3, KaplanMeierFitter (log-log bands); the se by statsmodels."""
    control, treatment = (curve_point(own, 52.0) for own in rossi_tables(shared_data))
    assert control.survival == pytest.approx(0.6944444444444441, abs=1e-10)
    assert treatment.survival == pytest.approx(0.7777777777777775, abs=1e-10)
    assert math.sqrt(control.variance) == pytest.approx(0.03134274075862639, abs=1e-10)
    assert _ends(control, 0.95, "log_log") == pytest.approx([0.62828831, 0.75119093], abs=1e-8)
    assert _ends(treatment, 0.95, "log_log") == pytest.approx([0.71624378, 0.82758045], abs=1e-8)


@given(units, st.integers(1, 12))
def test_without_censoring_it_is_the_plain_share(rows: Units, horizon: int) -> None:
    point = curve_point(table([(time, True) for time, _ in rows]), horizon)
    share = sum(time > horizon for time, _ in rows) / len(rows)
    assert point.survival == pytest.approx(share, abs=1e-12)
    assert point.incidence == pytest.approx(1 - share, abs=1e-12)
    # Greenwood's variance is then the binomial one.
    assert point.variance == pytest.approx(share * (1 - share) / len(rows), abs=1e-12)


@given(units, st.integers(1, 12), st.sampled_from([0.125, 24.0, 3600.0]))
def test_the_unit_of_time_does_not_matter(rows: Units, horizon: int, scale: float) -> None:
    plain, scaled = (
        curve_point(table(rows), horizon),
        curve_point(table(rows, scale), horizon * scale),
    )
    assert (plain.log_survival, plain.greenwood) == (scaled.log_survival, scaled.greenwood)
    assert plain.at_risk == scaled.at_risk


def test_small_shares_keep_their_digits() -> None:
    point = curve_point(LifeTable((1.0, 2.0), (1, 0), (0, 10**9 - 1)), 2.0)
    assert point.incidence == pytest.approx(1e-9, rel=1e-12)


@pytest.mark.parametrize(
    ("own", "reached", "problem"),
    [
        (LifeTable.empty(), False, "has no observed units"),
        (LifeTable((3.0,), (0,), (1,)), False, "is followed up to 3 only, which does not reach 7"),
        (LifeTable((3.0, 9.0), (0, 0), (4, 4)), True, "has no events up to 7"),
        (LifeTable((3.0,), (5,), (0,)), True, "has nobody left at 7"),
        (LifeTable((7.0,), (1,), (0,)), True, "has nobody left at 7"),
    ],
)
def test_what_has_no_spread_says_why(own: LifeTable, reached: bool, problem: str) -> None:
    point = curve_point(own, 7.0)
    assert point.reached is reached
    assert problem in point.problem
    assert point.variance == 0.0
    assert survival_interval(point) is None


def test_an_extreme_level_stays_within_bounds() -> None:
    point = curve_point(LifeTable((1.0, 2.0), (1, 1), (0, 1)), 1.0)
    for scale in ("log_log", "log", "plain"):
        interval = survival_interval(point, 1 - 1e-15, scale)
        assert interval is not None
        assert 0 <= interval.low < point.survival < interval.high <= 1


def test_quantiles_by_hand() -> None:
    four = LifeTable((1.0, 2.0, 4.0, 7.0), (1, 1, 1, 1), (0, 0, 0, 0))
    assert survival_quantile(four, 0.5) == 3.0  # the curve is exactly one half from 2 to 4
    assert survival_quantile(four, 0.6) == 4.0
    assert survival_quantile(LifeTable((1.0, 5.0), (1, 0), (0, 3)), 0.5) is None
    assert survival_quantile(LifeTable((1.0, 5.0), (2, 0), (0, 2)), 0.5) == 1.0
    assert survival_quantile(LifeTable.empty(), 0.5) is None


@pytest.mark.parametrize("horizon", [0.0, -1.0, math.inf, math.nan])
def test_bad_horizon(horizon: float) -> None:
    with pytest.raises(ValueError, match=r"horizon is .*; it must be a positive time"):
        curve_point(LifeTable((1.0,), (1,), (1,)), horizon)


def test_bad_share_and_level() -> None:
    own = LifeTable((1.0,), (1,), (1,))
    with pytest.raises(ValueError, match=r"share is 1\.0; it must lie strictly"):
        survival_quantile(own, 1.0)
    with pytest.raises(ValueError, match=r"ci_level is 0\.0; it must lie strictly"):
        survival_interval(curve_point(own, 1.0), 0.0)


def test_no_share_is_minus_zero() -> None:
    share = curve_point(LifeTable((3.0,), (0,), (5,)), 2.0).incidence
    assert (share, math.copysign(1.0, share)) == (0.0, 1.0)
