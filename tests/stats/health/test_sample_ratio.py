from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from abtest.stats.health.sample_ratio import exact_split_pvalue, sample_ratio
from support import expected, golden_cases


@pytest.mark.parametrize(
    "case", golden_cases("j_health", "j-srm-srm") + golden_cases("j_health", "j-srm-three")
)
def test_reference_cases(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    shares = [float(Fraction(share)) for share in inputs["expected_shares"]]
    result = sample_ratio(inputs["counts"], shares)
    assert result.statistic == expected(case, "chisq")
    assert result.df == case["expected"]["df"]
    assert result.pvalue == expected(case, "p_value")
    flagged = result.pvalue is not None and result.pvalue < 0.001
    assert flagged == case["expected"]["srm_flag_p_lt_0_001"]
    if "p_exact_binomial" in case["expected"]:
        first, second = inputs["counts"]
        exact = exact_split_pvalue(first, first + second, shares[0])
        assert exact == expected(case, "p_exact_binomial")


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.02, 0.98))
def test_the_exact_split_agrees_with_scipy(one: int, other: int, share: float) -> None:
    found = exact_split_pvalue(one, one + other, share)
    if one + other == 0:
        assert found == 1
        return
    assert found == pytest.approx(binomtest(one, one + other, share).pvalue, rel=1e-6)


def test_an_exact_split_of_nonsense() -> None:
    with pytest.raises(ValueError, match="a variant has 3 of 2 units"):
        exact_split_pvalue(3, 2, 0.5)
    with pytest.raises(ValueError, match=r"the share is 1\.0; it must lie strictly"):
        exact_split_pvalue(1, 2, 1.0)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 100)), min_size=2, max_size=6))
def test_scipy_agrees(pairs: list[tuple[int, int]]) -> None:
    counts, weights = [count for count, _ in pairs], [weight for _, weight in pairs]
    if sum(counts) == 0:
        return
    result = sample_ratio(counts, weights)
    shares = [sum(counts) * weight / sum(weights) for weight in weights]
    witness = chisquare(counts, shares)
    assert result.statistic == pytest.approx(witness.statistic, rel=1e-9, abs=1e-9)
    pvalue = float(witness.pvalue)
    if len(counts) == 2 and min(shares) < 5:  # then the exact test decides
        pvalue = float(binomtest(counts[0], sum(counts), weights[0] / sum(weights)).pvalue)
    assert result.pvalue == pytest.approx(pvalue, rel=1e-6, abs=1e-300)


def test_a_variant_without_a_share_costs_no_degree_of_freedom() -> None:
    result = sample_ratio([5100, 4900, 0], [1, 1, 0])
    assert result.df == 1
    assert result.pvalue == pytest.approx(0.0455002639, rel=1e-8)
    assert result.unexpected == 0


def test_units_in_a_variant_without_a_share_are_reported() -> None:
    result = sample_ratio([50, 50, 3], [1, 1, 0])
    assert result.unexpected == 3
    assert result.expected == (50, 50, 0)
    assert result.pvalue == 1


@pytest.mark.parametrize(
    ("counts", "weights", "note"),
    [
        ([0, 0], [1, 1], "no units: nothing to test"),
        ([5, 0], [1, 0], "fewer than two variants have a planned share: nothing to test"),
        ([5], [0], "fewer than two variants have a planned share: nothing to test"),
        ([], [], "fewer than two variants have a planned share: nothing to test"),
    ],
)
def test_nothing_to_test(counts: list[int], weights: list[float], note: str) -> None:
    result = sample_ratio(counts, weights)
    assert result.pvalue is None
    assert result.statistic is None
    assert result.notes == (note,)


def test_small_expected_counts_are_said() -> None:
    assert "approximate" in sample_ratio([3, 5, 2], [1, 1, 1]).notes[0]
    assert sample_ratio([3, 5], [1, 1]).notes == ()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="there are 2 counts and 1 weights"):
        sample_ratio([1, 2], [1])
    with pytest.raises(ValueError, match="a count or weight is -1; it must be a number from 0"):
        sample_ratio([1, -1], [1, 1])
    with pytest.raises(ValueError, match="a count or weight is nan"):
        sample_ratio([1, 1], [1, float("nan")])
