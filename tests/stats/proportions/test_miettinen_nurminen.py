from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import chi2, chi2_contingency, norm

from abtest.stats.comparison import Comparison, Interval
from abtest.stats.proportions.miettinen_nurminen import miettinen_nurminen
from abtest.stats.summaries import Proportion
from support import expected, golden_cases

CASES = [
    case for case in golden_cases("a_proportions", "a-mn-") if not case.id.startswith("a-mn-or")
]


def _proportion(counts: dict[str, int]) -> Proportion:
    return Proportion(n=counts["n"], successes=counts["x"])


def _ends(interval: Interval | None) -> list[float]:
    assert interval is not None
    return [interval.low, interval.high]


@pytest.mark.parametrize("case", CASES)
def test_reference_cases(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    result = miettinen_nurminen(
        _proportion(inputs["control"]), _proportion(inputs["treatment"]), inputs["conf"]
    )
    lift = _ends(result.lift_ci)
    got = {
        "diff": result.difference,
        "z": result.statistic,
        "p_value": result.pvalue,
        "diff_ci": _ends(result.difference_ci),
        "risk_ratio_ci": [end + 1 for end in lift],
        "relative_lift_ci": lift,
    }
    for key in case["expected"]:
        assert got[key] == expected(case, key), key


def _contradictions(result: Comparison, alpha: float) -> list[str]:
    """Where p-value and intervals disagree about no effect."""
    assert result.pvalue is not None
    assert result.difference_ci is not None
    assert result.lift_ci is not None
    rejected = result.pvalue < alpha
    return [
        name
        for name, interval in (("difference", result.difference_ci), ("lift", result.lift_ci))
        if rejected == (0 in interval)
    ]


counts = st.one_of(st.integers(1, 12), st.integers(1, 400), st.integers(1, 10**7))


@st.composite
def proportions(draw: st.DrawFn) -> Proportion:
    n = draw(counts)
    return Proportion(n, draw(st.one_of(st.just(0), st.just(n), st.integers(0, n))))


@given(proportions(), proportions(), st.floats(0.01, 0.9999))
def test_pvalue_and_both_intervals_agree(
    control: Proportion, treatment: Proportion, ci_level: float
) -> None:
    result = miettinen_nurminen(control, treatment, ci_level)
    assert result.pvalue is not None
    if abs(result.pvalue - (1 - ci_level)) > 1e-12:
        assert _contradictions(result, 1 - ci_level) == []


def test_no_contradiction_in_many_random_tables() -> None:
    rng = random.Random(20260105)  # noqa: S311 - reproducible, not secret
    for _ in range(5000):
        n_c, n_t = (int(10 ** rng.uniform(0, 4)) for _ in range(2))
        rate = rng.choice([0.0, 0.01, 0.1, 0.5, 0.9, 1.0])
        control = Proportion(n_c, _events(rng, n_c, rate))
        treatment = Proportion(n_t, _events(rng, n_t, min(1, rate * rng.uniform(0.5, 2))))
        ci_level = rng.choice([0.5, 0.8, 0.9, 0.95, 0.99])
        result = miettinen_nurminen(control, treatment, ci_level)
        assert _contradictions(result, 1 - ci_level) == [], (control, treatment, ci_level)


def _events(rng: random.Random, n: int, rate: float) -> int:
    return min(n, max(0, round(rng.gauss(n * rate, math.sqrt(n * rate * (1 - rate))))))


@given(proportions(), proportions())
def test_pvalue_is_the_n_minus_1_chi_square(control: Proportion, treatment: Proportion) -> None:
    events = control.successes + treatment.successes
    total = control.n + treatment.n
    result = miettinen_nurminen(control, treatment)
    if events in (0, total):
        assert result.pvalue == 1
        return
    table = [[p.successes, p.n - p.successes] for p in (control, treatment)]
    pearson = chi2_contingency(np.array(table), correction=False).statistic
    assert result.pvalue == pytest.approx(chi2.sf(pearson * (total - 1) / total, 1), rel=1e-6)


def _independent_score(control: Proportion, treatment: Proportion, difference: float) -> float:
    """The score with the constrained rate found by root search on the likelihood's derivative."""

    def slope(rate: float) -> float:
        other = rate + difference
        return (
            (control.successes - control.n * rate) * other * (1 - other)
            + (treatment.successes - treatment.n * other) * rate * (1 - rate)
        ) / (rate * (1 - rate) + other * (1 - other))

    low, high = max(0.0, -difference) + 1e-15, min(1.0, 1 - difference) - 1e-15
    rate = brentq(slope, low, high, xtol=1e-16) if slope(low) * slope(high) < 0 else None
    if rate is None:
        rate = low if slope(low) <= 0 else high
    total = control.n + treatment.n
    variance = rate * (1 - rate) / control.n
    variance += (rate + difference) * (1 - rate - difference) / treatment.n
    variance *= total / (total - 1)
    return float((treatment.value - control.value - difference) / math.sqrt(variance))


@given(
    st.integers(5, 3000).flatmap(
        lambda n: st.builds(Proportion, st.just(n), st.integers(1, n - 1))
    ),
    st.integers(5, 3000).flatmap(
        lambda n: st.builds(Proportion, st.just(n), st.integers(1, n - 1))
    ),
    st.sampled_from([0.8, 0.95, 0.999]),
)
def test_limits_have_the_critical_score(
    control: Proportion, treatment: Proportion, ci_level: float
) -> None:
    low, high = _ends(miettinen_nurminen(control, treatment, ci_level).difference_ci)
    quantile = norm.isf((1 - ci_level) / 2)
    for limit, score in ((low, quantile), (high, -quantile)):
        # The score may be steep: compare on the scale of the limit, where users read it.
        nudged = [_independent_score(control, treatment, limit + step) for step in (-1e-9, 1e-9)]
        assert nudged[0] >= score >= nudged[1]


@given(proportions(), proportions())
def test_churn_mirrors_retention(control: Proportion, treatment: Proportion) -> None:
    def churn(retained: Proportion) -> Proportion:
        return Proportion(retained.n, retained.n - retained.successes)

    kept = miettinen_nurminen(control, treatment)
    left = miettinen_nurminen(churn(control), churn(treatment))
    assert left.pvalue == pytest.approx(kept.pvalue, rel=1e-9, abs=1e-300)
    low, high = _ends(kept.difference_ci)
    assert _ends(left.difference_ci) == pytest.approx([-high, -low], rel=1e-6, abs=1e-9)


@given(proportions(), proportions())
def test_swapping_inverts_the_ratio(control: Proportion, treatment: Proportion) -> None:
    there = _ends(miettinen_nurminen(control, treatment).lift_ci)
    back = _ends(miettinen_nurminen(treatment, control).lift_ci)
    for end, other in zip(there, reversed(back), strict=True):
        inverse = math.inf if other == -1 else 1 / (other + 1)
        assert end + 1 == pytest.approx(inverse, rel=1e-6, abs=1e-12)


def test_zero_and_full_cells() -> None:
    no_events = miettinen_nurminen(Proportion(10, 0), Proportion(20, 0))
    assert no_events.pvalue == 1
    assert no_events.se is None
    assert no_events.lift is None
    assert no_events.lift_ci == Interval(-1, math.inf)
    assert no_events.difference_ci is not None
    assert -1 < no_events.difference_ci.low < 0 < no_events.difference_ci.high < 1
    assert no_events.notes == ("control has no events: the lift has no estimate",)

    all_events = miettinen_nurminen(Proportion(10, 10), Proportion(20, 20))
    assert all_events.pvalue == 1
    assert all_events.lift == 0
    assert all_events.notes == ()

    lost = miettinen_nurminen(Proportion(10, 5), Proportion(20, 0))
    assert lost.lift == -1
    assert lost.lift_ci is not None
    assert lost.lift_ci.low == -1


def test_a_vanishing_pvalue_is_not_zero() -> None:
    result = miettinen_nurminen(Proportion(1000, 100), Proportion(1000, 800))
    assert result.pvalue is not None
    assert 0 < result.pvalue < 1e-200


@pytest.mark.parametrize(
    ("control", "treatment", "note"),
    [
        (Proportion(0, 0), Proportion(5, 2), "control has no observed units"),
        (Proportion(5, 2), Proportion(0, 0), "treatment has no observed units"),
    ],
)
def test_no_units_is_no_number(control: Proportion, treatment: Proportion, note: str) -> None:
    result = miettinen_nurminen(control, treatment)
    assert result.pvalue is None
    assert result.difference is None
    assert result.difference_ci is None
    assert result.lift_ci is None
    assert result.notes == (note,)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"ci_level is 95; it must lie strictly between 0 and 1"):
        miettinen_nurminen(Proportion(5, 2), Proportion(5, 2), 95)
    with pytest.raises(ValueError, match="treatment has 6 events in 5 units"):
        miettinen_nurminen(Proportion(5, 2), Proportion(5, 6))
