"""Lin's regression with sandwich errors; statsmodels' OLS with all interactions is the witness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.regression.linear_model import OLS

from abtest.stats.adjustment.by_variant import adjust_means
from abtest.stats.adjustment.co_moments import Columns, from_rows
from abtest.stats.adjustment.lin_rows import Sandwich, lin_regression

ERRORS: tuple[Sandwich, ...] = ("hc0", "hc2", "hc3")
Rows = NDArray[np.float64]


def drawn(seed: int, sizes: tuple[int, int], covariates: int, offset: float) -> list[Rows]:
    rng = np.random.default_rng(seed)
    found = []
    for size, slope in zip(sizes, (1.5, 0.5), strict=True):
        x = rng.gamma(2, 3, (size, covariates))
        y = x @ np.full(covariates, slope) + rng.normal(0, 1 + x[:, :1].sum(axis=1), size)
        found.append(np.column_stack([y + offset, x + offset]))
    return found


def by_statsmodels(control: Rows, treatment: Rows) -> Any:
    rows = np.vstack([control, treatment])
    treated = np.repeat([0.0, 1.0], [len(control), len(treatment)])[:, None]
    centred = rows[:, 1:] - rows[:, 1:].mean(axis=0)
    design = np.hstack([np.ones_like(treated), treated, centred, centred * treated])
    return OLS(rows[:, 0], design).fit()


@pytest.mark.parametrize("errors", ERRORS)
@given(st.integers(0, 2**32 - 1), st.integers(6, 60), st.integers(6, 60), st.integers(0, 3))
def test_statsmodels_agrees(errors: Sandwich, seed: int, n_c: int, n_t: int, k: int) -> None:
    control, treatment = drawn(seed, (n_c, n_t), k, offset=0.0)
    fit = by_statsmodels(control, treatment)
    wanted = fit.get_robustcov_results(errors.upper(), use_t=True)
    found = lin_regression(control, treatment, errors, 0.9)
    assert found.df == fit.df_resid
    assert found.difference == pytest.approx(fit.params[1], rel=1e-7, abs=1e-9)
    assert found.se == pytest.approx(wanted.bse[1], rel=1e-6)
    assert found.pvalue == pytest.approx(wanted.pvalues[1], rel=1e-5, abs=1e-12)
    assert found.ci is not None
    low, high = wanted.conf_int(0.1)[1]
    assert (found.ci.low, found.ci.high) == pytest.approx((low, high), rel=1e-6, abs=1e-6)
    # And without rows the same difference.
    columns = Columns(("y",), tuple(f"x{i}" for i in range(k)))
    means = adjust_means({"c": from_rows(columns, control), "t": from_rows(columns, treatment)})
    comparison = means.compare("c", "t").comparison
    assert comparison.difference == pytest.approx(found.difference, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("errors", ERRORS)
def test_swapped_variants_and_offsets_change_nothing(errors: Sandwich) -> None:
    control, treatment = drawn(3, (20, 30), 2, offset=0.0)
    there, back = (
        lin_regression(control, treatment, errors),
        lin_regression(treatment, control, errors),
    )
    assert there.difference is not None
    assert back.difference == pytest.approx(-there.difference)
    assert (back.se, back.pvalue) == pytest.approx((there.se, there.pvalue))
    far_control, far_treatment = drawn(3, (20, 30), 2, offset=1e7)
    moved = lin_regression(far_control, far_treatment, errors)
    assert moved.difference == pytest.approx(there.difference, rel=1e-6)
    assert moved.se == pytest.approx(there.se, rel=1e-6)


def test_what_has_no_number_says_why() -> None:
    control, treatment = drawn(4, (20, 30), 2, offset=0.0)
    few = "a variant has too few units for its covariates, or they are collinear"
    assert lin_regression(control[:2], treatment).note == few
    assert lin_regression(np.empty((0, 3)), treatment).note == few
    twice = np.column_stack([control, control[:, 1]])
    assert lin_regression(twice, np.column_stack([treatment, treatment[:, 1]])).note == few
    flat = lin_regression(
        np.array([[1.0, 2], [1, 3], [1, 7]]), np.array([[2.0, 2], [2, 4], [2, 9]])
    )
    assert flat.difference == pytest.approx(1.0)
    assert (flat.se, flat.note) == (None, "nothing is left to vary")
    # One unit alone has the covariate: its residual is 0, and HC2 would divide it by 0.
    alone = np.array([[1.0, 0], [2, 0], [4, 0], [9, 1]])
    rest = np.array([[1.0, 0], [3, 1], [2, 0], [5, 1], [4, 1]])
    assert lin_regression(alone, rest, "hc2").note == "a unit alone fixes a coefficient"
    assert lin_regression(alone, rest, "hc0").se is not None


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="control has 3 columns and treatment 2"):
        lin_regression(np.ones((5, 3)), np.ones((5, 2)))
    with pytest.raises(ValueError, match="a value is not finite"):
        lin_regression([[1.0, np.nan]], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="ci_level is 95"):
        lin_regression([[1.0, 3.0]], [[1.0, 2.0]], "hc2", 95)
