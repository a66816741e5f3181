"""The odds ratio by the score; 60-digit values and scipy are the witnesses."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from abtest.stats.proportions.miettinen_nurminen import miettinen_nurminen
from abtest.stats.proportions.odds_ratio import odds_ratio
from abtest.stats.summaries import Proportion
from support import expected, golden_cases

units = st.integers(1, 3000)


def variants(case: dict[str, Any]) -> tuple[Proportion, Proportion]:
    control, treatment = (case["inputs"][side] for side in ("control", "treatment"))
    return Proportion(control["n"], control["x"]), Proportion(treatment["n"], treatment["x"])


@pytest.mark.parametrize("case", golden_cases("a_proportions", "a-mn-or"))
def test_reference_cases(case: dict[str, Any]) -> None:
    found = odds_ratio(*variants(case), case["inputs"]["conf"])
    assert [found.ci.low, found.ci.high] == expected(case, "odds_ratio_ci")


def test_the_pvalue_is_the_n_minus_1_chi_square() -> None:
    table = [[7, 27], [1, 33]]
    statistic = chi2_contingency(table, correction=False).statistic * 67 / 68
    found = odds_ratio(Proportion(34, 1), Proportion(34, 7))
    assert found.value == pytest.approx(7 * 33 / 27)
    assert found.pvalue == pytest.approx(math.erfc(math.sqrt(statistic / 2)), rel=1e-9)


@given(units, units, st.data(), st.floats(0.5, 0.999))
def test_it_agrees_with_the_shares_and_with_itself(
    n_c: int, n_t: int, data: st.DataObject, ci_level: float
) -> None:
    control = Proportion(n_c, data.draw(st.integers(0, n_c)))
    treatment = Proportion(n_t, data.draw(st.integers(0, n_t)))
    there = odds_ratio(control, treatment, ci_level)
    if there.value is None:
        assert (there.ci.low, there.ci.high, there.pvalue) == (0.0, math.inf, None)
        return
    back = odds_ratio(treatment, control, ci_level)
    shares = miettinen_nurminen(control, treatment, ci_level)
    assert there.pvalue == pytest.approx(shares.pvalue, rel=1e-9)
    assert there.ci.low <= there.value <= there.ci.high
    if there.ci.low > 0:
        assert there.ci.low * back.ci.high == pytest.approx(1, rel=1e-9)
    else:
        assert back.ci.high == math.inf
    assert there.pvalue is not None
    if abs(there.pvalue - (1 - ci_level)) > 1e-9:
        assert (there.pvalue < 1 - ci_level) == (1 not in there.ci)


@pytest.mark.parametrize(
    ("control", "treatment"),
    [((0, 0), (3, 9)), ((5, 6), (3, 9)), ((5, -1), (3, 2)), ((9, 3), (0, 0))],
)
def test_impossible_counts(control: tuple[int, int], treatment: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"events of -?\d+ units; there must be units"):
        odds_ratio(Proportion(*control), Proportion(*treatment))


def test_a_level_is_a_share() -> None:
    with pytest.raises(ValueError, match="ci_level"):
        odds_ratio(Proportion(9, 3), Proportion(9, 3), 95)
