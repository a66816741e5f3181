"""The meta-analysis against statsmodels, a published table and the reference cases."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from abtest.stats.bayes.normal import Normal, update
from abtest.stats.past.meta_analysis import TauMethod, random_effects
from support import expected, golden_cases

# Tuberculosis with and without BCG vaccine: cases and others, vaccinated and not. Colditz et al.
# (1994), JAMA 271, 698-702.
BCG = [
    (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619),
    (33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892),
    (29, 7470, 45, 7232), (17, 1699, 65, 1600), (186, 50448, 141, 27197), (5, 2493, 3, 2338),
    (27, 16886, 29, 17825),
]  # fmt: skip


def bcg() -> tuple[list[float], list[float]]:
    y = [math.log(a / (a + b) * (c + d) / c) for a, b, c, d in BCG]
    se = [math.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)) for a, b, c, d in BCG]
    return y, se


def test_a_published_table() -> None:
    """Viechtbauer (2010), J. Stat. Software 36(3), and metafor's pages on these data."""
    found = random_effects(*bcg(), method="dersimonian_laird")
    assert found.mean == pytest.approx(-0.7141, abs=5e-5)
    assert (found.tau or 0) ** 2 == pytest.approx(0.3088, abs=5e-5)
    assert found.q == pytest.approx(152.2330, abs=5e-5)
    assert found.i2 == pytest.approx(0.9212, abs=5e-5)
    assert found.df == 12
    assert found.q_pvalue is not None
    assert found.q_pvalue < 1e-4
    by_paule_mandel = random_effects(*bcg())
    assert (by_paule_mandel.tau or 0) ** 2 == pytest.approx(0.3181, abs=5e-5)


effects = st.lists(
    st.tuples(st.floats(-0.5, 0.5), st.floats(0.01, 0.3)), min_size=3, max_size=30
).map(lambda pairs: tuple(map(list, zip(*pairs, strict=True))))


@pytest.mark.parametrize(
    ("method", "theirs"), [("paule_mandel", "iterated"), ("dersimonian_laird", "chi2")]
)
@given(drawn=effects)
def test_against_statsmodels(drawn: Any, method: TauMethod, theirs: str) -> None:
    y, se = drawn
    found = random_effects(y, se, method=method)
    with np.errstate(all="ignore"):  # it goes on with a negative tau^2 and divides by a Q of 0
        witness = combine_effects(
            np.array(y), np.array(se) ** 2, method_re=theirs, use_t=True, atol=1e-15, maxiter=1000
        )
    tau2 = (found.tau or 0) ** 2
    if witness.tau2 > 0 or method == "dersimonian_laird":  # its iteration may stop at 0 too soon
        assert tau2 == pytest.approx(max(witness.tau2, 0), abs=1e-7, rel=1e-6)
    if abs(tau2 - witness.tau2) < 1e-12:  # at the same tau the rest must agree to the last digits
        assert found.mean == pytest.approx(witness.mean_effect_re, abs=1e-9)
        floored = max(float(witness.sd_eff_w_re_hksj), float(witness.sd_eff_w_re))
        assert found.se == pytest.approx(floored, rel=1e-6)
    assert found.q == pytest.approx(witness.q, rel=1e-9, abs=1e-12)
    assert found.ci_low == pytest.approx(found.mean - witness_t(len(y)) * found.se)
    if found.q > 1e-9:
        assert found.i2 == pytest.approx(max(0.0, witness.i2), abs=1e-9)


def witness_t(k: int) -> float:
    from scipy import stats  # noqa: PLC0415 - the witness

    return float(stats.t.ppf(0.975, k - 1))


@given(drawn=effects)
def test_promises(drawn: Any) -> None:
    y, se = drawn
    found = random_effects(y, se)
    flipped = random_effects([-one for one in y], se)
    assert flipped.mean == pytest.approx(-found.mean, abs=1e-12)
    assert flipped.tau == pytest.approx(found.tau, abs=1e-9)
    assert min(y) - 1e-12 <= found.mean <= max(y) + 1e-12
    wider = random_effects(y, se, ci_level=0.99)
    assert wider.ci_low <= found.ci_low <= found.ci_high <= wider.ci_high
    assert found.prediction_low is not None
    assert found.prediction_low <= found.ci_low
    # Paule and Mandel's equation holds, or tau is 0 and the spread is within chance.
    weights = 1 / (np.array(se) ** 2 + (found.tau or 0) ** 2)
    spread = float(weights @ (np.array(y) - found.mean) ** 2)
    assert spread <= (len(y) - 1) * (1 + 1e-6) or found.tau == 0
    if found.tau:
        assert spread == pytest.approx(len(y) - 1, rel=1e-5)


@pytest.mark.parametrize("case", golden_cases("l_segments", "l-segments"))
def test_segments(case: Any) -> None:
    y, se = case["expected"]["segment_diff"], case["expected"]["segment_se"]
    found = random_effects(y, se, method="dersimonian_laird")
    assert (found.tau or 0) ** 2 == expected(case, "tau2_dersimonian_laird")
    assert found.q == expected(case, "q_heterogeneity_diff")
    assert found.q_pvalue == expected(case, "p_heterogeneity_diff")
    assert found.df == expected(case, "df")
    prior = Normal(found.mean, found.tau or 0.0)
    shrunk = [update(*pair, prior).mean for pair in zip(y, se, strict=True)]
    assert shrunk == expected(case, "eb_shrunk_diff")


def test_one_experiment_has_its_own_interval() -> None:
    found = random_effects([0.1], [0.05])
    assert (found.mean, found.se, found.tau, found.i2) == (0.1, 0.05, None, None)
    assert found.ci_high == pytest.approx(0.1 + 1.959964 * 0.05)
    assert found.prediction_low is None


def test_two_experiments_predict_nothing() -> None:
    found = random_effects([0.1, 0.1], [0.05, 0.05])
    assert (found.tau, found.i2, found.prediction_high) == (0.0, 0.0, None)


@pytest.mark.parametrize(
    ("y", "se"),
    [([], []), ([0.1], []), ([0.1], [0.0]), ([math.nan], [0.1]), ([0.1], [math.inf])],
)
def test_bad_input(y: list[float], se: list[float]) -> None:
    with pytest.raises(ValueError, match="standard error"):
        random_effects(y, se)
