"""Fisher's exact test; exact enumeration and scipy are the witnesses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtest.stats.proportions.fisher import fisher_exact
from abtest.stats.summaries import Proportion
from support import expected, golden_cases


@pytest.mark.parametrize("case", golden_cases("a_proportions", "a-fisher"))
def test_reference_case(case: dict[str, Any]) -> None:
    control, treatment = (case["inputs"][side] for side in ("control", "treatment"))
    found = fisher_exact(
        Proportion(control["n"], control["x"]), Proportion(treatment["n"], treatment["x"])
    )
    assert found.pvalue == expected(case, "p_two_sided")
    assert found.pvalue_greater == expected(case, "p_greater")
    assert found.pvalue_less == expected(case, "p_less")
    assert found.mid_pvalue == expected(case, "mid_p_two_sided")
    assert found.mid_pvalue_greater == expected(case, "mid_p_greater")


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_it_is_scipys(n_c: int, n_t: int, data: st.DataObject) -> None:
    x_c, x_t = data.draw(st.integers(0, n_c)), data.draw(st.integers(0, n_t))
    found = fisher_exact(Proportion(n_c, x_c), Proportion(n_t, x_t))
    table = [[x_t, n_t - x_t], [x_c, n_c - x_c]]
    wanted = stats.fisher_exact(np.array(table)).pvalue
    # The number of the treatment's events, given the number of all.
    events = stats.hypergeom(n_c + n_t, x_c + x_t, n_t)
    assert found.pvalue == pytest.approx(wanted, rel=1e-9)
    assert found.pvalue_greater == pytest.approx(events.sf(x_t - 1), rel=1e-9)
    assert found.pvalue_less == pytest.approx(events.cdf(x_t), rel=1e-9)
    assert found.mid_pvalue <= found.pvalue
    assert found.mid_pvalue_greater <= found.pvalue_greater


def test_the_largest_table_and_one_beyond() -> None:
    found = fisher_exact(Proportion(10_000, 5_000), Proportion(10_000, 5_100))
    table = [[5_100, 4_900], [5_000, 5_000]]
    assert found.pvalue == pytest.approx(stats.fisher_exact(np.array(table)).pvalue, rel=1e-9)
    with pytest.raises(ValueError, match=r"there are 20,001 units; there must be at most 20,000"):
        fisher_exact(Proportion(10_000, 1), Proportion(10_001, 1))


def test_more_events_than_units() -> None:
    with pytest.raises(ValueError, match="treatment has 4 events of 3 units"):
        fisher_exact(Proportion(3, 1), Proportion(3, 4))
