"""One-sided p-values; scipy and half the two-sided one are the witnesses."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind_from_stats

from abtest.stats.means.welch import student, welch
from abtest.stats.proportions.barnard import barnard_test
from abtest.stats.proportions.boschloo import boschloo
from abtest.stats.proportions.miettinen_nurminen import miettinen_nurminen
from abtest.stats.proportions.one_sided import one_sided
from abtest.stats.summaries import Moments, Proportion

moments = st.builds(Moments, st.integers(2, 99), st.floats(-50, 100), st.floats(0.01, 1e5))


@given(moments, moments)
def test_scipy_agrees(control: Moments, treatment: Moments) -> None:
    sides: tuple[Literal["greater", "less"], ...] = ("greater", "less")
    for ours, equal_var in ((welch, False), (student, True)):
        found = one_sided(ours(control, treatment))
        assert found is not None
        for side in sides:
            wanted = ttest_ind_from_stats(
                treatment.mean,
                treatment.variance**0.5,
                treatment.n,
                control.mean,
                control.variance**0.5,
                control.n,
                equal_var=equal_var,
                alternative=side,
            ).pvalue
            assert getattr(found, side) == pytest.approx(wanted, rel=1e-7, abs=1e-300)


@given(st.integers(1, 5000), st.integers(1, 5000), st.data())
def test_the_smaller_is_half_the_two_sided_one(n_c: int, n_t: int, data: st.DataObject) -> None:
    control = Proportion(n_c, data.draw(st.integers(0, n_c)))
    treatment = Proportion(n_t, data.draw(st.integers(0, n_t)))
    there = miettinen_nurminen(control, treatment)
    found, back = one_sided(there), one_sided(miettinen_nurminen(treatment, control))
    assert found is not None
    assert back is not None
    assert there.pvalue == pytest.approx(2 * min(found.greater, found.less), rel=1e-12)
    assert found.greater + found.less == pytest.approx(1)
    assert (found.greater, found.less) == pytest.approx((back.less, back.greater), rel=1e-9)
    if there.difference:
        assert (found.greater < found.less) == (there.difference > 0)


def test_there_is_none_without_a_statistic() -> None:
    assert one_sided(boschloo(Proportion(9, 2), Proportion(9, 7))) is None
    assert one_sided(welch(Moments(1, 2.0, 0.0), Moments(9, 2.0, 4.0))) is None
    assert barnard_test(Proportion(9, 2), Proportion(9, 7)).pvalue < 0.05
