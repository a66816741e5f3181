from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from abtest.stats.families.procedures import (
    Procedure,
    adjust,
    adjusted_ci_level,
    fixed_sequence,
    gated,
)
from support import expected, golden_cases

STATSMODELS: dict[Procedure, str] = {
    "bonferroni": "bonferroni",
    "holm": "holm",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "sidak": "sidak",
    "bh": "fdr_bh",
    "by": "fdr_by",
}
pvalues = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.01, 0.02])), min_size=1)


@pytest.mark.parametrize("case", golden_cases("e_multiplicity", "e-padjust"))
@pytest.mark.parametrize("procedure", list(STATSMODELS))
def test_reference_cases(case: dict[str, Any], procedure: Procedure) -> None:
    assert adjust(case["inputs"]["p"], procedure) == expected(case, procedure)


@given(pvalues, st.sampled_from([*STATSMODELS, "holm_sidak"]))
def test_statsmodels_agrees(values: list[float], procedure: Procedure) -> None:
    method = {**STATSMODELS, "holm_sidak": "holm-sidak"}[procedure]
    witness = multipletests(values, method=method)[1]
    assert adjust(values, procedure) == pytest.approx(list(witness), rel=1e-12, abs=1e-300)


@given(pvalues, st.sampled_from(get_args(Procedure)), st.integers(0, 5))
def test_missing_pvalues_do_not_count(
    values: list[float], procedure: Procedure, missing: int
) -> None:
    padded: list[float | None] = [None] * missing + list(values)
    assert adjust(padded, procedure) == [None] * missing + adjust(values, procedure)
    assert adjusted_ci_level(padded, procedure, 0.05) == adjusted_ci_level(values, procedure, 0.05)


@pytest.mark.parametrize("m", [1, 2, 5, 20])
def test_sidak_is_exact_where_nobody_is_shared_and_safe_where_somebody_is(m: int) -> None:
    level, made = adjusted_ci_level([0.5] * m, "holm_sidak", 0.05)
    assert made == "sidak"
    # The chance that any of m independent intervals misses, and the p-value at which one is
    # claimed, by hand.
    assert 1 - level**m == pytest.approx(0.05)
    smallest = 1 - level
    assert adjust([smallest, *[0.9] * (m - 1)], "holm_sidak")[0] == pytest.approx(0.05)
    # Two attributes with m values each: their segments overlap, and so hang together.
    rng = np.random.default_rng(m)
    units = rng.standard_normal((20_000, m, m))
    margins = np.concatenate([units.sum(axis=2), units.sum(axis=1)], axis=1) / np.sqrt(m)
    least = 2 * norm.sf(np.abs(margins).max(axis=1))
    claimed = 1 - (1 - least) ** (2 * m) < 0.05
    assert claimed.mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 20_000)


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
        ("hommel", 1 - 0.05 / 4, "bonferroni"),
        ("sidak", 0.95**0.25, "sidak"),
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


@pytest.mark.parametrize("case", golden_cases("e_multiplicity", "e-fixed-sequence"))
def test_reference_fixed_sequence(case: dict[str, Any]) -> None:
    found = fixed_sequence(case["inputs"]["p"])
    assert found == expected(case, "adjusted_p")
    rejected = [p is not None and p < case["inputs"]["alpha"] for p in found]
    assert rejected == case["expected"]["rejected"]


def test_a_sequence_ends_where_nothing_can_be_tested() -> None:
    assert fixed_sequence([0.01, None, 0.001]) == [0.01, None, None]
    assert fixed_sequence([]) == []


def test_a_gate_by_hand() -> None:
    """Holm of 0.01, 0.02, 0.04 is 0.03, 0.04, 0.04; the gate's 0.035 lifts the first."""
    assert gated([0.02, 0.035], [0.01, 0.02, 0.04]) == [0.035, 0.04, 0.04]
    assert gated([0.2], [0.001, None]) == [0.2, None]
    assert gated([0.01], [0.02], share=0.5) == [0.04]
    assert gated([0.01], [0.9], share=0.5) == [1.0]


def test_a_gate_that_cannot_be_read_stays_shut() -> None:
    assert gated([None], [0.001]) == [None]
    assert gated([0.01, None], [0.001, 0.2]) == [None, None]
    assert gated([], [0.001]) == [None]


@given(pvalues, st.sampled_from(get_args(Procedure)), st.data())
def test_adjusted_pvalues_are_monotone(
    values: list[float], procedure: Procedure, data: st.DataObject
) -> None:
    """In the order of the p-values, and in each p-value."""
    adjusted = adjust(values, procedure)
    pairs = sorted(zip(values, adjusted, strict=True))
    by_size = [p for _, p in pairs if p is not None]
    assert by_size == sorted(by_size)
    assert all(p is not None and p >= raw - 1e-15 for raw, p in pairs)
    place = data.draw(st.integers(0, len(values) - 1))
    lower = [*values]
    lower[place] *= data.draw(st.floats(0, 1))
    for before, after in zip(adjusted, adjust(lower, procedure), strict=True):
        assert before is not None
        assert after is not None
        assert after <= before + 1e-12


@given(pvalues, st.floats(0, 1), st.sampled_from(["bonferroni", "sidak", "holm"]))
def test_another_hypothesis_never_lowers_an_adjusted_pvalue(
    values: list[float], other: float, procedure: Procedure
) -> None:
    before, after = adjust(values, procedure), adjust([*values, other], procedure)
    for old, new in zip(before, after[:-1], strict=True):
        assert old is not None
        assert new is not None
        assert new >= old - 1e-12


@given(pvalues)
def test_hommel_lies_between_simes_and_hochberg(values: list[float]) -> None:
    """At least as powerful as Hochberg, and never below the p-value (Hommel 1989)."""
    for raw, hommel, hochberg in zip(
        values, adjust(values, "hommel"), adjust(values, "hochberg"), strict=True
    ):
        assert hommel is not None
        assert hochberg is not None
        assert raw - 1e-15 <= hommel <= hochberg + 1e-12


def test_bad_shares_and_gates() -> None:
    with pytest.raises(ValueError, match=r"the share is 0; it must lie above 0"):
        gated([0.1], [0.1], share=0)
    with pytest.raises(ValueError, match=r"a p-value is 2\.0"):
        gated([2.0], [0.1])
    with pytest.raises(ValueError, match=r"a p-value is -1"):
        fixed_sequence([-1])
