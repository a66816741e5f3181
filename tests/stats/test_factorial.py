"""Factorial effects from cells alone, against least squares on rows."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from abtest.stats.factorial import (
    cell_regression,
    combined,
    joint_interactions,
    margin,
    pooled_weights,
    saturated_design,
)
from abtest.stats.families.many_to_one import many_to_one
from abtest.stats.means.t_pivot import Level, t_comparison
from abtest.stats.means.welch import mean_level
from abtest.stats.summaries import Moments
from support import SHARED, Case, expected, golden_cases

if TYPE_CHECKING:
    from abtest.stats.factorial import Cell

FACTORS = ["discount", "free_ship", "gift"]


def golden_frame(case: Case) -> pd.DataFrame:
    return pd.read_csv(SHARED / "golden" / "data" / case["inputs"]["csv"])


def moments(frame: pd.DataFrame, outcome: str, factors: list[str]) -> dict[Cell, Moments]:
    found = {}
    for key, values in frame.groupby(factors)[outcome]:
        cell: Cell = tuple(int(level) for level in np.atleast_1d(np.array(key)))
        spread = float(((values - values.mean()) ** 2).sum())
        found[cell] = Moments(len(values), float(values.mean()), spread)
    return found


def levels(cells: dict[Cell, Moments]) -> dict[Cell, Level]:
    return {cell: mean_level(found) for cell, found in cells.items()}


@pytest.mark.parametrize("case", golden_cases("f_factorial", "f-short-model"))
def test_reference_short_model(case: Case) -> None:
    cells = moments(golden_frame(case), case["inputs"]["outcome"], FACTORS)
    assert case["expected"]["terms"] == ["(Intercept)", *FACTORS]
    fit = cell_regression([(1, *cell) for cell in cells], list(cells.values()))
    assert list(fit.coefficients) == expected(case, "estimate")
    assert list(fit.errors) == expected(case, "se_hc2")


@pytest.mark.parametrize("case", golden_cases("f_factorial", "f-cell-contrasts"))
def test_reference_cell_contrasts(case: Case) -> None:
    """Each cell against no incentive; the largest statistic goes with them."""
    cells = moments(golden_frame(case), case["inputs"]["outcome"], FACTORS)
    names = ["".join(map(str, cell)) for cell in cells]
    assert names == case["expected"]["cells"]
    assert [found.n for found in cells.values()] == case["expected"]["n"]
    assert [found.mean for found in cells.values()] == expected(case, "means")
    base, *others = [
        (level.value or 0.0, level.variance or 0.0) for level in levels(cells).values()
    ]
    found = many_to_one(base, others)
    assert list(found.differences) == expected(case, "diff_vs_000")
    assert list(found.errors) == expected(case, "se")
    errors = np.array(found.errors)
    joint = base[1] / np.outer(errors, errors)
    np.fill_diagonal(joint, 1.0)
    z = max(map(abs, found.statistics))
    box = multivariate_normal(np.zeros(7), joint, seed=np.random.default_rng(1))
    inside = box.cdf(np.full(7, z), lower_limit=np.full(7, -z))
    assert min(found.pvalues_adjusted) == pytest.approx(1 - inside, abs=1e-4)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Three factors of 3, 2 and 2 levels, unequal cells and spreads, an interaction."""
    rng = np.random.default_rng(20260105)
    rows = []
    for cell in itertools.product(range(3), range(2), range(2)):
        n = int(rng.integers(20, 60))
        mean = 20 + 2 * cell[0] - cell[1] + 3 * cell[0] * cell[1] + 0.5 * cell[2]
        rows += [(*cell, float(y)) for y in rng.normal(mean, 2 + sum(cell), n)]
    found = pd.DataFrame(rows, columns=["a", "b", "c", "y"])
    found["won"] = (found["y"] > 22).astype(float)
    return found


@pytest.mark.parametrize("outcome", ["y", "won"])
def test_saturated_coefficients_against_statsmodels(frame: pd.DataFrame, outcome: str) -> None:
    """Sum coding for three levels, -1/2 and 1/2 for two, with HC2 on rows."""
    cells = moments(frame, outcome, ["a", "b", "c"])
    terms, columns = saturated_design([3, 2, 2], list(cells))
    fit = cell_regression(columns.tolist(), list(cells.values()))
    rows = frame.assign(b=frame["b"] - 0.5, c=frame["c"] - 0.5)
    rows["a1"] = (rows["a"] == 1).astype(float) - (rows["a"] == 0)
    rows["a2"] = (rows["a"] == 2).astype(float) - (rows["a"] == 0)
    witness = smf.ols(f"{outcome} ~ (a1 + a2) * b * c", rows).fit(cov_type="HC2")
    for term, coefficient, error in zip(terms, fit.coefficients, fit.errors, strict=True):
        parts = [f"a{term[0]}"] * bool(term[0]) + ["b"] * term[1] + ["c"] * term[2]
        names = {":".join(order) for order in itertools.permutations(parts)} or {""}
        [name] = {n or "Intercept" for n in names} & set(witness.params.index)
        assert coefficient == pytest.approx(witness.params[name], rel=1e-9, abs=1e-9)
        assert error == pytest.approx(witness.bse[name], rel=1e-9)


def test_main_effect_and_interaction_are_the_coefficients(frame: pd.DataFrame) -> None:
    """Margins of equal weight give the same numbers as the regression."""
    two = frame[frame["a"] < 2]
    cells = moments(two, "y", ["a", "b", "c"])
    terms, columns = saturated_design([2, 2, 2], list(cells))
    fit = cell_regression(columns.tolist(), list(cells.values()))
    found = dict(zip(terms, zip(fit.coefficients, fit.errors, strict=True), strict=True))
    of = levels(cells)
    for factor in range(3):
        main = t_comparison(margin(of, {factor: 0}), margin(of, {factor: 1}), 0.95, "hc2")
        term = tuple(int(place == factor) for place in range(3))
        assert (main.difference, main.se) == pytest.approx(found[term], rel=1e-9)
    at = {(i, j): margin(of, {0: i, 1: j}) for i in (0, 1) for j in (0, 1)}
    without, with_ = (combined([(1.0, at[1, j]), (-1.0, at[0, j])]) for j in (0, 1))
    both = t_comparison(without, with_, 0.95, "hc2")
    assert (both.difference, both.se) == pytest.approx(found[1, 1, 0], rel=1e-9)


def test_observed_weights_against_rows(frame: pd.DataFrame) -> None:
    """The effect of a in each combination of b and c, weighted by how many had it."""
    two = frame[frame["a"] < 2]
    cells = moments(two, "y", ["a", "b", "c"])
    weights = pooled_weights({cell: found.n for cell, found in cells.items()}, 0)
    of = levels(cells)
    found = t_comparison(margin(of, {0: 0}, weights), margin(of, {0: 1}, weights), 0.95, "hc2")
    effect = variance = 0.0
    for _, part in two.groupby(["b", "c"]):
        fit = smf.ols("y ~ a", part).fit(cov_type="HC2")
        effect += len(part) / len(two) * fit.params["a"]
        variance += (len(part) / len(two) * fit.bse["a"]) ** 2
    assert found.difference == pytest.approx(effect, rel=1e-9)
    assert found.se == pytest.approx(variance**0.5, rel=1e-9)


def test_joint_interactions_against_statsmodels(frame: pd.DataFrame) -> None:
    cells = moments(frame, "y", ["a", "b", "c"])
    found = joint_interactions([3, 2, 2], levels(cells))
    model = smf.ols("y ~ C(a) * C(b) * C(c)", frame).fit(cov_type="HC2")
    tested = [name for name in model.params.index if ":" in name]
    witness = model.wald_test(", ".join(f"{n} = 0" for n in tested), scalar=True, use_f=False)
    assert found.statistic == pytest.approx(float(witness.statistic), rel=1e-8)
    assert found.pvalue == pytest.approx(float(witness.pvalue), rel=1e-7, abs=1e-300)
    with_f = model.wald_test(", ".join(f"{n} = 0" for n in tested), scalar=True, use_f=True)
    assert found.f == pytest.approx(float(with_f.statistic), rel=1e-8)
    assert found.pvalue_f == pytest.approx(float(with_f.pvalue), rel=1e-6, abs=1e-300)
    assert (found.df, found.df_residual) == (7, model.df_resid)


numbers = st.lists(st.tuples(st.floats(-50, 50), st.floats(0.01, 9)), min_size=4, max_size=4)


@given(numbers, st.floats(-20, 20))
def test_what_is_added_to_one_factor_moves_its_main_effect_alone(
    drawn: list[tuple[float, float]], added: float
) -> None:
    four = list(itertools.product((0, 1), repeat=2))
    cells = {cell: Level(m, v, 9) for cell, (m, v) in zip(four, drawn, strict=True)}
    moved = {
        cell: Level((level.value or 0.0) + added * cell[0], level.variance, 9)
        for cell, level in cells.items()
    }
    one, two = (
        [(margin(c, {f: 1}).value or 0) - (margin(c, {f: 0}).value or 0) for f in (0, 1)]
        for c in (cells, moved)
    )
    assert two == pytest.approx([one[0] + added, one[1]], abs=1e-9)
    assert joint_interactions([2, 2], moved).statistic == pytest.approx(
        joint_interactions([2, 2], cells).statistic, rel=1e-6, abs=1e-6
    )


def test_a_cell_without_a_variance_gives_no_margin() -> None:
    cells: dict[Cell, Level] = {
        (0,): Level(1.0, None, 0, "has one observed unit"),
        (1,): Level(2.0, 1.0, 9),
    }
    assert margin(cells, {0: 0}).problem == "has one observed unit"
    assert combined([(1.0, Level(2.0, 0.0, 9))]) == Level(2.0, 0.0, 1.0)


LEVEL = Level(1.0, 1.0, 9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cell_regression([[1.0]], []), "the design has 1 rows and there are 0 cells"),
        (
            lambda: cell_regression([[1, 1], [1, 1]], [Moments(5, 1.0, 1.0)] * 2),
            "the columns of the design are not independent",
        ),
        (
            lambda: cell_regression([[1, 0], [1, 1]], [Moments(5, 1.0, 1.0), Moments(1, 1.0, 0.0)]),
            "a cell has one unit: its variance is not known",
        ),
        (lambda: saturated_design([2, 1], [(0, 0)]), "a factor has fewer than two levels"),
        (lambda: margin({(0, 0): LEVEL}, {0: 1}), "no cell has the levels {0: 1}"),
        (lambda: margin({(0, 0): LEVEL}, {0: 0}, {(0, 0): 0.0}), "the weights sum to 0"),
        (lambda: joint_interactions([2], {(0,): LEVEL}), "interactions need two factors"),
        (lambda: joint_interactions([2, 2], {(0, 0): LEVEL}), "and every cell"),
        (
            lambda: joint_interactions(
                [2, 2],
                dict.fromkeys(itertools.product((0, 1), repeat=2), Level(1.0, 0.0, 9)),
            ),
            "a cell has no estimate, or does not vary",
        ),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
