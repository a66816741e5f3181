"""Barnard's test; brute force over fractions and R's printed values are the witnesses."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from abtest.stats.proportions.barnard import barnard_test
from abtest.stats.proportions.boschloo import boschloo_test
from abtest.stats.proportions.fisher import fisher_exact
from abtest.stats.summaries import Proportion


def squared_z(n_c: int, n_t: int, x_c: int, x_t: int) -> Fraction:
    events, units = x_c + x_t, n_c + n_t
    if events in (0, units):
        return Fraction(0)
    share = Fraction(events, units)
    distance = Fraction(x_t, n_t) - Fraction(x_c, n_c)
    return distance**2 / (share * (1 - share) * (Fraction(1, n_c) + Fraction(1, n_t)))


RATES = np.linspace(0, 1, 20_001)


def by_brute_force(n_c: int, n_t: int, extreme: list[tuple[int, int]]) -> float:
    among = np.zeros((n_c + 1, n_t + 1))
    among[tuple(zip(*extreme, strict=True))] = 1
    of_control, of_treatment = (binom.pmf(np.arange(n + 1), n, RATES[:, None]) for n in (n_c, n_t))
    return float(((of_control @ among) * of_treatment).sum(axis=1).max())


@settings(max_examples=25)
@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_by_brute_force(n_c: int, n_t: int, data: st.DataObject) -> None:
    x_c, x_t = data.draw(st.integers(0, n_c)), data.draw(st.integers(0, n_t))
    seen = squared_z(n_c, n_t, x_c, x_t)
    tables = [(a, b) for a in range(n_c + 1) for b in range(n_t + 1)]
    barnard = barnard_test(Proportion(n_c, x_c), Proportion(n_t, x_t))
    extreme = [table for table in tables if squared_z(n_c, n_t, *table) >= seen]
    if len(extreme) == len(tables):
        assert (barnard.pvalue, barnard.rate) == (1.0, None)
    else:
        assert barnard.pvalue == pytest.approx(by_brute_force(n_c, n_t, extreme), rel=1e-6)
    swapped = barnard_test(Proportion(n_t, x_t), Proportion(n_c, x_c))
    mirrored = barnard_test(Proportion(n_c, n_c - x_c), Proportion(n_t, n_t - x_t))
    assert swapped.pvalue == pytest.approx(barnard.pvalue, rel=1e-9)
    assert mirrored.pvalue == pytest.approx(barnard.pvalue, rel=1e-9)


def test_ties_count_as_in_r() -> None:
    # R exact2x2 1.7.0; scipy's barnard_exact, which compares in floats, says 0.006931.
    found = barnard_test(Proportion(10, 3), Proportion(10, 9))
    assert found.pvalue == pytest.approx(0.007956, abs=5e-7)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_boschloo_is_never_above_fisher(n_c: int, n_t: int, data: st.DataObject) -> None:
    control = Proportion(n_c, data.draw(st.integers(0, n_c)))
    treatment = Proportion(n_t, data.draw(st.integers(0, n_t)))
    found = boschloo_test(control, treatment)
    assert 0 < found.pvalue <= fisher_exact(control, treatment).pvalue * (1 + 1e-9)
    assert found.rate is None or 0 <= found.rate <= 1


@pytest.mark.parametrize("test", [barnard_test, boschloo_test])
def test_the_rate_is_where_the_probability_is(test: object) -> None:
    assert callable(test)
    # As extreme as 0 of 3 against 3 of 3: that table and its mirror image.
    found = test(Proportion(3, 0), Proportion(3, 3))
    assert found.rate == pytest.approx(0.5, abs=1e-4)
    assert found.pvalue == pytest.approx(2 / 64)


@pytest.mark.parametrize("test", [barnard_test, boschloo_test])
def test_too_many_units_and_impossible_counts(test: object) -> None:
    assert callable(test)
    with pytest.raises(ValueError, match="there are 401 units; there must be at most 400"):
        test(Proportion(200, 3), Proportion(201, 3))
    with pytest.raises(ValueError, match="control has 4 events in 3 units"):
        test(Proportion(3, 4), Proportion(3, 0))
    assert test(Proportion(0, 0), Proportion(5, 3)).pvalue == 1
