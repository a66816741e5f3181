"""The line through lifts of several weeks, against statsmodels and row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from statsmodels.regression.linear_model import GLS

from abtest.stats.health.trend import Spans, Trend, lift_trend

Rows = NDArray[np.float64]


def spans(rows: Rows) -> Spans:
    rest = rows - rows.mean(axis=0)
    return Spans(len(rows), tuple(rows.mean(axis=0)), tuple(map(tuple, rest.T @ rest)))


def drawn(rng: np.random.Generator, rates: list[float], n: int = 400) -> Rows:
    """Customers who differ from each other in all weeks alike."""
    each = rng.gamma(2, 0.5, (n, 1))
    rows: Rows = rng.poisson(each * np.array(rates)).astype(float)
    return rows


def found(control: Rows, treatment: Rows) -> Trend:
    trend = lift_trend(spans(control), spans(treatment))
    assert trend is not None
    return trend


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_as_generalised_least_squares_on_the_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides = [drawn(rng, [1.0, 0.8, 0.9, 0.7]), drawn(rng, [1.4, 1.0, 0.9, 0.7])]
    logs = [np.log(side.mean(axis=0)) for side in sides]
    # The delta method, row by row: the logarithm of a mean moves by y / m.
    spread = sum(np.cov((side / side.mean(axis=0)).T, ddof=1) / len(side) for side in sides)
    effects = logs[1] - logs[0]
    design = np.column_stack([np.ones(4), np.arange(4)])
    fit = GLS(effects, design, sigma=spread).fit(cov_type="fixed scale")
    trend = found(*sides)
    assert trend.log_lifts == pytest.approx(effects)
    assert trend.ses == pytest.approx(np.sqrt(np.diag(spread)))
    assert trend.slope == pytest.approx(fit.params[1])
    assert trend.slope_se == pytest.approx(fit.bse[1])
    assert trend.pvalue == pytest.approx(fit.pvalues[1])
    assert [trend.first, trend.last] == pytest.approx(np.expm1(fit.fittedvalues[[0, -1]]))
    level = GLS(effects, np.ones(4), sigma=spread).fit(cov_type="fixed scale")
    left = level.resid
    q = left @ np.linalg.inv(spread) @ left
    assert trend.q == pytest.approx(q)
    assert trend.q_pvalue == pytest.approx(stats.chi2.sf(q, 3))


def test_swapping_the_variants_turns_the_slope_around() -> None:
    rng = np.random.default_rng(3)
    sides = drawn(rng, [1, 1, 1]), drawn(rng, [2, 1.5, 1])
    there, back = found(*sides), found(sides[1], sides[0])
    assert back.slope == pytest.approx(-there.slope)
    assert back.pvalue == pytest.approx(there.pvalue)
    assert back.q == pytest.approx(there.q)


def test_a_base_rate_that_falls_is_no_trend() -> None:
    rng = np.random.default_rng(4)
    trend = found(drawn(rng, [2, 1, 0.5], 20_000), drawn(rng, [3, 1.5, 0.75], 20_000))
    assert trend.log_lifts == pytest.approx([np.log(1.5)] * 3, abs=0.1)
    assert abs(trend.slope) < 3 * trend.slope_se
    assert trend.pvalue > 0.01


def test_weeks_that_say_nothing_are_left_out() -> None:
    rng = np.random.default_rng(5)
    control, treatment = drawn(rng, [1, 1, 1, 1]), drawn(rng, [1, 1, 1, 1])
    control[:, 1] = 0  # nobody bought
    treatment[:, 3] = 0
    treatment[:5, 3] = 1  # five did
    assert found(control, treatment).places == (0, 2)
    control[:, 0] = 0
    assert lift_trend(spans(control), spans(treatment)) is None
    assert lift_trend(spans(control[:1]), spans(treatment)) is None
    same = np.repeat(drawn(rng, [1]), 3, axis=1)  # three weeks that are one
    assert lift_trend(spans(same), spans(same)) is None
