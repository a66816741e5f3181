from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from abtest.stats.multiplicity import Procedure, adjust, adjusted_ci_level
from support import expected, golden_cases

STATSMODELS: dict[Procedure, str] = {
    "bonferroni": "bonferroni",
    "holm": "holm",
    "hochberg": "simes-hochberg",
    "bh": "fdr_bh",
    "by": "fdr_by",
}
pvalues = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.01, 0.02])), min_size=1)


@pytest.mark.parametrize("case", golden_cases("e_multiplicity", "e-padjust"))
@pytest.mark.parametrize("procedure", list(STATSMODELS))
def test_reference_cases(case: dict[str, Any], procedure: Procedure) -> None:
    assert adjust(case["inputs"]["p"], procedure) == expected(case, procedure)


@given(pvalues, st.sampled_from(list(STATSMODELS)))
def test_statsmodels_agrees(values: list[float], procedure: Procedure) -> None:
    witness = multipletests(values, method=STATSMODELS[procedure])[1]
    assert adjust(values, procedure) == pytest.approx(list(witness), rel=1e-12, abs=1e-300)


@given(pvalues, st.sampled_from(get_args(Procedure)), st.integers(0, 5))
def test_missing_pvalues_do_not_count(
    values: list[float], procedure: Procedure, missing: int
) -> None:
    padded: list[float | None] = [None] * missing + list(values)
    assert adjust(padded, procedure) == [None] * missing + adjust(values, procedure)
    assert adjusted_ci_level(padded, procedure, 0.05) == adjusted_ci_level(values, procedure, 0.05)


def test_nothing_to_adjust() -> None:
    assert adjust([], "holm") == []
    assert adjust([None], "by") == [None]
    assert adjusted_ci_level([None], "holm", 0.05) == (0.95, "bonferroni")
    assert adjusted_ci_level([], "by", 0.05) == (0.95, "fcr")


@pytest.mark.parametrize(
    ("procedure", "level", "name"),
    [
        ("none", 0.95, None),
        ("bonferroni", 1 - 0.05 / 4, "bonferroni"),
        ("holm", 1 - 0.05 / 4, "bonferroni"),
        ("hochberg", 1 - 0.05 / 4, "bonferroni"),
        ("bh", 1 - 2 * 0.05 / 4, "fcr"),
        ("by", 1 - 2 * 0.05 / (4 * (1 + 1 / 2 + 1 / 3 + 1 / 4)), "fcr"),
    ],
)
def test_coverage_by_hand(procedure: Procedure, level: float, name: str | None) -> None:
    """0.001 and 0.01 are rejected by BH (0.0125, 0.025) and by BY (0.006, 0.012); no more are."""
    got, got_name = adjusted_ci_level([0.001, 0.01, 0.3, 0.9], procedure, 0.05)
    assert got == pytest.approx(level, rel=1e-12)
    assert got_name == name


def test_no_rejection_counts_as_one() -> None:
    assert adjusted_ci_level([0.5, 0.9], "bh", 0.05) == (0.975, "fcr")


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"a p-value is 1\.2; it must lie between 0 and 1"):
        adjust([0.1, 1.2], "holm")
    with pytest.raises(ValueError, match="a p-value is nan; it must lie between 0 and 1"):
        adjust([float("nan")], "holm")
    with pytest.raises(ValueError, match=r"alpha is 0\.0; it must lie strictly"):
        adjusted_ci_level([0.1], "holm", 0.0)
