"""Segments' effects: do they differ, do they cross, what is left after shrinkage, Simpson."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from abtest.stats.families.procedures import adjust
from abtest.stats.log_lift import log_lift
from abtest.stats.past.meta_analysis import random_effects
from abtest.stats.segments.confounding import confounding
from abtest.stats.segments.heterogeneity import (
    heterogeneity,
    qualitative_interaction,
    weighted_effect,
)
from abtest.stats.segments.mantel_haenszel import mantel_haenszel
from abtest.stats.segments.shrinkage import shrink
from abtest.stats.summaries import Moments, Proportion
from abtest.stats.tails import normal_pvalue
from support import expected, golden_cases

Strata = list[tuple[Proportion, Proportion]]
# Charig, Webb, Payne & Wickham (1986), BMJ 292, 879-882: open surgery (treatment) against
# percutaneous nephrolithotomy, small and large stones.
KIDNEY_STONES: Strata = [
    (Proportion(270, 234), Proportion(87, 81)),
    (Proportion(80, 55), Proportion(263, 192)),
]
EFFECTS = st.lists(
    st.tuples(st.floats(-1, 1), st.floats(0.01, 1)), min_size=2, max_size=8
)  # fmt: skip


def strata_of(inputs: dict[str, Any]) -> Strata:
    control, treatment = inputs["control"], inputs["treatment"]
    counts = zip(control["n"], control["x"], treatment["n"], treatment["x"], strict=True)
    return [(Proportion(m, y), Proportion(n, x)) for m, y, n, x in counts]


def differences(strata: Strata) -> tuple[list[float], list[float]]:
    found = [confounding_parts(control, treatment) for control, treatment in strata]
    return [value for value, _ in found], [se for _, se in found]


def confounding_parts(control: Proportion, treatment: Proportion) -> tuple[float, float]:
    p, q = treatment.value, control.value
    return p - q, math.sqrt(p * (1 - p) / treatment.n + q * (1 - q) / control.n)


@pytest.mark.parametrize("case", golden_cases("l_segments", "l-segments"))
def test_golden_segments(case: dict[str, Any]) -> None:
    strata = strata_of(case["inputs"])
    effects, ses = differences(strata)
    pvalues = [normal_pvalue(d / se) for d, se in zip(effects, ses, strict=True)]
    assert effects == expected(case, "segment_diff")
    assert ses == expected(case, "segment_se")
    assert pvalues == expected(case, "segment_p")
    assert adjust(pvalues, "holm") == expected(case, "holm_p")
    assert adjust(pvalues, "bh") == expected(case, "bh_p")
    found = heterogeneity(effects, ses)
    assert found.mean == expected(case, "ivw_diff")
    assert found.statistic == expected(case, "q_heterogeneity_diff")
    assert found.df == expected(case, "df")
    assert found.pvalue == expected(case, "p_heterogeneity_diff")
    crossing = qualitative_interaction(effects, ses)
    assert crossing.statistic == expected(case, "gail_simon_q")
    assert crossing.pvalue == expected(case, "gail_simon_p")
    units = [control.n + treatment.n for control, treatment in strata]
    weighted = weighted_effect(effects, ses, units)
    assert weighted.value == expected(case, "poststratified_diff")
    assert weighted.se == expected(case, "poststratified_se")
    assert mantel_haenszel(strata).difference == expected(case, "mh_rd")
    shrunk = shrink(effects, ses)
    assert shrunk.tau**2 == expected(case, "tau2_dersimonian_laird")
    assert list(shrunk.effects) == expected(case, "eb_shrunk_diff")


@pytest.mark.parametrize("case", golden_cases("l_segments", "l-segments"))
def test_golden_interaction_of_the_log_lift(case: dict[str, Any]) -> None:
    lifts = [log_lift(control, treatment) for control, treatment in strata_of(case["inputs"])]
    known = [(lift.value, lift.se) for lift in lifts if lift is not None]
    found = heterogeneity(*map(list, zip(*known, strict=True)))
    assert found.statistic == expected(case, "q_heterogeneity_logrr")
    assert found.pvalue == expected(case, "p_heterogeneity_logrr")


def test_two_equal_segments_are_a_z_test_of_their_difference() -> None:
    found = heterogeneity([0.05, 0.01], [0.02, 0.03])
    z = 0.04 / math.hypot(0.02, 0.03)
    assert found.statistic == pytest.approx(z * z)
    assert found.pvalue == pytest.approx(2 * stats.norm.sf(z))


@given(EFFECTS)
def test_interaction_is_the_wald_test_of_all_contrasts(found: list[tuple[float, float]]) -> None:
    effects, ses = (np.array(column) for column in zip(*found, strict=True))
    contrasts = np.eye(len(effects))[1:] - np.eye(len(effects))[:1]
    gap = contrasts @ effects
    wald = gap @ np.linalg.solve(contrasts @ np.diag(ses**2) @ contrasts.T, gap)
    assert heterogeneity(list(effects), list(ses)).statistic == pytest.approx(wald, abs=1e-8)


def test_critical_values_of_gail_and_simon() -> None:
    # Their table 1: the critical values at 0.05 and 0.001 for 2, 3 and 5 segments.
    for k, alpha, critical in [(2, 0.05, 2.71), (3, 0.05, 4.23), (5, 0.05, 6.50), (2, 0.001, 9.55)]:
        root = math.sqrt(critical)
        found = qualitative_interaction([root, *[-10.0] * (k - 1)], [1.0] * k)
        assert found.statistic == pytest.approx(critical)
        assert found.pvalue == pytest.approx(alpha, rel=0.01)


def test_one_direction_is_no_crossing() -> None:
    assert qualitative_interaction([0.1, 9.0, 0.0], [0.1, 0.1, 0.1]).pvalue == 1


@given(EFFECTS)
def test_turning_all_effects_changes_no_test(found: list[tuple[float, float]]) -> None:
    effects, ses = [d for d, _ in found], [se for _, se in found]
    turned = [-effect for effect in effects]
    assert qualitative_interaction(turned, ses) == qualitative_interaction(effects, ses)
    assert heterogeneity(turned, ses).pvalue == pytest.approx(heterogeneity(effects, ses).pvalue)
    back = shrink(turned, ses).effects
    assert [-one for one in back] == pytest.approx(shrink(effects, ses).effects, abs=1e-12)


@given(EFFECTS)
def test_shrinkage_moves_towards_the_mean(found: list[tuple[float, float]]) -> None:
    effects, ses = [d for d, _ in found], [se for _, se in found]
    shrunk = shrink(effects, ses)
    for effect, drawn in zip(effects, shrunk.effects, strict=True):
        low, high = sorted((effect, shrunk.mean))
        assert low - 1e-12 <= drawn <= high + 1e-12


def test_shrinkage_errs_less_than_the_raw_effects() -> None:
    rng = np.random.default_rng(7)
    ses = [0.02] * 8
    raw = drawn = 0.0
    for _ in range(300):
        truth = rng.normal(0.01, 0.01, 8)
        seen = truth + rng.normal(0, 0.02, 8)
        raw += float(np.square(seen - truth).sum())
        drawn += float(np.square(np.array(shrink(list(seen), ses).effects) - truth).sum())
    assert drawn < 0.6 * raw


def test_restricted_likelihood_is_highest_at_its_tau() -> None:
    y, v = np.array([0.10, 0.02, -0.04, 0.06, 0.2]), np.array([0.03, 0.02, 0.04, 0.03, 0.05]) ** 2

    def likelihood(tau2: float) -> float:
        w = 1 / (v + tau2)
        away = y - w @ y / w.sum()
        return float(0.5 * np.log(w).sum() - 0.5 * math.log(w.sum()) - 0.5 * w @ away**2)

    grid = np.linspace(0, 0.02, 20001)
    best = grid[np.argmax([likelihood(float(tau2)) for tau2 in grid])]
    found = random_effects(list(y), list(np.sqrt(v)), method="reml").tau
    assert found is not None
    assert found**2 == pytest.approx(best, abs=2e-6)
    assert random_effects([0.1, 0.1], [0.1, 0.1], method="reml").tau == 0


def test_reml_of_equal_errors_is_the_plain_variance() -> None:
    y = [0.3, 0.1, -0.2, 0.05]
    found = random_effects(y, [0.1] * 4, method="reml").tau
    assert found is not None
    assert found**2 == pytest.approx(np.var(y, ddof=1) - 0.01)


def test_mantel_haenszel_against_statsmodels() -> None:
    strata = [*KIDNEY_STONES, (Proportion(40, 3), Proportion(55, 9))]
    tables = [
        np.array([[t.successes, t.n - t.successes], [c.successes, c.n - c.successes]], dtype=float)
        for c, t in strata
    ]
    witness = StratifiedTable(tables)
    found = mantel_haenszel(strata)
    assert found.odds_ratio == pytest.approx(witness.oddsratio_pooled)
    assert found.log_odds_ratio_se == pytest.approx(witness.logodds_pooled_se)
    assert found.ratio == pytest.approx(witness.riskratio_pooled)
    test = witness.test_null_odds(correction=False)
    assert found.statistic == pytest.approx(test.statistic)
    assert found.pvalue == pytest.approx(test.pvalue)


def test_one_stratum_is_the_table_itself() -> None:
    control, treatment = Proportion(400, 40), Proportion(500, 65)
    found = mantel_haenszel([(control, treatment), (Proportion(0, 0), Proportion(7, 1))])
    assert found.difference == pytest.approx(treatment.value - control.value)
    # Sato's variance of one stratum is that of Wald.
    assert found.difference_se == pytest.approx(confounding_parts(control, treatment)[1])
    lift = log_lift(control, treatment)
    assert lift is not None
    assert found.ratio == pytest.approx(math.exp(lift.value))
    assert found.log_ratio_se == pytest.approx(lift.se)
    odds = 65 * 360 / (40 * 435)
    assert found.odds_ratio == pytest.approx(odds)
    assert found.log_odds_ratio_se == pytest.approx(
        math.sqrt(sum(1 / x for x in (65, 435, 40, 360)))
    )


def test_no_events_have_no_ratio_and_no_test() -> None:
    found = mantel_haenszel([(Proportion(10, 0), Proportion(10, 0))])
    assert found.difference == 0
    assert (found.ratio, found.odds_ratio, found.statistic, found.pvalue) == (None,) * 4


@given(st.lists(st.tuples(*[st.integers(2, 60)] * 2, *[st.integers(0, 2)] * 2), min_size=1))
def test_swapping_variants_negates_the_difference(rows: list[tuple[int, int, int, int]]) -> None:
    strata = [(Proportion(n, x), Proportion(m, y)) for n, m, x, y in rows]
    found = mantel_haenszel(strata)
    back = mantel_haenszel([(t, c) for c, t in strata])
    assert back.difference == pytest.approx(-found.difference)
    assert back.difference_se == pytest.approx(found.difference_se)
    assert back.log_ratio_se == pytest.approx(found.log_ratio_se)
    if found.ratio is not None:
        assert back.ratio == pytest.approx(1 / found.ratio)


def test_kidney_stones_are_reversed() -> None:
    found = confounding(KIDNEY_STONES)
    assert found is not None
    assert found.crude == pytest.approx(273 / 350 - 289 / 350)
    assert found.within == pytest.approx(
        357 / 700 * (81 / 87 - 234 / 270) + 343 / 700 * (192 / 263 - 55 / 80)
    )
    assert found.reversed
    assert found.pvalue is not None
    assert found.pvalue < 1e-9


def test_a_ramp_that_favours_one_variant_looks_like_an_effect() -> None:
    # No effect in either week; the better week has a larger share of treatment.
    weak = (Proportion(9000, 900), Proportion(1000, 100))
    strong = (Proportion(5000, 1000), Proportion(5000, 1000))
    found = confounding([weak, strong])
    assert found is not None
    assert found.within == pytest.approx(0)
    assert found.crude == pytest.approx(1100 / 6000 - 1900 / 14000)
    assert found.gap == pytest.approx(found.crude)


@given(
    st.lists(st.tuples(*[st.integers(2, 90)] * 2, *[st.integers(0, 2)] * 2), min_size=2, max_size=6)
)
def test_the_gap_is_made_of_shares(rows: list[tuple[int, int, int, int]]) -> None:
    found = confounding([(Proportion(n, x), Proportion(m, y)) for n, m, x, y in rows])
    assert found is not None
    n, m, x, y = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    mixed = (n.sum() * y / m + m.sum() * x / n) / (n.sum() + m.sum())
    assert found.gap == pytest.approx(float((m / m.sum() - n / n.sum()) @ mixed), abs=1e-12)


def test_a_fair_split_is_seldom_flagged() -> None:
    rng = np.random.default_rng(3)
    rates, tests = np.array([0.05, 0.2, 0.5]), 0
    for _ in range(1000):
        segment = rng.integers(0, 3, 1500)
        treated = rng.random(1500) < 0.5
        bought = rng.random(1500) < rates[segment]
        strata = [
            tuple(
                Proportion(int(own.sum()), int(bought[own].sum()))
                for own in ((segment == k) & ~treated, (segment == k) & treated)
            )
            for k in range(3)
        ]
        found = confounding(strata)  # type: ignore[arg-type]
        assert found is not None
        assert found.pvalue is not None
        tests += found.pvalue < 0.05
    assert 30 <= tests <= 72  # 50 +- 3 standard deviations


def test_segments_alike_leave_no_gap() -> None:
    same = (Proportion(100, 50), Proportion(300, 150))
    found = confounding([same, (Proportion(300, 150), Proportion(100, 50))])
    assert found is not None
    assert (found.gap, found.pvalue) == (0, None)
    assert confounding([same]) is None
    assert confounding([same, (Proportion(0, 0), Proportion(5, 1))]) is None
    assert confounding([same, (Moments(1, 1.0, 0.0), Moments(9, 1.0, 3.0))]) is None


@pytest.mark.parametrize("test", [heterogeneity, qualitative_interaction])
@pytest.mark.parametrize(
    ("effects", "ses", "match"),
    [
        ([0.1], [0.1], "1 effects and 1 standard errors"),
        ([0.1, 0.2], [0.1], "2 effects and 1 standard errors"),
        ([0.1, math.nan], [0.1, 0.1], "an effect is nan"),
        ([0.1, 0.2], [0.1, 0.0], "standard error 0.0"),
    ],
)
def test_refuses(test: Any, effects: list[float], ses: list[float], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        test(effects, ses)


def test_refuses_to_weight_or_shrink_nothing() -> None:
    with pytest.raises(ValueError, match="no segment has units"):
        weighted_effect([0.1], [0.1], [0])
    with pytest.raises(ValueError, match="there are 0 effects"):
        weighted_effect([], [], [])
    with pytest.raises(ValueError, match="is -1"):
        weighted_effect([0.1], [0.1], [-1])
    with pytest.raises(ValueError, match="1 effects to shrink"):
        shrink([0.1], [0.1])
    with pytest.raises(ValueError, match="no stratum has units of both"):
        mantel_haenszel([(Proportion(0, 0), Proportion(4, 1))])
