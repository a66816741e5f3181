from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.discrete.discrete_model import Logit

from abtest.stats.adjustment.correlated_pivot import Pair
from abtest.stats.adjustment.g_computation import Rows, g_computation, standardised_shares
from adjustment_data import read, table
from support import expected, golden_cases

if TYPE_CHECKING:
    from pathlib import Path


def trial(seed: int, sizes: tuple[int, int]) -> list[Rows]:
    rng = np.random.default_rng(seed)
    sides = []
    for shift, n in zip((-0.2, 0.3), sizes, strict=True):
        x = rng.normal(size=(n, 2))
        chance = 1 / (1 + np.exp(-(shift + x @ [0.8, -0.3])))
        sides.append(Rows((rng.random(n) < chance).astype(float), x))
    return sides


@pytest.mark.parametrize("case", golden_cases("c_cuped", "c-gcomp"))
def test_reference_case(case: dict[str, Any], golden_data: Path) -> None:
    rows = read(golden_data / "cuped.csv", {"control": "control", "A": "treatment"})
    sides = []
    for key in ("control", "treatment"):
        known = [row for row in rows[key] if row["pre_spend"]]
        units = table(known, ("retained", "pre_spend", "tenure"))
        covariates = np.column_stack([units["pre_spend"] / 10, units["tenure"]])
        sides.append(Rows(units["retained"], covariates))
    result = g_computation(sides[0], sides[1])
    pair = standardised_shares(sides[0], sides[1])
    assert isinstance(pair, Pair)
    assert pair.log_lift is not None
    got = {
        "risk_treatment": result.value,
        "risk_control": result.value_control,
        "risk_difference": result.difference,
        "se_rd": result.se,
        "risk_ratio": (result.lift or 0) + 1,
        "se_log_rr": pair.log_lift.se,
    }
    for key, value in got.items():
        assert value == expected(case, key), key


@given(st.integers(0, 2**32 - 1))
def test_statsmodels_fits_the_same_curves(seed: int) -> None:
    sides = trial(seed, (120, 90))
    everyone = np.column_stack([np.ones(210), np.vstack([np.asarray(s.covariates) for s in sides])])
    means, influence = [], []
    for place, side in enumerate(sides):
        own = slice(0, 120) if place == 0 else slice(120, 210)
        fit = Logit(side.outcome, everyone[own]).fit(disp=0, tol=1e-12)
        predicted = fit.predict(everyone)
        means.append(predicted.mean())
        phi = predicted - means[-1]
        phi[own] += 210 / len(phi[own]) * (np.asarray(side.outcome) - predicted[own])
        influence.append(phi)
    result = g_computation(sides[0], sides[1])
    assert (result.value_control, result.value) == pytest.approx(tuple(means), rel=1e-7)
    wanted = math.sqrt(((influence[1] - influence[0]) ** 2).sum()) / 210
    assert result.se == pytest.approx(wanted, rel=1e-6)
    assert result.df == 204


def test_the_unit_of_a_covariate_is_of_no_consequence() -> None:
    sides = trial(3, (120, 90))
    scaled = [Rows(s.outcome, np.asarray(s.covariates) * [1e6, 1e-6] + [5, 0]) for s in sides]
    one, other = g_computation(sides[0], sides[1]), g_computation(scaled[0], scaled[1])
    assert one.pvalue == pytest.approx(other.pvalue, rel=1e-6)


def test_covariates_that_separate_the_outcomes() -> None:
    control, treatment = trial(4, (40, 40))
    x = np.asarray(treatment.covariates)
    result = g_computation(control, Rows((x[:, 0] > 0).astype(float), x))
    assert result.difference is not None
    assert result.pvalue is None
    assert result.notes == ("the regression of treatment has no finite solution",)


def test_copies_few_units_and_nobody_say_so() -> None:
    control, treatment = trial(5, (40, 40))
    x = np.asarray(control.covariates)[:, [0, 0]]
    assert "control has no finite" in g_computation(Rows(control.outcome, x), treatment).notes[0]
    few = Rows([0, 1], [[1.0, 2.0], [3.0, 4.0]])
    assert g_computation(few, few).notes == (
        "the regression of control and treatment has no finite solution",
    )
    result = g_computation(Rows([], np.zeros((0, 2))), treatment)
    assert result.difference is None
    assert result.notes == ("the regression of control has no finite solution",)


def test_bad_rows() -> None:
    good = Rows([0, 1, 1], [[1], [2], [3]])
    with pytest.raises(ValueError, match="an outcome is neither 0 nor 1"):
        g_computation(good, Rows([0, 2, 1], [[1], [2], [3]]))
    with pytest.raises(ValueError, match="a covariate is not a finite number"):
        g_computation(good, Rows([0, 1, 1], [[1.0], [math.nan], [3.0]]))
    with pytest.raises(ValueError, match="one row for each outcome"):
        g_computation(good, Rows([0, 1, 1], [[1], [2]]))
    with pytest.raises(ValueError, match="must have the same covariates"):
        g_computation(good, Rows([0, 1, 1], [[1, 1], [2, 2], [3, 1]]))
    control, treatment = trial(6, (40, 40))
    with pytest.raises(ValueError, match=r"ci_level is 1\.5; it must lie strictly"):
        g_computation(control, treatment, 1.5)
